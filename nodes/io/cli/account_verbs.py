"""``mesh account``: accounts of the fleet's file, added, disabled and listed."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption
from nodes.io.cli.stop_verbs import arm

account_app = typer.Typer(help="Accounts of the configuration: list them, add one, arm one, disable one.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of the account: letters, digits and _ . # - .")]


@account_app.command("list")
def show(config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Each account's mode, login, server, and the node and host that trade it."""
    from nodes.io.cli.accounting import list_accounts

    raise typer.Exit(list_accounts(config, as_json))


@account_app.command("add")
def add(
    name: Name,
    login: Annotated[int, typer.Option(min=1, help="The account's number at its broker.")],
    server: Annotated[str, typer.Option(help="The broker's server, as the terminal calls it.")],
    host: Annotated[str, typer.Option(help="Address of the host its terminal and its local run on.")],
    terminal: Annotated[str, typer.Option(help=r"Path of terminal64.exe there; sim: the simulated broker.")] = "sim",
    mode: Annotated[str, typer.Option(help="observe, shadow, demo or live.")] = "observe",
    currency: Annotated[str, typer.Option(help="Its deposit currency.")] = "USD",
    margin_mode: Annotated[str, typer.Option(help="hedging or netting.")] = "hedging",
    node: Annotated[str | None, typer.Option(help="Name of its local. Default: local-NAME.")] = None,
    config: ConfigOption = None,
    state: Annotated[Path | None, typer.Option(help="Where the fleet's keys are, as of `mesh keys`. Default: /var/lib/trademesh.")] = None,
) -> None:
    """Write an account and its local into the configuration, make their keys, and say which hosts need what."""
    from nodes.io.cli.accounting import add_account

    values = {"login": login, "server": server, "currency": currency, "margin_mode": margin_mode, "terminal": terminal, "mode": mode}
    raise typer.Exit(add_account(config, state, name, host, node or f"local-{name}", values))


@account_app.command("disable")
def disable(name: Name, config: ConfigOption = None) -> None:
    """Have an account observe only: nothing is opened there any more, what is open is still looked after."""
    from nodes.io.cli.accounting import disable_account

    raise typer.Exit(disable_account(config, name))


account_app.command("arm")(arm)


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(account_app, name="account")
