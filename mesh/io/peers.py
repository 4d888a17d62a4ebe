"""The connections of one ROUTER: a number stands for each, and one that sends garbage is no longer read."""

from mesh.budget import Budget
from mesh.rates import STOPS_BURST, STOPS_PER_S

BAD_FRAMES_MAX = 10
"""After so many frames that are no message of ours, the rest of that peer's are dropped unread."""
PEERS_MAX = 8_192
"""Connections a ROUTER remembers; the one longest unheard goes first."""


class Peer:
    """One connection."""

    __slots__ = ("bad_count", "heard", "number", "routing_id", "stops", "user")

    def __init__(self, number: int, routing_id: bytes) -> None:
        self.number = number
        self.routing_id = routing_id
        self.bad_count = 0
        self.heard = 0
        self.user = ""
        """At a door, his key in hex."""
        self.stops: Budget | None = None
        """Stops that are read though his key is over its rate; made when it is."""

    @property
    def is_read(self) -> bool:
        """Whether what it sends is still looked at."""
        return self.bad_count < BAD_FRAMES_MAX


class Peers:
    """All of them, by routing id and by number; numbers are counted from 1 and never used again."""

    def __init__(self) -> None:
        self._by_id: dict[bytes, Peer] = {}
        self._by_number: dict[int, Peer] = {}
        self._next_number = 1
        self._heard = 0
        self._evicted: list[int] = []

    def heard(self, routing_id: bytes) -> Peer:
        """The peer that sent something; a new one where it was not known."""
        peer = self._by_id.get(routing_id)
        if peer is None:
            if len(self._by_id) >= PEERS_MAX:
                oldest = min(self._by_number.values(), key=lambda known: known.heard)
                self.forget(oldest.number)
                self._evicted.append(oldest.number)
            peer = self._by_id[routing_id] = self._by_number[self._next_number] = Peer(self._next_number, routing_id)
            self._next_number += 1
        self._heard += 1
        peer.heard = self._heard
        return peer

    def get(self, number: int) -> Peer | None:
        """The peer a number stands for; None for one that is gone."""
        return self._by_number.get(number)

    def blame(self, number: int) -> None:
        """Count a bad frame against a peer."""
        known = self._by_number.get(number)
        if known is not None:
            known.bad_count += 1

    def may_stop(self, number: int, now_ns: int) -> bool:
        """Whether one more stop of this connection is read, though its key is over its rate."""
        peer = self._by_number.get(number)
        if peer is None:
            return False
        if peer.stops is None:
            peer.stops = Budget(STOPS_PER_S, STOPS_BURST)
        return peer.stops.take(now_ns)

    def forget(self, number: int) -> None:
        """Drop a number; should its peer be heard again, it gets a new one."""
        known = self._by_number.pop(number, None)
        if known is not None:
            del self._by_id[known.routing_id]

    def all(self) -> list[Peer]:
        """Every one that is known now."""
        return list(self._by_number.values())

    def evicted(self) -> list[int]:
        """Numbers forgotten since the last call because too many are connected."""
        numbers, self._evicted = self._evicted, []
        return numbers
