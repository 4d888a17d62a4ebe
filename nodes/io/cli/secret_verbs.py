"""``mesh secret``: MetaTrader 5 passwords of this host's accounts, sealed. By default there are none: terminals are logged in by hand."""

from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption, StateOption

secret_app = typer.Typer(help="Stored MetaTrader 5 passwords: seal one, list them, take one away; none is shown.", no_args_is_help=True)
Account = Annotated[str, typer.Argument(help="Name of an account in the configuration.")]


@secret_app.command("set")
def store(
    account: Account,
    is_typed: Annotated[
        bool,
        typer.Option("--passphrase", help="Seal it with a passphrase, not with the system's key: no unattended restart has it."),
    ] = False,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Seal an account's password, typed without echo or read from a pipe; its local uses it from its next start on."""
    from nodes.io.cli.secrets import set_secret

    raise typer.Exit(set_secret(config, state, account, is_typed))


@secret_app.command("list")
def show(config: ConfigOption = None, state: StateOption = None) -> None:
    """Which accounts have one: node, key and when it was written."""
    from nodes.io.cli.secrets import list_secrets

    raise typer.Exit(list_secrets(config, state))


@secret_app.command("remove")
def remove(account: Account, config: ConfigOption = None, state: StateOption = None) -> None:
    """Take an account's password away; its terminal has to be logged in by hand from the next start on."""
    from nodes.io.cli.secrets import remove_secret

    raise typer.Exit(remove_secret(config, state, account))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(secret_app, name="secret")
