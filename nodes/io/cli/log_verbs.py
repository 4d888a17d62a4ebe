"""The verb ``mesh logs``: what the nodes of this host wrote, as one log."""

from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption, SinceOption, StateOption


def logs(
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="[NODE]...", help="Nodes, or supervisord; default: all of this host.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    level: Annotated[str, typer.Option(help="From this level on: debug, info, warning, error, critical.")] = "debug",
    since: SinceOption = "",
    id: Annotated[str, typer.Option("--id", help="The whole story of a sid, an oid (8 digits or more), or a ticket: logs and audit.")] = "",
    grep: Annotated[str, typer.Option(metavar="TEXT", help="Only lines with this text, whatever its case.")] = "",
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, help="The newest so many; 0: all. Default: 200, all with --since or --id.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """The logs of the nodes of this host, merged by time; with --id everything that belongs to one signal or order."""
    from nodes.io.cli.logs import LogWish, show_logs

    raise typer.Exit(show_logs(config, state, LogWish(tuple(nodes or ()), level, since, grep, id, lines, follow, json)))


def register(app: typer.Typer) -> None:
    """Add this verb to the command."""
    app.command()(logs)
