"""From when on, as people say it: ``10m``, ``2h``, or a date or time in ISO 8601."""

import re

from mesh.errors import BadUsage
from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.io.cli.auditing import since_ns_of

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}


def since_words_ns(text: str, now_ns: int) -> int:
    """UTC nanoseconds of such words, 0 for none. Raises BadUsage saying what is allowed."""
    if ago := _AGO.fullmatch(text):
        return max(1, now_ns - int(ago[1]) * _UNITS_NS[ago[2]])
    try:
        return since_ns_of(text)
    except BadUsage:
        raise BadUsage(
            f"--since {text}: so long ago (30s, 10m, 2h, 3d), or a date or time in UTC such as 2026-01-05T10:00 is allowed"
        ) from None
