"""The options of ``mesh up``, and the configuration they make of the one that was named."""

import math
from pathlib import Path

import msgspec

from mesh.config import Config, configured, parse
from mesh.errors import BadConfig, BadUsage
from mesh.settings import Settings
from nodes.io.feedspec import parse_feed_spec
from nodes.io.livespec import is_live
from nodes.io.locate import demo_text, given, load
from nodes.io.preflight import check_terminals, checked


class Wishes(msgspec.Struct, frozen=True):
    """The options of ``mesh up``."""

    config: Path | None = None
    feeds: tuple[str, ...] = ()
    speed: str | None = None
    for_s: float | None = None
    state: Path | None = None
    summary: Path | None = None
    events: Path | None = None
    strict: bool = False
    console: bool = False
    """Opened on the run where there is a terminal; leaving it ends the run."""


def check_wishes(wishes: Wishes) -> None:
    """What can be said of the options alone. Raises BadUsage: an hour later would be late."""
    if wishes.for_s is not None and not (math.isfinite(wishes.for_s) and wishes.for_s > 0):
        raise BadUsage(f"--for {wishes.for_s:g}: a number of seconds above 0 is allowed")
    for option, path in (("--summary", wishes.summary), ("--events", wishes.events)):
        if path is not None:
            _check_output(option, path)


def _check_output(option: str, path: Path) -> None:
    """A file that is written at the end can be."""
    if not path.parent.is_dir():
        raise BadUsage(f"{option} {path}: the directory {path.parent} does not exist; make it, or name another file")
    is_new = not path.exists()
    try:
        path.open("ab").close()
        if is_new:
            path.unlink()  # a run that never starts leaves nothing
    except OSError as error:
        raise BadUsage(f"{option} {path}: cannot be written: {error.strerror}; name another file") from None


def effective_config(wishes: Wishes) -> tuple[Config, bool]:
    """The configuration with the wishes applied, and whether a file was named. Raises BadConfig, BadUsage."""
    path = given(wishes.config)
    config = load(path, plays_feeds=not wishes.feeds) if path is not None else parse(demo_text())
    settings = config.settings
    if wishes.feeds:
        settings = _with_feeds(settings, wishes, is_named=path is not None)
    if wishes.strict:
        settings = msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, strict=True))
    if wishes.speed is not None:
        settings = _with_speed(settings, wishes.speed)
    effective = checked(configured(settings))
    if wishes.feeds:
        check_terminals(effective)
    return effective, path is not None


def _with_feeds(settings: Settings, wishes: Wishes, is_named: bool) -> Settings:
    try:
        if is_live(wishes.feeds):
            return msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, feeds=list(wishes.feeds)))
        specs = [parse_feed_spec(text) for text in wishes.feeds]
    except BadConfig as error:
        raise BadUsage(f"--feed: {error}") from None
    market = msgspec.structs.replace(
        settings.market,
        feeds=[spec.text() for spec in specs],
        symbols=tuple(dict.fromkeys(spec.symbol for spec in specs)),
        speed=None if wishes.speed == "max" else settings.market.speed if is_named else 1,
    )
    return msgspec.structs.replace(settings, market=market)


def _with_speed(settings: Settings, word: str) -> Settings:
    try:
        plain = msgspec.to_builtins(settings.market) | {"speed": None if word == "max" else word}
        market = msgspec.convert(plain, type(settings.market), strict=False)
    except msgspec.ValidationError:
        raise BadUsage(f"--speed {word}: a number of times above 0, or max, is allowed") from None
    return msgspec.structs.replace(settings, market=market)
