"""HTML put together so that nothing that comes from a file is ever read as markup: what is not ``Html`` is escaped."""

from collections.abc import Sequence
from html import escape

VOID = ("br", "meta")


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def made(tag: str, *parts: object, **attributes: object) -> Html:
    """An element. ``parts``: Html as it is, anything else as escaped text. Attributes: ``class_`` is class, ``data_x`` is data-x, those
    that are None or empty are left out.
    """
    words = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items() if value not in (None, "")
    )
    if tag in VOID:
        return Html(f"<{tag}{words}>")
    return Html(f"<{tag}{words}>{put(*parts)}</{tag}>")


def put(*parts: object) -> Html:
    """Parts one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(str(part)) for part in parts))


def row(cells: Sequence[object], **attributes: object) -> Html:
    """A row of a table; a number in words, or a dash, stands to the right by its class."""
    return made("tr", *(cell if _is_cell(cell) else made("td", cell, class_="n" * _is_number(cell)) for cell in cells), **attributes)


def table(words: Sequence[str], rows: Sequence[Html], numbers: Sequence[str] = (), last: Sequence[str] = ()) -> Html:
    """A table that scrolls by itself where the window is narrow. Headings: of columns of words, then of numbers, which stand to the
    right, then of words again.
    """
    heads = [made("th", name, scope="col", class_="n" * (name in numbers)) for name in (*words, *numbers, *last)]
    return made("div", made("table", made("thead", made("tr", *heads)), made("tbody", *rows)), class_="wide")


def _is_cell(part: object) -> bool:
    return isinstance(part, Html) and part.startswith("<td")


def _is_number(part: object) -> bool:
    text = str(part)
    return text[:1].isdigit() or (text[:1] in "–≤≥-" and len(text) < 24)
