"""Links of a simulated mesh, and those that are whole: connections that are there whenever both ends are.

Connections that lose as ZeroMQ's do are in ``mesh/simzmq.py``.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from mesh.config import Config
from mesh.core import Envelope, Send
from mesh.dials import dials_of
from mesh.messages.base import Msg
from mesh.units import US_NS

HOP_NS = 50 * US_NS
ANY_PEER = 0


class Wire(msgspec.Struct, frozen=True):
    """One connection: the dialling node and its link, the listening node, its link and the peer number it gave."""

    from_node: str
    from_link: str
    to_node: str
    to_link: str
    peer: int


class Passage(Protocol):
    """A message's way over a connection."""

    def arrives(self) -> bool:
        """Whether the message, whose time has come, gets there."""


class Net(Protocol):
    """What links need of their world."""

    @property
    def now_ns(self) -> int:
        """Virtual time."""

    def is_alive(self, name: str) -> bool:
        """Whether a node runs."""

    def deliver(self, name: str, at_ns: int, envelope: Envelope, passage: Passage | None = None) -> None:
        """Hand a message to a node's present life at a time."""

    def call(self, at_ns: int, action: Callable[[], None]) -> None:
        """Do something at a time."""

    def draw(self, below: int) -> int:
        """A number of the seed, 0 … below − 1."""


class Links(Protocol):
    """How messages travel."""

    def send(self, name: str, effect: Send, message: Msg, frames: tuple[bytes, ...]) -> None:
        """A node sends: ``message`` as its receivers will have decoded it, ``frames`` its bytes."""

    def up(self, name: str) -> None:
        """A node's life begins."""

    def down(self, name: str) -> None:
        """A node's life ended."""


def wires_of(config: Config) -> list[Wire]:
    """Every connection of the configured mesh. A PULL has no peers: whoever pushes is 0 there."""
    dials = [(name, dial) for name in config.node for dial in dials_of(config, name)]
    return [
        Wire(name, dial.own_link, dial.target, dial.link.name, ANY_PEER if dial.link.bind_kind == "PULL" else number)
        for number, (name, dial) in enumerate(dials, start=1)
    ]


class WholeLinks:
    """Every connection is there whenever both ends are, and FIFO; lost is what is sent to a node that is cut off or down."""

    def __init__(self, net: Net, wires: list[Wire]) -> None:
        self.wires = wires
        self.cut: dict[str, bool] = {}
        """Nodes that neither send nor receive now."""
        self._net = net
        self._last_at: dict[tuple[str, str, int], int] = {}

    def up(self, name: str) -> None:
        """Nothing has to be told."""

    def down(self, name: str) -> None:
        """Nothing has to be told."""

    def send(self, name: str, effect: Send, message: Msg, frames: tuple[bytes, ...]) -> None:
        """Deliver within one to two hops' time."""
        for wire in self.wires:
            if wire.from_node == name and wire.from_link == effect.link:
                self._deliver(wire, wire.to_node, Envelope(wire.to_link, wire.peer, message, frames), "up")
            elif wire.to_node == name and wire.to_link == effect.link and effect.peer in (ANY_PEER, wire.peer):
                self._deliver(wire, wire.from_node, Envelope(wire.from_link, 0, message, frames), "down")

    def _deliver(self, wire: Wire, to: str, envelope: Envelope, way: str) -> None:
        if not self._net.is_alive(to) or self.cut.get(wire.from_node) or self.cut.get(wire.to_node):
            return
        key = (wire.from_node, f"{wire.from_link} {way}", wire.peer)
        at_ns = max(self._net.now_ns + HOP_NS + self._net.draw(HOP_NS), self._last_at.get(key, 0))
        self._last_at[key] = at_ns
        self._net.deliver(to, at_ns, envelope)
