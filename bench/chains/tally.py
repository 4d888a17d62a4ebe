"""What the last process of a chain counts: each message's delay, and those that were lost, doubled, damaged or out of order.

Room for a segment is made before it begins; taking a message only writes into it. Numbers go on from segment to segment, so that a
message of an earlier one is known for what it is. Number 0 is a probe: it says that the chain is joined, and is not counted.
"""

import threading
from array import array

from bench.chains.payload import read
from mesh.io.clock import monotonic_ns

PROBE = 0
MISSING = -1
"""The delay of a message that has not come."""


class Tally:
    """One segment at a time. Written by one thread, read by another one when the segment is over."""

    def __init__(self) -> None:
        self.joined = threading.Event()
        """Set by the first probe."""
        self.complete = threading.Event()
        """Set when every message of the segment is there."""
        self.expect(1, 0)

    def expect(self, first: int, count: int) -> None:
        """A segment begins: numbers ``first`` to ``first + count - 1``."""
        self.complete.clear()
        self.delays_ns = array("q", [MISSING]) * count
        self.received = 0
        self.doubled = 0
        self.damaged = 0
        self.out_of_order = 0
        """Behind one of a higher number, or of an earlier segment, which counted it as lost."""
        self._first = first
        self._newest = -1

    def take(self, message: bytes) -> None:
        """A message is there now."""
        now_ns = monotonic_ns()
        found = read(message)
        if found is None:
            self.damaged += 1
        else:
            self.note(found[0], found[1], now_ns)

    def note(self, number: int, due_ns: int, now_ns: int) -> None:
        """A message that is whole, with when it was due and when it was there."""
        index = number - self._first
        delays_ns = self.delays_ns
        if not 0 <= index < len(delays_ns):
            self._stray(number, index)
        elif delays_ns[index] != MISSING:
            self.doubled += 1
        else:
            delays_ns[index] = now_ns - due_ns
            if index < self._newest:
                self.out_of_order += 1
            else:
                self._newest = index
            self.received += 1
            if self.received == len(delays_ns):
                self.complete.set()

    def _stray(self, number: int, index: int) -> None:
        if number == PROBE:
            self.joined.set()
        elif index < 0:
            self.out_of_order += 1
        else:
            self.damaged += 1  # nobody has sent this number yet
