"""Two small files beside a store that remember it: ``NAME.genesis`` that there is one, ``NAME.head`` how far it has come.

The first is written once. The second is written anew each second in quiet moments, each ten at the latest, and at the close: a store that
is behind it was rolled back (an older copy was put there, or the end of its log is lost), and one that has another audit chain is not the
one that was there. What happened since it was written it cannot show, nor a change of both files by the same hand.
"""

import os
import sys
from pathlib import Path

import msgspec

from mesh.audit import Head, sealed, unsealed
from mesh.errors import BadConfig


def genesis_path(store: Path) -> Path:
    """The file that says that there is, or was, a store."""
    return store.with_suffix(".genesis")


def head_path(store: Path) -> Path:
    """The file that says how far the store has come."""
    return store.with_suffix(".head")


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file whole or not at all. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    try:
        with fresh.open("wb") as file:  # which writes on where a disk takes a part
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    fresh.replace(path)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable; Windows has no such call and needs none."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def keep_genesis(store: Path, store_id: bytes) -> None:
    """Have the mark that there is a store, and check the one there is. Raises BadConfig, OSError."""
    path, raw = genesis_path(store), store_id.hex().encode() + b"\n"
    if not path.exists():
        write_whole(path, raw)
        sync_folder(path.parent)
    elif path.read_bytes() != raw:
        raise BadConfig(
            f"{path} does not name store {store_id.hex()}, which {store} is: put the store back that it names, or remove {path} if "
            f"this one is the right one"
        )


def write_head(store: Path, store_id: bytes, head: Head) -> None:
    """Remember how far the store has come. Raises OSError."""
    write_whole(head_path(store), sealed(msgspec.msgpack.encode((store_id, head))).hex().encode() + b"\n")


def read_head(store: Path, store_id: bytes) -> Head | None:
    """How far the store had come when that was last written; None where it never was. Raises BadConfig, OSError."""
    path = head_path(store)
    if not path.exists():
        return None
    raw = path.read_bytes()
    try:
        payload = unsealed(bytes.fromhex(raw.decode("ascii")))
    except ValueError:
        payload = None
    if payload is None or sealed(payload).hex().encode() + b"\n" != raw:
        raise BadConfig(f"{path} is damaged: remove it if {store} is the newest there is of this store")
    owner, head = msgspec.msgpack.decode(payload, type=tuple[bytes, Head])
    if owner != store_id:
        raise BadConfig(f"{path} is of store {owner.hex()}, {store} is store {store_id.hex()}: put the right one there, or remove {path}")
    return head


def check_head(store: Path, head: Head, remembered: Head, chained: bytes | None) -> None:
    """Raises BadConfig for a store that is not what it was. ``chained``: its audit hash at the remembered place."""
    path = head_path(store)
    if head.commit < remembered.commit:
        raise BadConfig(
            f"store {store} was rolled back: it ends with commit {head.commit}, {path.name} remembers commit {remembered.commit}. What was "
            f"done in between it would do again: put the newer one back, or remove {path} to go on with this one"
        )
    if chained != remembered.audit_hash or (head.commit == remembered.commit and head != remembered):
        raise BadConfig(
            f"store {store} is not the one that was here: at commit {remembered.commit} and audit record {remembered.audit_seq} "
            f"{path.name} remembers another; put that back, or remove {path} to go on with this one"
        )
