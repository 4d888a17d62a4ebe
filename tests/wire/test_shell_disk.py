"""The shell and the disk: one transaction a pass, nothing sent before it is durable."""

from pathlib import Path

import pytest

from mesh import links
from mesh.core import (
    NOTHING,
    Commit,
    Durable,
    Effects,
    Emit,
    Envelope,
    Fetch,
    Fetched,
    LinkUp,
    Note,
    Put,
)
from mesh.errors import StoreFailed
from mesh.io.eventfile import EventFile
from mesh.io.hub import Hub
from mesh.io.store import Store, create
from mesh.messages.control import Ping
from mesh.units import MS_NS
from tests.wire.rig import DONE, Told, fill, names_of, node_of, pair, ping_of, quietly, run

pytestmark = pytest.mark.wire


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that its shell closes."""
    return create(tmp_path / "node-1.db", "demo", "node-1")


def test_one_transaction_for_what_came_together(hub: Hub, store: Store) -> None:
    """Commits of one pass are one transaction; each is told Durable, in order, before anything that waits for it is sent."""
    core, sender = Told(), Told({LinkUp: lambda _envelope, _now_ns: (*(ping_of(number) for number in range(10)), *DONE)})

    def keep(envelope: Envelope, _now_ns: int) -> Effects:
        number = envelope.message.nonce + 1
        return (Commit(number, (Put("line", bytes((number,)), b"x"),)),)

    def durable(envelope: Envelope, _now_ns: int) -> Effects:
        assert len(store.fetch("line", b"", 100)) == 10
        return DONE if envelope.message.token == 10 else NOTHING

    core.on(Ping, keep)
    core.on(Durable, durable)
    node, neighbour = node_of(core, store=store), node_of(sender, "sender")
    neighbour.join(links.CONTROL, node, links.LOCALS)
    run(hub, node, neighbour)
    told = [envelope for envelope in core.seen if isinstance(envelope.message, Durable)]
    assert [envelope.message.token for envelope in told] == list(range(1, 11))
    assert {envelope.link for envelope in told} == {links.STORE}
    assert core.counters.totals["commit_count"] == 1


def test_token_zero_is_not_answered(hub: Hub, store: Store) -> None:
    """A commit with token 0 is made durable and not spoken of."""
    core = Told({Durable: lambda _envelope, _now_ns: DONE}, at_start=(Commit(0, (Put("a", b"", b"1"),)), Commit(5, ())))
    run(hub, node_of(core, store=store))
    assert core.messages == [Durable(5)]


def test_fetch_sees_what_was_committed_before(hub: Hub, store: Store) -> None:
    """A fetch gives rows as they are after every commit that was asked for before it."""
    start = (Commit(1, (Put("_old", b"ab", b"1"), Put("_old", b"b", b"2"))), Fetch(9, "_old", b"a", 5))
    core = Told({Durable: quietly, Fetched: lambda _envelope, _now_ns: DONE}, at_start=start)
    run(hub, node_of(core, store=store))
    assert core.messages == [Durable(1), Fetched(9, "_old", [(b"ab", b"1")])]


@pytest.mark.parametrize("is_trading", [False, True])
def test_store_is_tended_though_something_wakes_the_loop_all_the_time(hub: Hub, store: Store, is_trading: bool) -> None:
    """Heartbeats come more often than polls: what leaves a node quiet is that nothing waits for its disk."""
    core = Told()
    tended: list[bool] = []
    store.tend = tended.append

    def beat(now_ns: int) -> Effects:
        core.deadline_ns = now_ns + 20 * MS_NS
        return DONE if len(tended) == 2 or True in tended else (Commit(1, (Put("line", b"", b"x"),)),) if is_trading else NOTHING

    core.on(Durable, quietly)
    core.on_due, core.deadline_ns = beat, 1
    run(hub, node_of(core, store=store))
    assert any(tended) is not is_trading


def test_recovery_comes_before_anything_else(hub: Hub, tmp_path: Path) -> None:
    """At start a core gets its stored rows, archives left out, before its first message."""
    store = create(tmp_path / "a.db", "demo", "a")
    store.commit([Put("line", b"k", b"v"), Put("_old", b"k", b"v")])
    core = Told(at_start=DONE)
    run(hub, node_of(core, store=store))
    assert core.rows == [("line", b"k", b"v")]


def test_recovery_is_durable_before_anybody_is_heard(hub: Hub, other: Hub, store: Store) -> None:
    """What a core commits at its start is on disk before the first message reaches it, though that was waiting already."""
    core = Told({Durable: quietly, Ping: lambda _envelope, _now_ns: DONE}, at_start=(Commit(1, (Put("epoch", b"", b"7"),)),))
    node = node_of(core, store=store)
    fill(hub, other, node, links.CONTROL, ("ROUTER", "DEALER"), 1)
    run(hub, node)
    assert [type(message) for message in core.messages] == [Durable, Ping]


def test_failed_commit_ends_everything(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a commit that failed no Durable is told, nothing is sent any more, and the process ends with StoreFailed."""
    there = Told({Ping: quietly})

    def fail(_puts: object) -> None:
        raise StoreFailed("store: a commit failed")

    monkeypatch.setattr(store, "commit", fail)
    here = Told({LinkUp: lambda _envelope, _now_ns: (Commit(1, ()),), Durable: lambda _envelope, _now_ns: (ping_of(1),)})
    listener, dialler = pair(hub, there, here)
    dialler.store = store
    with pytest.raises(StoreFailed):
        run(hub, listener, dialler)
    assert [type(message) for message in here.messages] == [LinkUp]


def test_events_are_written_before_a_commit(hub: Hub, store: Store, tmp_path: Path) -> None:
    """What the store says was done is among the events even if the process is killed right after the commit."""
    path = tmp_path / "events.jsonl"
    at_commit: list[bytes] = []
    start = (Emit(1, "s", 1, {"sid": "s"}), Commit(1, ()))
    core = Told({Durable: lambda _envelope, _now_ns: (at_commit.append(path.read_bytes()), DONE)[1]}, at_start=start)
    run(hub, node_of(core, store=store, events=EventFile(path)))
    assert at_commit[0].startswith(b'{"kind":"signal"')


def test_without_events_file_nothing_is_written(hub: Hub) -> None:
    """Events cost nothing where nobody asked for them."""
    core = Told(at_start=(Emit(1, "s", 1, {}), Note("info", "said", {}), *DONE))
    node = node_of(core)
    run(hub, node)
    assert names_of(node)[0] == "said"
