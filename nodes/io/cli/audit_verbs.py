"""The verbs of ``mesh audit``: verify, heads, show. They read the stores of this host, also while their nodes run."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption

StateOption = Annotated[
    Path | None, typer.Option(help="State directory. Default: that of the running mesh, ./.trademesh (demo) or /var/lib/trademesh.")
]
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
        str, typer.Option(metavar="TIME", help="Heads kept before then do not count: for a store you put back, or began anew, yourself.")
    ] = "",
) -> None:
    """Walk through the audit of each store, and hold it against the heads others keep: a line each, what is bad named (exit 1)."""
    from nodes.io.cli.auditing import verify_audits

    raise typer.Exit(verify_audits(config, state, nodes or [], heads or [], since))


@audit_app.command()
def heads(
    nodes: Annotated[list[str] | None, typer.Argument(metavar="[NODE]...", help="Nodes the heads are of; default: all.")] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Kept from this time on: 2026-01-05, or 2026-01-05T10:00 (UTC).")] = "",
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """The heads of other nodes that the stores of this host keep, as lines of JSON: for `mesh audit verify --heads` on their host."""
    from nodes.io.cli.auditing import place_of, since_ns_of
    from nodes.io.cli.headlines import say_heads

    raise typer.Exit(say_heads(place_of(config, state), nodes or [], since_ns_of(since)))


@audit_app.command()
def show(
    node: Annotated[str, typer.Argument(help="Name of a node, as its store is called.")],
    since: Annotated[str, typer.Option(metavar="TIME", help="From this time on: 2026-01-05, or 2026-01-05T10:00 (UTC).")] = "",
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
