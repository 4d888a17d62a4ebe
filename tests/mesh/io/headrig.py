"""Nodes that exchange heads without a socket, and what one hand can do to a store: rewrite it whole, so that it proves itself again."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from mesh.audit import HEAD, NO_HASH, next_hash
from mesh.codec import decode_record_untrusted, encode
from mesh.core import Envelope, Put
from mesh.io import auditwalk, storelayout, storemarks
from mesh.io.heads import Heads
from mesh.io.headwalk import KeptHead
from mesh.io.node import Node
from mesh.io.store import create
from mesh.keyring import Holder, Keyring, Signer
from mesh.messages.heads import AuditHead
from mesh.units import SECOND_NS
from tests.wire.rig import Told, node_of

MESH = "demo"
WALL_NS = 1_800_000_000 * SECOND_NS
SIGNERS = {
    name: Signer(MESH, name, name.encode().ljust(32, b"k"))
    for name in ("local-1", "local-2", "router-1", "signals-1", "master-1", "operator")
}


def keyring_of(*names: str) -> Keyring:
    """The public keys of some of them."""
    return Keyring(MESH, [Holder(name, name.split("-")[0], SIGNERS[name].public) for name in names or SIGNERS])


def keeper(folder: Path, name: str = "router-1", keyring: Keyring | None = None, wall_clock: Callable[[], int] = lambda: WALL_NS) -> Node:
    """A node with a store that keeps the heads of others."""
    role = name.split("-")[0]
    node = node_of(Told(), name, create(folder / f"{name}.db", MESH, name, role))
    node.heads = Heads(node, SIGNERS[name], keyring or keyring_of(), [], wall_clock)
    return node


def head_of(path: Path) -> AuditHead:
    """What the node of a store would tell of it now."""
    last = auditwalk.verify(path).last
    assert last is not None
    chain = auditwalk.Chain(path)
    store_id = chain.genesis.store_id
    chain.close()
    return SIGNERS[path.stem].signed_head(store_id, last.seq, last.hash, WALL_NS)


def hand(node: Node, head: AuditHead, now_ns: int) -> None:
    """A head comes in and has its turn; what is written of it is durable."""
    node.take(Envelope("status", 0, head), now_ns)
    assert node.heads is not None
    node.heads.turn(True, now_ns)
    node.commit_all()


def kept_by(node: Node) -> list[AuditHead]:
    """All heads in a node's audit."""
    assert node.store is not None
    return [decode_record_untrusted(row.record, AuditHead) for row in auditwalk.records(node.store.path, kind=HEAD)]


def put_head(head: AuditHead) -> Put:
    """The row of a head that is kept."""
    return Put(HEAD, head.node.encode(), encode(head))


def kept(head: AuditHead, keeper: str = "router-1", kept_ns: int = WALL_NS) -> KeptHead:
    """A head as somebody keeps it."""
    return KeptHead(keeper, kept_ns, head)


def rewrite(path: Path, seq: int, record: bytes) -> None:
    """Change one record of a store and make everything that follows from it anew, in the file and in the one beside it."""
    database = sqlite3.connect(path)
    rows = database.execute("SELECT seq, wall_ns, kind, key, record FROM audit ORDER BY seq").fetchall()
    before = NO_HASH
    for number, wall_ns, kind, key, written in rows:
        told = record if number == seq else written
        before = next_hash(before, number, wall_ns, kind, key, told)
        database.execute("UPDATE audit SET record = ?, hash = ? WHERE seq = ?", (told, before, number))
    head = msgspec.structs.replace(storelayout.head_of(path, database), audit_hash=before)
    database.execute(storelayout.PUT_HEAD, (storelayout.sealed_head(head),))
    store_id = storelayout.genesis_of(path, database).store_id
    database.commit()
    database.close()
    storemarks.write_head(path, store_id, head)
