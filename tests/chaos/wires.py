"""What lies between the hosts of a test: each way from one to another has its delay and its loss, and can be cut and healed.

``PacketWires``: hosts are network namespaces, and a thread here carries their packets, late or never; so TCP meets what it meets in the
world (retransmissions, silence, half-open connections), and nodes know nothing of it. It needs no sch_netem, which many kernels lack.
``StreamWires``: where the system permits no namespaces, hosts are addresses of the loopback and every connection goes through a proxy of
``tests.chaos.proxies``; nothing is lost then, it only waits, and an operator's own links go straight.
"""

import asyncio
import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from mesh.config import Config
from tests.chaos.netns import Namespace, NotPermitted
from tests.chaos.proxies import DOWN, OPERATOR, UP, Proxies, Route

PACKET_BYTES_MAX = 65_535
BATCH_COUNT = 64
_TO = slice(16, 20)
"""Where an IPv4 packet says for whom it is."""


class Way(msgspec.Struct, frozen=True):
    """One way from one host to another."""

    delay_s: float = 0.0
    loss: float = 0.0
    """Share of the packets that never arrive."""


WayOf = Callable[[str, str], Way]
"""Takes who sends and who receives."""


class Wires(Protocol):
    """The network of all hosts."""

    kind: str
    """How it is made, in words."""
    addresses: dict[str, str]

    def lay(self, config: Config, folder: Path, operators_host: str) -> None:
        """The mesh is known: what has to be in the way of its links is put there."""

    def inside(self, host: str) -> AbstractContextManager[None]:
        """What this thread starts meanwhile is on that host."""

    def signals_endpoint(self, endpoint: str) -> str:
        """Where the operator dials signals."""

    def cut(self, ways: Sequence[tuple[str, str]]) -> None:
        """Let nothing pass from … to … any more."""

    def heal(self) -> None:
        """All pass again."""

    def close(self) -> None:
        """Take it all away."""


def both_ways(host: str, others: Sequence[str]) -> list[tuple[str, str]]:
    """A host and some others, in both directions."""
    return [way for other in others for way in ((host, other), (other, host))]


def wires_between(hosts: Sequence[str], way_of: WayOf, seed: int) -> Wires:
    """Packets where the system permits it, else streams; the kind says which and why."""
    try:
        return PacketWires(hosts, way_of, seed)
    except NotPermitted as error:
        return StreamWires(hosts, way_of, str(error))


class PacketWires:
    """Namespaces, and a thread that carries their packets. Raises NotPermitted."""

    def __init__(self, hosts: Sequence[str], way_of: WayOf, seed: int) -> None:
        self.kind = "packets between network namespaces"
        self.addresses = {host: f"10.77.0.{number}" for number, host in enumerate(hosts, 1)}
        self.carried_count = self.lost_count = self.cut_count = 0
        self._ways = {(one, other): way_of(one, other) for one in hosts for other in hosts if one != other}
        self._cut: frozenset[tuple[str, str]] = frozenset()
        self._draw = random.Random(seed)
        self._hosts: dict[str, Namespace] = {}
        self._by_address: dict[bytes, str] = {}
        try:
            for host, address in self.addresses.items():
                self._hosts[host] = Namespace(address)
                self._by_address[bytes(map(int, address.split(".")))] = host
        except NotPermitted:
            self._close_hosts()
            raise
        self._loop = asyncio.new_event_loop()
        for host, namespace in self._hosts.items():
            self._loop.add_reader(namespace.card, self._carry, host, namespace.card)
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()

    def lay(self, config: Config, folder: Path, operators_host: str) -> None:
        """Nothing has to be done: the wires carry whatever there is."""

    def inside(self, host: str) -> AbstractContextManager[None]:
        """What this thread starts meanwhile is on that host."""
        return self._hosts[host].inside()

    def signals_endpoint(self, endpoint: str) -> str:
        """Where it listens."""
        return endpoint

    def cut(self, ways: Sequence[tuple[str, str]]) -> None:
        """Let nothing pass from … to … any more; what is on its way arrives."""
        self._cut = self._cut | frozenset(ways)  # one assignment: the thread sees either

    def heal(self) -> None:
        """All pass again."""
        self._cut = frozenset()

    def _carry(self, sender: str, card: int) -> None:
        for _ in range(BATCH_COUNT):
            try:
                packet = os.read(card, PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            receiver = self._by_address.get(packet[_TO])
            if receiver is None or receiver == sender:
                continue  # a host's multicast, and IPv6
            way = self._ways[sender, receiver]
            if (sender, receiver) in self._cut:
                self.cut_count += 1
            elif self._draw.random() < way.loss:
                self.lost_count += 1
            else:
                self.carried_count += 1
                self._loop.call_later(way.delay_s, self._arrive, self._hosts[receiver], packet)

    @staticmethod
    def _arrive(receiver: Namespace, packet: bytes) -> None:
        with suppress(OSError):  # its queue is full: lost, as in the world
            os.write(receiver.card, packet)

    def close(self) -> None:
        """End the thread, then the hosts."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
        self._close_hosts()

    def _close_hosts(self) -> None:
        for namespace in self._hosts.values():
            namespace.close()


class StreamWires:
    """Addresses of the loopback, and proxies. ``why``: there are no packets."""

    def __init__(self, hosts: Sequence[str], way_of: WayOf, why: str) -> None:
        self.kind = f"streams through proxies ({why})"
        self.addresses = {host: f"127.0.1.{number}" for number, host in enumerate(hosts, 1)}
        self._way_of = way_of
        self._cut: set[tuple[str, str]] = set()
        self._proxies: Proxies | None = None
        self._hosts_of: dict[str, str] = {}
        """Who dials or listens → the host."""
        self._table = Path()

    def lay(self, config: Config, folder: Path, operators_host: str) -> None:
        """A proxy for each connection, and the table of detours that nodes are told of."""
        hosts = {address: host for host, address in self.addresses.items()}
        self._hosts_of = {name: hosts[node.host] for name, node in config.node.items()} | {OPERATOR: operators_host}
        self._hosts_of |= {f"account.{name}.terminal": self._hosts_of[config.local_of(name)] for name in config.account}
        self._proxies = Proxies(config)
        self._table = folder / "detours.json"
        self._proxies.write(self._table)
        self._proxies.each(self._proxies.routes, self._slow)

    def _slow(self, route: Route) -> None:
        """A proxy has one delay for both directions: the longer of the two."""
        one, other = self._ends(route)
        if one != other:
            route.slow(max(self._way_of(one, other).delay_s, self._way_of(other, one).delay_s))

    def _ends(self, route: Route) -> tuple[str, str]:
        return self._hosts_of[route.dialler], self._hosts_of[route.target]

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """All hosts are this one; what is started has the table of detours."""
        os.environ["MESH_DETOUR"] = str(self._table)
        try:
            with nullcontext(host):
                yield
        finally:
            del os.environ["MESH_DETOUR"]

    def signals_endpoint(self, endpoint: str) -> str:
        """The proxy before it."""
        assert self._proxies is not None, "lay comes first"
        return next(route.detour for route in self._proxies.routes if (route.dialler, route.endpoint) == (OPERATOR, endpoint))

    def cut(self, ways: Sequence[tuple[str, str]]) -> None:
        """Hold what would pass from … to …."""
        assert self._proxies is not None, "lay comes first"
        fresh = set(ways) - self._cut
        self._cut |= fresh

        def hold(route: Route) -> None:
            one, other = self._ends(route)
            for way, ends in ((UP, (one, other)), (DOWN, (other, one))):
                if ends in fresh:
                    route.hold(way)

        self._proxies.each(self._proxies.routes, hold)

    def heal(self) -> None:
        """All pass again, as late as before."""
        self._cut.clear()
        if self._proxies is not None:
            self._proxies.heal()
            self._proxies.each(self._proxies.routes, self._slow)

    def close(self) -> None:
        """End every connection."""
        if self._proxies is not None:
            self._proxies.close()
