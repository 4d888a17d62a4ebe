"""A router's orders: the master's dense sequence in, one credit-limited stream for each local out.

Records are forwarded as they come; a hole in ``n`` is asked for until it is filled, and what fills it is forwarded late: locals put
their own ``k`` in order. What a full stream has no room for is dropped here, because the local asks for what it lacks.
"""

from collections import deque

from mesh.core import Send
from mesh.links import LOCALS
from mesh.messages.orders import Order, OrderAck, Replay, Target

ROOM_DEFAULT = 64
"""Orders a local is sent before its first ack."""
QUEUE_MAX = 1_024
GAPS_MAX = 4_096
"""Single missing records remembered; more are the locals' to ask for, by ``k``."""
REPLAY_MAX = 256
"""Records asked for at a time."""


class Stream:
    """Orders on their way to one local."""

    __slots__ = ("_queue", "_room", "_unacked", "dropped_count", "peer")

    def __init__(self, peer: int) -> None:
        self.peer = peer
        self.dropped_count = 0
        self._room = ROOM_DEFAULT
        self._unacked: deque[tuple[int, int]] = deque()
        self._queue: deque[tuple[Order, bytes]] = deque()

    def offer(self, order: Order, body: bytes) -> list[Send]:
        """Send a record now, or when there is room."""
        if len(self._unacked) >= self._room:
            if len(self._queue) < QUEUE_MAX:
                self._queue.append((order, body))
            else:
                self.dropped_count += 1
            return []
        return [self._send(order, body)]

    def acked(self, ack: OrderAck) -> list[Send]:
        """Room is there again."""
        while self._unacked and self._unacked[0] <= (ack.e, ack.k):
            self._unacked.popleft()
        self._room = ack.room_count
        sends: list[Send] = []
        while self._queue and len(self._unacked) < self._room:
            sends.append(self._send(*self._queue.popleft()))
        return sends

    def _send(self, order: Order, body: bytes) -> Send:
        self._unacked.append((order.e, order.targets[0].k))
        return Send(LOCALS, self.peer, order, body)


class OrderFan:
    """Which records of the epoch have come, and each local's stream."""

    def __init__(self) -> None:
        self.e = 0
        self.next_n = 0
        """The first record not seen; 0 before the master was heard."""
        self.streams: dict[str, Stream] = {}
        self._gaps: dict[int, None] = {}

    @property
    def gap_count(self) -> int:
        """Records that miss."""
        return len(self._gaps)

    def begin(self, e: int, n_last: int) -> int:
        """The master is at ``n_last`` of ``e``; the number of records seen to miss now. An older epoch changes nothing.

        A router that is new begins here: its locals ask for what they lack. In a new epoch it lacks everything from 1.
        """
        if e < self.e:
            return 0
        if e > self.e:
            self.next_n = 1 if self.e else n_last + 1
            self.e = e
            self._gaps.clear()
        missing = range(self.next_n, n_last + 1)
        for n in missing:
            self._miss(n)
        self.next_n = max(self.next_n, n_last + 1)
        return len(missing)

    def take(self, e: int, n: int) -> int:
        """Record ``n`` has come; the number of records before it seen to miss now, -1 where it is of an older epoch."""
        if e < self.e:
            return -1
        if e > self.e or not self.next_n:
            self.begin(e, n - 1)
        self._gaps.pop(n, None)
        missing = range(self.next_n, n)
        for hole in missing:
            self._miss(hole)
        self.next_n = max(self.next_n, n + 1)
        return len(missing)

    def filled(self, from_n: int, to_n: int) -> None:
        """These records will not come: something stood for them."""
        for n in [n for n in self._gaps if from_n <= n <= to_n]:
            del self._gaps[n]

    def ask(self) -> Replay | None:
        """The oldest stretch that misses, to be asked for."""
        if not self._gaps:
            return None
        first = last = min(self._gaps)
        while last + 1 in self._gaps and last + 1 - first < REPLAY_MAX:
            last += 1
        return Replay(self.e, first, last)

    def fan(self, order: Order, body: bytes, now_ns: int) -> list[Send]:
        """The record to each target that is here, with its own target alone and the router's stamp."""
        sends: list[Send] = []
        for target in order.targets:
            stream = self.streams.get(target.account)
            if stream is not None:
                sends += stream.offer(_own(order, target, now_ns), body)
        return sends

    def _miss(self, n: int) -> None:
        if len(self._gaps) < GAPS_MAX:
            self._gaps[n] = None


def _own(order: Order, target: Target, now_ns: int) -> Order:
    return Order(order.e, order.n, order.oid, [target], now_ns)
