"""When an ack that takes in all before it is said: after quiet at once, in a rush one for several.

Each ack wakes its sender's neighbour, and a router between: at a thousand orders a second a fifth of all wake-ups (bench/NOTES.md).
"""

from mesh.units import MS_NS

REST_NS = 5 * MS_NS
"""Between two acks of a rush. Far below what makes anybody repeat (``timers.repeat_ms``), and what one such rest lets through is far below
the room a local gives (64 orders)."""


class AckRest:
    """The rests between the acks of one stream."""

    __slots__ = ("_over_ns",)

    def __init__(self) -> None:
        self._over_ns = 0

    def said(self, now_ns: int) -> None:
        """One was said: the rest begins."""
        self._over_ns = now_ns + REST_NS

    def wait_until_ns(self, now_ns: int) -> int:
        """0: the next may be said now. Else how long it may wait for another pass that is made anyway, before one is made for it."""
        return 0 if now_ns >= self._over_ns else self._over_ns + REST_NS
