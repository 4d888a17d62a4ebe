"""The shell on real sockets: order, time, disk, stopping, and what it tells its cores."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh import links
from mesh.codec import encode
from mesh.core import (
    NOTHING,
    Commit,
    Durable,
    Effects,
    Emit,
    Envelope,
    Fetch,
    Fetched,
    Halt,
    LinkDown,
    LinkUp,
    Note,
    PeerLost,
    Put,
    Send,
    Stop,
)
from mesh.errors import StoreFailed
from mesh.io import shell as shell_module
from mesh.io.eventfile import EventFile
from mesh.io.node import BATCH_COUNT, Node
from mesh.io.shell import Shell
from mesh.io.sockets import Hub
from mesh.io.store import Store, create
from mesh.messages.base import Msg
from mesh.messages.control import Ping, Pong
from mesh.messages.health import NodeHealth
from mesh.messages.orders import Order
from mesh.units import MS_NS, NEVER, SECOND_NS
from tests.message_values import sample_of
from tests.wire.rig import DONE, Told, bind, connect, names_of, node_of, run, until

pytestmark = pytest.mark.wire


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The hub of the shell, which closes it."""
    return Hub()


@pytest.fixture
def other() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that its shell closes."""
    return create(tmp_path / "node-1.db", "demo", "node-1")


def quietly(_envelope: Envelope, _now_ns: int) -> Effects:
    return NOTHING


def ping_of(number: int) -> Send:
    return Send(links.CONTROL, 0, Ping("", number))


def echo() -> Told:
    """Answers each Ping with a Pong of its number, and ends with number 0."""

    def answer(envelope: Envelope, _now_ns: int) -> Effects:
        assert isinstance(envelope.message, Ping)
        pong = Send(envelope.link, envelope.peer, Pong("echo", "", envelope.message.nonce))
        return (pong, *DONE) if envelope.message.nonce == 0 else (pong,)

    return Told({Ping: answer})


def asker(count: int) -> Told:
    """Pings ``count`` times, one after the other; the last has number 0."""

    def after(envelope: Envelope, _now_ns: int) -> Effects:
        assert isinstance(envelope.message, Pong)
        number = envelope.message.nonce
        return (ping_of(number - 1),) if number else DONE

    return Told({LinkUp: lambda _envelope, _now_ns: (ping_of(count - 1),), Pong: after})


def pair(hub: Hub, there: Told, here: Told) -> tuple[Node, Node]:
    """``here`` dials ``there`` over TCP, both in one process, each with its own sockets."""
    listener, dialler = node_of(there, "there"), node_of(here, "here")
    connect(dialler, hub, links.CONTROL, "DEALER", bind(listener, hub, links.CONTROL))
    return listener, dialler


@pytest.mark.parametrize("idle", ["wait", "yield", "spin"])
def test_messages_go_there_and_back(hub: Hub, idle: str) -> None:
    """Five hundred questions get their answers in order, however the shell spends its idle time, and no wake-up is missed."""
    there, here = echo(), asker(500)
    nodes = pair(hub, there, here)
    assert run(hub, *nodes, idle=idle) == 0
    assert [message.nonce for message in here.messages if isinstance(message, Pong)] == list(range(499, -1, -1))
    for core in (there, here):
        assert "rescued_wakeup_count" not in core.counters.totals
        assert "unhandled_count" not in core.counters.totals


def test_every_message_crosses_the_wire(hub: Hub) -> None:
    """A message, the number of its peer and its raw bytes reach the core as they were sent."""
    order = sample_of(Order)
    raw_body = b"\x91body"
    there = Told({Order: lambda _envelope, _now_ns: DONE})
    here = Told({LinkUp: lambda _envelope, _now_ns: (Send(links.CONTROL, 0, order, raw_body), *DONE)})
    run(hub, *pair(hub, there, here))
    (envelope,) = there.seen
    assert (envelope.link, envelope.peer, envelope.message) == (links.CONTROL, 1, order)
    assert len(envelope.frames) == 2
    assert envelope.frames[1] == raw_body


def fill(hub: Hub, other: Hub, node: Node, link: str, kinds: tuple[str, str], messages: int) -> None:
    """Have messages wait at a link of a node that does not run yet."""
    listener = bind(node, hub, link, kinds[0])
    dialler = other.connect(link, kinds[1], listener.endpoint)
    until(lambda: dialler.changes(0), other)
    for number in range(messages):
        dialler.send(0, (encode(Ping(link, number)),))
    # One connection keeps its order: once the last has come all are there.
    last = other.connect(link, kinds[1], listener.endpoint)
    until(lambda: last.changes(0), other)
    until(listener.pending, hub)


def test_control_comes_first(hub: Hub, other: Hub) -> None:
    """Of what waits at one moment control is read first, then orders, then status, whatever came first."""
    core = Told({Ping: quietly})
    node = node_of(core)
    kinds = {links.STATUS: ("PULL", "PUSH"), links.LOCALS: ("ROUTER", "DEALER"), links.CONTROL: ("ROUTER", "DEALER")}
    for link in kinds:
        fill(hub, other, node, link, kinds[link], 1)
    core.on(Ping, lambda _envelope, _now_ns: DONE if len(core.seen) == 3 else NOTHING)
    run(hub, node)
    assert [envelope.link for envelope in core.seen] == [links.CONTROL, links.LOCALS, links.STATUS]


def test_no_link_starves_another(hub: Hub, other: Hub) -> None:
    """After a batch from one link the others have their turn, though it has more."""
    core = Told()
    node = node_of(core)
    fill(hub, other, node, links.LOCALS, ("ROUTER", "DEALER"), 3 * BATCH_COUNT)
    fill(hub, other, node, links.STATUS, ("PULL", "PUSH"), 1)
    core.on(Ping, lambda _envelope, _now_ns: DONE if len(core.seen) == 3 * BATCH_COUNT + 1 else NOTHING)
    run(hub, node)
    order = [envelope.link for envelope in core.seen]
    assert order.index(links.STATUS) <= 2 * BATCH_COUNT
    numbers = [envelope.message.nonce for envelope in core.seen if envelope.link == links.LOCALS]
    assert numbers == list(range(3 * BATCH_COUNT))


def test_one_transaction_for_what_came_together(hub: Hub, other: Hub, store: Store) -> None:
    """Commits of one pass are one transaction; each is told Durable, in order, before anything that waits for it is sent."""
    core = Told()
    node = node_of(core, store=store)
    fill(hub, other, node, links.LOCALS, ("ROUTER", "DEALER"), 10)

    def keep(envelope: Envelope, _now_ns: int) -> Effects:
        number = envelope.message.nonce + 1
        return (Commit(number, (Put("line", bytes((number,)), b"x"),)),)

    def durable(envelope: Envelope, _now_ns: int) -> Effects:
        assert len(store.fetch("line", b"", 100)) == 10
        return DONE if envelope.message.token == 10 else NOTHING

    core.on(Ping, keep)
    core.on(Durable, durable)
    run(hub, node)
    assert [message.token for message in core.messages if isinstance(message, Durable)] == list(range(1, 11))
    assert {envelope.link for envelope in core.seen if isinstance(envelope.message, Durable)} == {links.STORE}
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


def test_recovery_comes_before_anything_else(hub: Hub, tmp_path: Path) -> None:
    """At start a core gets its stored rows, archives left out, before its first message."""
    store = create(tmp_path / "a.db", "demo", "a")
    store.commit([Put("line", b"k", b"v"), Put("_old", b"k", b"v")])
    core = Told(at_start=DONE)
    run(hub, node_of(core, store=store))
    assert core.rows == [("line", b"k", b"v")]


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


def test_deadline_is_kept(hub: Hub) -> None:
    """A core is called when its deadline has passed, not before, and not late."""
    core = Told()
    called: list[tuple[int, int]] = []

    def due(now_ns: int) -> Effects:
        called.append((core.deadline_ns, now_ns))
        core.deadline_ns = now_ns + 3 * MS_NS
        return DONE if len(called) == 5 else NOTHING

    core.on_due = due
    core.deadline_ns = 0
    run(hub, node_of(core))
    assert len(called) == 5
    assert all(deadline_ns <= now_ns < deadline_ns + SECOND_NS for deadline_ns, now_ns in called[1:])


def test_deadline_is_kept_under_load(hub: Hub) -> None:
    """Messages that never end do not keep a deadline from being called."""
    there, here = Told(), asker(1_000_000_000)

    def answer(envelope: Envelope, now_ns: int) -> Effects:
        there.deadline_ns = min(there.deadline_ns, now_ns + 20 * MS_NS)
        return (Send(envelope.link, envelope.peer, Pong("there", "", 10)),)

    there.on(Ping, answer)
    there.on_due = lambda _now_ns: (Halt(70, "deadline"),)
    assert run(hub, *pair(hub, there, here)) == 70
    assert len(there.seen) > 10


def test_earlier_deadline_moves_the_timer(hub: Hub) -> None:
    """A deadline set nearer while a later one is armed is kept."""
    core = Told(at_start=())
    core.deadline_ns = NEVER - 1
    core.on_due = lambda _now_ns: DONE
    node = node_of(core)

    def nearer(_envelope: Envelope, now_ns: int) -> Effects:
        core.deadline_ns = now_ns + MS_NS
        return NOTHING

    core.on(Stop, nearer)
    shell = Shell(hub, takes_signals=False)
    shell.add(node)
    shell.every(1, shell.stop)
    assert shell.run() == 0


def test_stop_is_a_message(hub: Hub) -> None:
    """Asked to stop, a core gets Stop and ends when it is done; one that does not know Stop ends at once."""

    def later(_envelope: Envelope, now_ns: int) -> Effects:
        drainer.deadline_ns = now_ns + MS_NS
        return NOTHING

    drainer, plain = Told({Stop: later}), Told()
    drainer.on_due = lambda _now_ns: (Halt(0, "drained"),)
    nodes = [node_of(drainer), node_of(plain)]
    shell = Shell(hub, takes_signals=False)
    for node in nodes:
        shell.add(node)
    shell.every(1, shell.stop)
    assert shell.run() == 0
    assert [envelope.link for envelope in drainer.seen] == [links.SHELL]
    assert [node.halt for node in nodes] == [Halt(0, "drained"), Halt(0, "asked to stop")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_ask_to_stop(hub: Hub, number: signal.Signals) -> None:
    """SIGTERM and SIGINT become Stop."""
    before = signal.getsignal(number)
    core = Told({Stop: lambda _envelope, _now_ns: DONE})
    core.deadline_ns = 0

    def send_signal(_now_ns: int) -> Effects:
        core.deadline_ns = NEVER
        os.kill(os.getpid(), number)
        return NOTHING

    core.on_due = send_signal
    assert run(hub, node_of(core), takes_signals=True) == 0
    assert core.messages == [Stop()]
    assert signal.getsignal(number) == before


def test_core_that_never_ends_is_ended(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that does not come to its end in the time to drain and a little is ended, and the log says so."""
    monkeypatch.setattr(shell_module, "HARD_STOP_MS", 1)
    core = Told({Stop: quietly})
    node = node_of(core)
    shell = Shell(hub, takes_signals=False, drain_ms=1)
    shell.add(node)
    shell.every(1, shell.stop)
    assert shell.run() == 0
    assert "drain_cut_short" in names_of(node)


def test_exit_code_of_the_first_that_failed(hub: Hub) -> None:
    """A core that halts with a code other than 0 ends the process with it, the others with it."""
    fenced, fine = Told(at_start=(Halt(70, "another epoch"),)), Told({Stop: quietly})
    node = node_of(fenced)
    assert run(hub, node, node_of(fine)) == 70
    assert "halted" in names_of(node)


def test_halted_core_gets_nothing_more(hub: Hub) -> None:
    """Once halted a core is left alone while its neighbours go on."""
    there = Told({Ping: lambda envelope, _now_ns: (Send(envelope.link, envelope.peer, Pong("there", "", 1)), *DONE)})

    def answered(_envelope: Envelope, now_ns: int) -> Effects:
        here.deadline_ns = now_ns + 5 * MS_NS
        return (ping_of(2), ping_of(3))

    here = Told({LinkUp: lambda _envelope, _now_ns: (ping_of(1),), Pong: answered})
    here.on_due = lambda _now_ns: DONE
    run(hub, *pair(hub, there, here))
    assert there.messages == [Ping("", 1)]


def test_bug_in_a_core_ends_the_process(hub: Hub) -> None:
    """What a core raises is not swallowed: the process ends with it, and none of its other messages is handled."""

    def fail(_envelope: Envelope, _now_ns: int) -> Effects:
        raise AssertionError("impossible")

    there, here = Told({Ping: fail}), Told({LinkUp: lambda _envelope, _now_ns: (ping_of(1), ping_of(2), ping_of(3))})
    with pytest.raises(AssertionError, match="impossible"):
        run(hub, *pair(hub, there, here))
    assert len(there.seen) == 1


def test_unknown_link_is_a_bug(hub: Hub) -> None:
    """A core that sends on a link it does not have is wrong, and told by name."""
    with pytest.raises(AssertionError, match="node-1 has no link 'nowhere'"):
        run(hub, node_of(Told(at_start=(Send("nowhere", 0, Ping("", 1)),))))


def test_lost_peer_is_told(hub: Hub, other: Hub) -> None:
    """A core that sends to a connection that is gone gets PeerLost with its number, and the send is counted."""
    core = Told({PeerLost: lambda _envelope, _now_ns: DONE})
    node = node_of(core)
    fill(hub, other, node, links.LOCALS, ("ROUTER", "DEALER"), 1)

    def leave(envelope: Envelope, now_ns: int) -> Effects:
        other.close()
        core.deadline_ns = now_ns
        return NOTHING

    def call(now_ns: int) -> Effects:
        core.deadline_ns = now_ns + MS_NS
        return (Send(links.LOCALS, 1, Ping("", 1)),)

    core.on(Ping, leave)
    core.on_due = call
    run(hub, node)
    assert (core.seen[-1].link, core.seen[-1].peer, core.seen[-1].message) == (links.LOCALS, 1, PeerLost())
    assert core.counters.totals["dropped_send_count"] >= 1


def test_link_down_and_up_are_told(hub: Hub, other: Hub) -> None:
    """A core is told when the connection of a link it dials is made, lost and made again."""
    listener = other.bind(links.MARKET, "ROUTER", "tcp://127.0.0.1:0")
    back = Hub()

    def down(_envelope: Envelope, _now_ns: int) -> Effects:
        back.bind(links.MARKET, "ROUTER", listener.endpoint)
        return NOTHING

    def up(_envelope: Envelope, _now_ns: int) -> Effects:
        if len(core.seen) == 3:
            return DONE
        other.close()
        return NOTHING

    core = Told({LinkUp: up, LinkDown: down})
    node = node_of(core)
    connect(node, hub, links.MARKET, "DEALER", listener)
    run(hub, node)
    back.close()
    assert [(envelope.link, envelope.message) for envelope in core.seen] == [
        (links.MARKET, LinkUp()),
        (links.MARKET, LinkDown()),
        (links.MARKET, LinkUp()),
    ]


def test_send_without_a_connection_is_counted(hub: Hub, other: Hub) -> None:
    """What cannot be sent now is dropped and counted, never queued; the core is not disturbed."""
    core = Told(at_start=(Send(links.MARKET, 0, Ping("", 1)), *DONE))
    node = node_of(core)
    node.add_socket(links.MARKET, hub.connect(links.MARKET, "DEALER", "tcp://127.0.0.1:9"))
    run(hub, node)
    assert core.counters.totals["dropped_send_count"] == 1


def test_message_too_long_is_not_sent(hub: Hub) -> None:
    """A message over the limit of a frame would cost the peer its connection: it is noted as an error and not sent."""
    there = Told({Ping: lambda _envelope, _now_ns: DONE})
    here = Told({LinkUp: lambda _envelope, _now_ns: (Send(links.CONTROL, 0, Ping("x" * 70_000, 1)), ping_of(2), *DONE)})
    nodes = pair(hub, there, here)
    run(hub, *nodes)
    assert there.messages == [Ping("", 2)]
    assert "message_too_long" in names_of(nodes[1])


def test_health_reaches_the_router(hub: Hub) -> None:
    """A node's health goes to its router over STATUS, a router's own straight to its core, with counters, facts and phase."""
    router, local = Told(), Told()
    router_node, local_node = node_of(router, "router-1"), node_of(local, "local-1")
    connect(local_node, hub, "status.0", "PUSH", bind(router_node, hub, links.STATUS, "PULL"))
    local_node.health_links.append("status.0")
    local.counters.add("tick_count", 3)

    def heard(envelope: Envelope, _now_ns: int) -> Effects:
        both = {message.node for message in router.messages} >= {"router-1", "local-1"}
        return (Halt(70, "both heard"),) if both else NOTHING

    router.on(NodeHealth, heard)
    assert run(hub, router_node, local_node, health_ms=10) == 70
    health = next(message for message in router.messages if message.node == "local-1")
    assert (health.pid, health.phase, health.facts) == (os.getpid(), "READY", {"word": "READY"})
    assert health.counters["tick_count"] == 3
    assert health.rss_bytes > 1_000_000
    own = next(envelope for envelope in router.seen if envelope.message.node == "router-1")
    assert (own.link, own.peer, len(own.frames)) == (links.STATUS, 0, 1)


def test_new_phase_is_published_at_once(hub: Hub) -> None:
    """A change of phase does not wait for the next turn of health."""
    core = Told()
    node = node_of(core)
    bind(node, hub, links.STATUS, "PULL")

    def heard(_envelope: Envelope, _now_ns: int) -> Effects:
        core.phase_word = "DONE"
        return DONE if [message.phase for message in core.messages] == ["READY", "DONE"] else NOTHING

    core.on(NodeHealth, heard)
    run(hub, node, health_ms=3_600_000)


def test_garbage_collector_rests(hub: Hub) -> None:
    """While nodes run the oldest generation is frozen and not collected by chance; afterwards all is as before."""
    before = gc.get_threshold()
    during: list[tuple[int, int]] = []
    core = Told()
    core.deadline_ns = 0
    core.on_due = lambda _now_ns: (during.append((gc.get_freeze_count(), gc.get_threshold()[2])), DONE)[1]
    run(hub, node_of(core))
    assert during[0][0] > 1_000
    assert during[0][1] > 100_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


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


class Loopback:
    """An attachment that answers through a pipe, and changes to a new pipe half-way, as a new worker has one."""

    def __init__(self) -> None:
        self.acts: list[str] = []
        self._pipe = os.pipe()
        self._answers: list[Msg] = []

    def fileno(self) -> int:
        return self._pipe[0]

    def started(self) -> None:
        self.acts.append("started")

    def send(self, message: Msg) -> None:
        assert isinstance(message, Ping)
        if message.nonce == 2:
            for descriptor in self._pipe:
                os.close(descriptor)
            self._pipe = os.pipe()
        self._answers.append(Pong("worker", "", message.nonce))
        os.write(self._pipe[1], b"x")

    def receive(self) -> list[Msg]:
        if self._answers:
            os.read(self._pipe[0], 100)
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        self.acts.append("closed")
        for descriptor in self._pipe:
            os.close(descriptor)


def test_attachment_is_a_link(hub: Hub) -> None:
    """What is no socket is a link like any other: started, sent to, received from, closed; also after its pipe changed."""
    attachment = Loopback()

    def answered(envelope: Envelope, _now_ns: int) -> Effects:
        number = envelope.message.nonce
        return DONE if number == 4 else (Send(links.WORKER, 0, Ping("", number + 1)),)

    core = Told({Pong: answered}, at_start=(Send(links.WORKER, 0, Ping("", 1)),))
    node = node_of(core)
    node.attach(links.WORKER, attachment)
    run(hub, node)
    assert [(envelope.link, envelope.message.nonce) for envelope in core.seen] == [(links.WORKER, n) for n in (1, 2, 3, 4)]
    assert attachment.acts == ["started", "closed"]


def test_neighbours_talk_without_sockets(hub: Hub) -> None:
    """Nodes of one process answer each other directly, with the same messages, numbers and bytes as over TCP."""
    there, here = echo(), asker(200)
    listener, dialler = node_of(there, "there"), node_of(here, "here")
    bind(listener, hub, links.CONTROL)
    dialler.join(links.CONTROL, listener, links.CONTROL)
    assert run(hub, listener, dialler) == 0
    assert type(here.messages[0]) is LinkUp
    assert [message.nonce for message in here.messages[1:]] == list(range(199, -1, -1))
    first = there.seen[0]
    assert first.peer > 0
    assert first.frames
    assert "dropped_send_count" not in here.counters.totals


def test_neighbours_share_no_list(hub: Hub) -> None:
    """A message handed over directly is a copy: no two cores hold the same list."""
    order = sample_of(Order)
    there = Told({Order: lambda _envelope, _now_ns: DONE})
    here = Told({LinkUp: lambda _envelope, _now_ns: (Send(links.LOCALS, 0, order, b"body"), *DONE)})
    listener, dialler = node_of(there, "there"), node_of(here, "here")
    bind(listener, hub, links.LOCALS)
    dialler.join(links.LOCALS, listener, links.LOCALS)
    run(hub, listener, dialler)
    (envelope,) = there.seen
    assert envelope.message == order
    assert envelope.message.targets is not order.targets
    assert envelope.frames[1] == b"body"


def test_publisher_reaches_neighbours_and_others(hub: Hub, other: Hub) -> None:
    """What a PUB sends reaches subscribers in the same process and those on the network."""
    master, router = Told(), Told()
    master_node, router_node = node_of(master, "master-1"), node_of(router, "router-1")
    publisher = bind(master_node, hub, links.ORDERS, "PUB")
    router_node.join(links.ORDERS, master_node, links.ORDERS)
    subscriber = other.connect(links.ORDERS, "SUB", publisher.endpoint)
    until(lambda: subscriber.changes(0), other)
    master.deadline_ns = 0

    def publish(now_ns: int) -> Effects:
        master.deadline_ns = now_ns + MS_NS
        return (Halt(70, "heard"),) if subscriber.pending() else (Send(links.ORDERS, 0, Ping("", 1)),)

    master.on_due = publish
    router.on(Ping, quietly)
    assert run(hub, master_node, router_node) == 70
    assert router.messages[0] == Ping("", 1)
    assert (router.seen[0].link, router.seen[0].peer) == (links.ORDERS, 0)


def test_chatting_neighbours_shut_nobody_out(hub: Hub, other: Hub) -> None:
    """Two nodes that answer each other for ever without a socket do not keep a third from its own."""
    there, here = echo(), asker(1_000_000_000)
    listener, dialler = node_of(there, "there"), node_of(here, "here")
    bind(listener, hub, links.LOCALS)
    dialler.join(links.CONTROL, listener, links.LOCALS)
    third = Told({Ping: lambda _envelope, _now_ns: (Halt(70, "heard"),)})
    third_node = node_of(third, "third")
    fill(hub, other, third_node, links.CONTROL, ("ROUTER", "DEALER"), 1)
    assert run(hub, listener, dialler, third_node) == 70
