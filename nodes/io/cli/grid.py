"""Tables for people: data is never read as markup, and a narrow terminal shows fewer columns, not broken ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nodes.io.cli.plaintext import escaped

PIPE_COLUMNS = 4_000
"""What goes into a pipe is neither squeezed nor cut: nobody looks at its width."""
GAP_COLUMNS = 2


class Column(msgspec.Struct, frozen=True):
    """One column. ``rank`` 0 always stays; where it is narrow the highest rank goes first.

    ``least_columns``: a long text may be cut to so many, and gets what is left over (0: it is shown whole or not at all).
    """

    key: str
    heading: str
    is_number: bool = False
    rank: int = 0
    least_columns: int = 0


def console() -> Console:
    """Where people read: as wide as their terminal; what goes into a pipe is not squeezed."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(width=PIPE_COLUMNS, highlight=False)


def cell(value: object, style: str = "") -> Text:
    """Anything that comes from data, as it is: brackets are no markup, and what cannot be printed is escaped."""
    if isinstance(value, Text):
        return value
    words = "-" if value is None else str(value)
    return Text(escaped(words), style=style)


def shown(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], width: int) -> dict[Column, int]:
    """The columns that fit a terminal of ``width``, in their order, each with its own width."""
    natural = {column: max(cell_len(column.heading), *(cell(row.get(column.key)).cell_len for row in rows), 0) for column in columns}
    needed = {column: min(size, max(column.least_columns, cell_len(column.heading))) if column.least_columns else size
              for column, size in natural.items()}  # fmt: skip
    kept = list(columns)
    while _total(needed, kept) > width and (last := max(kept, key=lambda column: column.rank)).rank:
        kept.remove(last)
    spare_columns = max(0, width - _total(needed, kept))
    sizes: dict[Column, int] = {}
    for column in kept:
        more = min(spare_columns, natural[column] - needed[column])
        spare_columns -= more
        sizes[column] = needed[column] + more
    return sizes


def _total(sizes: Mapping[Column, int], kept: Sequence[Column]) -> int:
    return sum(sizes[column] for column in kept) + GAP_COLUMNS * (len(kept) - 1)


def grid(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], width: int, folds: bool = False) -> Table:
    """Rows as a table no wider than ``width``; a text that is cut ends in …, or goes on in the next line where it ``folds``."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    sizes = shown(columns, rows, width)
    for column, size in sizes.items():
        table.add_column(
            cell(column.heading),
            justify="right" if column.is_number else "left",
            max_width=size if column.least_columns else None,
            no_wrap=column.is_number or not folds,
            overflow="fold" if folds else "ellipsis",
        )
    for row in rows:
        table.add_row(*(cell(row.get(column.key)) for column in sizes))
    return table


def left_out(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], width: int) -> str:
    """The headings of the columns a terminal of ``width`` does not show; empty where it shows all."""
    kept = shown(columns, rows, width)
    return ", ".join(column.heading for column in columns if column not in kept)
