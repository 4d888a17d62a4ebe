"""A table of nodes whose headings go over its whole width."""

from textual.strip import Strip

from tui.noderows import NodeRow
from tui.tablemodel import MARK_CELLS, padded, plain
from tui.widgets.table import Table, _Row


class GroupTable(Table[NodeRow]):
    """Below a heading stand the nodes of its group."""

    def _row(self, row: NodeRow, is_cursor: bool) -> _Row:
        if not row.heading:
            return super()._row(row, is_cursor)
        mark = (">" if is_cursor else " ").ljust(MARK_CELLS)
        return _Row(f"{mark}── {plain(row.heading)} ", [""] * len(self.model.columns), {}, "bold", is_cursor)

    def _row_strip(self, row: _Row) -> Strip:
        if any(row.texts):
            return super()._row_strip(row)
        width = self._frame.width
        return super()._row_strip(row._replace(mark=padded(row.mark.ljust(width, "─"), width, False)))
