"""Whoever knocks at the ports of a real mesh, and however often: orders flow on, each arrives once and in order, and nobody ends.

Each is tried on a mesh whose links are plain and on one whose doors are closed; there also by those who have a good key.
"""

import resource
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from bench.rig.meshchain import MeshChain
from bench.rig.processes import Asked
from tests.wire.badguests import BadGuests, invite_spares
from tests.wire.rig import LIMIT_S, until
from tests.wire.strangers import Attack, Coming, RawBytes, Silent, Zmtp, doors_of

pytestmark = [pytest.mark.wire, pytest.mark.slow]

RATE = 50.0
"""Orders a second: one each 20 ms."""
COUNT = 100
SILENT_COUNT = 1_000
LISTENING = ("market-1", "signals-1", "master-1", "router-1")
HEARD = ("bad_frame_count", "stranger_count", "unhandled_count", "unread_frame_count")
"""Counters of what was dropped."""


class Chain(MeshChain):
    """It has spare guests beside its nodes."""

    def _begin(self, *names: str) -> Asked:
        if self._is_guarded and not self._nodes:
            invite_spares(self.state)
        return super()._begin(*names)


class Mesh:
    """Five processes: a market, a signals node, a master, a router and a local whose venue refuses each order, so that its order ends."""

    def __init__(self, is_guarded: bool) -> None:
        self.chain = Chain(is_guarded=is_guarded)
        self.is_guarded = is_guarded
        self.chain.start()
        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if now < 2 * SILENT_COUNT:  # whoever knocks needs as many; the nodes run by now, and have what the system gives them
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(2 * SILENT_COUNT, most), most))
        self.doors = doors_of(self.chain.config, LISTENING)
        assert len(self.doors) == 10
        self.orders(lambda: None)
        self.files_counts = self._files()

    def _files(self) -> dict[str, int]:
        return {names: psutil.Process(pid).num_fds() for names, pid in self.chain.pids().items()}

    def files_count(self) -> int:
        """Files and connections that all processes have open now."""
        return sum(self._files().values())

    def orders(self, step: Callable[[], object]) -> None:
        """Have orders flow, and do ``step`` again and again as long as they do. Each comes to its end at the local once, in order."""
        first = self.chain._first
        accepted: list[int] = []
        sending = threading.Thread(target=lambda: accepted.append(self.chain.load(RATE, COUNT)))
        sending.start()
        while sending.is_alive():
            step()
            sending.join(0.002)
        assert accepted == [COUNT]
        assert self._ended(first) == list(range(first, first + COUNT))

    def _ended(self, first: int) -> list[int]:
        """The orders from this one on that have come to their end, in that order; one whose ack is late is told again, and counts once."""
        ended: dict[int, None] = {}
        give_up_s = time.monotonic() + LIMIT_S
        while len(ended) < COUNT and time.monotonic() < give_up_s:
            ended |= dict.fromkeys(number for number in self.chain._ended(COUNT - len(ended), first)["number"].tolist() if number >= first)
        return list(ended)

    def dropped(self, role: str) -> int:
        """What a node has dropped so far, by its counters."""
        return sum(self.chain.counted(name, role) for name in HEARD)

    def is_quiet(self) -> bool:
        """Whether every process is there and has no more files and connections open than before."""
        assert all(asked.process.poll() is None for asked in self.chain._nodes.values())
        return all(count <= self.files_counts[names] for names, count in self._files().items())

    def withstand(self, attack: Attack | BadGuests) -> None:
        """Orders flow during an attack, and after it all is as it was."""
        try:
            self.orders(attack.step)
        finally:
            attack.close()
        until(self.is_quiet)
        self.orders(lambda: None)


@pytest.fixture(scope="module", params=["plain", "closed"])
def mesh(request: pytest.FixtureRequest) -> Iterator[Mesh]:
    made = Mesh(request.param == "closed")
    yield made
    made.chain.stop()


def test_raw_bytes_at_every_port(mesh: Mesh) -> None:
    """Random bytes, greetings cut off, frames that announce more than there is memory.

    Where there is no key libzmq takes who does not greet for one of its oldest kind, and what he sends for frames: they are counted.
    """
    attack = RawBytes(mesh.doors)
    mesh.withstand(attack)
    assert attack.made_count >= 10 * len(mesh.doors)


@pytest.mark.parametrize("what", ["garbage", "messages"])
def test_strangers_that_speak_zeromq(mesh: Mesh, what: str) -> None:
    """Frames that are no message, and every message there is on every link: what is let in is counted where it is dropped."""
    before = [mesh.dropped(role) for role in LISTENING]
    attack = Zmtp(mesh.doors, what)
    mesh.withstand(attack)
    assert attack.sent_count or not attack.joined_count
    assert bool(attack.joined_count) != mesh.is_guarded, "who has no key is let in by plain links alone"
    after = [mesh.dropped(role) for role in LISTENING]
    if attack.joined_count:
        assert all(count > old for count, old in zip(after, before, strict=True))
    else:
        assert after == before


def test_frames_above_the_limit(mesh: Mesh) -> None:
    """Up to 3 MB each, again and again: cut off unread by the socket."""
    mesh.withstand(Zmtp(mesh.doors, "too long"))


def test_a_thousand_silent_connections(mesh: Mesh) -> None:
    """Each a byte of the greeting now and then, at the ports of master and router: taken in, and closed after 3 s, though nobody leaves."""
    attack = Silent(mesh.doors[2:], SILENT_COUNT)
    try:
        until(lambda: mesh.files_count() >= sum(mesh.files_counts.values()) + SILENT_COUNT)
        mesh.orders(attack.step)
        until(mesh.is_quiet)
    finally:
        attack.close()
    mesh.orders(lambda: None)


def test_connections_that_come_and_go(mesh: Mesh) -> None:
    """As fast as they can be made."""
    attack = Coming(mesh.doors)
    mesh.withstand(attack)
    assert attack.made_count >= 100 * len(mesh.doors)


@pytest.mark.parametrize("mesh", ["closed"], indirect=True)  # plain links have no keys
@pytest.mark.parametrize("what", ["garbage", "flood"])
def test_guests_with_a_good_key(mesh: Mesh, what: str) -> None:
    """A spare guest of each role says garbage, or says too much, as fast as he can at each door: he alone is not heard."""
    before = {counter: [mesh.chain.counted(counter, role) for role in LISTENING] for counter in ("bad_frame_count", "over_rate_count")}
    attack = BadGuests(mesh.chain.config, mesh.chain.state, LISTENING, what)
    mesh.withstand(attack)
    assert attack.joined_count >= attack.doors_count == 8
    assert attack.sent_count > 20_000
    counter = "bad_frame_count" if what == "garbage" else "over_rate_count"
    more = [mesh.chain.counted(counter, role) - old for role, old in zip(LISTENING, before[counter], strict=True)]
    if what == "garbage":
        assert all(count >= 10 for count in more), "each door has looked at it"
    else:
        assert all(count > 0 for count in more[2:]), "the rates of control sockets are the lowest"
