"""``mesh keys``: make and list the keys that stops are signed with."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption

keys_app = typer.Typer(help="Keys that stops are signed with: make them, list them, add an operator's.", no_args_is_help=True)
State = Annotated[
    Path | None, typer.Option(help="State directory. Default: that of the running mesh, ./.trademesh (demo) or /var/lib/trademesh.")
]


@keys_app.command("init")
def init(config: ConfigOption = None, state: State = None) -> None:
    """Make what is missing: a key for the master, each local and one operator, and the inventory every host needs."""
    from nodes.io.cli.keys import init_keys

    raise typer.Exit(init_keys(config, state))


@keys_app.command("list")
def show(config: ConfigOption = None, state: State = None) -> None:
    """Who may stop and resume, by the inventory; and which private keys are on this host."""
    from nodes.io.cli.keys import list_keys

    raise typer.Exit(list_keys(config, state))


@keys_app.command("operator")
def operator(
    name: Annotated[str, typer.Argument(help="Name of the operator: letters, digits and _ . # - .")],
    may: Annotated[str, typer.Option(help="stop, resume, or both, separated by commas.")] = "stop,resume",
    out: Annotated[Path | None, typer.Option(help="Where the private key goes. Default: keys/NAME.key of the state directory.")] = None,
    encrypted: Annotated[bool, typer.Option("--encrypted", help="Ask for a passphrase the key is then encrypted with.")] = False,
    config: ConfigOption = None,
    state: State = None,
) -> None:
    """Add an operator: a new private key, its public half in the inventory; also the way out where an operator's key is lost."""
    from nodes.io.cli.keys import add_operator

    raise typer.Exit(add_operator(config, state, name, may, out, encrypted))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(keys_app, name="keys")
