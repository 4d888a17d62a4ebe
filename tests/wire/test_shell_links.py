"""The shell's links: lost and found connections, health, workers' pipes, neighbours in one process."""

import os

import pytest

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.core import (
    NOTHING,
    Effects,
    Envelope,
    FanOut,
    Halt,
    LinkDown,
    LinkUp,
    PeerLost,
    Send,
)
from mesh.io.hub import Hub
from mesh.io.node import PARTNERS_FROM
from mesh.io.sockets import SENT, Received
from mesh.messages.base import Msg
from mesh.messages.control import Ping, Pong
from mesh.messages.health import NodeHealth
from mesh.messages.orders import Order, Target
from mesh.units import MS_NS
from tests.message_values import sample_of
from tests.wire.rig import DONE, Told, asker, bind, connect, echo, fill, names_of, node_of, pair, ping_of, quietly, run, until

pytestmark = pytest.mark.wire


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


@pytest.mark.slow
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


def test_link_is_up_before_its_first_message(hub: Hub, other: Hub) -> None:
    """However the descriptors come, a core hears that a link is up before anything over it."""
    publisher = other.bind(links.ORDERS, "PUB", "tcp://127.0.0.1:0")
    core = Told({LinkUp: quietly, Ping: lambda _envelope, _now_ns: DONE})
    node = node_of(core)
    subscriber = connect(node, hub, links.ORDERS, "SUB", publisher)
    until(lambda: publisher.send(0, (encode(Ping("", 1)),)) == SENT and subscriber.pending(), other, hub)
    run(hub, node)
    assert core.messages == [LinkUp(), Ping("", 1)]


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
    assert [message.phase for message in core.messages] == ["READY", "DONE"], "one turn of health, and the change"


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


def test_fan_out_reaches_neighbours_and_others(hub: Hub, other: Hub) -> None:
    """Of one fan-out each peer gets its own target, one of the same process too; one that is gone is counted and told."""
    targets = [Target(f"account-{k}", k, "EURUSD", k) for k in (1, 2, 3)]
    router, local = Told(), Told({Order: lambda _envelope, _now_ns: DONE})
    listener, neighbour = node_of(router, "router-1"), node_of(local, "local-1")
    socket = bind(listener, hub, links.LOCALS)
    neighbour.join(links.LOCALS, listener, links.LOCALS)
    dialler = other.connect(links.LOCALS, "DEALER", socket.endpoint)
    until(lambda: dialler.changes(0), other)
    dialler.send(0, (encode(Ping("", 1)),))
    arrived: list[Received] = []

    def fan_out(envelope: Envelope, _now_ns: int) -> Effects:
        peers = [PARTNERS_FROM, envelope.peer, 77]
        return (FanOut(links.LOCALS, peers, Order(5, 6, b"o" * 16, targets, 9), b"body"),)

    def until_there(now_ns: int) -> Effects:
        router.deadline_ns = now_ns + MS_NS
        arrived.extend(dialler.receive(1))  # what is unread when its connection ends is lost
        return DONE if arrived else NOTHING

    router.on(Ping, fan_out)
    router.on(PeerLost, quietly)
    router.on_due, router.deadline_ns = until_there, 0
    assert run(hub, listener, neighbour) == 0
    (here,) = local.seen
    assert (here.message.targets, here.frames[1]) == ([targets[0]], b"body")
    ((_, (there, body)),) = arrived
    assert (decode_untrusted(there), body) == (Order(5, 6, b"o" * 16, [targets[1]], 9), b"body")
    assert router.seen[-1].peer == 77
    assert router.counters.totals["dropped_send_count"] == 1


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


def test_unknown_link_is_a_bug(hub: Hub) -> None:
    """A core that sends on a link it does not have is wrong, and told by name."""
    with pytest.raises(AssertionError, match="node-1 has no link 'nowhere'"):
        run(hub, node_of(Told(at_start=(Send("nowhere", 0, Ping("", 1)),))))
