"""Which rows of orders that count for a rate are in the store: their keys, as numbers.

A row's key says when it was decided (market time), in which epoch, and up to which record: rows sort by it as they come.
"""

from array import array

_FIELDS = 3
_GONE_MAX = 1_024
"""Rows that went and still take room."""


class RateRows:
    """Keys of the rows, oldest first, in 24 bytes each."""

    __slots__ = ("_first", "_numbers")

    def __init__(self) -> None:
        self._numbers = array("q")
        self._first = 0
        """Where the oldest row begins."""

    def __len__(self) -> int:
        """How many there are."""
        return (len(self._numbers) - self._first) // _FIELDS

    def add(self, market_ns: int, epoch: int, n: int) -> bytes:
        """The key of the newest row, which is kept."""
        self._numbers.extend((market_ns, epoch, n))
        return _key(market_ns, epoch, n)

    def restore(self, key: bytes) -> None:
        """Take a row of the store, in the order of their keys."""
        self._numbers.extend(map(int, key.split(b" ")))

    def take_until(self, market_ns: int) -> list[bytes]:
        """The keys of rows as old as that or older; they are kept no longer."""
        numbers, first = self._numbers, self._first
        gone: list[bytes] = []
        while first < len(numbers) and numbers[first] <= market_ns:
            gone.append(_key(*numbers[first : first + _FIELDS]))
            first += _FIELDS
        if first > _GONE_MAX * _FIELDS:
            del numbers[:first]
            first = 0
        self._first = first
        return gone


def _key(market_ns: int, epoch: int, n: int) -> bytes:
    return b"%020d %020d %020d" % (market_ns, epoch, n)
