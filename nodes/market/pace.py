"""How fast market time may go: which moment of the monotonic clock a market time is due at. Pace only ever delays."""

from decimal import Decimal

from mesh.units import MS_NS, NEVER, SECOND_NS

STEP_NS = 100 * MS_NS
"""At a pace the market is never further behind the clock than this, for what only streams."""
BEHIND_NS = SECOND_NS
"""Further behind than this (a wait, a stall) the pace is taken up from where it stands instead of run after."""


class Pace:
    """Market time against the monotonic clock, anchored; ``speed`` None: as fast as everybody can."""

    def __init__(self, speed: Decimal | None, max_text: str = "max") -> None:
        self._speed = None if speed is None else speed.as_integer_ratio()
        self._anchor_ns = 0
        self._anchor_market_ns = 0
        self.text = max_text if speed is None else f"{speed.normalize():f}x"

    @property
    def is_max(self) -> bool:
        """Whether nothing is delayed."""
        return self._speed is None

    def anchor(self, now_ns: int, market_ns: int) -> None:
        """Market time is ``market_ns`` now."""
        self._anchor_ns = now_ns
        self._anchor_market_ns = market_ns

    def due_ns(self, market_ns: int) -> int:
        """When ``market_ns`` may be; 0 where nothing is delayed."""
        if self._speed is None:
            return 0
        numerator, denominator = self._speed
        return self._anchor_ns + (market_ns - self._anchor_market_ns) * denominator // numerator

    def catch_up(self, now_ns: int, market_ns: int) -> None:
        """Give up a lag that became too long; called where ``market_ns`` is due."""
        if self._speed is not None and now_ns - self.due_ns(market_ns) > BEHIND_NS:
            self.anchor(now_ns, market_ns)

    def step_until_ns(self, market_ns: int) -> int:
        """The market time up to which quiet ticks may go in one block after ``market_ns``."""
        if self._speed is None:
            return NEVER
        numerator, denominator = self._speed
        return market_ns + STEP_NS * numerator // denominator
