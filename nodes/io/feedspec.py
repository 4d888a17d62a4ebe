"""``FILE[,key=value...]``: what a user says about a feed, on the command line and in a configuration.

The keys: ``symbol=`` (else from the file's name), ``tz=`` (a time zone's name), ``scale=`` (prices are integers, so
many to one), ``ask=FILE`` (the ask bars beside the bid bars), ``digits=`` (round prices to so many decimals),
``crossed=`` keep, swap or skip quotes with bid > ask, ``timeframe=`` of bars, ``jump=`` the bound on jumps in percent,
or off.

A comma belongs to the file's name (or to the value before it) unless what follows it looks like ``key=``.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path, PureWindowsPath
from typing import Any, Literal, cast, get_args

import msgspec

from mesh.errors import BadConfig
from nodes.feeds.checks import JUMP_PPM_MAX
from nodes.feeds.layout import symbol_from_name
from nodes.timeframes import TIMEFRAMES
from nodes.zones import Zone

Crossed = Literal["keep", "swap", "skip"]

SCALE_MAX = 100_000_000
"""More decimals than eight are not kept anyway."""

_KEY = re.compile(r"\s*([A-Za-z_]+)\s*=")
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.#&+\-]{0,31}")


class FeedSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One feed as its user named it. None where nothing was said."""

    file: str
    symbol: str
    is_symbol_guessed: bool = False
    tz: str | None = None
    scale: int | None = None
    ask_file: str | None = None
    digits: int | None = None
    crossed: Crossed | None = None
    timeframe: str | None = None
    jump_ppm: int | None = None
    """The bound on jumps in millionths of the price; 0: off."""

    def text(self) -> str:
        """What ``parse_feed_spec`` reads as this, with absolute paths: it means the same in another directory.

        A guess is left to be made again: the reader of the file tells it as one.
        """
        options = [f"symbol={self.symbol}"] if not self.is_symbol_guessed else []
        options += [f"tz={self.tz}"] if self.tz is not None else []
        options += [f"scale={self.scale}"] if self.scale is not None else []
        options += [f"ask={_absolute(self.ask_file)}"] if self.ask_file is not None else []
        options += [f"digits={self.digits}"] if self.digits is not None else []
        options += [f"crossed={self.crossed}"] if self.crossed is not None else []
        options += [f"timeframe={self.timeframe}"] if self.timeframe is not None else []
        if self.jump_ppm is not None:
            options.append(f"jump={Decimal(self.jump_ppm).scaleb(-4):f}" if self.jump_ppm else "jump=off")
        return ",".join([_absolute(self.file), *options])


def _absolute(file: str) -> str:
    return str(Path(file).absolute())


def parse_feed_spec(text: str) -> FeedSpec:
    """Read ``FILE[,key=value...]``. Raises BadConfig naming the key, the value and what is allowed."""
    file, options = _split(text)
    if not file:
        raise BadConfig(f"feed {text!r}: names no file; FILE[,symbol=,tz=,scale=,ask=FILE] is expected")
    fields: dict[str, Any] = {}
    for key, value in options:
        if key not in _OPTIONS:
            raise BadConfig(f"feed {file}: option {key!r} is not known; allowed are {', '.join(_OPTIONS)}")
        field, read = _OPTIONS[key]
        if field in fields:
            raise BadConfig(f"feed {file}: option {key!r} is given twice; once is allowed")
        try:
            fields[field] = read(value)
        except ValueError as error:
            raise BadConfig(f"feed {file}: {key}={value}: {error}") from None
    if "symbol" not in fields:
        # Windows paths are split on either slash, which also splits POSIX ones.
        symbol = symbol_from_name(PureWindowsPath(file).name)
        if symbol is None:
            raise BadConfig(f"feed {file}: the file's name names no symbol; add one: {file},symbol=EURUSD")
        fields |= {"symbol": symbol, "is_symbol_guessed": True}
    return FeedSpec(file=file, **fields)


def _split(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The file and the options as (key, value)."""
    file, *rest = text.split(",")
    options: list[tuple[str, str]] = []
    for part in rest:
        match = _KEY.match(part)
        if match is not None:
            options.append((match[1].lower(), part[match.end() :].strip()))
        elif options:
            key, value = options[-1]
            options[-1] = (key, f"{value},{part}")
        else:
            file = f"{file},{part}"
    return file.strip(), options


def _symbol(value: str) -> str:
    if not _SYMBOL.fullmatch(value):
        raise ValueError("letters, digits and _ . # & + - are allowed, at most 32, beginning with a letter or digit")
    return value


def _tz(value: str) -> str:
    return Zone.parse(value).name


def _whole(first: int, last: int, example: str) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not first <= int(value) <= last:
            raise ValueError(f"a whole number from {first} to {last} is allowed, such as {example}")
        return int(value)

    return read


def _ask_file(value: str) -> str:
    if not value:
        raise ValueError("the file with the ask bars is expected")
    return value


def _crossed(value: str) -> Crossed:
    if value not in get_args(Crossed):
        raise ValueError(f"allowed are {', '.join(get_args(Crossed))}")
    return cast(Crossed, value)


def _timeframe(value: str) -> str:
    if value not in TIMEFRAMES:
        raise ValueError(f"allowed are {', '.join(TIMEFRAMES)}")
    return value


def _jump_ppm(value: str) -> int:
    if value == "off":
        return 0
    try:
        return ppm_from_percent(Decimal(value.removesuffix("%").strip()))
    except InvalidOperation:
        raise ValueError(f"{_JUMP_ALLOWED} or off is allowed") from None


_JUMP_ALLOWED = f"a percentage above 0 up to {JUMP_PPM_MAX // 10_000} (four decimals at most)"


def ppm_from_percent(percent: Decimal) -> int:
    """Millionths of a percentage. Raises ValueError when it is no bound for jumps."""
    scaled = percent.scaleb(4)
    if not percent.is_finite() or not 0 < scaled <= JUMP_PPM_MAX or scaled != int(scaled):
        raise ValueError(f"{_JUMP_ALLOWED} is allowed")
    return int(scaled)


_OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "symbol": ("symbol", _symbol),
    "tz": ("tz", _tz),
    "scale": ("scale", _whole(1, SCALE_MAX, "1000 for three decimals")),
    "ask": ("ask_file", _ask_file),
    "digits": ("digits", _whole(0, 8, "5")),
    "crossed": ("crossed", _crossed),
    "timeframe": ("timeframe", _timeframe),
    "jump": ("jump_ppm", _jump_ppm),
}
"""Key to field of FeedSpec and reader of its value (ValueError says what is allowed)."""
