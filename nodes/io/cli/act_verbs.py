"""The verbs of ``mesh`` that trade by hand: close, modify, signal, test-trade. Each shows what it will touch and asks first."""

from typing import Annotated

import typer

from nodes.io.cli.actwords import ACT_SCOPES
from nodes.io.cli.options import ConfigOption

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be touched, touch nothing.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the act.")]


def close(
    scope: Annotated[str, typer.Argument(help=f"{ACT_SCOPES}.")],
    volume: Annotated[str | None, typer.Option(help="Lots to close of each position, on its symbol's step. Default: all of it.")] = None,
    foreign: Annotated[bool, typer.Option("--foreign", help="Positions that are not ours too.")] = False,
    config: ConfigOption = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = "",
) -> None:
    """Close positions in a scope: operator → routers → locals, never through the master."""
    from nodes.io.cli.commands import close_positions

    raise typer.Exit(close_positions(config, scope, volume, foreign, dry_run, yes, reason))


def modify(
    ticket: Annotated[str, typer.Argument(help="ACCOUNT:TICKET of an open position.")],
    sl: Annotated[str | None, typer.Option(help="New stop loss price; 0 removes it.")] = None,
    tp: Annotated[str | None, typer.Option(help="New take profit price; 0 removes it.")] = None,
    config: ConfigOption = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Change SL and TP of one position; a level not given stays as it is."""
    from nodes.io.cli.commands import modify_position

    raise typer.Exit(modify_position(config, ticket, sl, tp, dry_run, yes))


def signal(
    symbol: Annotated[str, typer.Argument(help="Symbol, by our name.")],
    side: Annotated[str, typer.Argument(help="buy, sell or close.")],
    accounts: Annotated[str, typer.Option(help="Accounts or groups, separated by commas, or all.")],
    volume: Annotated[str | None, typer.Option(help="Lots. Default: the strategy's sizing.")] = None,
    config: ConfigOption = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Put a signal by hand through signals, risk and all the rest; exit 3 where an account did not do it."""
    from nodes.io.cli.manualsignal import send_signal

    raise typer.Exit(send_signal(config, symbol, side, accounts, volume, dry_run, yes))


def smallest_trade(
    account: Annotated[str, typer.Argument(help="The account.")],
    symbol: Annotated[str | None, typer.Option(help="Symbol, by our name. Default: the first its broker has.")] = None,
    config: ConfigOption = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Open and close the smallest order there is on one account, through everything, on the books; exit 3 where it was not both."""
    from nodes.io.cli.testtrade import make_test_trade

    raise typer.Exit(make_test_trade(config, account, symbol, dry_run, yes))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    for verb in (close, modify, signal):
        app.command()(verb)
    app.command("test-trade")(smallest_trade)
