"""The wall clock as a core knows it: told once, then moved by what its shell says of it."""


class WallClock:
    """For labels, and to hold other hosts' clocks against; nothing on the way of an order is reckoned by it.

    ``wall_ns``: what it said when the core was made; ``made_ns``: the monotonic clock at that moment, None where the core starts at once.
    """

    def __init__(self, wall_ns: int, made_ns: int | None = None) -> None:
        self._made_wall_ns = wall_ns
        self._ahead_ns = None if made_ns is None else wall_ns - made_ns

    def start(self, now_ns: int) -> None:
        """The core starts now."""
        if self._ahead_ns is None:
            self._ahead_ns = self._made_wall_ns - now_ns

    def step(self, moved_ns: int) -> None:
        """It was set, it crept, or the machine slept: it moved so far against the monotonic clock."""
        self._ahead_ns = self._known_ahead_ns + moved_ns

    def at(self, now_ns: int) -> int:
        """What it says at ``now_ns`` of the monotonic clock."""
        return now_ns + self._known_ahead_ns

    @property
    def _known_ahead_ns(self) -> int:
        assert self._ahead_ns is not None, "a wall clock is read before its core was started"
        return self._ahead_ns
