"""Small edits of a ``mesh.toml`` that leave all else as its owner wrote it: text is put in, and parsing shows that nothing else changed.

TOML has no one way to write a file, so nothing is written anew from what was read: comments, order and spelling are the owner's.
"""

import copy
import json
import re
import tomllib
from typing import Any

import msgspec

from mesh.errors import BadUsage

BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"\s*\[")
_MODE = re.compile(r"(\s*mode\s*=\s*)(\"[^\"\n]*\"|'[^'\n]*')(.*)", re.DOTALL)
Plain = dict[str, Any]


class Table(msgspec.Struct, frozen=True):
    """One ``[…]`` of a text: its keys, its header's line, and the line after the last that says something."""

    path: tuple[str, ...]
    first: int
    end: int


def tables_of(lines: list[str]) -> list[Table]:
    """The tables of a text, in its order. A line of a long string may look like a header: parsing the result shows it."""
    heads = [(number, path) for number, line in enumerate(lines) if _HEADER.match(line) and (path := _path_of(line))]
    found: list[Table] = []
    for place, (number, path) in enumerate(heads):
        limit = heads[place + 1][0] if place + 1 < len(heads) else len(lines)
        said = [at for at in range(number, limit) if lines[at].strip() and not lines[at].lstrip().startswith("#")]
        found.append(Table(path, number, said[-1] + 1))
    return found


def _path_of(line: str) -> tuple[str, ...]:
    """The keys in a header; nothing where it is none."""
    try:
        plain: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(plain, dict) and len(plain) == 1:
        (key, plain), *_ = plain.items()
        path.append(key)
        plain = plain[0] if isinstance(plain, list) and plain else plain
    return tuple(path)


def with_tables(text: str, added: dict[tuple[str, str], Plain]) -> str:
    """The text with new tables, each after the last one of its kind. Raises BadUsage where that would change anything else."""
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if "\r\n" in text else "\n"
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += ending
    wanted = copy.deepcopy(_parsed(text))
    for (kind, name), values in added.items():
        if name in wanted.get(kind, {}):
            raise BadUsage(f"{kind}.{name} is there already; choose another name")
        wanted.setdefault(kind, {})[name] = values
        block = [f"[{kind}.{_key(name)}]", *(f"{key} = {_value(value)}" for key, value in values.items())]
        ends = [table.end for table in tables_of(lines) if table.path[0] == kind]
        at = ends[-1] if ends else len(lines)
        spaced = ["", *block] if at else block
        lines[at:at] = [f"{line}{ending}" for line in spaced]
    return _checked("".join(lines), wanted)


def with_mode(text: str, account: str, mode: str) -> str:
    """The text with another mode of an account. Raises BadUsage where that would change anything else."""
    wanted = copy.deepcopy(_parsed(text))
    if account not in wanted.get("account", {}):
        raise BadUsage(f"account.{account}: not in this file; it has: {', '.join(wanted.get('account', {})) or 'none'}")
    wanted["account"][account]["mode"] = mode
    lines = text.splitlines(keepends=True)
    table = next((table for table in tables_of(lines) if table.path == ("account", account)), None)
    if table is None:
        raise BadUsage(f'account.{account}: has no section of its own in this file; write mode = "{mode}" into it by hand')
    for at in range(table.first + 1, table.end):
        if match := _MODE.fullmatch(lines[at]):
            lines[at] = f"{match[1]}{_value(mode)}{match[3]}"
            break
    else:
        ending = "\r\n" if "\r\n" in text else "\n"
        if not lines[table.first].endswith("\n"):
            lines[table.first] += ending
        lines.insert(table.first + 1, f"mode = {_value(mode)}{ending}")
    return _checked("".join(lines), wanted)


def _checked(text: str, wanted: Plain) -> str:
    """The new text, if it says what is wanted, in the order that is wanted (ports are counted by it), and nothing else."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadUsage(f"this file is written in a way that cannot be added to safely ({error}): edit it by hand") from None
    if found != wanted or _names(found) != _names(wanted):
        raise BadUsage("this file is written in a way that cannot be added to safely: more than this would change; edit it by hand")
    return text


def _names(plain: Plain) -> list[tuple[str, list[str]]]:
    return [(kind, list(tables)) for kind, tables in plain.items() if isinstance(tables, dict)]


def _parsed(text: str) -> Plain:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadUsage(f"this is not TOML: {error}; `mesh config check` says where") from None


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
