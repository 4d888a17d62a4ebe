"""The verbs of ``mesh audit``: verify, heads, show. They read the stores of this host, also while their nodes run."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import SINCE, ConfigOption, SinceOption, StateOption

audit_app = typer.Typer(help="The hash-chained history of each node of this host: prove it, or read it.", no_args_is_help=True)


@audit_app.command()
def verify(
    nodes: Annotated[list[str] | None, typer.Argument(metavar="[NODE]...", help="Nodes; default: each with a store there.")] = None,
    config: ConfigOption = None,
    state: StateOption = None,
    heads: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Heads that another host keeps, as `mesh audit heads` writes them; repeat it.")
    ] = None,
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help=f"Heads kept before then do not count, where you put a store back or began it anew: {SINCE}."),
    ] = "",
) -> None:
    """Walk through the audit of each store, and hold it against the heads others keep: a line each, what is bad named (exit 1)."""
    from nodes.io.cli.auditing import verify_audits

    raise typer.Exit(verify_audits(config, state, nodes or [], heads or [], since))


@audit_app.command()
def heads(
    nodes: Annotated[list[str] | None, typer.Argument(metavar="[NODE]...", help="Nodes the heads are of; default: all.")] = None,
    since: SinceOption = "",
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """The heads of other nodes that the stores of this host keep, as lines of JSON: for `mesh audit verify --heads` on their host."""
    from mesh.io.clock import wall_ns
    from nodes.io.cli.headfile import say_heads
    from nodes.io.cli.sincewords import since_ns_of
    from nodes.io.locate import state_of

    raise typer.Exit(say_heads(state_of(config, state), nodes or [], since_ns_of(since, wall_ns())))


@audit_app.command()
def show(
    node: Annotated[str, typer.Argument(help="Name of a node, as its store is called.")],
    since: SinceOption = "",
    kind: Annotated[str, typer.Option(help="Only records of this kind: epoch, decision, order, outcome, command, stop …")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """The records of one node, oldest first."""
    from nodes.io.cli.auditing import show_audit

    raise typer.Exit(show_audit(config, state, node, since, kind, as_json=json))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(audit_app, name="audit")
