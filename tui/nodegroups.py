"""The Nodes page's table, which may stand in groups: by router or by layer, each below a line that says what it is for."""

from collections import Counter
from collections.abc import Iterator

from tui.noderows import COLUMNS, DISTRIBUTION, DUTIES, TERMINAL, NodeRow
from tui.tablemodel import TableModel

GROUPINGS = ("", "router", "layer")
"""What ``g`` goes through."""
HOMELESS, OTHERS, ATTENTION = "locals at no router", "other nodes", "needs attention"


class NodeModel(TableModel[NodeRow]):
    """The table's model, which may stand in groups. What needs a person is a group of its own, on top of them."""

    def __init__(self) -> None:
        super().__init__(COLUMNS, key=lambda row: (row.heading != "", row.name), pinned=lambda row: row.need != "")
        self.grouping = ""
        """One of GROUPINGS."""

    def group_next(self) -> None:
        """Group otherwise."""
        self.grouping = GROUPINGS[(GROUPINGS.index(self.grouping) + 1) % len(GROUPINGS)]
        self.rows = self.rows

    def csv(self) -> str:
        """The nodes shown; headings are none."""
        flat = NodeModel()
        flat.rows, flat.filter = self.rows, self.filter
        flat.sorted_by, flat.is_descending = self.sorted_by, self.is_descending
        return super(NodeModel, flat).csv()

    def _ordered(self) -> list[NodeRow]:
        rows = super()._ordered()
        return list(grouped(rows, self.grouping, self.rows)) if self.grouping else rows


def grouped(rows: list[NodeRow], grouping: str, everything: list[NodeRow]) -> Iterator[NodeRow]:
    """Rows by router or by layer, in their order, each group below its heading; ``everything``: says which groups there are, and in which
    order.
    """
    group_of = _router_of if grouping == "router" else _layer_of
    routers = [row.name for row in everything if row.role == "router"]
    names = [*routers, HOMELESS, OTHERS] if grouping == "router" else list(DUTIES)
    groups: dict[str, list[NodeRow]] = {name: [] for name in names}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    needing = [row for row in rows if row.need]
    if needing:
        counts = Counter("terminal not connected" if row.need == TERMINAL else row.need for row in needing)
        yield NodeRow(ATTENTION, heading=f"{ATTENTION}: " + ", ".join(f"{count} {need}" for need, count in counts.items()))
        yield from needing
    for name, members in groups.items():
        if members:
            yield NodeRow(name, heading=_heading(name, members))
            shown = [row for row in members if not row.need]
            yield from sorted(shown, key=lambda row: row.role != "router") if grouping == "router" else shown


def _router_of(row: NodeRow) -> str:
    if row.role == "router":
        return row.name
    return (row.home or HOMELESS) if row.role == "local" else OTHERS


def _layer_of(row: NodeRow) -> str:
    return row.layer


def _heading(name: str, members: list[NodeRow]) -> str:
    above_count = sum(row.need != "" for row in members)
    fresh_count = sum(row.word == "fresh" for row in members)
    above = f", {above_count} on top" if above_count else ""
    locals_count = sum(row.role == "local" for row in members)
    duty = DUTIES.get(name) or (f"{locals_count} locals: {DUTIES[DISTRIBUTION]}" if name not in (HOMELESS, OTHERS) else "")
    return f"{name}: {fresh_count} of {len(members)} fresh{above}" + (f" · {duty}" if duty else "")
