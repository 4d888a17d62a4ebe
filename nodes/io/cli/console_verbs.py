"""The verb of ``mesh`` that opens the console."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption


def console(
    config: ConfigOption = None,
    router: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Listen to this router; repeat for several. Else all.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look only: it stops and trades nothing.")] = False,
    key: Annotated[Path | None, typer.Option(help="Private key to sign with. Default: keys/operator.key of the state directory.")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve it to browsers instead; they look only, unless --act.")] = False,
    act: Annotated[bool, typer.Option("--act", help="With --serve: browsers can stop and trade, too. There is no password.")] = False,
    host: Annotated[str, typer.Option(help="With --serve: where to listen. Who reaches it sees the accounts.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="With --serve: the port.")] = 7480,
) -> None:
    """Open the console: accounts, positions, nodes, latencies and stops, live. Ctrl+X twice freezes everything."""
    from nodes.io.cli.console import only_watches, run_console

    raise typer.Exit(run_console(config, router or [], only_watches(watch, serve, act), key, serve, host, port))


def register(app: typer.Typer) -> None:
    """Add this verb to the command."""
    app.command()(console)
