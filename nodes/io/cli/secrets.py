"""What ``mesh secret`` does: a password comes in by a terminal or a pipe, never by an argument, and goes into the sealed file alone."""

import sys
from pathlib import Path
from typing import Any

from mesh.config import Config
from mesh.errors import BadConfig, BadUsage
from mesh.io.clock import wall_ns
from mesh.texts import iso_of
from nodes.io import secretbox
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import foreign_sign, say
from nodes.io.locate import mesh_and_state
from nodes.io.secret import Secret
from nodes.io.secretbox import FOLDER, owner_of, read_sealed, seal, sealed_path, takes_password
from nodes.io.secretkeys import TYPED, new_key, system_source, typed_twice

PASSWORD_MAX = 128
"""Characters."""
COLUMNS = (
    Column("account", "account"),
    Column("node", "node"),
    Column("source", "key"),
    Column("id", "key id", rank=2),
    Column("written", "written", rank=1),
    Column("what", "", rank=0, least_columns=8),
)


def set_secret(config_path: Path | None, state: Path | None, account: str, is_typed: bool) -> int:
    """``mesh secret set``. Raises BadUsage, BadConfig, NoMesh."""
    config, place = mesh_and_state(config_path, state)
    _known(config, account)
    if not takes_password(config, account):
        raise BadUsage(
            f'account.{account}.terminal = "{config.account[account].terminal}": it takes no password: only a terminal on its local\'s own '
            "machine does (terminal64.exe, or a sim.toml)"
        )
    source = TYPED if is_typed else system_source()
    owner = owner_of(config, account)
    password = _asked(f"password of login {owner.login} at {owner.server}: ")
    path = seal(place, owner, password, new_key(source, f"the password of account {account}"), iso_of(wall_ns()))
    say(f"{path}: sealed for {owner.told()}, key: {source}")
    say(f"{owner.node} uses it from its next start on: `mesh restart {owner.node}`")
    return 0


def list_secrets(config_path: Path | None, state: Path | None) -> int:
    """``mesh secret list``; 1 where a file is not as it should be. Raises BadConfig, NoMesh."""
    config, place = mesh_and_state(config_path, state)
    files = sorted((place / FOLDER).glob("*.sealed"))
    if not files:
        say(f"no password is stored in {place / FOLDER}: terminals are logged in by hand")
        return 0
    rows = [_row(config, path) for path in files]
    out = console()
    out.print(grid(COLUMNS, rows, out.width))
    return int(any(row["what"] for row in rows))


def remove_secret(config_path: Path | None, state: Path | None, account: str) -> int:
    """``mesh secret remove``. Raises BadUsage, BadConfig, NoMesh."""
    config, place = mesh_and_state(config_path, state)
    path = sealed_path(place, account)
    if path.parent != place / FOLDER or not secretbox.remove(path):  # an account that is no more may have left one
        _known(config, account)
        raise BadUsage(f"{account}: no password is stored in {path.parent}")
    say(f"{path}: removed; a local that runs has it until its next start")
    return 0


def _row(config: Config, path: Path) -> dict[str, Any]:
    """A file as it is shown; ``what``: what is wrong with it."""
    account = path.stem
    try:
        sealed = read_sealed(path)
    except BadConfig as error:
        return {"account": account, "what": str(error)}
    if sealed is None:
        return {"account": account, "what": "removed just now"}
    what = ""
    if account not in config.account:
        what = "no such account in the configuration"
    elif sealed.owner != owner_of(config, account):
        what = f"sealed for {sealed.owner.told()}: it does not open here"
    elif not takes_password(config, account):
        what = "not used: its terminal takes none"
    node = sealed.owner.node
    return {"account": account, "node": node, "source": sealed.key_source, "id": sealed.key_id, "written": sealed.written, "what": what}


def _known(config: Config, account: str) -> None:
    if account not in config.account:
        raise BadUsage(f"{account}: not among the accounts: {', '.join(config.account)}")


def _asked(prompt: str) -> Secret:
    """A password, typed twice without echo, or the one line of a pipe. Raises BadUsage."""
    try:
        piped = None if sys.stdin.isatty() else Secret(sys.stdin.read(2 * PASSWORD_MAX).removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise BadUsage("what came from the pipe is no text; nothing was written") from None
    password = piped or typed_twice(prompt)
    if not password.reveal() or len(password.reveal()) > PASSWORD_MAX or foreign_sign(password.reveal()):
        raise BadUsage(f"a password of 1 to {PASSWORD_MAX} characters in one line is expected, typed or from a pipe; nothing was written")
    return password
