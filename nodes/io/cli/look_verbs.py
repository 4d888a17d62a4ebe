"""The verbs of ``mesh`` that look: status, positions, orders, deals, why, verify, ping, cci."""

from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption

WHY_HELP = "A sid, an oid (hex), ACCOUNT:TICKET, or last: the newest signal with an order its broker has answered."
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]


def status(
    config: ConfigOption = None,
    json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False,
    stages: Annotated[bool, typer.Option("--stages", help="How long each node's stages take, and how far its clock is off.")] = False,
) -> None:
    """Every node with its health, every account with its numbers, every live stop, and how old each of them is."""
    from nodes.io.cli.show import show_status

    raise typer.Exit(show_status(config, as_json=json, watch=watch, stages=stages))


def positions(config: ConfigOption = None, json: Json = False, csv: Csv = False) -> None:
    """Open positions of every account, ours and others'."""
    from nodes.io.cli.listing import show_listing

    raise typer.Exit(show_listing(config, "positions", as_json=json, as_csv=csv))


def orders(config: ConfigOption = None, json: Json = False, csv: Csv = False) -> None:
    """What locals told of the newest lines, by market time, the newest last; then the resting orders."""
    from nodes.io.cli.listing import show_listing

    raise typer.Exit(show_listing(config, "orders", as_json=json, as_csv=csv))


def deals(config: ConfigOption = None, json: Json = False, csv: Csv = False) -> None:
    """The newest deals of every account, ours and others', by market time, the newest last."""
    from nodes.io.cli.listing import show_listing

    raise typer.Exit(show_listing(config, "deals", as_json=json, as_csv=csv))


def why(
    query: Annotated[str, typer.Argument(help=WHY_HELP)],
    config: ConfigOption = None,
    json: Json = False,
) -> None:
    """Tell the whole story of one signal: decision, each account's line with its code and steps, what became of its positions."""
    from nodes.io.cli.ask import show_why

    raise typer.Exit(show_why(config, query, as_json=json))


def verify(
    config: ConfigOption = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for a step to show itself.")] = 30.0,
) -> None:
    """Walk the seven steps of the flow on the running mesh and print each with its proof."""
    from nodes.io.cli.verify import verify_flow

    raise typer.Exit(verify_flow(config, timeout_s))


def ping(
    config: ConfigOption = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="Round trips for each local.")] = 5,
) -> None:
    """Round trip from here through each router to each local and back."""
    from nodes.io.cli.ping import ping_locals

    raise typer.Exit(ping_locals(config, count))


def cci(
    file: Annotated[str, typer.Argument(help="FILE[,symbol=,tz=,…] as for --feed.")],
    period: Annotated[int, typer.Option(min=2, max=1000, help="Bars in the window.")] = 14,
    timeframe: Annotated[str, typer.Option(help="M1 … MN1, or feed: the file's own (ticks: M1).")] = "feed",
    csv: Csv = False,
) -> None:
    """Compute the CCI of a file's bars, without any mesh."""
    from nodes.io.cli.ccifile import print_cci

    raise typer.Exit(print_cci(file, period, timeframe, as_csv=csv))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    for verb in (status, positions, orders, deals, why, verify, ping, cci):
        app.command()(verb)

