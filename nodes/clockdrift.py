"""Whether a server's clock is the one that was configured, judged by its fresh ticks.

A terminal shows every time as its server's wall clock, and no function tells that clock's zone: what is configured may be wrong, or
right in winter only. A tick that was not there at the last look is at most as old as the looks are apart, so its time, taken as the
configured zone's, must be the time of now.
"""

from mesh.units import MINUTE_NS, SECOND_NS

DRIFT_NS = 90 * SECOND_NS
"""What the newest tick may differ from now; no zone is less than 15 minutes from the next."""
FRESH_COUNT = 3
"""Fresh ticks in a row that must say the same."""


class ClockDrift:
    """Watches one server. ``zone``: its clock as configured."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._newest_ns = 0
        self._off_count = 0
        self.remark = ""
        """What is wrong, with both offsets; empty while nothing is known to be."""

    def look(self, tick_ns: int, offset_ns: int, now_ns: int) -> str:
        """The remark after the newest tick. ``tick_ns``: its time, taken with the offset the zone has then; ``now_ns``: UTC now."""
        is_fresh = 0 < self._newest_ns < tick_ns
        self._newest_ns = max(self._newest_ns, tick_ns)
        if not is_fresh:
            return self.remark  # an old tick says how long the market has been quiet, and nothing about the clock
        off_ns = tick_ns - now_ns
        self._off_count = self._off_count + 1 if abs(off_ns) > DRIFT_NS else 0
        if not self._off_count:
            self.remark = ""
        elif self._off_count >= FRESH_COUNT:
            seen, configured = offset_text(offset_ns + off_ns), offset_text(offset_ns)
            advice = "set account.zone (or broker.zone) to the zone of this server"
            self.remark = f"server clock seen={seen} configured={configured} ({self._zone}): {advice}"
        return self.remark


def offset_text(offset_ns: int) -> str:
    """An offset from UTC to the nearest minute: ``UTC+02:00``."""
    minutes = (abs(offset_ns) + MINUTE_NS // 2) // MINUTE_NS
    sign = "-" if offset_ns < 0 and minutes else "+"
    return f"UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}"
