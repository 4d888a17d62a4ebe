"""Turns valid input into what is nearly valid: bytes cut and flipped; one value of a message or of a text replaced by one at a border."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

import msgpack

from tests.fuzz.target import Mutate

Path: TypeAlias = tuple[Any, ...]
PLACE = b"\xc4\x10here it is, once"
"""A packed value that stands for the one that is put in instead; no message has it."""
_PLACED = PLACE[2:]
DEPTH_MAX = 40
EDGES: tuple[bytes, ...] = tuple(
    msgpack.packb(value)
    for value in (
        0, 1, -1, 127, 128, -32, -33, 2**15, 2**16, -(2**31), 2**31, 2**32, 2**53 + 1, -(2**63), 2**63 - 1, 2**63, 2**64 - 1,
        0.0, -0.0, 1.5, 1e308, float("inf"), float("-inf"), float("nan"), True, False, None, "", "x", "\0", "\ud7ff\ue000", "x" * 65,
        "x" * 600, b"", b"\0", bytes(16), bytes(32), b"x" * 2_000, [], {}, [[]], [None], [0] * 20, {"": 0}, {"x": {}}, [[[[[[0]]]]]],
    )
)  # fmt: skip
"""Values at the border of some type, or of another type."""
BROKEN: tuple[bytes, ...] = (
    b"\xc1", b"\xd4\x01x", b"\xd6\xff\x00\x00\x00\x01", b"\xc7\x00\x05", b"\xc7\xff\x05", b"\xc9\xff\xff\xff\xff\x01",  # extensions
    b"\xa2\xc3\x28", b"\xa3\xed\xa0\x80", b"\xd9\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc5\xff\xff",  # text, bytes
    b"\xdc\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xde\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdc\x20\x00", b"\xde\x20\x00",  # lengths
    b"\x82\xa1a\x00\xa1a\x01", b"\x81\xc0\x00", b"\x81\x01\x00", b"\x81\x90\x00", b"\x81\xc4\x01a\x00",  # keys
    b"\x91" * 40, b"\x81\xa1a" * 40, b"\x91" * 1_500,  # depth
    b"\xdc\x20\x00" * 400, b"\xdd\x00\x00\x20\x00" * 400, b"\xde\x20\x00\xa0" * 400,  # both
    b"\xca\x7f\xc0\x00\x00", b"\xca\xff\x80\x00\x00", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xd3\x80" + bytes(7), b"\xcd\x00\x01",
)  # fmt: skip
"""What no packer of ours writes."""


def bytes_mutated(raw: bytes, draw: Random) -> bytes:
    """Some bytes changed, taken out, put in twice, or cut off."""
    made = bytearray(raw)
    for _ in range(draw.randint(1, 4)):
        where = draw.randint(0, len(made))
        act = draw.randrange(5)
        if act == 0 and where < len(made):
            made[where] = draw.choice((0, 0x7F, 0x80, 0xFF, made[where] ^ (1 << draw.randrange(8)), draw.randrange(256)))
        elif act == 1:
            made[where:where] = draw.randbytes(draw.randint(1, 5))
        elif act == 2:
            del made[where : where + draw.randint(1, 8)]
        elif act == 3:
            made[where:where] = made[where : where + draw.randint(1, 40)]
        else:
            del made[where:]
    return bytes(made)


def message_mutated(raw: bytes, draw: Random) -> bytes:
    """One value of what is packed here replaced, at whatever depth; what is no MessagePack has its bytes changed."""
    act = draw.randrange(8)
    try:
        plain = msgpack.unpackb(raw, strict_map_key=False)
        path = draw.choice(list(_paths(plain)))
        if act == 1:  # a field more, a field less
            return bytes(msgpack.packb(_resized(plain, path, draw)))
        placed = bytes(msgpack.packb(_replaced(plain, path, _PLACED)))
    except (ValueError, TypeError, OverflowError, msgpack.exceptions.UnpackException):  # it was changed before
        return bytes_mutated(raw, draw)
    return placed.replace(PLACE, draw.choice(BROKEN if act == 2 else EDGES), 1) if act else bytes_mutated(raw, draw)


def _paths(plain: Any, path: Path = ()) -> Any:
    """Where values stand, the outermost last, down to a depth that no message has."""
    if len(path) > DEPTH_MAX:
        return
    if isinstance(plain, list):
        for index, item in enumerate(plain):
            yield from _paths(item, (*path, index))
    elif isinstance(plain, dict):
        for key, item in plain.items():
            yield from _paths(item, (*path, key))
    yield path


def _replaced(plain: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    copy = plain.copy()
    copy[path[0]] = _replaced(plain[path[0]], path[1:], value)
    return copy


def _resized(plain: Any, path: Path, draw: Random) -> Any:
    found = plain
    for step in path:
        found = found[step]
    if isinstance(found, list):
        found = found[:-1] if draw.random() < 0.5 else [*found, draw.choice((None, 0, "", []))]
    elif isinstance(found, dict):
        found = {**found, draw.choice(("", "x", "x" * 70)): draw.choice((None, 0, "", []))}
    elif isinstance(found, int | str | bytes):
        found = draw.choice((found * 2, found * 100 if not isinstance(found, int) else -found, [found]))
    return _replaced(plain, path, found)


WORDS = (
    "0", "1", "-1", "-0", "0x10", "0b1", "1_0", "1.5", "1e5", "1E400", "-1e-400", "inf", "-inf", "nan", "true", "false", '""', '"off"',
    '"max"', '"x"', "''", "[]", "{}", "[[]]", "[{}]", "{a = {}}", '["x"]', "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "1" * 400, "1" * 5_000, "0." + "0" * 300 + "1", "1979-05-27", "1979-05-27T07:32:00Z", "07:32:00", '"\\u0000"',
    '"\\uD7FF"', '"é"', '"\\U0010FFFF"', '"' + "x" * 300 + '"', '"a.b"', '"../../x"', '"tcp://127.0.0.1:1"', '"mt5"', '"00:00"',
    '"24:00"', '"EURUSD"', '"2026-02-30"', '"New York + 7 h"', '"UTC+99999999999999999999"', '"USD"', "'''\n'''", '"""x"""', "[" * 200,
    "{a=" * 50,
)  # fmt: skip
"""Values of TOML, and what is nearly one."""
_VALUE = re.compile(r"=\s*([^#\n]+)")


def toml_mutated(raw: bytes, draw: Random) -> bytes:
    """One value of a TOML text replaced, a line taken out, doubled or moved, a key renamed; or its bytes changed."""
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    for _ in range(draw.randint(1, 3)):
        where = draw.randrange(len(lines))
        act = draw.randrange(8)
        if act == 0:
            return bytes_mutated(raw, draw)
        if act == 1:
            del lines[where]
        elif act == 2:
            lines.insert(draw.randrange(len(lines) + 1), lines[where])
        elif act == 3:
            lines[where] = lines[where].replace(draw.choice('aeinrst_ .[]"-'), draw.choice(("", "_", ".", "x", '"')), 1)
        else:
            valued = [number for number, line in enumerate(lines) if _VALUE.search(line)]
            if valued:
                number = draw.choice(valued)
                lines[number] = _VALUE.sub(lambda _found: "= " + draw.choice(WORDS), lines[number], count=1)
        if not lines:
            return b""
    return "\n".join(lines).encode("utf-8", "surrogateescape")


CELLS = (
    "", " ", '"', "0", "-1", "1e5", "1e400", "nan", "inf", "1.", ".1", "1,1", "1.123456789012", "9" * 25, "0" * 60, "-0", "+1", "1_000",
    "١", "é", "\0", "92233720368.54775807", "92233720369", "1970-01-01T00:00:00", "0001-01-01", "9999-12-31T23:59:59.999999999",
    "2026-02-30", "24:00:00", "23:59:60", "2262-04-12T00:00:00", "1e18", "1700000000", "1700000000000", "2026.01.05", "20260105 000000",
    "2026-01-05T00:00:00+99:99", "2026-01-05T00:00:00-23:59",
)  # fmt: skip
"""Cells of a row of market data."""


def rows_mutated(raw: bytes, draw: Random) -> bytes:
    """One cell of a text of rows replaced, a row or a column taken out, doubled or moved; or its bytes changed."""
    if draw.randrange(6) == 0:
        return bytes_mutated(raw, draw)
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    for _ in range(draw.randint(1, 3)):
        where = draw.randrange(len(lines))
        act = draw.randrange(5)
        if act == 0:
            lines.insert(draw.randrange(len(lines) + 1), lines[where])
        elif act == 1 and len(lines) > 1:
            del lines[where]
        else:
            delimiter = draw.choice([sign for sign in "\t;," if sign in lines[where]] or [","])
            cells = lines[where].split(delimiter)
            at = draw.randrange(len(cells))
            cells[at : at + 1] = draw.choice(([draw.choice(CELLS)], [draw.choice(CELLS)], [draw.choice(CELLS)], [], [cells[at]] * 2))
            lines[where] = delimiter.join(cells)
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def headed(mutate: Mutate, count: int) -> Mutate:
    """For input whose first byte chooses one of ``count``: mostly what follows is changed, now and then the choice."""

    def mutated(raw: bytes, draw: Random) -> bytes:
        first = raw[:1] if draw.random() < 0.9 else bytes((draw.randrange(count),))
        return first + mutate(raw[1:], draw)

    return mutated


def one_of(choices: Sequence[Mutate]) -> Mutate:
    """Any of these, by turns."""
    return lambda raw, draw: draw.choice(choices)(raw, draw)


def parts_mutated(mutate: Mutate, split: Callable[[bytes], list[bytes]], join: Callable[[Sequence[bytes]], bytes]) -> Mutate:
    """For input made of parts: one of them changed, doubled, taken out, or put elsewhere."""

    def mutated(raw: bytes, draw: Random) -> bytes:
        parts = split(raw)
        if not parts:
            return mutate(raw, draw)
        where, act = draw.randrange(len(parts)), draw.randrange(6)
        if act == 0:
            del parts[where]
        elif act == 1:
            parts.insert(draw.randrange(len(parts) + 1), parts[where])
        elif act == 2:
            return bytes_mutated(raw, draw)
        else:
            parts[where] = mutate(parts[where], draw)
        return join(parts)

    return mutated
