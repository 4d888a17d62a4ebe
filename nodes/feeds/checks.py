"""Row after row: times must not run backwards, prices must not leap.

Each row is held against the last one that was accepted, so one wild row does not spoil the next. Blocks of rows that
are all good are passed by a few array operations; only a block with a doubtful row is walked row by row. Two
refinements keep one wrong row, or a true change, from costing the rest of the file:

- a row whose time leaps far ahead while the next row comes back is itself the wrong one, and so is a first row that
  disagrees with the two after it, which agree;
- after ``JUMP_CONFIRM_COUNT`` rows in a row that agree with one another, the market really is there: the next row is
  accepted (a split, a changed unit), and the report says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mesh.units import DAY_NS, text_from_e8
from nodes.feeds.report import ProblemLog

JUMP_PPM_MAX = 10_000_000
"""Bound of the bound on jumps: a move by ten times the price; with it all products stay inside 64 bits."""

_MILLION = 1_000_000

JUMP_CONFIRM_COUNT = 10
LEAP_NS = DAY_NS
"""A time so far ahead is doubted when the next row comes back."""

_BLOCK_ROW_COUNT = 4_096

Int64s: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Series:
    """What is checked: times, and for each side the price a row enters with and the one it leaves behind.

    Ticks have two sides (bid, ask) and enter and leave with the same price, 0 meaning unchanged. Bars have one side and
    enter with the open, leave with the close.
    """

    line: Int64s
    time_ns: Int64s
    enter_e8: tuple[Int64s, ...]
    leave_e8: tuple[Int64s, ...]
    is_time_unique: bool
    """True for bars: two cannot open at the same time."""


def limit_e8(price_e8: Int64s, ppm: int) -> Int64s:
    """``ppm`` millionths of each price, rounded down."""
    return price_e8 // _MILLION * ppm + price_e8 % _MILLION * ppm // _MILLION


def _is_far(price_e8: int, from_e8: int, ppm: int) -> bool:
    return abs(price_e8 - from_e8) > from_e8 * ppm // _MILLION


def filled_forward(values: Int64s, before: int) -> Int64s:
    """Each 0 replaced by the value before it (``before`` for those at the start)."""
    last = np.maximum.accumulate(np.where(values != 0, np.arange(len(values)), -1))
    return np.where(last >= 0, values[last], before)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of each row; a row that is neither is refused."""

    is_accepted: npt.NDArray[np.bool_]
    is_incomplete: npt.NDArray[np.bool_]
    """Rows that are no ticks yet (one side is still unknown) but whose other side stands."""


class RowChecker:
    """Walks one file and gives a verdict on each row."""

    __slots__ = ("_away_count", "_away_e8", "_file", "_file_number", "_leave_e8", "_log", "_ppm", "_time_ns")

    def __init__(self, log: ProblemLog, file: str, file_number: int, *, jump_ppm: int) -> None:
        """``jump_ppm`` 0 lets every jump pass."""
        self._log = log
        self._file = file
        self._file_number = file_number
        self._ppm = jump_ppm
        self._time_ns = -(2**63)
        self._leave_e8: list[int] = []
        """The last accepted price of each side; 0 while none is known."""
        self._away_e8 = 0
        self._away_count = 0

    def verdicts(self, series: Series) -> Verdicts:
        """Which rows stand; the others are logged."""
        count = len(series.line)
        verdicts = Verdicts(np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_))
        self._leave_e8 = [0] * len(series.enter_e8)
        if self._ppm and self._is_first_wrong(series):
            verdicts.is_accepted[0] = False
            self._refuse(series, 0, "jump", f"price {text_from_e8(series.enter_e8[0][0].item())}, unlike the two after")
        first = 0 if verdicts.is_accepted[:1].all() else 1
        for start in range(first, count, _BLOCK_ROW_COUNT):
            stop = min(start + _BLOCK_ROW_COUNT, count)
            if not self._pass_block(series, start, stop):
                self._walk(series, start, stop, verdicts)
        return verdicts

    def _is_first_wrong(self, series: Series) -> bool:
        """Whether the first row alone disagrees with the second and third."""
        enter_e8, leave_e8 = series.enter_e8[0][:3].tolist(), series.leave_e8[0][:3].tolist()
        if len(enter_e8) < 3 or 0 in enter_e8:
            return False
        return (
            _is_far(enter_e8[1], leave_e8[0], self._ppm)
            and _is_far(enter_e8[2], leave_e8[0], self._ppm)
            and not _is_far(enter_e8[2], leave_e8[1], self._ppm)
        )

    def _pass_block(self, series: Series, start: int, stop: int) -> bool:
        """Accept a whole block if nothing in it is doubtful."""
        time_ns = series.time_ns[start:stop]
        step_ns = np.diff(time_ns, prepend=max(self._time_ns, time_ns[0].item() - LEAP_NS))
        if np.any(step_ns < (1 if series.is_time_unique else 0)):
            return False
        if stop < len(series.time_ns) and series.time_ns[stop] < time_ns[-1]:
            return False
        leaves: list[int] = []
        filled: list[Int64s] = []
        for enter_e8, leave_e8, before_e8 in zip(series.enter_e8, series.leave_e8, self._leave_e8, strict=True):
            enter = filled_forward(enter_e8[start:stop], before_e8)
            if not enter[0]:
                return False
            leave = enter if leave_e8 is enter_e8 else leave_e8[start:stop]
            previous = np.concatenate(([before_e8 or enter[0]], leave[:-1]))
            if self._ppm and np.any(np.abs(enter - previous) > limit_e8(previous, self._ppm)):
                return False
            filled.append(enter)
            leaves.append(leave[-1].item())
        if self._ppm and len(filled) == 2:
            gap = np.abs(filled[1] - filled[0])
            if np.any(gap > limit_e8(filled[0], self._ppm)):
                return False
        self._time_ns, self._leave_e8, self._away_count = time_ns[-1].item(), leaves, 0
        return True

    def _walk(self, series: Series, start: int, stop: int, verdicts: Verdicts) -> None:
        times = series.time_ns[start : stop + 1].tolist()
        enters = [column[start:stop].tolist() for column in series.enter_e8]
        leaves = [column[start:stop].tolist() for column in series.leave_e8]
        for row in range(stop - start):
            next_ns = times[row + 1] if row + 1 < len(times) else times[row]
            enter_e8 = [column[row] or known for column, known in zip(enters, self._leave_e8, strict=True)]
            refusal = self._doubt_time(times[row], next_ns, series.is_time_unique) or self._doubt_price(
                enter_e8, series.line[start + row].item()
            )
            if refusal is not None:
                verdicts.is_accepted[start + row] = False
                verdicts.is_incomplete[start + row] = refusal[0] == "incomplete"
                self._refuse(series, start + row, *refusal)
            if refusal is None or refusal[0] == "incomplete":
                self._leave_e8 = [column[row] or known for column, known in zip(leaves, self._leave_e8, strict=True)]
            if refusal is None:
                self._time_ns, self._away_count = times[row], 0

    def _doubt_time(self, time_ns: int, next_ns: int, is_unique: bool) -> tuple[str, str] | None:
        if time_ns < self._time_ns:
            return "order", f"time is {_span_text(self._time_ns - time_ns)} before the row before"
        if is_unique and time_ns == self._time_ns:
            return "order", "the bar opens at the same time as the row before"
        if self._time_ns <= next_ns < time_ns - LEAP_NS:
            return "order", f"time is {_span_text(time_ns - next_ns)} ahead of the row after, which comes back"
        return None

    def _doubt_price(self, enter_e8: Sequence[int], line: int) -> tuple[str, str] | None:
        if not all(enter_e8):
            return "incomplete", f"no {'ask' if enter_e8[0] else 'bid'} was given yet"
        if not self._ppm:
            return None
        for price_e8, before_e8 in zip(enter_e8, self._leave_e8, strict=True):
            if before_e8 and _is_far(price_e8, before_e8, self._ppm):
                return self._doubt_jump(enter_e8[0], price_e8, before_e8, line)
        if len(enter_e8) == 2 and _is_far(enter_e8[1], enter_e8[0], self._ppm):
            bid, ask = (text_from_e8(price_e8) for price_e8 in enter_e8)
            return "jump", f"bid {bid} and ask {ask} are more than {_percent_text(self._ppm)} apart"
        return None

    def _doubt_jump(self, first_e8: int, price_e8: int, before_e8: int, line: int) -> tuple[str, str] | None:
        """Refuse a jump, until enough rows have agreed that the price is there."""
        moved = f"from {text_from_e8(before_e8)} to {text_from_e8(price_e8)}"
        agrees = self._away_count > 0 and not _is_far(first_e8, self._away_e8, self._ppm)
        if agrees and self._away_count >= JUMP_CONFIRM_COUNT:
            self._log.notes.append(f"{self._file}:{line}: the price moved {moved} and stayed there for {self._away_count} rows: accepted")
            return None
        self._away_count = self._away_count + 1 if agrees else 1
        self._away_e8 = first_e8
        return "jump", f"price {moved}, more than {_percent_text(self._ppm)}"

    def _refuse(self, series: Series, row: int, reason: str, detail: str) -> None:
        self._log.add(self._file_number, self._file, series.line[row].item(), reason, detail)


def _span_text(span_ns: int) -> str:
    """A span of time in seconds."""
    return f"{text_from_e8(span_ns // 10, 3)} s"


def _percent_text(ppm: int) -> str:
    """A bound in percent as a person writes it: ``10 %``, ``0.5 %``."""
    text = text_from_e8(ppm * 10_000, 4)
    return f"{text.rstrip('0').rstrip('.')} %"
