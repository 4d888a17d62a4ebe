"""Garbage on every kind of socket: counted, dropped, and the node lives and still answers."""

import random
import socket as plain_socket

import pytest

from mesh import links
from mesh.codec import FRAME_BYTES_MAX, encode
from mesh.core import NOTHING, Effects, Envelope, LinkUp, Note, Send
from mesh.io.hub import Hub
from mesh.io.node import Node
from mesh.io.peers import BAD_FRAMES_MAX
from mesh.io.sockets import SENT, Socket
from mesh.messages.control import Ping, Pong
from tests.wire.rig import ANY_PORT, Notebook, Told, bind, connect, node_of, running, until

pytestmark = pytest.mark.wire

GARBAGE_COUNT = 300


def answering() -> Told:
    """Answers a Ping where that is possible: a PULL and a SUB have nobody to answer to."""

    def answer(envelope: Envelope, _now_ns: int) -> Effects:
        if envelope.link in (links.STATUS, links.ORDERS):
            return NOTHING
        return (Send(envelope.link, envelope.peer, Pong("node-1", "", envelope.message.nonce)),)

    return Told({Ping: answer})


def garbage(seed: int) -> list[bytes]:
    """Random bytes of all lengths, and what is nearly a message; none of it is one."""
    draw = random.Random(seed)
    whole = encode(Ping("account", 7))
    made = [b"", b"\x00", whole[:-1], whole + b"\x00", b"\x93\x6d\xa0\x01"[:2], b"\xdd\xff\xff\xff\xff", b"\x91" * 5_000]
    return made + [b"\xc1" + draw.randbytes(draw.randint(0, 3_000)) for _ in range(GARBAGE_COUNT - len(made))]


def pour(sender: Socket, hubs: tuple[Hub, ...], to_peer: int = 0) -> None:
    """Send all the garbage, waiting where a queue is full; every tenth of several frames."""
    for number, frame in enumerate(garbage(7)):
        frames = (frame, b"body", b"more") if number % 10 == 9 else (frame,)
        until(lambda frames=frames: sender.send(to_peer, frames) == SENT, *hubs)


def count_of(node: Node, name: str) -> int:
    return node.counters.totals.get(name, 0)


def test_garbage_at_a_router_socket(hub: Hub, other: Hub) -> None:
    """Of one peer's garbage ten are looked at and the rest dropped unread; another peer is answered as ever."""
    node = node_of(answering())
    listener = bind(node, hub, links.CONTROL)
    bad, good = (other.connect(links.CONTROL, "DEALER", listener.endpoint) for _ in range(2))
    with running(hub, node):
        pour(bad, (other,))
        until(lambda: good.send(0, (encode(Ping("", 5)),)) == SENT, other)
        answer = until(good.receive_one, other)
        until(lambda: count_of(node, "unread_frame_count") == GARBAGE_COUNT - BAD_FRAMES_MAX, other)
        bad.send(0, (encode(Ping("", 6)),))
        until(lambda: count_of(node, "unread_frame_count") == GARBAGE_COUNT - BAD_FRAMES_MAX + 1, other)
    assert answer == (0, (encode(Pong("node-1", "", 5)),))
    assert count_of(node, "bad_frame_count") == BAD_FRAMES_MAX
    assert node.core.messages == [Ping("", 5)]


def test_who_errs_less_often_is_read_on(hub: Hub, other: Hub) -> None:
    """One bad frame short of the limit a peer is still heard, with one more it is not: what it says of good does not make up for it."""
    node = node_of(answering())
    sender = other.connect(links.CONTROL, "DEALER", bind(node, hub, links.CONTROL).endpoint)
    with running(hub, node):
        for number in range(1, BAD_FRAMES_MAX):
            until(lambda: sender.send(0, (b"\xc1",)) == SENT, other)
            until(lambda number=number: sender.send(0, (encode(Ping("", number)),)) == SENT, other)
            assert until(sender.receive_one, other) == (0, (encode(Pong("node-1", "", number)),))
        sender.send(0, (b"\xc1",))
        sender.send(0, (encode(Ping("", 99)),))
        until(lambda: count_of(node, "unread_frame_count") == 1, other)
    assert node.core.messages == [Ping("", number) for number in range(1, BAD_FRAMES_MAX)]
    assert count_of(node, "bad_frame_count") == BAD_FRAMES_MAX


def test_who_was_dropped_may_come_again(hub: Hub, other: Hub) -> None:
    """A new connection is a new peer: it is heard, and has ten bad frames of its own; the old one stays unread, whoever else errs."""
    node = node_of(answering())
    endpoint = bind(node, hub, links.CONTROL).endpoint
    dropped = other.connect(links.CONTROL, "DEALER", endpoint)
    with running(hub, node):
        pour(dropped, (other,))
        until(lambda: count_of(node, "unread_frame_count") == GARBAGE_COUNT - BAD_FRAMES_MAX, other)
        again = other.connect(links.CONTROL, "DEALER", endpoint)
        until(lambda: again.send(0, (encode(Ping("", 5)),)) == SENT, other)
        assert until(again.receive_one, other) == (0, (encode(Pong("node-1", "", 5)),))
        pour(again, (other,))
        until(lambda: count_of(node, "unread_frame_count") == 2 * (GARBAGE_COUNT - BAD_FRAMES_MAX), other)
        dropped.send(0, (encode(Ping("", 6)),))
        until(lambda: count_of(node, "unread_frame_count") == 2 * (GARBAGE_COUNT - BAD_FRAMES_MAX) + 1, other)
    assert count_of(node, "bad_frame_count") == 2 * BAD_FRAMES_MAX
    assert node.core.messages == [Ping("", 5)]


def test_frames_above_the_limit_end_their_connection_alone(hub: Hub, other: Hub) -> None:
    """What is longer than MAXMSGSIZE is never taken in: its sender is cut off and may come again, its neighbour notices nothing."""
    node = node_of(answering())
    endpoint = bind(node, hub, links.CONTROL).endpoint
    huge, good = (other.connect(links.CONTROL, "DEALER", endpoint) for _ in range(2))
    changed: list[bool] = []
    with running(hub, node):
        for number in range(1, 6):
            until(lambda: huge.send(0, (bytes(FRAME_BYTES_MAX + 1),)) == SENT, other)
            until(lambda number=number: good.send(0, (encode(Ping("", number)),)) == SENT, other)
            assert until(good.receive_one, other) == (0, (encode(Pong("node-1", "", number)),))
            until(lambda number=number: changed.extend(huge.changes(0)) or changed.count(False) == number, other)
        until(lambda: huge.send(0, (encode(Ping("", 77)),)) == SENT, other)
        assert until(huge.receive_one, other) == (0, (encode(Pong("node-1", "", 77)),))
    assert count_of(node, "bad_frame_count") == 0


@pytest.mark.parametrize(
    ("link", "node_kind", "foreign_kind"),
    [(links.STATUS, "PULL", "PUSH"), (links.ORDERS, "SUB", "PUB"), (links.MARKET, "DEALER", "ROUTER")],
)
def test_garbage_at_the_other_kinds(hub: Hub, other: Hub, link: str, node_kind: str, foreign_kind: str) -> None:
    """A PULL, a SUB and a DEALER, which cannot tell peers apart, count every piece of garbage, and take what comes after it."""
    node = node_of(answering())
    if node_kind == "PULL":
        foreign = other.connect(link, foreign_kind, bind(node, hub, link, node_kind).endpoint)
    else:
        foreign = other.bind(link, foreign_kind, ANY_PORT)
        connect(node, hub, link, node_kind, foreign)
    to_peer = 0
    hello = encode(Ping("hello", 1))
    if node_kind == "DEALER":  # a ROUTER knows its peer when it has spoken
        node.core.on(LinkUp, lambda _envelope, _now_ns: (Send(link, 0, Ping("", 1)),))
        to_peer = 1
    with running(hub, node):
        if node_kind == "DEALER":
            until(foreign.receive_one, other)
        if node_kind == "SUB":
            until(lambda: foreign.send(0, (hello,)) == SENT and node.core.seen, other)
        pour(foreign, (other,), to_peer)
        until(lambda: foreign.send(to_peer, (encode(Ping("last", 2)),)) == SENT, other)
        until(lambda: node.core.seen and node.core.seen[-1].message == Ping("last", 2), other)
    assert count_of(node, "bad_frame_count") == GARBAGE_COUNT
    assert count_of(node, "unread_frame_count") == 0


RAW = {
    "nothing": b"",
    "text": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "greeting cut short": b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03",
    "greeting of an unknown mechanism": b"\xff" + bytes(8) + b"\x7f\x03\x00WRONG" + bytes(47),
    "greeting, then noise": b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48) + b"\x04\xff\xff\xff\xff\xff\xff\xff\xff" + b"z" * 99,
    "old greeting, then noise": b"\x01\x00" + b"\x7e\xff" * 200,
    "noise": random.Random(1).randbytes(5_000),
}


@pytest.mark.parametrize(("link", "kind"), [(links.CONTROL, "ROUTER"), (links.STATUS, "PULL"), (links.ORDERS, "PUB")])
def test_raw_tcp_garbage(hub: Hub, other: Hub, link: str, kind: str) -> None:
    """Bytes that are no ZeroMQ at all, and connections that say nothing, disturb neither the socket nor its neighbours."""
    node = node_of(answering())
    endpoints = [bind(node, hub, link, kind).endpoint]
    if link != links.CONTROL:
        endpoints.append(bind(node, hub, links.CONTROL).endpoint)
    ports = [int(endpoint.rsplit(":", 1)[1]) for endpoint in endpoints]
    good = other.connect(links.CONTROL, "DEALER", endpoints[-1])
    with running(hub, node):
        held = [plain_socket.create_connection(("127.0.0.1", port)) for port in ports for _ in range(5 * len(RAW))]
        for number, connection in enumerate(held):
            connection.sendall(list(RAW.values())[number % len(RAW)])
            if number % 3 == 0:
                connection.close()
        until(lambda: good.send(0, (encode(Ping("", 9)),)) == SENT, other)
        answer = until(good.receive_one, other)
        for connection in held:
            connection.close()
    assert answer == (0, (encode(Pong("node-1", "", 9)),))
    assert Ping("", 9) in node.core.messages


def test_log_is_not_flooded(hub: Hub, other: Hub) -> None:
    """Of endless garbage the log explains the first pieces, then one of many."""
    node = node_of(answering())
    pusher = other.connect(links.STATUS, "PUSH", bind(node, hub, links.STATUS, "PULL").endpoint)
    with running(hub, node):
        for _ in range(1_200):
            until(lambda: pusher.send(0, (b"\xc1",)) == SENT, other)
        until(lambda: count_of(node, "bad_frame_count") == 1_200, other)
    assert isinstance(node.log, Notebook)
    explained: list[Note] = [note for note in node.log.notes if note.name == "bad_frame"]
    assert [note.fields["count_so_far"] for note in explained] == [*range(1, 11), 1_000]
    assert explained[0].fields["link"] == links.STATUS
