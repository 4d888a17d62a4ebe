"""Tables for people: columns go by rank where it is narrow, and data is never markup."""

import io

from rich.console import Console

from nodes.io.cli.grid import Column, cell, grid, left_out

COLUMNS = (
    Column("account", "account"),
    Column("lots", "lots", is_number=True),
    Column("swap", "swap", is_number=True, rank=2),
    Column("detail", "detail", rank=1, least_columns=10),
)
ROWS = [{"account": "demo-1", "lots": "0.10", "swap": "-1.25", "detail": "SPREAD points=40 limit=12.5 [sl 1.0921]"}]


def printed(width: int, folds: bool = False) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(grid(COLUMNS, ROWS, width, folds))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_everything_stands_where_there_is_room() -> None:
    """Wide enough: every column, whole, and nothing is said to be left out."""
    assert printed(120)[1] == "demo-1   0.10  -1.25  SPREAD points=40 limit=12.5 [sl 1.0921]"
    assert left_out(COLUMNS, ROWS, 120) == ""


def test_long_text_is_cut_before_columns_go() -> None:
    """What may be cut gets what is left over, and ends in …; numbers are never cut."""
    assert printed(40)[1] == "demo-1   0.10  -1.25  SPREAD points=40 …"


def test_highest_rank_goes_first() -> None:
    """Then columns go, the least important first, and they are named."""
    assert printed(28) == ["account  lots  detail", "demo-1   0.10  SPREAD point…"]
    assert left_out(COLUMNS, ROWS, 28) == "swap"
    assert printed(14) == ["account  lots", "demo-1   0.10"]
    assert left_out(COLUMNS, ROWS, 14) == "swap, detail"


def test_folded_text_is_whole() -> None:
    """Where lines may go on below, nothing is lost."""
    text = "".join(line[22:] for line in printed(40, folds=True)[1:])
    assert text.replace(" ", "") == ROWS[0]["detail"].replace(" ", "")


def test_data_is_never_markup_nor_an_escape() -> None:
    """Brackets and emoji words of a broker's comment come out as they are, control characters escaped."""
    assert cell("[sl 1.0921] [bold]:smile:[/bold]").plain == "[sl 1.0921] [bold]:smile:[/bold]"
    assert cell("a\x1b[31mb\nc").plain == r"a\x1b[31mb\nc"
    assert (cell(None).plain, cell(0).plain, cell("").plain) == ("-", "0", "")
