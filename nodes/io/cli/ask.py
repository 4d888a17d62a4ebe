"""``mesh why``: the story of one signal, asked of the master and told as a tree."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.text import Text
from rich.tree import Tree

from mesh.config import Config
from mesh.errors import BadUsage
from mesh.messages.base import SID_MAX, Msg
from mesh.messages.control import WhyAnswer, WhyAsk
from mesh.steps import ONE_HOST, Clocks, clocks_of, stamps_line
from mesh.texts import moment_text, span_text
from mesh.view import View
from nodes.codes import MANUAL, RESOLVE
from nodes.decisions import ARCHIVE
from nodes.io.cli.acting import NOT_ALL
from nodes.io.cli.client import Client, attached
from nodes.io.cli.grid import cell, console
from nodes.io.cli.plaintext import say, say_json

ANSWER_S = 3.0
LINE_KEYS = ("oid", "symbol", "volume", "price", "profit", "position_ticket")
ACT_KEYS = ("position_ticket", "volume", "price", "profit")
NOTHING_TOLD: tuple[object, ...] = ("", "0", None, [])
Story = dict[str, Any]


def ask_why(client: Client, master: str, query: str) -> Story | None:
    """The story of a sid, oid, ACCOUNT:TICKET or ``last``; empty where nothing is known, None where the master did not answer."""
    nonce = client.nonce()
    parts: dict[int, WhyAnswer] = {}

    def take(message: Msg) -> bool:
        if isinstance(message, WhyAnswer) and message.nonce == nonce:
            parts[message.index] = message
        return bool(parts) and len(parts) == next(iter(parts.values())).count

    client.send(master, WhyAsk(query, nonce))
    if not client.wait_for(take, ANSWER_S):
        return None
    raw = b"".join(parts[index].json for index in sorted(parts))
    found: Story = json.loads(raw) if raw else {}
    return found


def check_query(query: str) -> None:
    """Raises BadUsage for words that no signal, order or ticket can have."""
    if not 1 <= len(query) <= SID_MAX:
        raise BadUsage(f"{query[:40]!r}: it has {len(query)} characters; a sid has 1 to {SID_MAX}, an oid 32 hex digits")
    if any("\ud800" <= sign <= "\udfff" for sign in query):  # what the shell could not read comes as such halves
        raise BadUsage(f"{query!r}: it is no UTF-8; give a sid, an oid in hex, ACCOUNT:TICKET, or last")


def show_why(config_path: Path | None, query: str, as_json: bool) -> int:
    """Print a story as a tree, or as JSON; 1 where nothing is known, 3 where the master did not answer. Raises NoMesh, BadUsage."""
    check_query(query)
    with attached(config_path) as client:
        config = client.config
        master = config.nodes_of("master")[0]
        story = ask_why(client, master, query)
    if story is None:
        say(f"mesh: {silent_words(config, query)}", sys.stderr)
        return NOT_ALL
    if not story:
        say(f"mesh: {unknown_words(config, query)}", sys.stderr)
        return 1
    if as_json:
        say_json(story)
    else:
        for part in story_parts(config, client.view, story):
            console().print(part, soft_wrap=isinstance(part, Text))
    return 0


def silent_words(config: Config, query: str) -> str:
    """What is told where the master did not answer."""
    master = config.nodes_of("master")[0]
    return f"{master} did not answer within {ANSWER_S:.0f} s about {query!r}; ask again, or see `mesh status`"


def unknown_words(config: Config, query: str) -> str:
    """What is told where the master knows nothing."""
    return f"nothing is known of {query!r}; give a sid, an oid in hex, ACCOUNT:TICKET, or last{_older(config)}"


def story_parts(config: Config, view: View, story: Story) -> list[Tree | Text]:
    """A story for people: its tree, and a line where a part of it is gone."""
    source = story.get("signal", {}).get("source", "")
    tree = story_tree(story, partial(clocks_of, config, view, source))
    return [tree, cell(f"its lines were pruned{_older(config)}")] if story.get("pruned") else [tree]


def _older(config: Config) -> str:
    """Where decisions are that a master has pruned."""
    days, master = config.settings.store.keep_days, config.nodes_of("master")[0]
    audit = f"mesh audit show {master} --kind {ARCHIVE}"
    return f"; what ended over {days} days ago (store.keep_days) is in the audit alone: {audit}" if days else ""


def story_tree(story: Story, clocks: Callable[[str], Clocks] = lambda account: ONE_HOST) -> Tree:
    """Signal → decision → lines with code, numbers and steps → what was done to their positions since.

    ``clocks``: those an order to an account was stamped by.
    """
    tree = Tree(Text.assemble(cell(story["sid"], "bold"), "  ", cell(story.get("answer", ""))))
    if story.get("newer_count"):
        tree.add(cell(f"the newest signal with an order its broker has answered; newer ones without: {story['newer_count']}"))
    signal = story.get("signal")
    if signal:
        tree.add(cell(f"signal   {_at(signal.get('ts_event_ns'))}{_words(signal, [key for key in signal if not key.endswith('_ns')])}"))
    decision = story.get("decision")
    if decision:
        counts = f"{decision['line_count']} lines, {decision['published_count']} of them sent as orders"
        tree.add(cell(f"decided  {_at(decision['market_ns'])}{counts}"))
    for line in story.get("lines", []):
        _add_line(tree, line, int(decision["market_ns"]) if decision else 0, clocks)
    for act in story.get("acts", []):
        words = f"{act['cause']} {act['action']} on {act['account']} {_done_by(act)}: "
        branch = tree.add(Text.assemble(cell(words), cell(act["code"], "bold"), " ", cell(act["detail"])))
        branch.add(cell(f"{_at(act['market_ns'])}{_words(act, ACT_KEYS)}"))
    if story.get("has_more_acts"):
        tree.add(cell("more was done by hand on these accounts than can be looked through; --events has every act"))
    return tree


def _add_line(tree: Tree, line: Story, decided_ns: int, clocks: Callable[[str], Clocks]) -> None:
    words = f"{line['strategy']} {line['leg']} on {line['account']}: "
    branch = tree.add(Text.assemble(cell(words), cell(line["code"], "bold"), " ", cell(line.get("detail", ""))))
    branch.add(cell(_words(line, LINE_KEYS)))
    ended_ns = int(line.get("market_ns", 0))
    if ended_ns and decided_ns:
        branch.add(cell(f"ended {_at(ended_ns)}{span_text(ended_ns - decided_ns)} of market time after the decision"))
    stamps = line.get("stamps") or {}
    if any(int(value) for value in stamps.values()):
        branch.add(cell(stamps_line(stamps, clocks(line["account"]))))


def _at(time_ns: str | int | None) -> str:
    """A market time and a gap; nothing where it is not known."""
    return f"{moment_text(int(time_ns))}  " if time_ns and int(time_ns) else ""


def _words(told: Story, keys: Any) -> str:
    return "  ".join(f"{key}={told[key]}" for key in keys if told.get(key) not in NOTHING_TOLD)


def _done_by(act: Story) -> str:
    """Whose act it was: the local's own, or an operator's, whose name is in the sid (``manual/NAME/ID``), or of a resolve in its detail."""
    if act["cause"] == RESOLVE:
        return "by word of an operator"
    if act["cause"] != MANUAL:
        return "by its local"
    return f"by hand of {act['sid'].removeprefix('manual/').rpartition('/')[0]}"
