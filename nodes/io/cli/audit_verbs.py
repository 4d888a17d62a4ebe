"""The verbs of ``mesh audit``: verify, show. They read the stores of this host, also while their nodes run."""

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
) -> None:
    """Walk through the audit of each store: a line each, the first bad record named (exit 1)."""
    from nodes.io.cli.auditing import verify_audits

    raise typer.Exit(verify_audits(config, state, nodes or []))


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
