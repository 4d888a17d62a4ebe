"""Which rows of orders that count for a rate are in the store: their keys, as numbers.

A row's key says when it was decided (market time), in which epoch, and up to which record: rows sort by it as they come.
"""

import struct

from mesh.agedkeys import AgedKeys

_NUMBERS = struct.Struct("<QQ")
"""Epoch and record."""


class RateRows:
    """Keys of the rows, oldest first."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows = AgedKeys()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def add(self, market_ns: int, epoch: int, n: int) -> bytes:
        """The key of the newest row, which is kept."""
        self._rows.add(market_ns, _NUMBERS.pack(epoch, n))
        return _key(market_ns, epoch, n)

    def restore(self, key: bytes) -> None:
        """Take a row of the store, in the order of their keys."""
        market_ns, epoch, n = map(int, key.split(b" "))
        self._rows.add(market_ns, _NUMBERS.pack(epoch, n))

    def take_until(self, market_ns: int) -> list[bytes]:
        """The keys of rows as old as that or older; they are kept no longer."""
        return [_key(at_ns, *_NUMBERS.unpack(numbers)) for at_ns, numbers in self._rows.take_until(market_ns)]


def _key(market_ns: int, epoch: int, n: int) -> bytes:
    return b"%020d %020d %020d" % (market_ns, epoch, n)
