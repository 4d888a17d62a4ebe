"""The table on a screen of 80 x 24: keys, mouse, order, filter, columns that do not fit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.tui.resting import resting
from tui.tablemodel import Column, TableModel
from tui.widgets.filterbar import FilterBar
from tui.widgets.table import Table

pytestmark = pytest.mark.slow


class Item(NamedTuple):
    key: int
    name: str
    size: int = 0


COLUMNS = [
    Column[Item]("name", "Name", lambda item: item.name, lambda item: item.name, searched=True),
    Column[Item]("size", "Size", lambda item: item.size, lambda item: f"{item.size:,}", is_right=True),
    Column[Item]("long", "Long", lambda item: 0, lambda item: "l" * 20, rank=1),
    Column[Item]("last", "Last", lambda item: 0, lambda item: "z" * 20, rank=2, style=lambda item: "red" if item.size < 0 else ""),
]
BODY = 21
"""Rows seen at once: header, totals and filter bar take a line each."""


def items(count: int, first: int = 0) -> list[Item]:
    return [Item(key, f"row{key}", -key) for key in range(first, first + count)]


ROWS = items(100)


class Host(App[None]):
    """One table, its filter bar, a button beside it, and all it said."""

    def __init__(self, rows: list[Item], columns: list[Column[Item]]) -> None:
        super().__init__()
        model = TableModel(columns, lambda item: item.key, lambda item: item.name == "urgent")
        self.table: Table[Item] = Table(
            model, empty="no rows at all", row_style=lambda item: "" if item.size else "dim", totals=lambda shown: f"{len(shown)} rows"
        )
        self.bar = FilterBar(self.table)
        self.table.show(rows)
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.bar
        yield Button("b", compact=True)

    def on_mount(self) -> None:
        self.table.focus()

    @on(Table.Picked)
    @on(Table.Moved)
    @on(FilterBar.Changed)
    def hear(self, message: Message) -> None:
        self.said.append(message)


def run(play: Callable[[Host, Pilot[None]], Awaitable[None]], rows: list[Item] = ROWS, columns: list[Column[Item]] = COLUMNS) -> None:
    async def played() -> None:
        host = Host(rows, columns)
        with resting(host, paints=True):
            async with host.run_test(size=(80, 24)) as pilot:
                await pilot.pause()
                await play(host, pilot)

    asyncio.run(played())


def screen(host: Host) -> list[str]:
    """Lines of the table without the scrollbar, then of the bar and the button."""
    strips = host.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip)[: host.size.width - 1].rstrip() for strip in strips]


def names(host: Host) -> list[str]:
    """The first words of all lines that are rows, with the mark before them."""
    height = host.table.size.height
    return [line[:2] + line[2:].split()[0] for line in screen(host)[1 : height - 1] if line]


def moved_to(host: Host) -> list[int | None]:
    return [said.row.key if said.row is not None else None for said in host.said if isinstance(said, Table.Moved)]


def is_reversed(host: Host, text: str) -> bool:
    strips = host.screen._compositor.render_strips()
    return any(text in segment.text and segment.style.reverse for strip in strips for segment in strip if segment.style is not None)


def test_only_seen_rows_are_read() -> None:
    """Of 10,000 rows the texts of those on the screen are asked for; header and totals stand around them."""
    asked: list[int] = []

    def text(item: Item) -> str:
        asked.append(item.key)
        return item.name

    async def play(host: Host, pilot: Pilot[None]) -> None:
        lines = screen(host)
        assert (lines[0], lines[1], lines[BODY + 1]) == ("  Name", "> row0", "  10000 rows")
        assert set(asked) == set(range(BODY))
        await pilot.press("end")
        assert names(host)[-1] == "> row9999"
        assert screen(host)[0] == "  Name"
        assert len(set(asked)) < 3 * BODY

    run(play, items(10_000), columns=[Column("name", "Name", lambda item: item.name, text)])


def test_keys_move_the_cursor_and_the_view_follows() -> None:
    """Lines, pages, first and last; the ends are not passed; each move is told once."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        steps = [("down", 1), ("pagedown", 1 + BODY), ("up", BODY), ("pageup", 0), ("up", 0), ("end", 99), ("down", 99), ("home", 0)]
        for key, index in steps:
            await pilot.press(key)
            assert f"> row{index}" in names(host)
        assert moved_to(host) == [0, 1, 22, 21, 0, 99, 0]

    run(play)


def test_enter_picks_the_row_under_the_cursor() -> None:
    """With its key; and with no row nothing is picked."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        await pilot.press("down", "enter")
        host.table.show([])
        await pilot.press("enter")
        picked = [said for said in host.said if isinstance(said, Table.Picked)]
        assert [(said.row, said.key, said.control) for said in picked] == [(Item(1, "row1", -1), 1, host.table)]
        assert moved_to(host) == [0, 1, None]

    run(play)


def test_enter_shows_a_row_out_of_sight_before_it_picks_it() -> None:
    """Nobody acts on a row he does not see: the first Enter brings it back, the second picks it."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        await pilot.press("down")
        host.table.scroll_to(y=50, animate=False)
        await pilot.press("enter")
        assert (names(host)[0], type(host.said[-1])) == ("> row1", Table.Moved)
        await pilot.press("enter")
        assert isinstance(host.said[-1], Table.Picked)

    run(play)


def test_cursor_stays_on_its_row_and_the_view_goes_with_it() -> None:
    """A row the operator chose keeps the cursor when 50 others come before it, and stays on the screen."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down")
        host.table.show([*items(50, first=500), *items(100)])
        await pilot.pause()
        assert names(host)[-1] == "> row2"
        assert host.table.model.cursor == 52
        host.table.show([row for row in items(100) if row.key != 2])
        await pilot.pause()
        assert "> row3" not in names(host)
        assert moved_to(host)[-1] == host.table.model.visible[52].key
        assert host.table.go_to(3)
        await pilot.pause()
        assert "> row3" in names(host)

    run(play)


def test_a_cursor_nobody_placed_leaves_the_view_where_it_is() -> None:
    """New rows on top of a table just looked at are seen; the cursor does not go out of sight."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.show([*items(50, first=500), *items(100)])
        await pilot.pause()
        assert names(host)[:2] == ["> row500", "  row501"]

    run(play)


def test_order_is_told_by_an_arrow_and_changed_by_keys_and_clicks() -> None:
    """``s`` goes on to the next column, ``S`` turns round, a click on a title sorts by it, a second click turns round."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        await pilot.press("s", "s")
        assert screen(host)[0].split() == ["Name", "Size▲", "Long", "Last"]
        assert host.table.model.visible[0].key == 99
        await pilot.press("S")
        assert screen(host)[0].split() == ["Name", "Size▼", "Long", "Last"]
        assert host.table.model.visible[0].key == 0
        await pilot.click(host.table, offset=(3, 0))
        assert screen(host)[0].split() == ["Name▲", "Size", "Long", "Last"]
        await pilot.click(host.table, offset=(3, 0))
        assert screen(host)[0].split() == ["Name▼", "Size", "Long", "Last"]
        assert host.table.model.visible[0].name == "row99"

    run(play)


def test_a_row_that_needs_a_decision_is_on_top_and_marked() -> None:
    """In any order, with a sign and not only by its place."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.show([*items(5), Item(77, "urgent", 7)])
        await pilot.press("s", "S")
        assert names(host)[:2] == [" !urgent", "  row4"]

    run(play)


def test_click_chooses_a_row_and_the_wheel_scrolls() -> None:
    """The wheel leaves a chosen row behind; a click on the line of totals or below the last row chooses nothing."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        await pilot.click(host.table, offset=(10, 4))
        assert names(host)[3] == "> row3"
        await pilot.click(host.table, offset=(10, BODY + 1))
        assert host.table.model.cursor == 3
        at = host.table.region.offset
        host.table.post_message(MouseScrollDown(host.table, at.x, at.y, 0, 1, 0, False, False, False))
        await pilot.pause()
        assert names(host)[0] == "  row2"
        host.table.scroll_to(y=30, animate=False)
        await pilot.pause()
        assert (names(host)[0], host.table.model.cursor) == ("  row30", 3)
        host.table.show(items(2))
        await pilot.click(host.table, offset=(10, 6))
        assert names(host) == ["  row0", "> row1"]

    run(play)


def test_filter_is_typed_kept_and_cleared() -> None:
    """``/`` opens the line, each sign filters, Enter goes back to the table, Escape there shows all and hides the line."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        assert not host.bar.display
        await pilot.press("slash", "R", "space", "9", "space", "8")
        assert names(host) == ["> row89", "  row98"]
        assert screen(host)[BODY].strip() == "2 rows"
        assert screen(host)[BODY + 1].split() == ["/", "R", "9", "8"]
        await pilot.press("enter")
        assert host.focused is host.table
        assert host.bar.display
        await pilot.press("escape")
        assert not host.bar.display
        assert len(host.table.model.visible) == 100
        texts = [said.text for said in host.said if isinstance(said, FilterBar.Changed)]
        assert texts == ["R", "R ", "R 9", "R 9 ", "R 9 8", ""]

    run(play)


def test_filter_that_hides_everything_says_so() -> None:
    """With how many are hidden and the way out, which works from the line too; no rows at all is another sentence."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        await pilot.press("slash", "x", "y", "z")
        assert screen(host)[1] == "no row matches 'xyz' (100 hidden): Esc clears"
        await pilot.press("escape")
        assert host.focused is host.table
        assert not host.bar.display
        assert names(host)[0] == "> row0"
        host.table.show([])
        await pilot.pause()
        assert screen(host)[1] == "no rows at all"

    run(play)


def test_filter_set_twice_in_one_moment_comes_to_rest() -> None:
    """The line takes over what a program sets, and does not bring back what it had a moment ago."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.filter_text = "row1"
        host.table.filter_text = ""
        await pilot.pause()
        assert (host.table.filter_text, host.bar.display, host.bar.query_one(Input).disabled) == ("", False, True)
        host.table.filter_text = "row2"
        await pilot.pause()
        assert (host.bar.query_one(Input).value, host.bar.display) == ("row2", True)
        await pilot.click(host.bar.query_one(Input))
        await pilot.press("end", "1", "tab")
        assert (host.table.filter_text, host.table.is_filtering) == ("row21", False)

    run(play)


def test_columns_that_do_not_fit_are_hidden_and_counted() -> None:
    """Those of the highest rank first; more room brings them back; the keys show one in the place of another; the order's stays."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        assert screen(host)[0].split() == ["Name", "Size", "Long", "Last"]
        await pilot.resize_terminal(46, 24)
        assert screen(host)[0].split() == ["Name", "Size", "Long", "+1"]
        assert len(screen(host)[0]) == 45
        await pilot.resize_terminal(24, 24)
        await pilot.press("right")
        assert screen(host)[0].split() == ["Name", "+3"]
        await pilot.resize_terminal(34, 24)
        await pilot.press("right", "right")
        assert screen(host)[0].split() == ["Name", "Last", "+2"]
        await pilot.press("left", "left", "left")
        assert screen(host)[0].split() == ["Name", "Size", "+2"]
        await pilot.press("s", "s", "s", "s")
        assert screen(host)[0].split() == ["Name", "Last▲", "+2"]
        await pilot.resize_terminal(80, 24)
        assert screen(host)[0].split() == ["Name", "Size", "Long", "Last▲"]

    run(play)


def test_numbers_do_not_jump_while_rows_change() -> None:
    """A column as wide as its longest text so far stays so when shorter ones come."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.show([Item(1, "row1", 1_000_000)])
        await pilot.pause()
        assert (wide := screen(host)[1]).startswith("> row1  1,000,000  l")
        host.table.show([Item(1, "row1", 5)])
        await pilot.pause()
        assert screen(host)[1] == wide.replace("1,000,000", "        5")

    run(play, [])


def test_only_lines_that_changed_are_drawn() -> None:
    """The same rows again draw nothing, one other row its line."""
    drawn: list[int] = []

    async def play(host: Host, pilot: Pilot[None]) -> None:
        line_of = host.table.render_line

        def render_line(y: int) -> object:
            drawn.append(y)
            return line_of(y)

        host.table.render_line = render_line  # type: ignore[assignment, method-assign]
        host.table.show(items(100))
        await pilot.pause()
        assert drawn == []
        host.table.show([*items(4), Item(4, "other"), *items(95, first=5)])
        await pilot.pause()
        assert drawn == [5]

    run(play)


def test_the_cursor_is_reversed_only_with_the_focus() -> None:
    """Its mark is there always: no look depends on colour."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        assert is_reversed(host, "row0")
        await pilot.press("tab")
        assert not is_reversed(host, "row0")
        assert names(host)[0] == "> row0"
        await pilot.press("shift+tab")
        assert is_reversed(host, "row0")

    run(play)


def test_texts_of_a_broker_cannot_reach_the_terminal() -> None:
    """Escapes and line ends are blanks, signs of two cells keep columns in line."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        rest = "  ".join(("l" * 20, "z" * 20))
        assert screen(host)[1:3] == [f"> 金 x [31m     1  {rest}", f"  b             2  {rest}"]

    run(play, [Item(1, "金\nx\x1b[31m", 1), Item(2, "b", 2)])
