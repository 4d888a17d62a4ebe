"""Rows of a market data file, a block of complete lines at a time, as columns of integers.

The bulk of a block is read by columns (``times.py``, ``numbers.py``): line ends and delimiters are found for all rows
at once, then each column is turned into integers for all rows at once. A row that does not fit is read again alone and
either fits after all (``1.1e0``, a quoted cell) or is reported with its line and the reason.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mesh.units import E8
from nodes.feeds.layout import BAR_COLUMNS, Layout
from nodes.feeds.numbers import FIELD_BYTES_MAX, number_from_text, numbers_from_fields
from nodes.feeds.report import ProblemLog
from nodes.feeds.times import moment_from_text, moments_from_fields

Int64s: TypeAlias = npt.NDArray[np.int64]

_PADDING = b"\0" * FIELD_BYTES_MAX
"""The column reader looks this far beyond the last field."""
_SHOWN_TEXT_MAX = 80
_LINE_BYTES_MAX = 4_096
"""A longer line is no row of prices (a binary file has such); it is refused unread."""

_DECORATION = re.compile(rb'["\t ,;] | [\t,;"\r\n]|"')
"""Quotes, or blanks beside a delimiter: cells that must be stripped before they are read."""


class RowError(ValueError):
    """One row cannot be used: the reason's code and the detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one file that could be read, in file order."""

    line: Int64s
    clock_ns: Int64s
    """Time as written."""
    offset_ns: Int64s
    """What that clock is ahead of UTC, where ``has_offset``; 0 elsewhere."""
    has_offset: npt.NDArray[np.bool_]
    prices_e8: Int64s
    """One row of this matrix for each price column of the layout; 0 where an empty cell means unchanged."""
    spread_points: Int64s

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.line)

    def __getitem__(self, key: npt.NDArray[Any]) -> "Rows":
        """Rows by mask or positions."""
        return Rows(
            self.line[key],
            self.clock_ns[key],
            self.offset_ns[key],
            self.has_offset[key],
            self.prices_e8[:, key],
            self.spread_points[key],
        )


def joined_rows(parts: list[Rows], price_count: int) -> Rows:
    """Blocks of rows one after the other."""
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return Rows(none, none, none, none.astype(np.bool_), np.empty((price_count, 0), dtype=np.int64), none)
    return Rows(
        np.concatenate([part.line for part in parts]),
        np.concatenate([part.clock_ns for part in parts]),
        np.concatenate([part.offset_ns for part in parts]),
        np.concatenate([part.has_offset for part in parts]),
        np.concatenate([part.prices_e8 for part in parts], axis=1),
        np.concatenate([part.spread_points for part in parts]),
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_TEXT_MAX else text[:_SHOWN_TEXT_MAX] + "...")


def _price_from_cell(cell: str, layout: Layout) -> int:
    if not cell and layout.is_empty_unchanged:
        return 0
    try:
        price_e8 = number_from_text(cell, is_comma_decimal=layout.is_comma_decimal)
    except ValueError as error:
        reason = "price" if "finite" in str(error) or "billion" in str(error) else "number"
        raise RowError(reason, str(error)) from None
    if price_e8 <= 0:
        raise RowError("price", f"price {cell} is {'zero' if price_e8 == 0 else 'negative'}")
    return price_e8


def _check_bar(prices_e8: list[int], cells: list[str]) -> None:
    for first in range(0, len(prices_e8), len(BAR_COLUMNS)):
        open_e8, high_e8, low_e8, close_e8 = prices_e8[first : first + len(BAR_COLUMNS)]
        if low_e8 > min(open_e8, close_e8) or high_e8 < max(open_e8, close_e8):
            shown = " ".join(cells[first : first + len(BAR_COLUMNS)])
            raise RowError("range", f"open high low close {shown}: the range does not hold open and close")


@dataclass(frozen=True, slots=True)
class _Row:
    clock_ns: int
    offset_ns: int | None
    prices_e8: list[int]
    spread_points: int


def _row_from_text(text: str, layout: Layout) -> _Row:
    """One row read alone. Raises RowError."""
    cells = [cell.strip().strip('"').strip() for cell in text.split(layout.delimiter)]
    if len(cells) != layout.field_count:
        raise RowError("fields", f"{len(cells)} fields, expected {layout.field_count}, in {_shown(text)}")
    try:
        clock_ns, offset_ns = moment_from_text(cells[layout.moment_column])
        if layout.clock_column is not None:
            of_day_ns, offset_ns = moment_from_text(cells[layout.clock_column], is_clock_only=True)
            clock_ns += of_day_ns
    except ValueError as error:
        raise RowError("time", str(error)) from None
    prices_e8 = [_price_from_cell(cells[column], layout) for column in layout.price_columns]
    if layout.is_bars:
        _check_bar(prices_e8, [cells[column] for column in layout.price_columns])
    spread_points = 0
    if layout.spread_column is not None:
        cell = cells[layout.spread_column]
        if not (cell.isascii() and cell.isdecimal()) or len(cell) > 9:
            raise RowError("number", f"spread {cell!r} is not a whole number of points")
        spread_points = int(cell)
    return _Row(clock_ns, offset_ns, prices_e8, spread_points)


@dataclass(frozen=True, slots=True)
class _Fields:
    """Where the cells of the rows with the right number of fields lie."""

    buffer: npt.NDArray[np.uint8]
    starts: Int64s
    ends: Int64s
    delimiters: Int64s
    """Positions of the delimiters, one row of this matrix for each row."""
    is_decorated: bool

    def cell(self, column: int) -> tuple[Int64s, Int64s]:
        """Starts and lengths of the cells of one column."""
        count = self.delimiters.shape[1]
        starts = self.starts if column == 0 else self.delimiters[:, column - 1] + 1
        ends = self.ends if column == count else self.delimiters[:, column]
        if self.is_decorated:
            for character in (ord(" "), ord('"'), ord(" ")):
                starts = starts + ((self.buffer[starts] == character) & (starts < ends))
                ends = ends - ((self.buffer[ends - 1] == character) & (starts < ends))
        return starts, ends - starts


def _are_bars_whole(prices_e8: Int64s) -> npt.NDArray[np.bool_]:
    """Where low <= open, close <= high, for the bid and, when present, the ask."""
    is_whole = np.ones(prices_e8.shape[1], dtype=np.bool_)
    for first in range(0, len(prices_e8), len(BAR_COLUMNS)):
        open_e8, high_e8, low_e8, close_e8 = prices_e8[first : first + len(BAR_COLUMNS)]
        is_whole &= (low_e8 <= np.minimum(open_e8, close_e8)) & (high_e8 >= np.maximum(open_e8, close_e8))
    return is_whole


def _rows_from_fields(fields: _Fields, line: Int64s, layout: Layout) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """All rows by columns, and which of them could be read."""
    moments = moments_from_fields(fields.buffer, *fields.cell(layout.moment_column))
    clock_ns, offset_ns, has_offset, is_read = (
        moments.clock_ns,
        moments.offset_ns,
        moments.has_offset,
        moments.is_read,
    )
    if layout.clock_column is not None:
        of_day = moments_from_fields(fields.buffer, *fields.cell(layout.clock_column), is_clock_only=True)
        clock_ns = clock_ns + of_day.clock_ns
        offset_ns, has_offset, is_read = of_day.offset_ns, of_day.has_offset, is_read & of_day.is_read
    prices_e8 = np.empty((len(layout.price_columns), len(line)), dtype=np.int64)
    for row, column in enumerate(layout.price_columns):
        starts, lengths = fields.cell(column)
        numbers = numbers_from_fields(fields.buffer, starts, lengths, is_comma_decimal=layout.is_comma_decimal)
        prices_e8[row] = numbers.values_e8
        is_good = numbers.is_read & (numbers.values_e8 > 0)
        is_read &= is_good | (lengths == 0) if layout.is_empty_unchanged else is_good
    if layout.is_bars:
        is_read &= _are_bars_whole(prices_e8)
    spread_points = np.zeros(len(line), dtype=np.int64)
    if layout.spread_column is not None:
        numbers = numbers_from_fields(fields.buffer, *fields.cell(layout.spread_column))
        spread_points = numbers.values_e8 // E8
        is_read &= numbers.is_read & (spread_points * E8 == numbers.values_e8)
    return Rows(line, clock_ns, offset_ns, has_offset, prices_e8, spread_points), is_read


class RowReader:
    """Reads the blocks of one file in order; bad rows go to the log."""

    __slots__ = ("_file", "_file_number", "_layout", "_line_count", "_log")

    def __init__(self, layout: Layout, log: ProblemLog, file: str, file_number: int) -> None:
        self._layout = layout
        self._log = log
        self._file = file
        self._file_number = file_number
        self._line_count = layout.header_count

    def rows(self, block: bytes) -> Rows:
        """The readable rows of complete lines (the first block without its header)."""
        if not block.endswith(b"\n"):
            block += b"\n"
        buffer = np.frombuffer(block + _PADDING, dtype=np.uint8)
        ends = np.flatnonzero(buffer == ord("\n"))
        starts = np.concatenate(([0], ends[:-1] + 1))
        line = self._line_count + 1 + np.arange(len(ends), dtype=np.int64)
        self._line_count += len(ends)
        ends = ends - ((buffer[ends - 1] == ord("\r")) & (ends > starts))
        is_row = ends > starts
        starts, ends, line = starts[is_row], ends[is_row], line[is_row]
        self._log.row_count += len(line)
        delimiters = np.flatnonzero(buffer == ord(self._layout.delimiter))
        first = np.searchsorted(delimiters, starts)
        is_regular = np.searchsorted(delimiters, ends) - first == self._layout.field_count - 1
        is_regular &= ends - starts <= _LINE_BYTES_MAX
        matrix = delimiters[first[is_regular][:, None] + np.arange(self._layout.field_count - 1)]
        is_decorated = _DECORATION.search(block) is not None
        fields = _Fields(buffer, starts[is_regular], ends[is_regular], matrix, is_decorated)
        fast, is_read = _rows_from_fields(fields, line[is_regular], self._layout)
        left = np.flatnonzero(~is_regular).tolist() + np.flatnonzero(is_regular)[~is_read].tolist()
        slow = self._read_alone(block, starts[left], ends[left], line[left]) if left else []
        rows = joined_rows([fast[is_read], *slow], len(self._layout.price_columns))
        return rows[np.argsort(rows.line, kind="stable")] if slow else rows

    def _read_alone(self, block: bytes, starts: Int64s, ends: Int64s, line: Int64s) -> list[Rows]:
        """Rows that did not fit, one by one; those that cannot be read are logged."""
        read: list[tuple[int, _Row]] = []
        for start, end, number in zip(starts.tolist(), ends.tolist(), line.tolist(), strict=True):
            try:
                if end - start > _LINE_BYTES_MAX:
                    raise RowError("fields", f"a line of {end - start} bytes")
                text = block[start:end].decode("utf-8", "backslashreplace")
                read.append((number, _row_from_text(text, self._layout)))
            except RowError as error:
                self._log.add(self._file_number, self._file, number, error.reason, error.detail)
        if not read:
            return []
        return [
            Rows(
                np.array([number for number, _ in read], dtype=np.int64),
                np.array([row.clock_ns for _, row in read], dtype=np.int64),
                np.array([row.offset_ns or 0 for _, row in read], dtype=np.int64),
                np.array([row.offset_ns is not None for _, row in read], dtype=np.bool_),
                np.array([row.prices_e8 for _, row in read], dtype=np.int64).T,
                np.array([row.spread_points for _, row in read], dtype=np.int64),
            )
        ]
