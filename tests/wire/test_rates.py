"""A guest with a good key who says too much, on real sockets: he is dropped unread and written down, the rest are heard as ever."""

import pytest

from mesh.codec import encode
from mesh.io.hub import Hub
from mesh.io.sockets import Socket
from mesh.links import CONTROL
from mesh.messages.control import Ping, Signed
from mesh.messages.orders import GrantAsk
from mesh.rates import OVER_RATE, QUIET_NS, RATES, SILENCED, STOPS_BURST, SUSTAINED_NS
from mesh.units import SECOND_NS
from tests.wire.doorrig import HELLO, OTHERS, House, HouseAt, audited
from tests.wire.rig import Told, fill, node_of, quietly, running, until

pytestmark = pytest.mark.wire
ASK = GrantAsk("a1", 1, b"s", 1, 1)
PING = Ping("", 1)
PER_S, BURST = 5, 20


@pytest.fixture(autouse=True)
def _small_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test needs tens of messages and not tens of thousands."""
    for link in ("locals", "status", "control"):
        monkeypatch.setitem(RATES, link, (PER_S, BURST))


def flood(door: House, socket: Socket, raw: bytes, count: int) -> None:
    """Send the same again and again; returns when all of it has come in."""
    before = door.core.counters.totals.get("over_rate_count", 0) + len(door.core.taken)
    sent = 0
    while sent < count:
        if socket.send(0, (raw,)) == 0:
            sent += 1
        else:
            assert door.until(lambda: True)
    assert door.until(lambda: door.core.counters.totals.get("over_rate_count", 0) + len(door.core.taken) == before + count)


def over_rate_count(door: House) -> int:
    """Messages dropped because of a rate."""
    return door.core.counters.totals.get("over_rate_count", 0)


@pytest.mark.parametrize("link", ["locals", "status"])
def test_flood_of_a_guest_is_dropped_and_others_are_heard(house: HouseAt, link: str) -> None:
    """Where many connections share one queue and where peers are numbered: by his key, so that another's words come through at once."""
    door = house(link)
    flooding = door.knock(door.invite("local-1", "local", account="a1"))
    honest = door.knock(door.invite("local-2", "local", account="a2"))
    door.say(flooding, HELLO)
    door.say(honest, OTHERS)
    assert door.until(lambda: len(door.core.taken) == 2)
    flood(door, flooding, encode(ASK), 500)
    assert over_rate_count(door) == 501 - BURST
    door.core.taken.clear()
    for _ in range(BURST - 1):
        door.say(honest, OTHERS)
    assert door.until(lambda: len(door.core.taken) == BURST - 1)
    assert all(envelope.message == OTHERS for envelope in door.core.taken)
    rows = [record for record in audited(door) if record.why == OVER_RATE]
    assert [(record.link, record.name) for record in rows] == [(link, "local-1")]


def test_many_connections_of_one_key_have_one_rate(house: HouseAt) -> None:
    """Who opens ten has said no more than who opens one."""
    door = house("locals")
    keys = door.invite("local-1", "local", account="a1")
    sockets = [door.knock(keys) for _ in range(10)]
    for socket in sockets:
        door.say(socket, ASK)
    assert door.until(lambda: len(door.core.taken) == 10)
    for socket in sockets:
        flood(door, socket, encode(ASK), 20)
    assert len(door.core.taken) == BURST
    assert over_rate_count(door) == 210 - BURST


def test_operator_who_floods_on_is_read_no_more_until_he_is_quiet(house: HouseAt) -> None:
    """It is written down when it begins and when nothing of him is read any more; within his rate for ten seconds, he is heard again."""
    door = house("control.router")
    socket = door.knock(door.invite("desk", "operator", may=("trade",)))
    door.say(socket, PING)
    assert door.until(lambda: door.core.taken)
    for _ in range(SUSTAINED_NS // SECOND_NS + 1):
        flood(door, socket, encode(PING), 50)
        door.loop_ns += SECOND_NS
    assert [record.why for record in audited(door)] == [OVER_RATE, SILENCED]
    before = len(door.core.taken)
    flood(door, socket, encode(PING), 1)
    assert len(door.core.taken) == before, "though it is within his rate"
    door.loop_ns += QUIET_NS
    flood(door, socket, encode(PING), 1)
    assert len(door.core.taken) == before + 1


def test_node_that_floods_on_keeps_its_rate(house: HouseAt) -> None:
    """What it repeats until it is answered would else keep it silent for ever: what is beyond is dropped, and that is on record."""
    door = house("locals")
    socket = door.knock(door.invite("local-1", "local", account="a1"))
    door.say(socket, HELLO)
    assert door.until(lambda: door.core.taken)
    for _ in range(SUSTAINED_NS // SECOND_NS + 5):
        before = len(door.core.taken)
        flood(door, socket, encode(ASK), 50)
        assert len(door.core.taken) > before
        door.loop_ns += SECOND_NS
    assert [record.why for record in audited(door)] == [OVER_RATE]


def test_stop_comes_through_a_flood_of_its_own_key(house: HouseAt) -> None:
    """A script that runs wild holds up no FREEZE of the same operator: a few stops of each connection are read beyond the rate."""
    door = house("control.router")
    keys = door.invite("desk", "operator", may=("trade",))
    wild, console = door.knock(keys), door.knock(keys)
    door.say(wild, Ping("", 1))
    assert door.until(lambda: door.core.taken)
    flood(door, wild, encode(Ping("", 2)), 200)
    assert over_rate_count(door) == 201 - BURST
    stop = Signed(b"freeze", bytes(64))
    door.say(console, stop)
    assert door.until(lambda: door.core.taken[-1].message == stop)
    door.core.taken.clear()
    flood(door, wild, encode(stop), 100)
    assert len(door.core.taken) == STOPS_BURST, "a flood of stops is bounded too"
    assert {envelope.message for envelope in door.core.taken} == {stop}


def test_plain_links_have_no_rates(hub: Hub, other: Hub) -> None:
    """Inside one host nobody is known by a key, and many may share a connection."""
    node = node_of(Told({Ping: quietly}))
    fill(hub, other, node, CONTROL, ("ROUTER", "DEALER"), BURST * 5)
    with running(hub, node):
        until(lambda: len(node.core.messages) == BURST * 5, other)
    assert "over_rate_count" not in node.counters.totals
