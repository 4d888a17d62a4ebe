"""The console's one table: draws the lines that are seen and no others, so that it may have 10,000 rows."""

from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Generic, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.tablemodel import GAP_CELLS, MARK_CELLS, R, TableModel, Widths, hidden_text, padded, plain

_GAP = " " * GAP_CELLS


class _Row(NamedTuple):
    """A line that is a row: the texts of all columns, the styles of those that have one."""

    mark: str
    texts: list[str]
    styles: dict[int, str]
    style: str
    is_cursor: bool


class _Words(NamedTuple):
    """Any other line; ``part``: its component class."""

    part: str
    text: str


class _Frame(NamedTuple):
    """What all lines have in common."""

    width: int
    cells: list[int]
    shown: list[int]


class _Said(Message):
    """What a table says."""

    def __init__(self, table: "Table[Any]", row: Any) -> None:
        super().__init__()
        self.table = table
        self.row = row

    @property
    def control(self) -> "Table[Any]":
        """The table, for ``on`` with a selector."""
        return self.table


class Table(ScrollView, Generic[R], can_focus=True):
    """Rows of a model below a header that stays. ``empty``: the sentence when there are none.

    ``row_style``: how rich should draw a row; ``totals``: the last line, made of the rows shown. A cursor nobody has placed stays in
    view; one that is placed stays on its row, and the view goes with it.
    """

    ALLOW_MAXIMIZE = False
    """It would hide the head."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--header", "table--totals", "table--empty"}
    DEFAULT_CSS = """
    Table {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .table--header { text-style: bold; background: $panel; }
        & > .table--totals { text-style: bold; background: $panel; }
        & > .table--empty { text-style: italic; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
        Binding("left", "shift(-1)", "Columns left", show=False),
        Binding("right", "shift(1)", "Columns right", show=False),
        Binding("enter", "pick", "Details"),
        Binding("s", "sort_next", "Sort"),
        Binding("S", "reverse", "Reverse", show=False),
        Binding("slash", "filter", "Filter"),
        Binding("escape", "clear_filter", "Clear filter", show=False),
    ]

    filter_text: var[str] = var("")
    """Words that rows must hold to be shown."""
    is_filtering: var[bool] = var(False)
    """Whether the filter is being typed; ``tui.widgets.filterbar`` watches this."""

    class Picked(_Said):
        """Enter was pressed on a row."""

        def __init__(self, table: "Table[Any]", row: Any, key: Hashable) -> None:
            super().__init__(table, row)
            self.key = key

    class Moved(_Said):
        """The cursor is on another row; ``row`` is None when none is shown."""

    def __init__(
        self,
        model: TableModel[R],
        *,
        empty: str,
        row_style: Callable[[R], str] | None = None,
        totals: Callable[[list[R]], str] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.model = model
        self._empty = empty
        self._row_style = row_style
        self._totals = totals
        self._totals_text = ""
        self._styled = [(index, column.style) for index, column in enumerate(model.columns) if column.style is not None]
        self._widths = Widths(model.columns)
        self._shift = 0
        self._frame = _Frame(0, [], [])
        self._lines: list[_Row | _Words] = []
        self._base = Style.null()
        self._is_placed = False
        self._is_in_view = False
        self._told: tuple[Hashable, ...] = ()
        self._room = Size(), Size()
        """Its size, and what of it is free of the scrollbar; out of sight what it had last."""

    def show(self, rows: list[R]) -> None:
        """Show these rows from now on."""
        self.model.rows = rows
        self.settle()

    def settle(self) -> None:
        """Show what the model has become; for whoever changed it without the table."""
        is_sized = self._look()
        visible = self.model.visible if is_sized else self.model.rows
        self.virtual_size = Size(self._room[0].width, len(visible) + 1 + (self._totals is not None))
        if not is_sized:
            return  # until on_resize
        self._totals_text = plain(self._totals(visible)) if self._totals is not None else ""
        if self._is_placed and self._is_in_view:
            self._bring_into_view()
        self._lay_out()

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on the row with this key; False: it is not shown."""
        is_shown = self.model.go_to(key)
        if is_shown:
            self._place(self.model.cursor)
        return is_shown

    # what is seen

    def _look(self) -> bool:
        """Whether it has a size, or had one: out of sight it is made ready for that, and comes to the front with what is."""
        if self.size:
            self._room = self.size, self.scrollable_content_region.size
        return bool(self._room[0])

    @property
    def _body_height(self) -> int:
        return max(0, self._room[0].height - 1 - (self._totals is not None))

    @property
    def _first(self) -> int:
        """The index of the row below the header."""
        return max(0, min(self.scroll_offset.y, len(self.model.visible) - self._body_height))

    def _lay_out(self) -> None:
        """Make the lines that are seen, and have those drawn again that changed."""
        width, height = self._room[1]
        if not width:
            return
        model, first, body_height = self.model, self._first, self._body_height
        self._is_in_view = first <= model.cursor < first + body_height
        if not self._is_in_view and not self._is_placed:
            model.cursor = first
            self._is_in_view = True
        cursor = model.cursor
        rows = [self._row(row, index == cursor) for index, row in enumerate(model.visible[first : first + body_height], first)]
        titles = [model.title_of(column) for column in model.columns]
        for texts in (titles, *(row.texts for row in rows)):
            self._widths.grow(texts)
        shown = self._widths.fit(width, model.sorted_by, self._shift)
        frame = _Frame(width, self._widths.spread(width, shown), shown)
        lines: list[_Row | _Words] = [_Words("table--header", self._header(titles, frame)), *rows]
        if not rows:
            lines.append(_Words("table--empty", self._nothing()))
        lines += [_Words("", "")] * (1 + body_height - len(lines))
        if self._totals is not None:
            lines.append(_Words("table--totals", " " * MARK_CELLS + self._totals_text))
        self._draw(frame, lines[:height])
        self._tell_moved()

    def _row(self, row: R, is_cursor: bool) -> _Row:
        mark = (">" if is_cursor else " ") + ("!" if self.model.is_pinned(row) else " ")
        texts = [plain(column.text(row)) for column in self.model.columns]
        styles = {index: style(row) for index, style in self._styled}
        return _Row(mark, texts, styles, self._row_style(row) if self._row_style is not None else "", is_cursor)

    def _header(self, titles: list[str], frame: _Frame) -> str:
        columns = self.model.columns
        texts = [padded(titles[index], frame.cells[index], columns[index].is_right) for index in frame.shown]
        mark = hidden_text(len(columns) - len(frame.shown))
        return padded(" " * MARK_CELLS + _GAP.join(texts), frame.width - len(mark), False) + mark

    def _nothing(self) -> str:
        hidden_count = len(self.model.rows)
        if not hidden_count:
            return self._empty
        return f"no row matches '{plain(self.model.filter)}' ({hidden_count} hidden): Esc clears"

    def _draw(self, frame: _Frame, lines: list[_Row | _Words]) -> None:
        is_same = frame == self._frame and len(lines) == len(self._lines)
        changed = [y for y, line in enumerate(lines) if is_same and line != self._lines[y]]
        self._frame, self._lines = frame, lines
        if not is_same:
            self.refresh()
        elif changed:
            self.refresh(*[Region(0, y, frame.width, 1) for y in changed])

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw these lines."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw the line this far below the widget's top."""
        line = self._lines[y] if y < len(self._lines) else _Words("", "")
        if isinstance(line, _Row):
            return self._row_strip(line)
        style = self._base + self.get_component_rich_style(line.part) if line.part else self._base
        return Strip([Segment(padded(line.text, self._frame.width, False), style)], self._frame.width)

    def _row_strip(self, row: _Row) -> Strip:
        width, cells, shown = self._frame
        columns = self.model.columns
        base = self._base + Style.parse(row.style)
        if row.is_cursor and self.has_focus:
            base += Style(reverse=True)
        segments = []
        text = row.mark
        for index in shown:
            cell = padded(row.texts[index], cells[index], columns[index].is_right)
            if row.styles.get(index):
                segments += [Segment(text, base), Segment(cell, base + Style.parse(row.styles[index]))]
                text = _GAP
            else:
                text += cell + _GAP
        segments.append(Segment(text, base))
        return Strip(segments).adjust_cell_length(width, base)

    # the cursor

    def _place(self, index: int) -> None:
        self.model.cursor = index
        self._is_placed = self._is_in_view = True
        self._bring_into_view()
        self._lay_out()

    def _bring_into_view(self) -> None:
        cursor, first = self.model.cursor, self._first
        y = min(cursor, max(first, cursor - self._body_height + 1))
        if y != self.scroll_offset.y and self.size:
            # by force: whether there is a scrollbar is known after the next layout only
            self.scroll_to(y=y, animate=False, force=True)

    def _tell_moved(self) -> None:
        row = self.model.row
        told = () if row is None else (self.model.key(row),)
        if told != self._told:
            self._told = told
            self.post_message(self.Moved(self, row))

    def action_move(self, step: int) -> None:
        """Move the cursor by rows."""
        self._place(self.model.cursor + step)

    def action_page(self, step: int) -> None:
        """Move the cursor by pages."""
        self._place(self.model.cursor + step * max(1, self._body_height))

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self._place(0)

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self._place(len(self.model.visible) - 1)

    def action_pick(self) -> None:
        """Say that the row under the cursor is wanted; look at it first if it is out of sight."""
        row = self.model.row
        if not self._is_in_view:
            self._place(self.model.cursor)
        elif row is not None:
            self.post_message(self.Picked(self, row, self.model.key(row)))

    # columns, order, filter

    def action_shift(self, step: int) -> None:
        """Leave out a column more, or less, after the first, for those there was no room for."""
        hidden_count = len(self.model.columns) - len(self._frame.shown)
        if step < 0 or hidden_count > self._shift:
            self._shift = max(0, self._shift + step)
            self._lay_out()

    def action_sort_next(self) -> None:
        """Sort by the next column."""
        self._shift = 0
        self.model.sort_next()
        self.settle()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.model.reverse()
        self.settle()

    def action_filter(self) -> None:
        """Have the filter typed."""
        self.is_filtering = True

    def action_clear_filter(self) -> None:
        """Show all rows."""
        self.filter_text = ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the table's own only while it filters."""
        return bool(self.filter_text) if action == "clear_filter" else super().check_action(action, parameters)

    def watch_filter_text(self, text: str) -> None:
        """Filter."""
        self.model.filter = text
        self.settle()

    # what happens to it

    def on_resize(self) -> None:
        """Fit the columns anew."""
        if self.scrollable_content_region.width != self._frame.width:
            self._widths.reset()
        self.on_show()

    def on_show(self) -> None:
        """What came while it was not seen is laid out; where its size is another one now, anew."""
        if self._room != (self.size, self.scrollable_content_region.size):
            self.settle()
        elif self._is_placed and self._is_in_view:
            self._bring_into_view()

    def on_focus(self) -> None:
        """Draw the cursor so that it says who has the keys."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the cursor as one that has not."""
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Show other rows."""
        super().watch_scroll_y(old_value, new_value)
        self._lay_out()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a row, the second click opens it; or sort by a column."""
        at = event.get_content_offset(self)
        if at is None:
            return
        index = self._first + at.y - 1
        if at.y == 0:
            self._sort_at(at.x - MARK_CELLS)
        elif at.y <= self._body_height and index < len(self.model.visible):
            self._place(index)
            if event.chain == 2:
                self.action_pick()

    def _sort_at(self, x: int) -> None:
        for index in self._frame.shown:
            cells = self._frame.cells[index]
            if 0 <= x < cells:
                self.model.sort_by(self.model.columns[index].key)
                self.settle()
            x -= cells + GAP_CELLS
