"""What a table shows, without a screen: order, filter, cursor, CSV, widths."""

import csv
import io
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.tablemodel import GAP_CELLS, MARK_CELLS, Column, TableModel, Widths, hidden_text, padded, plain


class Item(NamedTuple):
    key: int
    name: str
    size: int
    is_odd: bool = False


COLUMNS = (
    Column[Item]("name", "Name", lambda item: item.name, lambda item: item.name, searched=True),
    Column[Item]("size", "Size", lambda item: item.size, lambda item: f"{item.size:,}", is_right=True),
    Column[Item]("key", "Key", lambda item: item.key, lambda item: f"k{item.key}", searched=True),
)
ITEMS = st.lists(
    st.builds(Item, st.integers(0, 99), st.text("abAB =", max_size=3), st.integers(-3, 3), st.booleans()),
    unique_by=lambda item: item.key,
    max_size=20,
)
FILTERS = st.text("abAB k1", max_size=4)


def model(rows: list[Item], is_pinned: bool = False, sorted_by: str = "", is_descending: bool = False) -> TableModel[Item]:
    pinned: Callable[[Item], bool] | None = (lambda item: item.is_odd) if is_pinned else None
    made = TableModel(COLUMNS, lambda item: item.key, pinned, sorted_by, is_descending)
    made.rows = rows
    return made


def some(*keys: int) -> list[Item]:
    return [Item(key, f"n{key}", key) for key in keys]


@given(ITEMS, st.sampled_from(["", "name", "size", "key"]), st.booleans())
def test_order_is_stable_with_pinned_rows_on_top(rows: list[Item], sorted_by: str, is_descending: bool) -> None:
    """Rows of equal value keep the order they came in, in both directions, and those that need a decision stand before all others."""
    made = model(rows, True, sorted_by, is_descending)
    for group in (True, False):
        shown = [row for row in made.visible if row.is_odd == group]
        assert sorted(shown) == sorted(row for row in rows if row.is_odd == group)
        for one, other in pairwise(shown):
            values = [getattr(row, sorted_by) if sorted_by else 0 for row in (one, other)]
            assert values == sorted(values, reverse=is_descending)
            assert values[0] != values[1] or rows.index(one) < rows.index(other)
    flags = [row.is_odd for row in made.visible]
    assert flags == sorted(flags, reverse=True)


@given(ITEMS, FILTERS)
def test_filter_finds_each_word_in_any_searched_column(rows: list[Item], text: str) -> None:
    """Rows are shown whose name or key holds every word, in any case; no word is found across two columns, or in one not searched."""
    made = model(rows)
    made.filter = text
    fits = [row for row in rows if all(word in row.name.lower() or word in f"k{row.key}" for word in text.lower().split())]
    assert made.visible == fits
    assert made.counts == (len(fits), len(rows))


@given(ITEMS, st.integers(0, 20), ITEMS, FILTERS, st.sampled_from(["", "name", "size"]))
def test_cursor_stays_on_its_row_else_at_its_index(old: list[Item], at: int, new: list[Item], text: str, sorted_by: str) -> None:
    """Whatever comes: the row of the cursor's key has it, or when that is gone the row at the same index, the last at most."""
    made = model(old)
    made.cursor = at
    before, index = made.row, made.cursor
    made.rows = new
    made.filter = text
    made.sort_by(sorted_by)
    if not made.visible:
        assert made.row is None
    elif before is not None and before.key in [row.key for row in made.visible]:
        assert made.row is not None
        assert made.row.key == before.key
    else:
        assert made.cursor == min(index, len(made.visible) - 1)
        assert made.row == made.visible[made.cursor]


def test_cursor_finds_its_row_again_after_an_empty_moment() -> None:
    """A filter that hides everything for a moment, or a feed that begins anew, does not move the cursor."""
    made = model(some(1, 2, 3))
    made.cursor = 1
    made.filter = "zzz"
    assert (made.row, made.cursor) == (None, 0)
    made.filter = ""
    assert made.row == Item(2, "n2", 2)


def test_go_to_finds_only_rows_that_are_shown() -> None:
    """The cursor goes to a key that is there and stays for one that is not."""
    made = model(some(1, 2, 3))
    assert made.go_to(3)
    assert not made.go_to(4)
    assert made.cursor == 2


def test_sorting_goes_through_the_columns_and_back_to_the_given_order() -> None:
    """Each column comes with its smallest on top; the column sorted by already is turned round, and says which way it is."""
    made = model(some(2, 3, 1))
    seen = []
    for _ in range(4):
        made.sort_next()
        seen.append((made.sorted_by, [made.title_of(column) for column in COLUMNS], [row.key for row in made.visible]))
    assert seen[0] == ("name", ["Name▲", "Size", "Key"], [1, 2, 3])
    assert [name for name, _, _ in seen] == ["name", "size", "key", ""]
    assert seen[3][2] == [2, 3, 1]
    made.reverse()
    assert [row.key for row in made.visible] == [2, 3, 1]
    made.sort_by("size")
    made.reverse()
    assert made.title_of(COLUMNS[1]) == "Size▼"
    assert [row.key for row in made.visible] == [3, 2, 1]
    made.sort_by("name")
    assert not made.is_descending


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("@SUM(A1)", "'@SUM(A1)"), ("-", "'-"), ("-2+3", "'-2+3"), ("\tx", "'\tx"),
        ("-1,234.50", "-1,234.50"), ("+7", "+7"), ("-0.5", "-0.5"), ("1-2", "1-2"), ("", ""), ('a "b", c\r\nd', 'a "b", c\r\nd'),
    ],
)  # fmt: skip
def test_csv_holds_no_formula(text: str, written: str) -> None:
    """What a spreadsheet would compute gets an apostrophe, numbers with their signs stay numbers, and a reader gets all else as it was."""
    made = model([Item(1, text, 1_000)])
    lines = list(csv.reader(io.StringIO(made.csv(), newline="")))
    assert lines == [["Name", "Size", "Key"], [written, "1,000", "k1"]]
    assert made.csv().endswith('"1,000",k1\r\n')


def test_csv_and_text_tell_what_is_shown() -> None:
    """CSV has the rows shown in their order; a row's text names every column."""
    made = model(some(1, 2, 12), sorted_by="size", is_descending=True)
    made.filter = "2"
    assert made.csv() == "Name,Size,Key\r\nn12,12,k12\r\nn2,2,k2\r\n"
    assert made.text_of_row(Item(1, "n1", 1_000)) == "Name: n1\nSize: 1,000\nKey: k1"


CELLS = st.lists(st.text(max_size=12).map(plain), min_size=4, max_size=4)


def wide(*ranks: int) -> list[Column[Item]]:
    return [Column[Item](f"c{index}", "", lambda item: 0, lambda item: "", rank=rank, width_max=10) for index, rank in enumerate(ranks)]


@given(st.lists(CELLS, max_size=5), st.lists(st.integers(0, 2), min_size=4, max_size=4), st.integers(20, 80), st.sampled_from(["", "c3"]))
def test_columns_fit_and_those_of_the_highest_rank_go_first(lines: list[list[str]], ranks: list[int], width: int, sorted_by: str) -> None:
    """What is shown fits with the mark for what is not, and nothing is hidden that ranks lower than what is shown."""
    columns = wide(*ranks)
    widths = Widths(columns)
    for line in lines:
        widths.grow(line)
    shown = widths.fit(width, sorted_by)
    hidden = [index for index in range(4) if index not in shown]
    mark = hidden_text(len(hidden))
    assert MARK_CELLS + sum(widths.cells[index] for index in shown) + GAP_CELLS * (len(shown) - 1) + len(mark) <= width
    assert not sorted_by or 3 in shown
    for index in hidden:
        assert all((ranks[other], other) < (ranks[index], index) for other in shown if columns[other].key != sorted_by)


def test_columns_only_grow_until_a_reset() -> None:
    """A shorter text leaves a column as wide as it was; the greatest width is not passed; a reset forgets."""
    widths = Widths(wide(0, 0))
    widths.grow(["a" * 5, "b" * 50])
    widths.grow(["a", "b"])
    assert widths.cells == [5, 10]
    widths.reset()
    assert widths.cells == [1, 1]


def test_left_out_columns_make_room_for_hidden_ones() -> None:
    """Shifted by one, the second column is away and the last one comes."""
    widths = Widths(wide(0, 0, 0))
    widths.grow(["a" * 8] * 3)
    assert widths.fit(24) == [0, 1]
    assert widths.fit(24, shift=1) == [0, 2]
    assert widths.fit(1) == [0]


@given(st.text(max_size=20), st.integers(0, 12), st.booleans())
def test_padded_text_has_exactly_its_cells(text: str, cells: int, is_right: bool) -> None:
    """Whatever signs a broker sends, control characters and wide ones, a cell is as wide as its column and can be printed."""
    shown = padded(plain(text), cells, is_right)
    assert cell_len(shown) == cells
    assert shown.isprintable()


def test_longer_texts_are_cut_with_a_sign() -> None:
    """And shorter ones are set to their side; line ends and escapes are blanks."""
    assert padded("EURUSD.x", 6, False) == "EURUS…"
    assert (padded("7", 3, True), padded("7", 3, False)) == ("  7", "7  ")
    assert plain("a\nb\x1b[31m") == "a b [31m"


@given(st.lists(CELLS, max_size=5), st.integers(24, 120))
def test_a_column_takes_the_rest(lines: list[list[str]], width: int) -> None:
    """All that the others leave, however long its texts are, and at least its least width."""
    columns = [msgspec.structs.replace(column, is_rest=index == 1, width_min=4) for index, column in enumerate(wide(0, 0, 1, 1))]
    widths = Widths(columns)
    for line in lines:
        widths.grow(line)
    shown = widths.fit(width)
    cells = widths.spread(width, shown)
    if 1 in shown:
        mark = hidden_text(len(columns) - len(shown))
        assert MARK_CELLS + sum(cells[index] for index in shown) + GAP_CELLS * (len(shown) - 1) + len(mark) == width
        assert cells[1] >= 4
    assert [cells[index] for index in (0, 2, 3)] == [widths.cells[index] for index in (0, 2, 3)]
