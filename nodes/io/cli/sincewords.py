"""From when on, as people say it in every ``--since``: ``10m``, ``2h``, or a date or time in ISO 8601."""

import re
from datetime import UTC, datetime

from mesh.errors import BadUsage
from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, US_NS

_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS_NS = {"s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}


def since_ns_of(text: str, now_ns: int) -> int:
    """UTC nanoseconds of such words, 0 for none; a time without a zone is UTC. Raises BadUsage saying what is allowed."""
    if not text:
        return 0
    if ago := _AGO.fullmatch(text):
        return max(1, now_ns - int(ago[1]) * _UNITS_NS[ago[2]])
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadUsage(
            f"--since {text}: so long ago (30s, 10m, 2h, 3d), or a date or time in UTC such as 2026-01-05 or 2026-01-05T10:00 is allowed"
        ) from None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000) * US_NS
