"""The keys of a mesh on disk: ``STATE/keys/inventory.toml`` with everybody's public keys, and beside it the private ones of this host.

A private key is a PKCS #8 PEM file that only its owner may read (0600); an operator's may be encrypted with a passphrase, which is asked
for, or taken from ``MESH_PASSPHRASE``. ``mesh up`` makes what is missing for a mesh on one machine; a node started by itself never makes
any: a key that others do not know would stop nothing.
"""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
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
from mesh.keyring import ISSUING_ROLES, OPERATOR, RIGHTS, Holder, Keyring, NodeKeys, Signer
from mesh.section import Id, Section

FOLDER = "keys"
INVENTORY = "inventory.toml"
PASSPHRASE = "MESH_PASSPHRASE"
HexKey = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description="64 hex digits")]
Right = Annotated[str, Meta(pattern=f"^({'|'.join(RIGHTS)})$", description=" and ".join(RIGHTS))]


class OperatorKey(Section):
    """A person's public key, and what it may do."""

    key: HexKey
    may: tuple[Right, ...] = RIGHTS


class NodeKey(Section):
    """A node's public key, and what it may stop: a local its account. It stays here when the node has gone: its stops may bind still."""

    key: HexKey
    role: Literal["local", "master"]
    account: Id | None = None


class Inventory(Section):
    """All public keys of a mesh; the same file on every host."""

    operator: dict[Id, OperatorKey] = {}
    node: dict[Id, NodeKey] = {}


def folder_of(state: Path) -> Path:
    """Where a state directory has its keys."""
    return state / FOLDER


def read_inventory(state: Path) -> Inventory:
    """The public keys. Raises BadConfig naming the file and what to do."""
    path = folder_of(state) / INVENTORY
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadConfig(
            f"{path} is missing: without public keys nobody could stop this mesh; `mesh keys init --state {state}` makes them, "
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
    return inventory


def keyring_of(config: Config, inventory: Inventory) -> Keyring:
    """Who may say what."""
    operators = [Holder(name, OPERATOR, bytes.fromhex(each.key), tuple(each.may)) for name, each in inventory.operator.items()]
    nodes = [Holder(name, each.role, bytes.fromhex(each.key), account=each.account or "") for name, each in inventory.node.items()]
    return Keyring(config.settings.mesh.id, [*operators, *nodes])


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


def read_private(path: Path, passphrase: Callable[[], str] | None = None) -> bytes:
    """The 32 bytes of a private key. Raises BadConfig naming the file and what to do.

    ``passphrase``: asked where the file is encrypted; None: such a file is refused.
    """
    try:
        raw = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise BadConfig(f"{path}: this private key cannot be read: {error.strerror}") from None
    if sys.platform != "win32" and mode & 0o077:
        raise BadConfig(f"{path}: others may read this private key; `chmod 600 {path}`")
    is_encrypted = b"ENCRYPTED" in raw
    if is_encrypted and passphrase is None:
        raise BadConfig(f"{path}: this private key is encrypted, and a node has nobody to ask for its passphrase")
    word = passphrase().encode() if is_encrypted and passphrase is not None else None
    try:
        key = load_pem_private_key(raw, word)
    except (ValueError, TypeError) as error:
        raise BadConfig(f"{path}: no private key in PKCS #8 PEM, or a wrong passphrase: {str(error)[:100]}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadConfig(f"{path}: {type(key).__name__}: an Ed25519 private key is expected")
    return key.private_bytes_raw()


def asked_passphrase() -> str:
    """Of the environment, or typed on the terminal. Raises BadConfig where there is neither."""
    known = os.environ.get(PASSPHRASE)
    if known is not None:
        return known
    if not sys.stdin.isatty():
        raise BadConfig(f"this key is encrypted: set {PASSPHRASE}, or use a terminal")
    return getpass.getpass("passphrase: ")


def write_private(path: Path, passphrase: str = "") -> bytes:
    """Make a private key, readable by its owner alone; its public half. Raises BadConfig where the file is there or cannot be written."""
    key = Ed25519PrivateKey.generate()
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


def write_inventory(state: Path, inventory: Inventory) -> None:
    """Write the public keys, whole or not at all. Raises BadConfig."""
    lines = ["# Public keys of this mesh; the same file on every host. A private key is in NAME.key beside it, on its own host alone.", ""]
    for name, operator in inventory.operator.items():
        lines += [f"[operator.{_quoted(name)}]", f'key = "{operator.key}"', f"may = [{', '.join(map(_quoted, operator.may))}]", ""]
    for name, node in inventory.node.items():
        account = [f"account = {_quoted(node.account)}"] if node.account else []
        lines += [f"[node.{_quoted(name)}]", f'key = "{node.key}"', f"role = {_quoted(node.role)}", *account, ""]
    path = folder_of(state) / INVENTORY
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, "\n".join(lines).encode())
        sync_folder(path.parent)
    except OSError as error:
        raise BadConfig(f"{path}: cannot be written: {error.strerror}") from None


def make_keys(config: Config, state: Path) -> Inventory:
    """Keys for every node that needs one and for one operator, where they are not there yet: all of a mesh on this machine.

    Raises BadConfig.
    """
    path = folder_of(state) / INVENTORY
    known: Inventory = read_inventory(state) if path.exists() else Inventory()
    nodes = dict(known.node)
    for name, node in config.node.items():
        if node.role in ISSUING_ROLES and name not in nodes:
            key = _public(folder_of(state) / f"{name}.key").hex()
            nodes[name] = NodeKey(key=key, role="local" if node.role == "local" else "master", account=node.account)
    operators = dict(known.operator) or {OPERATOR: OperatorKey(key=_public(folder_of(state) / f"{OPERATOR}.key").hex())}
    inventory = Inventory(operator=operators, node=nodes)
    if inventory != known:
        write_inventory(state, inventory)
    return inventory


def _public(path: Path) -> bytes:
    """The public half of a private key that is there (an inventory was lost), or of a new one."""
    if not path.exists():
        return write_private(path)
    return Ed25519PrivateKey.from_private_bytes(read_private(path, asked_passphrase)).public_key().public_bytes_raw()


def operator_signer(config: Config, state: Path, key: Path | None) -> Signer:
    """The private key an operator signs with: the file named, or the mesh's own. Raises BadConfig saying which names there are."""
    inventory = read_inventory(state)
    path = key if key is not None else folder_of(state) / f"{OPERATOR}.key"
    seed = read_private(path, asked_passphrase)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()
    for name, each in inventory.operator.items():
        if each.key == public:
            return Signer(config.settings.mesh.id, name, seed)
    listed = ", ".join(inventory.operator) or "none"
    raise BadConfig(f"{path}: {INVENTORY} has no operator with this key; it has: {listed}")


def _quoted(text: str) -> str:
    """A text of TOML; a key, too, for names may have dots."""
    return f'"{text}"'
