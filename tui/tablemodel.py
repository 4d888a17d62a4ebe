"""What a table shows: which rows in which order, where its cursor is, how wide its columns are. Nothing here draws."""

import csv
import io
import re
from collections.abc import Callable, Hashable, Sequence
from itertools import compress
from operator import not_
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from rich.cells import cell_len, set_cell_size

R = TypeVar("R")

MARK_CELLS = 2
"""In front of each row: ``>`` at the cursor, ``!`` where a decision is needed."""
GAP_CELLS = 2
"""Between two columns."""

_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NO_KEY = object()


class Comparable(Protocol):
    """What sorting needs."""

    def __lt__(self, other: Any, /) -> bool: ...


class Column(msgspec.Struct, Generic[R], frozen=True):
    """One column. ``value``: what is sorted by, of one type in all rows; ``text``: what is shown.

    ``rank``: columns of the highest rank are left out first where the width does not do. ``width_min``, ``width_max``: in cells; longer
    texts are cut. ``searched``: a filter looks at it. ``style``: how rich should draw the cell; the text must say the same without it.
    ``is_rest``: it has the cells that the others leave, and at least ``width_min``.
    """

    key: str
    title: str
    value: Callable[[R], Comparable]
    text: Callable[[R], str]
    is_right: bool = False
    rank: int = 0
    width_min: int = 1
    width_max: int = 40
    searched: bool = False
    style: Callable[[R], str] | None = None
    is_rest: bool = False


class TableModel(Generic[R]):
    """Rows in the order they are shown. ``pinned``: rows that need a decision; they are on top in any order, unless filtered out.

    Given rows are sorted when somebody looks. ``sorted_by``: a column's key; empty: as given.
    """

    def __init__(
        self,
        columns: Sequence[Column[R]],
        key: Callable[[R], Hashable],
        pinned: Callable[[R], bool] | None = None,
        sorted_by: str = "",
        is_descending: bool = False,
    ) -> None:
        self.columns = tuple(columns)
        self.key = key
        self.sorted_by = sorted_by
        self.is_descending = is_descending
        self._column_of = {column.key: column for column in self.columns}
        self._pinned = pinned
        self._rows: list[R] = []
        self._words: list[str] = []
        self._filter = ""
        self._visible: list[R] | None = None
        self._cursor = 0
        self._cursor_key: Hashable = _NO_KEY

    @property
    def rows(self) -> list[R]:
        """All rows, as given."""
        return self._rows

    @rows.setter
    def rows(self, rows: list[R]) -> None:
        self._rows = rows
        self._visible = None

    @property
    def filter(self) -> str:
        """Words that each must occur in a searched column, in upper or lower case."""
        return self._filter

    @filter.setter
    def filter(self, text: str) -> None:
        self._filter = text
        self._words = text.casefold().split()
        self._visible = None

    @property
    def visible(self) -> list[R]:
        """The rows that are shown, in their order; not to be changed."""
        if self._visible is None:
            self._visible = self._ordered()
            self._seat(self._visible)
        return self._visible

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows are shown, and how many there are."""
        return len(self.visible), len(self._rows)

    @property
    def cursor(self) -> int:
        """The index of the row under the cursor among those shown; follows that row, and stays where it is when the row goes."""
        return min(self._cursor, max(0, len(self.visible) - 1))

    @cursor.setter
    def cursor(self, index: int) -> None:
        visible = self.visible
        if visible:
            self._cursor = max(0, min(index, len(visible) - 1))
            self._cursor_key = self.key(visible[self._cursor])

    @property
    def row(self) -> R | None:
        """The row under the cursor, if any is shown."""
        return self.visible[self.cursor] if self.visible else None

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key; False: it is not shown."""
        index = self._index_of(key, self.visible)
        if index is not None:
            self.cursor = index
        return index is not None

    def is_pinned(self, row: R) -> bool:
        """Whether the row needs a decision."""
        return self._pinned is not None and self._pinned(row)

    def sort_by(self, key: str) -> None:
        """Sort by a column, the smallest on top; the other way round if it is sorted by that column already. Empty: as given."""
        self.is_descending = key == self.sorted_by and key != "" and not self.is_descending
        self.sorted_by = key
        self._visible = None

    def sort_next(self) -> None:
        """Sort by the next column; after the last one as given."""
        keys = ["", *self._column_of]
        self.sort_by(keys[(keys.index(self.sorted_by) + 1) % len(keys)])

    def reverse(self) -> None:
        """Turn the order round, if rows are sorted."""
        if self.sorted_by:
            self.sort_by(self.sorted_by)

    def title_of(self, column: Column[R]) -> str:
        """A column's title, with an arrow if rows are sorted by it."""
        if column.key != self.sorted_by:
            return column.title
        return column.title + ("▼" if self.is_descending else "▲")

    def text_of_row(self, row: R) -> str:
        """All columns of a row, hidden ones too, a line each."""
        return "\n".join(f"{column.title}: {column.text(row)}" for column in self.columns)

    def csv(self) -> str:
        """The rows shown with all columns, hidden ones too, by RFC 4180; no text is a formula to a spreadsheet."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([_tame(column.title) for column in self.columns])
        writer.writerows([_tame(column.text(row)) for column in self.columns] for row in self.visible)
        return out.getvalue()

    def _ordered(self) -> list[R]:
        rows = [row for row in self._rows if self._matches(row)] if self._words else self._rows
        if self.sorted_by:
            rows = sorted(rows, key=self._column_of[self.sorted_by].value, reverse=self.is_descending)
        if self._pinned is not None:
            flags = list(map(self._pinned, rows))
            if any(flags):
                rows = [*compress(rows, flags), *compress(rows, map(not_, flags))]
        return rows

    def _matches(self, row: R) -> bool:
        # words hold no blanks, so that none matches across two columns
        text = "\n".join([column.text(row) for column in self.columns if column.searched]).casefold()
        return all(word in text for word in self._words)

    def _seat(self, visible: list[R]) -> None:
        if not visible:
            return  # the row may come back
        index = self._index_of(self._cursor_key, visible)
        if index is not None:
            self._cursor = index
        else:
            self._cursor = min(self._cursor, len(visible) - 1)
            self._cursor_key = self.key(visible[self._cursor])

    def _index_of(self, key: Hashable, visible: list[R]) -> int | None:
        if key is _NO_KEY:
            return None
        if self._cursor < len(visible) and self.key(visible[self._cursor]) == key:
            return self._cursor
        return next((index for index, other in enumerate(map(self.key, visible)) if other == key), None)


class Widths:
    """How many cells each column has, and which columns there is room for. Columns only grow until ``reset``: numbers do not jump."""

    def __init__(self, columns: Sequence[Column[Any]]) -> None:
        self._columns = columns
        self.cells = [column.width_min for column in columns]

    def reset(self) -> None:
        """Forget what was shown before."""
        self.cells = [column.width_min for column in self._columns]

    def grow(self, line: Sequence[str]) -> None:
        """Make room for the texts of all columns of one line."""
        cells = self.cells
        for index, text in enumerate(line):
            # of what is not ASCII a sign can have two cells
            if (len(text) > cells[index] or not text.isascii()) and not self._columns[index].is_rest:
                cells[index] = max(cells[index], min(cell_len(text), self._columns[index].width_max))

    def fit(self, width: int, sorted_by: str = "", shift: int = 0) -> list[int]:
        """The columns shown in ``width`` cells: at least one, and what is sorted by as long as it can be.

        ``shift``: so many columns after the first are left out for others.
        """
        shown = [0, *range(1 + shift, len(self._columns))]
        while len(shown) > 1 and self._needed(shown) > width:
            droppable = [index for index in shown if self._columns[index].key != sorted_by]
            shown.remove(max(droppable, key=lambda index: (self._columns[index].rank, index)))
        return shown

    def spread(self, width: int, shown: list[int]) -> list[int]:
        """The cells of each column, when these are shown in ``width`` cells."""
        left = max(0, width - self._needed(shown))
        rest = next((index for index in shown if self._columns[index].is_rest), None)
        return [cells + (left if index == rest else 0) for index, cells in enumerate(self.cells)]

    def _needed(self, shown: list[int]) -> int:
        hidden_mark = hidden_text(len(self._columns) - len(shown))
        return MARK_CELLS + sum(self.cells[index] for index in shown) + GAP_CELLS * (len(shown) - 1) + len(hidden_mark)


def hidden_text(count: int) -> str:
    """How a header says that columns are hidden."""
    return f" +{count}" if count else ""


def plain(text: str) -> str:
    """A text that can do nothing to a terminal: blanks for control characters and line ends."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def padded(text: str, cells: int, is_right: bool) -> str:
    """A text in exactly so many cells, cut with … where it is longer."""
    length = len(text) if text.isascii() else cell_len(text)
    if length > cells:
        return set_cell_size(text, cells - 1) + "…" if cells else ""
    return " " * (cells - length) + text if is_right else text + " " * (cells - length)


def _tame(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
