"""Keys that count for a while: each with its time, oldest first, in 24 bytes.

As a queue of pairs they took 160: of what comes many times a second and counts for an hour there are a hundred thousand.
"""

from array import array

KEY_BYTES = 16
_GONE_MAX = 1_024
"""Keys that went and still take room."""


class AgedKeys:
    """A queue of keys of ``KEY_BYTES`` bytes, as they came."""

    __slots__ = ("_first", "_keys", "_times_ns")

    def __init__(self) -> None:
        self._times_ns = array("q")
        self._keys = bytearray()
        self._first = 0
        """The oldest one's place."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._times_ns) - self._first

    def add(self, at_ns: int, key: bytes) -> None:
        """The newest."""
        assert len(key) == KEY_BYTES, f"a key of {len(key)} bytes"
        self._times_ns.append(at_ns)
        self._keys += key

    def take_until(self, at_ns: int) -> list[tuple[int, bytes]]:
        """Take off the front what is of that time or older: times and keys. Where time went back, what that hides goes a little later."""
        times_ns, first = self._times_ns, self._first
        found: list[tuple[int, bytes]] = []
        while first < len(times_ns) and times_ns[first] <= at_ns:
            found.append((times_ns[first], bytes(self._keys[first * KEY_BYTES : (first + 1) * KEY_BYTES])))
            first += 1
        if first > _GONE_MAX:
            del times_ns[:first], self._keys[: first * KEY_BYTES]
            first = 0
        self._first = first
        return found
