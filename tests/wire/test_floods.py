"""Whoever knocks at the ports of a real mesh, and however often: orders flow on, each arrives once and in order, and nobody ends."""

import resource
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest

from bench.rig.meshchain import MeshChain
from tests.wire.rig import until
from tests.wire.strangers import Attack, Coming, RawBytes, Silent, Zmtp, doors_of

pytestmark = [pytest.mark.wire, pytest.mark.slow]

RATE = 50.0
"""Orders a second: one each 20 ms."""
COUNT = 100
SILENT_COUNT = 1_000
LISTENING = ("market-1", "signals-1", "master-1", "router-1")
HEARD = ("bad_frame_count", "stranger_count", "unhandled_count", "unread_frame_count")
"""Counters of what was dropped."""


class Mesh:
    """Five processes: a market, a signals node, a master, a router and a local whose venue refuses each order, so that its order ends."""

    def __init__(self) -> None:
        self.chain = MeshChain()
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
        numbers = self.chain._ended(COUNT, first)["number"]
        assert numbers[numbers >= first].tolist() == list(range(first, first + COUNT))

    def dropped(self, role: str) -> int:
        """What a node has dropped so far, by its counters."""
        return sum(self.chain.counted(name, role) for name in HEARD)

    def is_quiet(self) -> bool:
        """Whether every process is there and has no more files and connections open than before."""
        assert all(asked.process.poll() is None for asked in self.chain._nodes.values())
        return all(count <= self.files_counts[names] for names, count in self._files().items())

    def withstand(self, attack: Attack) -> None:
        """Orders flow during an attack, and after it all is as it was."""
        try:
            self.orders(attack.step)
        finally:
            attack.close()
        until(self.is_quiet)
        self.orders(lambda: None)


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    made = Mesh()
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
