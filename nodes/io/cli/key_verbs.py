"""``mesh keys``: keys that stops and heads of audits are signed with, and keys that connections are let in with."""

from pathlib import Path
from typing import Annotated

import typer

from nodes.io.cli.options import ConfigOption, StateOption

keys_app = typer.Typer(
    help="Keys that sign stops and audits and open connections: make, list, change, strike and export them.", no_args_is_help=True
)


@keys_app.command("init")
def init(config: ConfigOption = None, state: StateOption = None) -> None:
    """Make what is missing: keys for each node and one operator, and the inventory every host needs."""
    from nodes.io.cli.keys import init_keys

    raise typer.Exit(init_keys(config, state))


@keys_app.command("list")
def show(config: ConfigOption = None, state: StateOption = None) -> None:
    """Who may stop, resume and connect, by the inventory; and which private keys are on this host."""
    from nodes.io.cli.keys import list_keys

    raise typer.Exit(list_keys(config, state))


@keys_app.command("operator")
def operator(
    name: Annotated[str, typer.Argument(help="Name of the operator: letters, digits and _ . # - .")],
    may: Annotated[str, typer.Option(help="stop, resume, trade (acts and signals), separated by commas.")] = "stop,resume,trade",
    out: Annotated[Path | None, typer.Option(help="Where the private key goes. Default: keys/NAME.key of the state directory.")] = None,
    encrypted: Annotated[bool, typer.Option("--encrypted", help="Ask for a passphrase the key is then encrypted with.")] = False,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Add an operator: a new private key, its public half in the inventory; also the way out where an operator's key is lost."""
    from nodes.io.cli.keys import add_operator

    raise typer.Exit(add_operator(config, state, name, may, out, encrypted))


@keys_app.command("rotate")
def rotate(
    name: Annotated[str, typer.Argument(help="Node or operator whose door key is changed.")],
    overlap_hours: Annotated[float, typer.Option(min=0, max=8_760, help="How long the old key stays good beside the new one.")] = 24.0,
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Make a new key for a node's or an operator's connections; nothing is lost: both are good for a while."""
    from nodes.io.cli.keys import rotate_key

    raise typer.Exit(rotate_key(config, state, name, overlap_hours))


@keys_app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(help="Node or operator whose connections are to end.")],
    key: Annotated[str, typer.Argument(help="First digits of the public key. Default: all keys of that name.")] = "",
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Strike a key from the inventory: who has it is cut off within two seconds, on every host that has the new file."""
    from nodes.io.cli.keys import revoke_key

    raise typer.Exit(revoke_key(config, state, name, key))


@keys_app.command("retire")
def retire(
    name: Annotated[str, typer.Argument(help="Operator whose signing key is to sign nothing more.")],
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """End an operator's signing key, lost or stolen: what it has stopped binds still, and it resumes nothing more."""
    from nodes.io.cli.keys import retire_key

    raise typer.Exit(retire_key(config, state, name))


@keys_app.command("export")
def export(
    host: Annotated[str, typer.Argument(help="A host, as the nodes' sections say it.")],
    out: Annotated[Path, typer.Argument(help="A directory to make.")],
    operator: Annotated[str, typer.Option(help="Also the keys of this operator, for a host that watches and stops.")] = "",
    config: ConfigOption = None,
    state: StateOption = None,
) -> None:
    """Copy the keys one host needs, and nothing more, into a directory."""
    from nodes.io.cli.keys import export_keys

    raise typer.Exit(export_keys(config, state, host, out, operator))


def register(app: typer.Typer) -> None:
    """Add these verbs to the command."""
    app.add_typer(keys_app, name="keys")
