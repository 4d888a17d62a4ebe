"""Named time zones with daylight saving, and the exact way between a local clock and UTC.

A zone is a table of segments, each a span of UTC with one offset (local = UTC + offset). The table is built from the
pinned ``tzdata`` package, never from the files of the host, so two hosts with one lock file read one clock. It is
built for the years that are asked for and only grows.

Where a local clock is turned forward an hour of it is missing, where it is turned back an hour comes twice:

- **missing hour**: such a time should not exist; it is read with the offset from before the change (02:30 becomes
  03:30), as PEP 495 reads it.
- **doubled hour**: read as its first pass, unless the rows of a file (`Zone.utc_from_local`) have already run
  backwards: then it, and all that follows of that hour, is the second pass.

Years before 1970 use the first offset of 1970, years after 2100 the last of 2100.
"""

import bisect
import datetime
import functools
import importlib.resources
import re
import zoneinfo

import numpy as np
from numpy.typing import NDArray

from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS

type_times = NDArray[np.int64]

FIRST_YEAR = 1970
LAST_YEAR = 2100
LATE_ROW_NS = MINUTE_NS
"""A row up to this much older than the one before it is a late row, not the second pass of a doubled hour."""

FRIENDLY_NAMES = {
    "New York": "America/New_York",
    "London": "Europe/London",
    "Tokyo": "Asia/Tokyo",
    "Sydney": "Australia/Sydney",
    "Frankfurt": "Europe/Berlin",
}
ALLOWED = (
    "allowed are IANA names (America/New_York), New York, London, Tokyo, Sydney, Frankfurt, UTC, UTC+2, UTC-5, "
    "UTC+5:30, and any of them with an offset (New York + 7 h)"
)

_MIN_NS = -(2**63)
_MAX_NS = 2**63 - 1
_MEAN_YEAR_NS = 31_556_952 * SECOND_NS
_FIXED_HOURS_MAX = 14  # Kiribati, the furthest zone from UTC there is
_FIXED = re.compile(r"UTC(?:([+-])(\d{1,2})(?::([0-5]\d))?)?")
_SHIFTED = re.compile(r"(.*\S)\s*([+-])\s*(\d{1,2})(?::([0-5]\d))?\s*h")
_IANA = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*)*")
