"""Sockets: their settings, who is who, what is told when something goes wrong."""

import os
import signal
import socket as plain_socket
import subprocess
import sys
from itertools import count

import pytest
import zmq

from mesh import links
from mesh.errors import BadConfig, PortInUse
from mesh.io import peers
from mesh.io.hub import Hub
from mesh.io.peers import BAD_FRAMES_MAX
from mesh.io.sockets import FULL, GONE, SENT, Socket
from mesh.units import SECOND_NS
from tests.ports import free_base_port, takes
from tests.wire.rig import ANY_PORT, until

pytestmark = pytest.mark.wire


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="platform: abstract names are Linux' own")
KINDS_OF_ENDPOINT = ["tcp", pytest.param("ipc", marks=LINUX)]
NUMBERS = count(1)


def new_name() -> str:
    """An abstract name that nobody has."""
    return f"ipc://@trademesh-test-{os.getpid()}-{next(NUMBERS)}"


@pytest.fixture(params=KINDS_OF_ENDPOINT)
def anywhere(request: pytest.FixtureRequest) -> str:
    """Where to listen: a free port, a free name."""
    return ANY_PORT if request.param == "tcp" else new_name()


@pytest.fixture(params=KINDS_OF_ENDPOINT)
def nowhere(request: pytest.FixtureRequest) -> str:
    """Where nobody listens."""
    return "tcp://127.0.0.1:9" if request.param == "tcp" else new_name()


def joined(
    hub: Hub, other: Hub, link: str = links.LOCALS, kinds: tuple[str, str] = ("ROUTER", "DEALER"), endpoint: str = ANY_PORT
) -> tuple[Socket, Socket]:
    """A listening socket and one that is connected to it."""
    listener = hub.bind(link, kinds[0], endpoint)
    dialler = other.connect(link, kinds[1], listener.endpoint)
    until(lambda: dialler.changes(0), other)
    return listener, dialler


def take(socket: Socket, *hubs: Hub) -> tuple[int, tuple[bytes, ...]]:
    """The next message."""
    received = until(socket.receive_one, *hubs)
    assert isinstance(received, tuple)
    return received


KEEPALIVE = {"TCP_KEEPALIVE": 1, "TCP_KEEPALIVE_IDLE": 5, "TCP_KEEPALIVE_INTVL": 2, "TCP_KEEPALIVE_CNT": 3, "TCP_MAXRT": 5_000}
COMMON = {"LINGER": 0, "HANDSHAKE_IVL": 3_000, "HEARTBEAT_IVL": 0, "ROUTING_ID": b"", **KEEPALIVE}
BOUND = {"BACKLOG": 1_024, **COMMON}
DIALLED = {"CONNECT_TIMEOUT": 2_000, "RECONNECT_IVL_MAX": 0, **COMMON}


@pytest.mark.parametrize(
    ("link", "kind", "expected"),
    [
        (links.ORDERS, "PUB", {"SNDHWM": 100_000, "MAXMSGSIZE": 65_536}),
        (links.LOCALS, "ROUTER", {"SNDHWM": 1_000, "MAXMSGSIZE": 65_536}),
        (links.STATUS, "PULL", {"RCVHWM": 1_000}),
        (links.FRONT, "PUB", {"SNDHWM": 4_096}),
        (links.VENUE, "ROUTER", {"MAXMSGSIZE": 2_100_000}),
    ],
)
def test_settings_of_listening_sockets(hub: Hub, link: str, kind: str, expected: dict[str, int]) -> None:
    """A bound socket has the settings of its link: limits, keepalive, backlog, no heartbeats, no routing id of its own."""
    plain = hub.bind(link, kind, ANY_PORT)._plain
    assert {name: plain.get(getattr(zmq, name)) for name in {**BOUND, **expected}} == {**BOUND, **expected}


@pytest.mark.parametrize(
    ("link", "kind", "expected"),
    [
        (links.ORDERS, "SUB", {"RCVHWM": 0, "MAXMSGSIZE": 65_536}),
        (links.LOCALS, "DEALER", {"RCVHWM": 0, "IMMEDIATE": 1}),
        ("locals.1", "DEALER", {"RCVHWM": 0, "IMMEDIATE": 1, "SNDHWM": 1_000}),
        ("status.0", "PUSH", {"IMMEDIATE": 1, "SNDHWM": 1_000}),
        (links.REPLAY, "DEALER", {"SNDHWM": 10_000}),
    ],
)
def test_settings_of_dialling_sockets(hub: Hub, link: str, kind: str, expected: dict[str, int]) -> None:
    """A connecting socket has the settings of its link, and a pace of its own for dialling again."""
    plain = hub.connect(link, kind, "tcp://127.0.0.1:9")._plain
    assert {name: plain.get(getattr(zmq, name)) for name in {**DIALLED, **expected}} == {**DIALLED, **expected}
    assert 100 <= int(plain.get(zmq.RECONNECT_IVL)) <= 500


def test_port_in_use_names_its_holder(hub: Hub, other: Hub, anywhere: str) -> None:
    """A port or a name that is taken may be free soon: exit 75, which is tried again; the endpoint, the link, and who has it."""
    endpoint = hub.bind(links.LOCALS, "ROUTER", anywhere).endpoint
    with pytest.raises(PortInUse) as caught:
        other.bind(links.ORDERS, "PUB", endpoint)
    assert caught.value.exit_code == 75
    assert str(caught.value).startswith(f"{endpoint} (link orders) is in use by pid {os.getpid()} (")


def test_holder_unknown(hub: Hub) -> None:
    """A port that is taken but not listened on is told as well, without a name."""
    with plain_socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(PortInUse, match="is in use by a process this user may not see"):
            hub.bind(links.ORDERS, "PUB", f"tcp://127.0.0.1:{taken.getsockname()[1]}")


@pytest.mark.parametrize("endpoint", ["tcp://203.0.113.1:7410", "tcp://no-such-host.invalid:7410"])
def test_address_of_another_machine(hub: Hub, endpoint: str) -> None:
    """Listening at an address that is not this machine's says so, and which."""
    with pytest.raises(BadConfig, match=f"cannot listen at {endpoint}.*must be an address of this machine"):
        hub.bind(links.ORDERS, "PUB", endpoint)


def test_endpoint_that_cannot_be(hub: Hub) -> None:
    """Dialling what is no address at all says so."""
    with pytest.raises(BadConfig, match="cannot connect link orders to nonsense"):
        hub.connect(links.ORDERS, "SUB", "nonsense")


def test_ipv6(hub: Hub, other: Hub) -> None:
    """An endpoint in brackets is IPv6, on both sides."""
    try:
        listener = hub.bind(links.LOCALS, "ROUTER", "tcp://[::1]:0")
    except BadConfig:
        pytest.skip("platform: this machine has no IPv6")
    dialler = other.connect(links.LOCALS, "DEALER", listener.endpoint)
    until(lambda: dialler.changes(0), other)
    assert dialler.send(0, (b"x",)) == SENT
    assert take(listener, hub) == (1, (b"x",))


def test_peers_are_numbers(hub: Hub, other: Hub, anywhere: str) -> None:
    """Each connection of a ROUTER has a number, the answer to a number reaches that connection alone, bodies stay apart."""
    listener, first = joined(hub, other, endpoint=anywhere)
    second = other.connect(links.LOCALS, "DEALER", listener.endpoint)
    until(lambda: second.changes(0), other)
    first.send(0, (b"one",))
    assert take(listener, hub) == (1, (b"one",))
    second.send(0, (b"two", b"body"))
    assert take(listener, hub) == (2, (b"two", b"body"))
    assert listener.send(2, (b"for two", b"")) == SENT
    assert listener.send(1, (b"for one",)) == SENT
    assert take(first, other) == (0, (b"for one",))
    assert take(second, other) == (0, (b"for two", b""))
    assert first.receive_one() is None


def test_each_of_many_gets_its_own_head(hub: Hub, other: Hub, anywhere: str) -> None:
    """Sent to many at once: each has its own head and the common body; who is not there is named, and stops nobody behind it."""
    listener, first = joined(hub, other, endpoint=anywhere)
    second = other.connect(links.LOCALS, "DEALER", listener.endpoint)
    until(lambda: second.changes(0), other)
    for dialler in (first, second):
        dialler.send(0, (b"hello",))
        take(listener, hub)
    assert listener.send_each([1, 9, 2], [b"for one", b"for nobody", b"for two"], b"body") == [(9, GONE)]
    assert take(first, other) == (0, (b"for one", b"body"))
    assert take(second, other) == (0, (b"for two", b"body"))


def test_lost_peer_is_gone_for_good(hub: Hub, other: Hub, anywhere: str) -> None:
    """A send to a connection that was closed says GONE, again too; the same peer back is another number."""
    listener, dialler = joined(hub, other, endpoint=anywhere)
    dialler.send(0, (b"hello",))
    assert take(listener, hub)[0] == 1
    other.close()
    until(lambda: listener.send(1, (b"x",)) == GONE, hub)
    assert listener.send(1, (b"x",)) == GONE
    assert listener.send_each([1], [b"x"], b"body") == [(1, GONE)]
    back = Hub()
    again = back.connect(links.LOCALS, "DEALER", listener.endpoint)
    until(lambda: again.changes(0), back)
    again.send(0, (b"hello",))
    assert take(listener, hub)[0] == 2
    back.close()


def test_connection_to_itself_is_ended(hub: Hub, other: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who dials a port nobody has yet, and is given that one as its own, is not up, and leaves the port to who listens there."""
    port = free_base_port()
    address = f"127.0.0.1:{port}"
    dialler = other.connect(links.LOCALS, "DEALER", f"tcp://{address};{address}")
    # It dials thrice more and then no longer: a connection that came after the last look would keep the port, as any that was not reset.
    dials = [dialler.dial] * 3 + [lambda: None]
    monkeypatch.setattr(dialler, "dial", lambda: dials.pop(0)())
    until(lambda: dialler.changes(0) or not dials, other)
    assert not dialler.is_up
    with plain_socket.socket() as strict:  # without SO_REUSEADDR: what was reset leaves nothing behind
        until(lambda: takes(strict, port), other)
    hub.bind(links.LOCALS, "ROUTER", f"tcp://{address}")


def test_nothing_waits_for_a_peer_that_is_not_there(other: Hub, nowhere: str) -> None:
    """Without a connection a DEALER and a PUSH take nothing: what is sent now would arrive late."""
    for kind in ("DEALER", "PUSH"):
        dialler = other.connect(links.STATUS, kind, nowhere)
        assert dialler.send(0, (b"x",)) == FULL
        assert not dialler.is_up


def test_full_queue_is_told_and_not_waited_for(hub: Hub, anywhere: str) -> None:
    """A peer that reads nothing ends in FULL, at once, and keeps its number."""
    listener = hub.bind(links.LOCALS, "ROUTER", anywhere)
    context = zmq.Context()
    sleeper = context.socket(zmq.DEALER)
    for option in (zmq.RCVHWM, zmq.RCVBUF):
        sleeper.set(option, 1)
    sleeper.connect(listener.endpoint)
    sleeper.send(b"hello")
    peer, _ = take(listener, hub)
    results = [listener.send(peer, (bytes(60_000),)) for _ in range(2_000)]
    assert results[0] == SENT
    assert results[-1] == FULL
    assert GONE not in results
    assert listener.send_each([peer], [bytes(60_000)], b"body") == [(peer, FULL)]
    context.destroy(linger=0)


@pytest.mark.slow
def test_link_goes_down_and_comes_up(hub: Hub, other: Hub, anywhere: str) -> None:
    """A connecting socket tells when its connection is made, lost, and made again, once each."""
    listener, dialler = joined(hub, other, endpoint=anywhere)
    assert dialler.is_up
    hub.close()
    assert until(lambda: dialler.changes(0), other) == [False]
    back = Hub()
    back.bind(links.LOCALS, "ROUTER", listener.endpoint)
    assert until(lambda: dialler.changes(0), other) == [True]
    assert dialler.send(0, (b"right after",)) == SENT
    back.close()


@pytest.mark.parametrize(("bound", "kind"), [("ROUTER", "DEALER"), ("PUB", "SUB")])
def test_link_that_libzmq_gave_up_is_renewed(hub: Hub, other: Hub, bound: str, kind: str, anywhere: str) -> None:
    """After a message longer than allowed libzmq never dials again; ``renew`` does, waiting longer each time it is in vain."""
    listener, dialler = joined(hub, other, links.ORDERS, (bound, kind), anywhere)
    if bound == "ROUTER":
        dialler.send(0, (b"hello",))
        take(listener, hub)
    # Once to a ROUTER's peer, which is gone after it; again to a SUB, whose subscription may not have come yet.
    sent = [listener.send(1, (bytes(70_000),)) == SENT]

    def lost() -> list[bool]:
        if bound == "PUB":
            listener.send(0, (bytes(70_000),))
        return dialler.changes(7 * SECOND_NS)

    assert until(lost, other, hub) == [False]
    assert sent == [True]
    assert not dialler.renew(7 * SECOND_NS)
    assert dialler.renew(8 * SECOND_NS)
    assert until(lambda: dialler.changes(8 * SECOND_NS), other) == [True]
    assert not dialler.renew(1_000 * SECOND_NS)


def test_renewing_in_vain_slows_down(other: Hub, nowhere: str) -> None:
    """Each vain renewal waits twice as long as the one before, 32 s at most."""
    dialler = other.connect(links.LOCALS, "DEALER", nowhere)
    dialler._renew_at_ns = 0
    renewed = [at_s for at_s in range(130) if dialler.renew(at_s * SECOND_NS)]
    assert renewed == [0, 1, 3, 7, 15, 31, 63, 95, 127]


def test_dialling_that_goes_on_is_not_disturbed(other: Hub, nowhere: str) -> None:
    """While libzmq itself keeps trying nothing is renewed."""
    dialler = other.connect(links.LOCALS, "DEALER", nowhere)
    until(lambda: dialler.changes(SECOND_NS) or dialler._renew_at_ns < 2**62, other)
    assert not dialler.renew(8 * SECOND_NS)


def test_too_many_bad_frames(hub: Hub, other: Hub, anywhere: str) -> None:
    """After ten bad frames a peer's messages come without content; another peer is not concerned."""
    listener, bad = joined(hub, other, endpoint=anywhere)
    good = other.connect(links.LOCALS, "DEALER", listener.endpoint)
    until(lambda: good.changes(0), other)
    for _ in range(BAD_FRAMES_MAX):
        bad.send(0, (b"garbage",))
        peer, frames = take(listener, hub)
        assert frames == (b"garbage",)
        listener.peers.blame(peer)
    bad.send(0, (b"garbage",))
    assert take(listener, hub) == (peer, ())
    good.send(0, (b"fine",))
    assert take(listener, hub)[1] == (b"fine",)


def test_too_many_peers(hub: Hub, other: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more connections than may be remembered the one longest unheard is forgotten, and named."""
    monkeypatch.setattr(peers, "PEERS_MAX", 2)
    listener, first = joined(hub, other)
    diallers = [first, *(other.connect(links.LOCALS, "DEALER", listener.endpoint) for _ in range(2))]
    for dialler in diallers[1:]:
        until(lambda dialler=dialler: dialler.changes(0), other)
    for index in (0, 1, 0, 2):
        diallers[index].send(0, (b"x",))
        take(listener, hub)
    assert listener.peers.evicted() == [2]
    assert listener.peers.evicted() == []
    assert listener.send(2, (b"x",)) == GONE
    assert listener.send(1, (b"x",)) == SENT


def test_receive_takes_a_batch(hub: Hub, other: Hub, anywhere: str) -> None:
    """A batch has at most so many messages, in order; fewer mean that no more are there."""
    listener, dialler = joined(hub, other, endpoint=anywhere)
    for number in range(5):
        dialler.send(0, (bytes((number,)),))
    taken: list[bytes] = []
    while len(taken) < 5:
        batch = listener.receive(3)
        assert len(batch) <= 3
        taken += [frames[0] for _, frames in batch]
        hub.wait(5)
    assert taken == [bytes((number,)) for number in range(5)]
    assert listener.receive(3) == []
    assert not listener.pending()


def test_subscriber_gets_everything(hub: Hub, other: Hub, anywhere: str) -> None:
    """A SUB is subscribed to all from its connection on; one that is not there costs the publisher nothing."""
    publisher = hub.bind(links.FRONT, "PUB", anywhere)
    assert publisher.send(0, (b"nobody hears",)) == SENT
    subscriber = other.connect(links.FRONT, "SUB", publisher.endpoint)
    heard = until(lambda: publisher.send(0, (b"now", b"body")) == SENT and subscriber.receive_one(), hub, other)
    assert heard == (0, (b"now", b"body"))


@LINUX
def test_socket_listens_by_port_and_by_name(hub: Hub, other: Hub) -> None:
    """Peers of both are numbers of one ROUTER; it says its port, which is what others dial."""
    name = new_name()
    listener = hub.bind(links.LOCALS, "ROUTER", ANY_PORT, name)
    assert listener.endpoint.startswith("tcp://127.0.0.1:")
    diallers = [other.connect(links.LOCALS, "DEALER", endpoint) for endpoint in (name, listener.endpoint)]
    for number, dialler in enumerate(diallers, 1):
        until(lambda dialler=dialler: dialler.changes(0), other)
        dialler.send(0, (b"hello",))
        assert take(listener, hub) == (number, (b"hello",))
    assert listener.send_each([1, 2], [b"one", b"two"], b"body") == []
    assert [take(dialler, other)[1][0] for dialler in diallers] == [b"one", b"two"]


@LINUX
def test_name_that_is_taken_frees_the_port(hub: Hub, other: Hub) -> None:
    """Who cannot listen at all its endpoints listens at none, and can try again."""
    name, port = new_name(), f"tcp://127.0.0.1:{free_base_port()}"
    holder = hub.bind(links.LOCALS, "ROUTER", name)
    with pytest.raises(PortInUse, match=f"^{name} "):
        other.bind(links.LOCALS, "ROUTER", port, name)
    holder.close()
    assert until(lambda: bound(other, port, name), other).endpoint == port


def bound(hub: Hub, *endpoints: str) -> Socket | None:
    """A listening socket, where its endpoints are free by now: ZeroMQ closes in its own thread."""
    try:
        return hub.bind(links.LOCALS, "ROUTER", *endpoints)
    except PortInUse:
        return None


HOLDER = """
import sys
from mesh.io.hub import Hub
hub = Hub()
hub.bind("locals", "ROUTER", sys.argv[1])
print("bound", flush=True)
sys.stdin.read()
"""


@LINUX
def test_name_ends_with_its_process(hub: Hub) -> None:
    """A killed process leaves nothing that could be in the next one's way."""
    name = new_name()
    with subprocess.Popen([sys.executable, "-c", HOLDER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"bound\n"
        with pytest.raises(PortInUse, match=f"^{name} .* is in use by pid {process.pid} "):
            hub.bind(links.LOCALS, "ROUTER", name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert hub.bind(links.LOCALS, "ROUTER", name).endpoint == name
