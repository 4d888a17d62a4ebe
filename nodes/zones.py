"""Named time zones with daylight saving: the way between UTC and what a local clock shows.

A zone is a table of segments, spans of UTC with one offset each (local = UTC + offset). The rules come from the pinned
``tzdata`` package, never from the files of the host, so two hosts with one lock file read one clock. A table is built
for the years that are asked for and only grows.

When a local clock is turned forward an hour of it is missing; when it is turned back an hour comes twice:

- **missing hour**: such a time should not exist; it is read with the offset from before the change, as PEP 495 reads
  it (New York 02:30 becomes 03:30).
- **doubled hour**: read as its first pass, unless the rows of a file have already run backwards: then that time and
  all that follow in that hour are the second pass (`nodes.zonetimes.utc_from_local`).

Many times at once are `nodes.zonetimes`' business: it alone needs numpy, which a node that trades one account does without.

Before 1970 the first offset of 1970 stands, after 2100 the last one of 2100.
"""

import bisect
import datetime
import functools
import importlib.resources
import re
import zoneinfo

from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS

FIRST_YEAR = 1970
LAST_YEAR = 2100

FRIENDLY_NAMES = {
    "New York": "America/New_York",
    "London": "Europe/London",
    "Tokyo": "Asia/Tokyo",
    "Sydney": "Australia/Sydney",
    "Frankfurt": "Europe/Berlin",
}
ALLOWED_ZONES = (
    f"an IANA name (America/New_York), {', '.join(FRIENDLY_NAMES)}, UTC, UTC+2, UTC-5, UTC+5:30, "
    "or one of these with hours added (New York + 7 h)"
)
"""What a configuration may say, in words for its errors."""

LONG_AGO_NS = -(2**63)
"""Before every time there is."""
_MAX_NS = 2**63 - 1
_DAY_S = 86_400
_MEAN_YEAR_NS = 31_556_952 * SECOND_NS
_HOURS_MAX = 14  # no place on earth is further from UTC
_FIXED = re.compile(r"UTC(?:([+-])(\d{1,2})(?::([0-5]\d))?)?")
_SHIFTED = re.compile(r"(.*\S)\s*([+-])\s*(\d{1,2})(?::([0-5]\d))?\s*h")
_KEY_MAX = 64
"""Characters: twice the longest there is; a much longer one is no name of a file."""
_IANA = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*)*")


class ZoneTable:
    """The segments of one zone: parallel columns, in integer nanoseconds.

    ``starts`` is the UTC at which each segment begins (the first: minus infinity), ``offsets`` its offset, ``reached`` the furthest the
    local clock has ever shown when it ends (the last: infinity).
    """

    __slots__ = ("offsets", "reached", "starts")

    def __init__(self, starts: list[int], offsets: list[int]) -> None:
        ends = [start + offset for start, offset in zip(starts[1:], offsets, strict=False)]
        self.starts = starts
        self.offsets = offsets
        self.reached = [max(ends[: index + 1]) for index in range(len(ends))] + [_MAX_NS]

    def index_at(self, utc_ns: int) -> int:
        """The segment in which ``utc_ns`` lies."""
        return bisect.bisect_right(self.starts, utc_ns) - 1

    def first_utc_at(self, local_ns: int) -> int:
        """The UTC at which the local clock first shows ``local_ns``, or jumps over it."""
        index = bisect.bisect_right(self.reached, local_ns)
        return max(self.starts[index], local_ns - self.offsets[index])

class Zone:
    """One named clock. Build it with `Zone.parse`; ``name`` is its canonical text."""

    __slots__ = ("_first_ns", "_first_year", "_key", "_last_ns", "_last_year", "_segment", "_shift_ns", "_table", "name")

    def __init__(self, name: str, key: str | None, shift_ns: int) -> None:
        self.name = name
        self._key = key
        self._shift_ns = shift_ns
        self._first_year = FIRST_YEAR
        self._last_year = LAST_YEAR if key is None else FIRST_YEAR - 1
        self._table = ZoneTable([LONG_AGO_NS], [shift_ns])
        self._first_ns, self._last_ns = (LONG_AGO_NS, _MAX_NS) if key is None else (_MAX_NS, LONG_AGO_NS)
        """From the first to the last of these the table is good."""
        self._segment = (_MAX_NS, LONG_AGO_NS, 0)
        """From when, until when (of what the table knows) and offset of the segment that was asked for last: as a rule the next one too."""

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    @classmethod
    def parse(cls, text: str) -> "Zone":
        """The zone a configuration or a person names. Raises ValueError with the value and what is allowed."""
        wanted = text.strip()
        fixed = _FIXED.fullmatch(wanted)
        if fixed:
            return cls(wanted, None, _hours_ns(text, *fixed.groups()))
        shifted = _SHIFTED.fullmatch(wanted)
        if shifted:
            base, sign, hours, minutes = shifted.groups()
            zone = cls.parse(base)
            hours_text = hours if minutes is None else f"{hours}:{minutes}"
            shift_ns = zone._shift_ns + _hours_ns(text, sign, hours, minutes)
            return cls(f"{zone.name} {sign} {hours_text} h", zone._key, shift_ns)
        key = FRIENDLY_NAMES.get(wanted, wanted)
        if _rules(key) is None:
            raise ValueError(f"time zone {text!r} is not known; allowed is {ALLOWED_ZONES}")
        return cls(key, key, 0)

    def table(self, first_utc_ns: int, last_utc_ns: int) -> ZoneTable:
        """The segments, good for all times from a year before the first to a year after the last."""
        if self._first_ns <= first_utc_ns and last_utc_ns <= self._last_ns:
            return self._table
        first_year = min(max(1969 + first_utc_ns // _MEAN_YEAR_NS, FIRST_YEAR), LAST_YEAR)
        last_year = min(max(1971 + last_utc_ns // _MEAN_YEAR_NS, FIRST_YEAR), LAST_YEAR)
        self._grow(first_year, last_year)
        return self._table

    def offset_ns_at(self, utc_ns: int) -> int:
        """Local minus UTC at one UTC time."""
        from_ns, until_ns, offset_ns = self._segment
        if from_ns <= utc_ns < until_ns:
            return offset_ns
        table = self.table(utc_ns, utc_ns)
        index = table.index_at(utc_ns)
        until_ns = min([self._last_ns, *table.starts[index + 1 : index + 2]])
        self._segment = (max(self._first_ns, table.starts[index]), until_ns, table.offsets[index])
        return table.offsets[index]

    def _grow(self, first_year: int, last_year: int) -> None:
        if self._last_year >= self._first_year:
            first_year = min(first_year, self._first_year)
            last_year = max(last_year, self._last_year)
        assert self._key is not None, "a fixed offset knows all years from the start"
        starts, offsets = [LONG_AGO_NS], [_first_offset_s(self._key, first_year) * SECOND_NS + self._shift_ns]
        for year in range(first_year, last_year + 1):
            for utc_s, offset_s in _changes(self._key, year):
                starts.append(utc_s * SECOND_NS)
                offsets.append(offset_s * SECOND_NS + self._shift_ns)
        self._table = ZoneTable(starts, offsets)
        self._first_year, self._last_year = first_year, last_year
        self._first_ns = LONG_AGO_NS if first_year == FIRST_YEAR else (first_year - 1969) * _MEAN_YEAR_NS
        self._last_ns = _MAX_NS if last_year == LAST_YEAR else (last_year - 1970) * _MEAN_YEAR_NS - 1


def _hours_ns(text: str, sign: str | None, hours: str | None, minutes: str | None) -> int:
    size_ns = int(hours or 0) * HOUR_NS + int(minutes or 0) * MINUTE_NS
    if size_ns > _HOURS_MAX * HOUR_NS:
        raise ValueError(f"time zone {text!r} is more than {_HOURS_MAX} hours off; allowed is {ALLOWED_ZONES}")
    return -size_ns if sign == "-" else size_ns


@functools.cache
def _rules(key: str) -> zoneinfo.ZoneInfo | None:
    if len(key) > _KEY_MAX or not _IANA.fullmatch(key):
        return None
    file = importlib.resources.files("tzdata").joinpath("zoneinfo", *key.split("/"))
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        # the folder holds a few lists next to the zones
        return zoneinfo.ZoneInfo.from_file(stream, key) if stream.read(4) == b"TZif" and not stream.seek(0) else None


def _new_year_s(year: int) -> int:
    return int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp())


def _offset_s(key: str, utc_s: int) -> int:
    offset = datetime.datetime.fromtimestamp(utc_s, _rules(key)).utcoffset()
    assert offset is not None, "a zone of tzdata always knows its offset"
    return offset // datetime.timedelta(seconds=1)


def _first_offset_s(key: str, year: int) -> int:
    return _offset_s(key, _new_year_s(year))


@functools.cache
def _changes(key: str, year: int) -> tuple[tuple[int, int], ...]:
    """Each (UTC second, new offset) of one year. zoneinfo does not list them: look at each day, then halve it."""
    changes = []
    before_s = _offset_s(key, _new_year_s(year))
    for day_s in range(_new_year_s(year), _new_year_s(year + 1), _DAY_S):
        after_s = _offset_s(key, day_s + _DAY_S)
        if after_s != before_s:
            low_s, high_s = day_s, day_s + _DAY_S
            while high_s - low_s > 1:
                middle_s = (low_s + high_s) // 2
                if _offset_s(key, middle_s) == before_s:
                    low_s = middle_s
                else:
                    high_s = middle_s
            changes.append((high_s, after_s))
            before_s = after_s
    return tuple(changes)
