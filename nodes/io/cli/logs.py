"""``mesh logs``: the logs of the nodes of this host as one, by time; with an id, its whole story out of logs and stores."""

import heapq
import json
import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from rich.text import Text

from mesh.errors import BadUsage
from mesh.io.clock import wall_ns
from mesh.io.log import LEVELS
from mesh.texts import iso_of
from nodes.io.cli.grid import cell, console
from nodes.io.cli.idstory import AUDIT, Story
from nodes.io.cli.plaintext import say
from nodes.io.cli.sincewords import since_ns_of
from nodes.io.locate import state_of
from nodes.io.logfiles import FOLDER, LogLine, LogTail, in_order, lines_of, names_in

LINES = 200
"""So many of the newest lines are shown where nobody says since when."""
LOOK_MS = 200
STYLES = {"debug": "dim", "info": "", "warning": "yellow", "error": "red", "critical": "bold red", AUDIT: "cyan"}
NOTHING_FOUND = 1
LAST = "last"
"""Of ``mesh why``: in a log it is a key of every line that was repeated."""

Show = Callable[[LogLine], None]


class LogWish(msgspec.Struct, frozen=True):
    """What of the logs is wanted. ``lines_max``: the newest so many, 0: all; None: ``LINES``, or all where a time or an id is given."""

    nodes: tuple[str, ...] = ()
    level: str = "debug"
    since: str = ""
    grep: str = ""
    id: str = ""
    lines_max: int | None = None
    follow: bool = False
    as_json: bool = False


def show_logs(config_path: Path | None, state: Path | None, wish: LogWish) -> int:
    """Print what is wanted; 1 where there is none. Ctrl-C and a reader who leaves end it well. Raises BadUsage, NoMesh, BadConfig."""
    try:
        return _show(state_of(config_path, state), wish)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what Python still has for who has gone goes nowhere
        os.close(nowhere)
        return 0


def _show(place: Path, wish: LogWish) -> int:
    if wish.level not in LEVELS:
        raise BadUsage(f"--level {wish.level}: {', '.join(LEVELS)} are allowed")
    if wish.id == LAST:
        raise BadUsage(f"--id {LAST}: the master knows which that is: `mesh why {LAST}` names its sid")
    since_ns = since_ns_of(wish.since, wall_ns())
    names = _names(place, wish)
    tails = [LogTail(place, name) for name in names] if wish.follow else []  # first: what comes meanwhile is shown once more, never lost
    story = Story(place, wish.id) if wish.id else None
    show = _printer(wish.as_json)
    count = 0
    for line in _newest(_wanted(merged(place, names, story, since_ns), wish, story), wish):
        show(line)
        count += 1
    for why in story.unread if story is not None else ():
        say(f"mesh: left out: {why}", sys.stderr)
    if wish.follow:
        _follow(tails, lambda line: show(line) if _is_wanted(line, wish, story) else None)
    elif not count:
        say(f"mesh: {_nothing(place, names, wish)}", sys.stderr)
        return NOTHING_FOUND
    elif count == wish_count(wish):
        say(f"mesh: the newest {count} lines; --lines 0 or --since 1h show more", sys.stderr)
    return 0


def wish_count(wish: LogWish) -> int:
    """How many lines are shown at most; 0: all."""
    if wish.lines_max is not None:
        return wish.lines_max
    return 0 if wish.since or wish.id else LINES


def merged(place: Path, names: list[str], story: Story | None, since_ns: int) -> Iterator[LogLine]:
    """All lines by time, each log in its own order; with a story, its audit records among them."""
    logs = [in_order(lines_of(place, name, since_ns)) for name in names]
    records = [in_order(story.records(since_ns))] if story is not None else []
    return (line for _, _, line in heapq.merge(*logs, *records, key=lambda item: item[:2]))


def _wanted(lines: Iterable[LogLine], wish: LogWish, story: Story | None) -> Iterator[LogLine]:
    return (line for line in lines if _is_wanted(line, wish, story))


def _is_wanted(line: LogLine, wish: LogWish, story: Story | None) -> bool:
    if line.level in LEVELS and LEVELS.index(line.level) < LEVELS.index(wish.level):
        return False
    if wish.grep and wish.grep.lower() not in f"{line.node} {line.event} {line.raw}".lower():
        return False
    return story is None or line.level == AUDIT or story.has(line)


def _newest(lines: Iterator[LogLine], wish: LogWish) -> Iterable[LogLine]:
    count = wish_count(wish)
    return deque(lines, count) if count else lines


def _names(place: Path, wish: LogWish) -> list[str]:
    """Whose logs are read. Raises BadUsage where one is not there."""
    there = names_in(place)
    if not there:
        raise BadUsage(f"{place / FOLDER}: there is no log; name the state directory of a mesh on this host with --state DIR")
    missing = [name for name in wish.nodes if name not in there]
    if missing:
        raise BadUsage(
            f"{missing[0]}: has no log in {place / FOLDER}; there are: {', '.join(there)}. Nodes of other hosts have theirs there"
        )
    return list(wish.nodes) or there


def _nothing(place: Path, names: list[str], wish: LogWish) -> str:
    where = f"in {len(names)} logs in {place / FOLDER}"
    if wish.id:
        return (
            f"nothing of {wish.id!r} {where}, nor in the stores in {place}: give a whole sid, 8 digits of an oid at least, or a ticket; "
            f"`mesh why {wish.id}` asks the master, and other hosts have the logs of their own nodes"
        )
    asked = [
        f"--level {wish.level}" * (wish.level != "debug"),
        f"--since {wish.since}" * bool(wish.since),
        f"--grep {wish.grep}" * bool(wish.grep),
    ]
    return f"no line {where} for {' '.join(filter(None, asked)) or 'these nodes'}; ask for less, or with --follow for what is to come"


def _follow(tails: list[LogTail], show: Show) -> None:
    """Show what comes until nobody reads any more. Raises KeyboardInterrupt, BrokenPipeError."""
    while True:
        news = [line for tail in tails for line in tail.news()]
        for line in sorted(news, key=lambda line: line.at_ns):
            show(line)
        if news:
            sys.stdout.flush()
        _wait()


def _wait() -> None:
    """A little. Raises BrokenPipeError where who reads a pipe has gone: without a line to write nobody else would notice."""
    if sys.platform == "win32":  # no poll
        time.sleep(LOOK_MS / 1_000)
        return
    end = select.poll()
    end.register(sys.stdout.fileno(), 0)
    if any(seen & (select.POLLERR | select.POLLHUP) for _, seen in end.poll(LOOK_MS)):
        raise BrokenPipeError


def _printer(as_json: bool) -> Show:
    """Lines for programs (JSON, one a line), in colours for a terminal, plain for a pipe."""
    if as_json:
        return lambda line: say(json.dumps(document(line)))
    out = console()
    if not out.is_terminal:
        return lambda line: say(text_of(line).plain)
    return lambda line: out.print(text_of(line), soft_wrap=True)


def document(line: LogLine) -> dict[str, object]:
    """A line for programs: ``time``, ``node``, ``level`` and ``event`` of each; a record of the audit has ``seq`` and ``record``."""
    known = {"time": iso_of(line.at_ns), "node": line.node, "level": line.level, "event": line.event}
    return known | ({"fields": line.fields} if line.level != AUDIT else line.fields)


def text_of(line: LogLine) -> Text:
    """A line for people."""
    style = STYLES.get(line.level, "")
    fields = dict(line.fields)
    inner = fields.pop("fields", {})  # a note's own, where one is named as a key of the line
    again = _again(fields)
    fields |= inner if isinstance(inner, dict) else {"fields": inner}
    said = line.raw if line.level == AUDIT else " ".join(f"{key}={_value(value)}" for key, value in fields.items())
    stamp = iso_of(line.at_ns).replace("T", " ") if line.at_ns else "time not known"
    return Text.assemble(
        cell(stamp, "dim"), cell(f"  {line.node:<12} "), cell(f"{line.level.upper():<8} ", style), cell(line.event, style or "bold"),
        cell(f"  {said}" if said else ""), cell(again, "dim"),
    )  # fmt: skip


def _again(fields: dict[str, object]) -> str:
    """What a line says of its repeats, which are told as words."""
    if not {"count", "first", "last"} <= fields.keys():
        return ""
    count, first, last = (fields.pop(key) for key in ("count", "first", "last"))
    times = "once" if count == 1 else f"{count} times"
    return f"  (again {times}, {str(first)[11:23]} to {str(last)[11:23]})"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
