"""A MetaTrader 5 password at rest: ``STATE/secrets/ACCOUNT.sealed``, sealed with AES-256-GCM for one node, account, login and server.

The file is JSON: whose it is and with which key it was sealed can be read, and is bound to the password (associated data), so that it opens
for no other mesh, node, account, login or server. There need not be one: by default the terminal is logged in already.
"""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.io.storemarks import sync_folder, write_whole
from mesh.io.system import may_others
from mesh.section import Id
from mesh.terminalword import BROKER, is_endpoint, kind_of
from nodes.io.secret import Secret
from nodes.io.secretkeys import SYSTEMD, TYPED, SealingKey, Source, key_again

FOLDER = "secrets"
VERSION = 1
NONCE_BYTES = 12
FILE_BYTES_MAX = 8_192
Nonce = Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]


class Owner(msgspec.Struct, frozen=True):
    """Whose password it is, and where it may be given."""

    mesh: Id
    node: Id
    account: Id
    login: int
    server: Annotated[str, Meta(max_length=256)]

    def told(self) -> str:
        """In words."""
        return f"account {self.account} (login {self.login} at {self.server}) of node {self.node} in mesh {self.mesh}"


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds. ``key_keep``: what its source needs to give the key again."""

    version: int
    owner: Owner
    written: Annotated[str, Meta(pattern=r"^[0-9TZ:.-]{1,40}$")]
    key_source: Source
    key_id: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    key_keep: bytes
    nonce: Nonce
    sealed: bytes

    def bound(self) -> bytes:
        """What is bound to the password: all of the file but the password itself."""
        return msgspec.json.encode(msgspec.structs.replace(self, sealed=b""))


class SealedBox:
    """A sealed file with its key at hand: the password is in the clear only in what ``open`` returns."""

    def __init__(self, path: Path, sealed: Sealed, key: SealingKey) -> None:
        self._path = path
        self._sealed = sealed
        self._key = key

    def open(self) -> Secret:
        """The password. Raises BadConfig for a file that was changed."""
        try:
            return Secret(AESGCM(self._key.raw()).decrypt(self._sealed.nonce, self._sealed.sealed, self._sealed.bound()).decode())
        except (InvalidTag, UnicodeDecodeError):
            raise _damaged(self._path) from None


def owner_of(config: Config, account: str) -> Owner:
    """The owner that an account's password is sealed for."""
    section = config.account[account]
    return Owner(config.settings.mesh.id, config.local_of(account), account, section.login, section.server)


def takes_password(config: Config, account: str) -> bool:
    """Whether its terminal is on the worker's own machine: a password goes over no socket, and a simulated broker asks for none."""
    terminal = config.account[account].terminal
    return kind_of(terminal) != BROKER and not is_endpoint(terminal)


def sealed_path(state: Path, account: str) -> Path:
    """Where an account's password lies."""
    return state / FOLDER / f"{account}.sealed"


def seal(state: Path, owner: Owner, password: Secret, key: SealingKey, written: str) -> Path:
    """Write a password, whole or not at all; its file. Raises BadConfig."""
    sealed = Sealed(VERSION, owner, written, key.source, key.id, key.keep, os.urandom(NONCE_BYTES), b"")
    shut = AESGCM(key.raw()).encrypt(sealed.nonce, password.reveal().encode(), sealed.bound())
    path = sealed_path(state, owner.account)
    umask = os.umask(0o077)  # from its first moment nobody else may read it
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(msgspec.structs.replace(sealed, sealed=shut)))
        sync_folder(path.parent)
    except OSError as error:
        raise BadConfig(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        os.umask(umask)
    return path


def remove(path: Path) -> bool:
    """Take a password away; whether there was one. Raises BadConfig."""
    try:
        path.unlink()
        sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadConfig(f"{path}: cannot be removed: {error.strerror}") from None
    return True


def read_sealed(path: Path) -> Sealed | None:
    """A sealed file, not opened; None where there is none. Raises BadConfig where it is not as it was written, or others may read it."""
    try:
        with path.open("rb") as file:
            mode, raw = os.fstat(file.fileno()).st_mode, file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadConfig(f"{path}: this sealed password cannot be read: {error.strerror}") from None
    if may_others(mode):
        raise BadConfig(f"{path}: others may read this sealed password; `chmod 600 {path}`")
    try:
        version = msgspec.json.decode(raw, type=_Versioned).version
        sealed = msgspec.json.decode(raw, type=Sealed) if version == VERSION else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _damaged(path) from None
    if sealed is None:
        raise BadConfig(f"{path}: version {version} of a sealed password; this trademesh reads version {VERSION}: {_again(path)}")
    if msgspec.json.encode(sealed) != raw:  # one file has one form: else a changed byte could pass
        raise _damaged(path)
    return sealed


def opened_box(config: Config, account: str, state: Path) -> SealedBox | None:
    """The account's password, known to open; None where none is stored, or its terminal takes none. Raises BadConfig."""
    path = sealed_path(state, account)
    sealed = read_sealed(path) if takes_password(config, account) else None
    if sealed is None:
        return None
    owner = owner_of(config, account)
    if sealed.owner != owner:
        raise BadConfig(f"{path}: sealed for {sealed.owner.told()}, here it is {owner.told()}: it is given to nobody else; {_again(path)}")
    try:
        key = key_again(sealed.key_source, sealed.key_keep, f"the password of account {account}")
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None
    if key.id != sealed.key_id:
        raise BadConfig(f"{path}: {_other_key(sealed, key)}, or the file was changed; {_again(path)}")
    box = SealedBox(path, sealed, key)
    box.open()
    return box


class _Versioned(msgspec.Struct):
    """What a file of any version says first."""

    version: int


def _other_key(sealed: Sealed, key: SealingKey) -> str:
    if sealed.key_source == TYPED:
        return "a wrong passphrase"
    whose = "systemd's credential" if sealed.key_source == SYSTEMD else "the key Windows gave"
    return f"sealed with key {sealed.key_id}, {whose} is {key.id}"


def _damaged(path: Path) -> BadConfig:
    return BadConfig(f"{path}: this sealed password was cut short or changed since it was written; {_again(path)}")


def _again(path: Path) -> str:
    return f"`mesh secret set {path.stem}` writes it anew"
