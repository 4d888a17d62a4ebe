"""The wires between hosts of a test: what they carry is late and partly lost, what is cut does not arrive, and all is gone afterwards."""

import os
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.netns import NotPermitted
from tests.chaos.wires import PacketWires, StreamWires, Way, both_ways, wires_between

pytestmark = pytest.mark.wire
PORT = 7_410
LIMIT_S = 5.0
HOSTS = ("here", "there")
DELAYS_S = {("here", "there"): 0.03, ("there", "here"): 0.06}


@pytest.fixture
def wires() -> Iterator[PacketWires]:
    """Two hosts; every fourth packet from here to there is lost."""
    try:
        made = PacketWires(HOSTS, lambda one, other: Way(DELAYS_S[one, other], 0.25 if one == "here" else 0), 7)
    except NotPermitted as error:
        pytest.skip(f"platform: {error}")
    yield made
    made.close()


def mouth(wires: PacketWires, host: str) -> socket.socket:
    """A socket for datagrams of that host."""
    with wires.inside(host):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((wires.addresses[host], PORT))
    return made


def heard(ear: socket.socket, limit_s: float) -> bytes:
    """The next datagram; nothing where none comes in time."""
    return ear.recv(100) if select.select([ear], [], [], limit_s)[0] else b""


def test_datagrams_are_late_lost_and_cut_by_direction(wires: PacketWires) -> None:
    """Each way has its own delay; a quarter is lost one way and nothing the other; cut one way, the other still speaks; healed, all do."""
    with mouth(wires, "here") as here, mouth(wires, "there") as there:
        began_s = time.monotonic()
        there.sendto(b"late", (wires.addresses["here"], PORT))
        assert heard(here, LIMIT_S) == b"late"
        assert time.monotonic() - began_s >= DELAYS_S["there", "here"]
        for number in range(200):
            here.sendto(b"%d" % number, (wires.addresses["there"], PORT))
        arrived = []
        while len(arrived) < 200 - wires.lost_count or wires.lost_count + wires.carried_count < 201:
            arrived.append(heard(there, LIMIT_S))
            assert arrived[-1], "what is not lost arrives"
        assert arrived == sorted(arrived, key=int), "in its order"
        assert 20 <= wires.lost_count <= 80
        wires.cut([("here", "there")])
        here.sendto(b"cut", (wires.addresses["there"], PORT))
        there.sendto(b"whole", (wires.addresses["here"], PORT))
        assert heard(here, LIMIT_S) == b"whole"
        assert (heard(there, 0.1), wires.cut_count) == (b"", 1)
        wires.heal()
        for _ in range(20):
            here.sendto(b"healed", (wires.addresses["there"], PORT))
        assert heard(there, LIMIT_S) == b"healed"


def test_hosts_are_apart_from_this_one_and_gone_afterwards() -> None:
    """Their cards are not this host's, this thread is back where it was, and no descriptor is left."""
    before = sorted(os.listdir("/proc/self/fd")), socket.if_nameindex(), os.readlink("/proc/thread-self/ns/net")
    try:
        made = PacketWires(HOSTS, lambda one, other: Way(), 7)
    except NotPermitted as error:
        pytest.skip(f"platform: {error}")
    try:
        with made.inside("here"):
            assert [name for _, name in socket.if_nameindex()] == ["lo", "mesh0"]
            assert os.readlink("/proc/thread-self/ns/net") != before[2]
    finally:
        made.close()
    assert (sorted(os.listdir("/proc/self/fd")), socket.if_nameindex(), os.readlink("/proc/thread-self/ns/net")) == before


def test_where_namespaces_are_refused_there_are_streams_and_it_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the device that cards are made of."""
    before = sorted(os.listdir("/proc/self/fd"))
    monkeypatch.setattr("tests.chaos.netns.TUN", tmp_path / "tun")
    made = wires_between(HOSTS, lambda one, other: Way(), 7)
    assert isinstance(made, StreamWires)
    assert made.addresses == {"here": "127.0.1.1", "there": "127.0.1.2"}
    assert "No such file or directory" in made.kind or "not permitted" in made.kind
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_a_host_and_some_others_in_both_directions() -> None:
    """Each pair twice, once from either side."""
    assert both_ways("a", ["b", "c"]) == [("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")]
