"""The keys of a mesh on disk: ``STATE/keys/inventory.toml`` with everybody's public keys, and beside it the private ones of this host.

A private key is a PKCS #8 PEM file that only its owner may read (0600); an operator's may be encrypted with a passphrase, which is asked
for, or taken from ``MESH_PASSPHRASE``. ``mesh up`` makes what is missing for a mesh on one machine; a node started by itself never makes
any: a key that others do not know would stop nothing.
"""

import getpass
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Meta

from mesh.complaint import document_from
from mesh.config import Config
from mesh.errors import BadConfig
from mesh.io.storemarks import sync_folder, write_whole
from mesh.io.system import may_others
from mesh.keyring import ISSUING_ROLES, OPERATOR, RIGHTS, Holder, Keyring, NodeKeys, Signer
from mesh.section import Id, Section
from mesh.units import SECOND_NS

FOLDER = "keys"
INVENTORY = "inventory.toml"
PASSPHRASE = "MESH_PASSPHRASE"
HexKey = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="64 hex digits")]
PrivateKey = Ed25519PrivateKey | X25519PrivateKey
Moment = Annotated[
    str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", description='UTC, such as "2026-11-22T00:00:00Z"')
]
Right = Annotated[str, Meta(pattern=f"^({'|'.join(RIGHTS)})$", description=" and ".join(RIGHTS))]


NodeRole = Literal["market", "broker", "indicator", "signals", "master", "router", "local"]


class OperatorKey(Section):
    """A person's public key, and what it may do. ``until``: it was retired then: it stays here, for what it stopped before binds still."""

    key: HexKey
    may: tuple[Right, ...] = RIGHTS
    until: Moment | None = None


class NodeKey(Section):
    """A node's public key, and what it may stop: a local its account, the master everything, any other nothing: with its key it signs
    how far its audit has come. It stays here when the node has gone: its stops may bind still, its heads are kept.
    """

    key: HexKey
    role: NodeRole
    account: Id | None = None


class DoorKeyEntry(Section):
    """A public CURVE key; it opens doors from a time to before another, UTC."""

    key: HexKey
    since: Moment
    until: Moment


class DoorEntry(Section):
    """Who may come in by which doors: a node by those its role dials, an operator's host, a source of signals that is no node.

    ``may``: of an operator; ``addresses``: of the hosts he comes from, none: from anywhere. Several keys are good side by side while they
    are changed.
    """

    role: Literal["market", "broker", "indicator", "signals", "master", "router", "local", "operator", "source"]
    account: Id | None = None
    may: tuple[Literal["trade"], ...] = ()
    addresses: tuple[str, ...] = ()
    keys: tuple[DoorKeyEntry, ...] = ()


class EndEntry(Section):
    """Stands last: how many sections stand before it. A file that was cut short has none, or another number."""

    sections: Annotated[int, Meta(ge=0, le=1_000_000)]


class Inventory(Section):
    """All public keys of a mesh; the same file on every host. ``operator`` and ``node`` sign stops and heads of audits, ``door``
    opens connections.
    """

    operator: dict[Id, OperatorKey] = {}
    node: dict[Id, NodeKey] = {}
    door: dict[Id, DoorEntry] = {}
    end: EndEntry | None = None

    @property
    def sections_count(self) -> int:
        """Names it has."""
        return len(self.operator) + len(self.node) + len(self.door)


def folder_of(state: Path) -> Path:
    """Where a state directory has its keys."""
    return state / FOLDER


def read_inventory(state: Path) -> Inventory:
    """The public keys of a state directory. Raises BadConfig naming the file and what to do."""
    return inventory_in(folder_of(state))


def inventory_if_any(state: Path) -> Inventory | None:
    """The public keys of a state directory; None where it has none, as on plain links it need not. Raises BadConfig."""
    return read_inventory(state) if (folder_of(state) / INVENTORY).exists() else None


def inventory_in(folder: Path) -> Inventory:
    """The public keys in a folder. Raises BadConfig naming the file and what to do."""
    path = folder / INVENTORY
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadConfig(
            f"{path} is missing: without public keys nobody could stop this mesh; `mesh keys init --state {folder.parent}` makes them, "
            "and every host needs the same file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: cannot be read: {error}") from None
    try:
        inventory = document_from(text, Inventory)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None
    both = [name for name in inventory.operator if name in inventory.node]
    if both:
        raise BadConfig(f"{path}: {both[0]} is an operator and a node: whose word a stop is has to be clear; name one of them otherwise")
    if inventory.end is None or inventory.end.sections != inventory.sections_count:
        told = "no [end]" if inventory.end is None else f"[end] sections = {inventory.end.sections}"
        raise BadConfig(
            f"{path}: was cut short, or changed by hand: it has {inventory.sections_count} sections and {told}; bring it here once more, "
            "whole, or put the number right"
        )
    return inventory


def keyring_of(config: Config, inventory: Inventory) -> Keyring:
    """Who may say what."""
    return Keyring(config.settings.mesh.id, holders_of(inventory))


def ns_of(text: str) -> int:
    """The time an inventory says, UTC ns. Raises BadConfig."""
    try:
        return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS
    except ValueError as error:
        raise BadConfig(f"{text}: {error}") from None


def holders_of(inventory: Inventory) -> list[Holder]:
    """Who signs what."""
    operators = [
        Holder(name, OPERATOR, bytes.fromhex(each.key), tuple(each.may), until_ns=None if each.until is None else ns_of(each.until))
        for name, each in inventory.operator.items()
    ]
    nodes = [Holder(name, each.role, bytes.fromhex(each.key), account=each.account or "") for name, each in inventory.node.items()]
    return [*operators, *nodes]


def node_keys(name: str, config: Config, state: Path) -> NodeKeys:
    """What a node that takes stops needs. Raises BadConfig where its private key is missing, readable by others, or not the inventory's."""
    inventory = read_inventory(state)
    keyring = keyring_of(config, inventory)
    if config.role_of(name) not in ISSUING_ROLES:
        return NodeKeys(keyring)
    path = folder_of(state) / f"{name}.key"
    signer = Signer(config.settings.mesh.id, name, read_private(path))
    listed = inventory.node.get(name)
    if listed is None or bytes.fromhex(listed.key) != signer.public:
        raise BadConfig(f"{path} is not the key that {INVENTORY} has for {name}: nobody would believe its stops; bring both in line")
    if (listed.role, listed.account) != (config.role_of(name), config.node[name].account):
        known = f"{INVENTORY} has {name} as {listed.role} of {listed.account}"
        raise BadConfig(f"{known}, the configuration has it otherwise: bring both in line")
    return NodeKeys(keyring, signer)


def read_private(path: Path, passphrase: Callable[[], str] | None = None, kind: type[PrivateKey] = Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a private key. Raises BadConfig naming the file and what to do.

    ``kind``: of key that is expected; ``passphrase``: asked where the file is encrypted; None: such a file is refused.
    """
    try:
        raw = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise BadConfig(f"{path}: this private key cannot be read: {error.strerror}") from None
    if may_others(mode):
        raise BadConfig(f"{path}: others may read this private key; `chmod 600 {path}`")
    is_encrypted = b"ENCRYPTED" in raw
    if is_encrypted and passphrase is None:
        raise BadConfig(f"{path}: this private key is encrypted, and a node has nobody to ask for its passphrase")
    word = passphrase().encode() if is_encrypted and passphrase is not None else None
    try:
        key = load_pem_private_key(raw, word)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise BadConfig(f"{path}: no private key in PKCS #8 PEM, or a wrong passphrase: {str(error)[:100]}") from None
    if not isinstance(key, kind):
        raise BadConfig(f"{path}: {type(key).__name__}: an {kind.__name__} is expected")
    return key.private_bytes_raw()


def asked_passphrase() -> str:
    """Of the environment, or typed on the terminal. Raises BadConfig where there is neither."""
    known = os.environ.get(PASSPHRASE)
    if known is not None:
        return known
    if not sys.stdin.isatty():
        raise BadConfig(f"this key is encrypted: set {PASSPHRASE}, or use a terminal")
    return getpass.getpass("passphrase: ")


def write_private(path: Path, passphrase: str = "", kind: type[PrivateKey] = Ed25519PrivateKey) -> bytes:
    """Make a private key, readable by its owner alone; its public half. Raises BadConfig where the file is there or cannot be written."""
    key = kind.generate()
    lock: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(descriptor)
            sync_folder(path.parent)
        except OSError:
            path.unlink(missing_ok=True)  # half a key is none, and would be in the way of a whole one
            raise
    except FileExistsError:
        raise BadConfig(f"{path} is there already: a key is never written over; name another file, or remove it yourself") from None
    except OSError as error:
        raise BadConfig(f"{path}: cannot be written: {error.strerror}") from None
    return key.public_key().public_bytes_raw()


def copy_private(path: Path, to: Path) -> None:
    """Copy a private key, readable by its owner alone from the first moment. Raises OSError."""
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(path.read_bytes())
        file.flush()
        os.fsync(descriptor)


def write_inventory(state: Path, inventory: Inventory) -> None:
    """Write the public keys, whole or not at all. Raises BadConfig."""
    lines = ["# Public keys of this mesh; the same file on every host. A private key is in NAME.key beside it, on its own host alone.", ""]
    for name, operator in inventory.operator.items():
        ended = [f'until = "{operator.until}"'] if operator.until is not None else []
        lines += [f"[operator.{_quoted(name)}]", f'key = "{operator.key}"', f"may = [{', '.join(map(_quoted, operator.may))}]", *ended, ""]
    for name, node in inventory.node.items():
        account = [f"account = {_quoted(node.account)}"] if node.account else []
        lines += [f"[node.{_quoted(name)}]", f'key = "{node.key}"', f"role = {_quoted(node.role)}", *account, ""]
    for name, door in inventory.door.items():
        lines += _door_lines(name, door)
    lines += ["[end]", f"sections = {inventory.sections_count}", ""]
    path = folder_of(state) / INVENTORY
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, "\n".join(lines).encode())
        sync_folder(path.parent)
    except OSError as error:
        raise BadConfig(f"{path}: cannot be written: {error.strerror}") from None


def _door_lines(name: str, door: DoorEntry) -> list[str]:
    lines = [f"[door.{_quoted(name)}]", f"role = {_quoted(door.role)}"]
    lines += [f"account = {_quoted(door.account)}"] if door.account else []
    for word, values in (("may", door.may), ("addresses", door.addresses)):
        lines += [f"{word} = [{', '.join(map(_quoted, values))}]"] if values else []
    keys = [f'    {{key = "{each.key}", since = "{each.since}", until = "{each.until}"}},' for each in door.keys]
    return [*lines, "keys = [", *keys, "]", ""]


def operator_signer(config: Config, state: Path, key: Path | None) -> Signer:
    """The private key an operator signs with: the file named, or the mesh's own. Raises BadConfig saying which names there are."""
    inventory = read_inventory(state)
    path = key if key is not None else folder_of(state) / f"{OPERATOR}.key"
    seed = read_private(path, asked_passphrase)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()
    for name, each in inventory.operator.items():
        if each.key == public and each.until is not None:
            raise BadConfig(f"{path}: {name}'s key was retired at {each.until}: no node would believe it; sign with another operator's key")
        if each.key == public:
            return Signer(config.settings.mesh.id, name, seed)
    listed = ", ".join(inventory.operator) or "none"
    raise BadConfig(f"{path}: {INVENTORY} has no operator with this key; it has: {listed}")


def _quoted(text: str) -> str:
    """A text of TOML; a key, too, for names may have dots."""
    return f'"{text}"'
