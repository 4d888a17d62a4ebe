"""Times as market data files write them, one by one and a column at a time.

What is read: ISO 8601 and its relatives (``2014-05-05T00:00:00.040187Z``, ``2024.01.02 01:00``, ``20180101 170000``,
``20200101 170000065``), day first when the year is last and dots separate (``31.12.2018 21:00:00``), a date alone, and
epochs of 10, 13, 16 or 19 digits (s, ms, us, ns). An offset (``Z``, ``+00:00``, ``UTC``) makes a time absolute; without
one it is the clock of whoever wrote the file, which only a time zone turns into UTC.

A column is read by shape: the first field of each length is matched by the same expression that reads a single field,
then all fields with the same separators at the same places are turned into integers at once. What does not fit is left
for the single reader, which says why. Both use the same arithmetic, on integers and on arrays of them alike.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS

_CLOCK = (
    r"(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,]?(?P<fraction>\d{1,9}))?)?"
    r"(?:(?P<zulu>Z| ?UTC| ?GMT)|(?P<sign>[+-])(?P<offset_hour>\d\d):?(?P<offset_minute>\d\d)?)?"
)
_MOMENT_PATTERNS = (
    re.compile(r"(?P<epoch>\d{10}(?=\.|$)|\d{13}|\d{16}|\d{19})(?:\.(?P<fraction>\d{1,9}))?", re.ASCII),
    re.compile(r"(?P<year>\d{4})(?P<bar>[-./]?)(?P<month>\d\d)(?P=bar)(?P<day>\d\d)(?:[T ]?" + _CLOCK + r")?", re.ASCII),
    re.compile(r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})(?:[T ]" + _CLOCK + r")?", re.ASCII),
)
_CLOCK_PATTERNS = (re.compile(_CLOCK, re.ASCII),)

_NUMBER_GROUPS = (
    "epoch",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "fraction",
    "offset_hour",
    "offset_minute",
)
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_LAST_SECOND = 7_289_654_400
"""2201-01-01: the end of the years that are believed, far inside 64 bits of nanoseconds."""
_EPOCH_UNIT_NS = {10: SECOND_NS, 13: 1_000_000, 16: 1_000, 19: 1}
_LENGTH_MAX = 40
_SHAPE_COUNT_MAX = 8
"""How many shapes of one length are tried before the rest is left to the single reader."""


@dataclass(frozen=True, slots=True)
class Moments:
    """A column of times: the clock as written, and UTC where an offset was written with it."""

    clock_ns: npt.NDArray[np.int64]
    offset_ns: npt.NDArray[np.int64]
    """What the clock is ahead of UTC; 0 where nothing was written."""
    has_offset: npt.NDArray[np.bool_]
    is_read: npt.NDArray[np.bool_]
    """False where the single reader must look."""


def _day_number(year: Any, month: Any, day: Any) -> Any:
    """Days from 1970-01-01; integers or arrays (Howard Hinnant, chrono-compatible date algorithms, days_from_civil)."""
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def _month_length(year: Any, month: Any) -> Any:
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return 30 + ((month + (month >> 3)) & 1) - (month == 2) * (2 - 1 * is_leap)


def _is_date(year: Any, month: Any, day: Any) -> Any:
    in_range = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    return in_range & (day <= _month_length(year, month))


def _moment(numbers: dict[str, Any], fraction_digits: int, epoch_digits: int) -> tuple[Any, Any]:
    """Clock in ns and whether it is a possible time, from the numbers of one field or of a column."""
    fraction_ns = numbers["fraction"] * 10 ** (9 - fraction_digits) if "fraction" in numbers else 0
    if "epoch" in numbers:
        unit_ns = _EPOCH_UNIT_NS[epoch_digits]
        is_possible = numbers["epoch"] < _LAST_SECOND * (SECOND_NS // unit_ns)
        return numbers["epoch"] * is_possible * unit_ns + fraction_ns, is_possible
    clock_ns: Any = fraction_ns
    is_possible = True
    if "year" in numbers:
        year, month, day = numbers["year"], numbers["month"], numbers["day"]
        is_possible = _is_date(year, month, day)
        clock_ns = clock_ns + _day_number(year, month, day) * is_possible * DAY_NS
    for name, limit, unit_ns in (("hour", 24, HOUR_NS), ("minute", 60, MINUTE_NS), ("second", 60, SECOND_NS)):
        if name in numbers:
            is_possible = is_possible & (numbers[name] < limit)
            clock_ns = clock_ns + numbers[name] * unit_ns
    return clock_ns, is_possible


def _match(text: str, patterns: tuple[re.Pattern[str], ...]) -> re.Match[str] | None:
    for pattern in patterns:
        match = pattern.fullmatch(text)
        if match is not None:
            return match
    return None


def _spans(match: re.Match[str]) -> dict[str, tuple[int, int]]:
    """Where the numbers of a matched field stand."""
    groups = match.groupdict()
    return {name: match.span(name) for name in _NUMBER_GROUPS if groups.get(name) is not None}


def _digit_counts(spans: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Digits of the fraction and of the epoch."""
    lengths = {name: stop - start for name, (start, stop) in spans.items()}
    return lengths.get("fraction", 0), lengths.get("epoch", 0)


def _is_absolute(match: re.Match[str]) -> bool:
    groups = match.groupdict()
    return "epoch" in groups or groups["zulu"] is not None or groups["sign"] is not None


def moment_from_text(text: str, *, is_clock_only: bool = False) -> tuple[int, int | None]:
    """The clock of one field in ns and its offset from UTC in ns (None when none is written).

    ``is_clock_only`` reads a time of day without a date. Raises ValueError for text that is no time.
    """
    match = _match(text, _CLOCK_PATTERNS if is_clock_only else _MOMENT_PATTERNS)
    if match is None:
        raise ValueError(f"{text!r} is not a time")
    spans = _spans(match)
    numbers = {name: int(text[start:stop]) for name, (start, stop) in spans.items()}
    clock_ns, is_possible = _moment(numbers, *_digit_counts(spans))
    offset_ns = numbers.get("offset_hour", 0) * HOUR_NS + numbers.get("offset_minute", 0) * MINUTE_NS
    if not is_possible or offset_ns > 14 * HOUR_NS:
        raise ValueError(f"{text!r} is not a possible time")
    if not _is_absolute(match):
        return int(clock_ns), None
    return int(clock_ns), -offset_ns if match.groupdict().get("sign") == "-" else offset_ns


def _read_shape(
    characters: npt.NDArray[np.uint8], match: re.Match[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Clock, offset and whether it could be read, of fields (one a row) that may have the shape of ``match``."""
    spans = _spans(match)
    is_read = np.ones(len(characters), dtype=np.bool_)
    is_literal = np.ones(characters.shape[1], dtype=np.bool_)
    numbers: dict[str, Any] = {}
    for name, (start, stop) in spans.items():
        value: npt.NDArray[np.int64] = np.zeros(len(characters), dtype=np.int64)
        for column in range(start, stop):
            digit = characters[:, column] - np.uint8(48)
            is_read &= digit < 10
            value = value * 10 + digit
        numbers[name] = value
        is_literal[start:stop] = False
    is_minus = np.zeros(len(characters), dtype=np.bool_)
    if match.groupdict().get("sign") is not None:
        sign_column = match.start("sign")
        is_minus = characters[:, sign_column] == ord("-")
        is_read &= is_minus | (characters[:, sign_column] == ord("+"))
        is_literal[sign_column] = False
    sample = np.frombuffer(match.string.encode("ascii"), dtype=np.uint8)
    for column in np.flatnonzero(is_literal).tolist():
        is_read &= characters[:, column] == sample[column]
    clock_ns, is_possible = _moment(numbers, *_digit_counts(spans))
    offset_ns = np.zeros(len(characters), dtype=np.int64)
    if "offset_hour" in numbers:
        offset_ns = numbers["offset_hour"] * HOUR_NS + numbers.get("offset_minute", 0) * MINUTE_NS
        is_read &= offset_ns <= 14 * HOUR_NS
        offset_ns = np.where(is_minus, -offset_ns, offset_ns)
    return clock_ns, offset_ns, is_read & is_possible


def moments_from_fields(
    buffer: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    *,
    is_clock_only: bool = False,
) -> Moments:
    """Read a column of times that lie in ``buffer`` at ``starts``."""
    patterns = _CLOCK_PATTERNS if is_clock_only else _MOMENT_PATTERNS
    count = len(starts)
    moments = Moments(
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.bool_),
        np.zeros(count, dtype=np.bool_),
    )
    for length in np.unique(lengths):
        if not 0 < length <= _LENGTH_MAX:
            continue
        rows = np.flatnonzero(lengths == length)
        windows = sliding_window_view(buffer, int(length))
        for _ in range(_SHAPE_COUNT_MAX):
            sample = windows[starts[rows[0]]].tobytes()
            match = _match(sample.decode("ascii"), patterns) if sample.isascii() else None
            if match is None:
                rows = rows[1:]
            else:
                clock_ns, offset_ns, is_read = _read_shape(windows[starts[rows]], match)
                read_rows = rows[is_read]
                moments.clock_ns[read_rows] = clock_ns[is_read]
                moments.offset_ns[read_rows] = offset_ns[is_read]
                moments.has_offset[read_rows] = _is_absolute(match)
                moments.is_read[read_rows] = True
                rows = rows[1:][~is_read[1:]]
            if not len(rows):
                break
    return moments
