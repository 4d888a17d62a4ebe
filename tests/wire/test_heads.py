"""Heads of audits over real sockets: by a door each node tells its own alone; two nodes that dial each other keep each other's."""

import threading
from pathlib import Path

import pytest

from mesh.audit import HEAD
from mesh.codec import decode_record_untrusted
from mesh.io import auditwalk
from mesh.io.clock import monotonic_ns
from mesh.io.heads import Heads
from mesh.io.hub import Hub
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.io.store import create
from mesh.messages.heads import AuditHead
from tests.mesh.io.headrig import MESH, SIGNERS, WALL_NS, kept_by, keyring_of
from tests.wire.doorrig import HouseAt, audited
from tests.wire.rig import CUT_SHORT, LIMIT_S, Told, bind, connect, node_of

pytestmark = pytest.mark.wire


def told_by(name: str) -> AuditHead:
    """A signed head of a node."""
    return SIGNERS[name].signed_head(b"s" * 16, 7, b"h" * 32, WALL_NS)


@pytest.mark.parametrize(("link", "guest"), [("status", "local-1"), ("status", "master-1"), ("replay", "router-1")])
def test_guest_tells_his_own_head_and_nobody_elses(house: HouseAt, link: str, guest: str) -> None:
    """Though another's be truly signed: whoever brings it has to be that node; it is refused and on record, and the right one is kept."""
    door = house(link)
    door.core.handle = super(type(door.core), door.core).handle  # type: ignore[method-assign]
    heads = door.node.heads = Heads(door.node, None, keyring_of(), [], lambda: WALL_NS)
    socket = door.knock(door.invite(guest, guest.split("-")[0], account="a1"))
    door.say(socket, told_by("local-2"))
    assert door.until(lambda: door.refused_count)
    door.say(socket, told_by(guest))

    def is_kept() -> bool:
        heads.turn(True, 0)
        return "kept_head_count" in door.core.counters.totals

    assert door.until(is_kept)
    door.node.commit_all()
    assert kept_by(door.node) == [told_by(guest)]
    assert [record.why for record in audited(door)] == ["NOT_YOURS AuditHead from=local-2"]


def test_operator_with_the_right_to_trade_brings_no_head(house: HouseAt) -> None:
    """He dials the signals node, which takes heads: a true one in his hands is refused all the same."""
    door = house("signals")
    door.node.heads = Heads(door.node, None, keyring_of(), [], lambda: WALL_NS)
    socket = door.knock(door.invite("operator", "operator", may=("trade",)))
    door.say(socket, told_by("local-1"))
    assert door.until(lambda: door.refused_count)
    assert door.core.taken == []
    assert [record.why for record in audited(door)] == ["NOT_YOURS AuditHead from=local-1"]


def beginning(folder: Path, name: str) -> Node:
    """A node with a store, whose core looks at what its links carry as real ones do."""
    core = Told()
    core.handle = super(Told, core).handle  # type: ignore[method-assign]
    return node_of(core, name, create(folder / f"{name}.db", MESH, name, name.split("-")[0]))


def test_nodes_that_run_keep_each_others_heads(hub: Hub, tmp_path: Path) -> None:
    """On one loop, by a clock that goes twenty times as fast: each soon has the other's head in its audit, and it is one of the other's."""
    master, router = beginning(tmp_path, "master-1"), beginning(tmp_path, "router-1")
    connect(router, hub, "replay", "DEALER", bind(master, hub, "replay"))
    connect(master, hub, "status.0", "PUSH", bind(router, hub, "status", "PULL"))
    master.heads = Heads(master, SIGNERS["master-1"], keyring_of(), ["status.0"])
    router.heads = Heads(router, SIGNERS["router-1"], keyring_of(), ["replay"])
    shell = Shell(hub, takes_signals=False, drain_ms=50, clock=lambda: 20 * monotonic_ns())
    shell.add(master)
    shell.add(router)
    guard = threading.Timer(LIMIT_S, shell.stop, (CUT_SHORT,))
    guard.start()
    shell.every(20, lambda: shell.stop() if kept_by(master) and kept_by(router) else None)
    try:
        shell.run()
    finally:
        guard.cancel()
    for name, other in (("master-1", "router-1"), ("router-1", "master-1")):
        heads = [decode_record_untrusted(row.record, AuditHead) for row in auditwalk.records(tmp_path / f"{name}.db", kind=HEAD)]
        assert {each.node for each in heads} == {other}
        assert all(keyring_of().head_refusal(each) == "" for each in heads)
        chain = auditwalk.Chain(tmp_path / f"{other}.db")
        assert [chain.hash_at(each.seq) for each in heads] == [each.hash for each in heads], "what was told was durable"
        chain.close()
