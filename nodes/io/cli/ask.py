"""``mesh why``, ``mesh verify``, ``mesh ping``: questions to a running mesh, over its control sockets."""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.tree import Tree

from mesh.config import Config
from mesh.messages.base import Msg
from mesh.messages.control import Ping, Pong, WhyAnswer, WhyAsk
from nodes.io.cli.client import Client
from nodes.io.cli.show import NO_MESH, attach, console, is_silent

ANSWER_S = 3.0
STAGE_NAMES = ("signal", "master_in", "master_out", "router_out", "local_in", "durable", "called", "answered")


def ask_why(client: Client, master: str, query: str) -> dict[str, Any]:
    """The story of a sid, oid, ACCOUNT:TICKET or ``last``; empty where nothing is known or nobody answered."""
    nonce = client.nonce()
    parts: dict[int, WhyAnswer] = {}

    def whole() -> bool:
        return bool(parts) and len(parts) == next(iter(parts.values())).count

    client.send(master, WhyAsk(query, nonce))
    end_s = time.monotonic() + ANSWER_S
    while not whole() and time.monotonic() < end_s:
        for _, message in client.pump(50):
            if isinstance(message, WhyAnswer) and message.nonce == nonce:
                parts[message.index] = message
    raw = b"".join(parts[index].json for index in sorted(parts))
    found: dict[str, Any] = json.loads(raw) if whole() and raw else {}
    return found


def show_why(config_path: Path | None, query: str, as_json: bool) -> int:
    """Print a story as a tree, or as JSON."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        story = ask_why(client, config.nodes_of("master")[0], query)
    finally:
        client.close()
    if not story:
        print(f"mesh: nothing is known of {query!r}; give a sid, an oid in hex, ACCOUNT:TICKET, or last", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps(story, indent=1))
    else:
        console().print(story_tree(story))
    return 0


def story_tree(story: dict[str, Any]) -> Tree:
    """Signal → decision → lines with code, numbers and stamps."""
    tree = Tree(f"[bold]{story['sid']}[/]  {story.get('answer', '')}")
    signal = story.get("signal")
    if signal:
        tree.add("signal  " + "  ".join(f"{key}={value}" for key, value in signal.items() if value not in ("", None, [], 0)))
    for line in story.get("lines", []):
        branch = tree.add(
            f"{line['strategy']} {line['leg']} on {line['account']}: [bold]{line['code']}[/] {line.get('detail', '')}"
        )
        branch.add("  ".join(f"{key}={line[key]}" for key in ("oid", "symbol", "volume", "price", "position_ticket") if line.get(key)))
        stamps = line.get("stamps") or {}
        if any(int(value) for value in stamps.values()):
            branch.add(stamps_line(stamps))
    for act in story.get("acts", []):
        numbers = "  ".join(f"{key}={act[key]}" for key in ("position_ticket", "volume", "price", "profit") if act[key] != "0")
        tree.add(f"{act['cause']} on {act['account']} by its local: [bold]{act['code']}[/] {act['detail']}  {numbers}".rstrip())
    return tree


def stamps_line(stamps: dict[str, Any]) -> str:
    """Microseconds from stage to stage; mesh time and broker time apart."""
    known = [(name, int(stamps.get(f"{name}_ns", 0))) for name in STAGE_NAMES]
    known = [(name, at_ns) for name, at_ns in known if at_ns]
    words = [f"{name} +{(at_ns - before_ns) / 1_000:.0f}" for (_, before_ns), (name, at_ns) in pairwise(known)]
    return f"µs from {known[0][0]}: " + "  ".join(words) if known else "no stamps"


def ping_locals(config_path: Path | None, count: int) -> int:
    """Round trips operator → router → local and back; exit 3 naming locals that did not answer."""
    config, client = attach(config_path)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("account", "router", "answers", "min us", "median us", "max us"):
        table.add_column(heading, justify="left" if heading in ("account", "router") else "right")
    silent: list[str] = []
    try:
        if is_silent(config, client):
            return NO_MESH
        for account in config.account:
            trips = {router: _trips(client, router, account, count) for router in config.routers_of(config.local_of(account))}
            for router, times_us in trips.items():
                if times_us:
                    table.add_row(account, router, str(len(times_us)), *(f"{value:,.0f}" for value in _spread(times_us)))
            if not any(trips.values()):
                silent.append(account)
    finally:
        client.close()
    console().print(table)
    for account in silent:
        print(f"mesh: no answer from the local of {account} ({config.local_of(account)})", file=sys.stderr)
    return 3 if silent else 0


def _spread(times_us: list[float]) -> tuple[float, float, float]:
    ordered = sorted(times_us)
    return ordered[0], ordered[len(ordered) // 2], ordered[-1]


def _is_pong(nonce: int, message: Msg) -> bool:
    return isinstance(message, Pong) and message.nonce == nonce


def _trips(client: Client, router: str, account: str, count: int) -> list[float]:
    """Round-trip times in µs; stops at the first one that does not come back."""
    times_us: list[float] = []
    for _ in range(count):
        nonce = client.nonce()
        sent_ns = client.now_ns()
        client.send(router, Ping(account, nonce))
        if not client.wait_for(partial(_is_pong, nonce), 1.0):
            break
        times_us.append((client.now_ns() - sent_ns) / 1_000)
    return times_us


class Walk:
    """The seven steps of the flow on a running mesh, each with its proof."""

    def __init__(self, config: Config, client: Client) -> None:
        self.config = config
        self.client = client
        self.story: dict[str, Any] = {}

    def counter(self, role: str, name: str) -> int:
        """Sum of a counter over the nodes of a role, as last published."""
        nodes = [self.client.view.nodes.get(node) for node in self.config.nodes_of(role)]
        return sum(seen[1].counters.get(name, 0) for seen in nodes if seen)

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Each step's sentence and what proves it (empty: not yet)."""
        return [
            ("the indicator turns ticks into bars and bars into CCI signals", self._indicator),
            ("the signals node dedupes them and delivers them to the master", self._signals),
            ("the master applies its rules and decides OPEN or CLOSE", self._master),
            ("the routers fan the order out to their locals", self._routers),
            ("the locals execute it on their terminals, INTENT before, RESULT after", self._locals),
            ("status flows back: outcomes and account state at the master", self._status),
            ("a frontend attaches as one more subscriber", self._frontend),
        ]

    def _indicator(self) -> str:
        bars, signals = self.counter("indicator", "bar_count"), self.counter("indicator", "signal_count")
        return f"{bars} bars closed, {signals} signals" if bars and signals else ""

    def _signals(self) -> str:
        taken = self.counter("signals", "signal_count")
        return f"{taken} taken, {self.counter('signals', 'duplicate_signal_count')} duplicates answered" if taken else ""

    def _find_story(self) -> None:
        """The newest signal that led to an order with a stamp of the venue."""
        if not self.story:
            story = ask_why(self.client, self.config.nodes_of("master")[0], "last")
            if any(int((line.get("stamps") or {}).get("answered_ns", 0)) for line in story.get("lines", [])):
                self.story = story

    def _lines(self) -> list[dict[str, Any]]:
        self._find_story()
        return [line for line in self.story.get("lines", []) if int((line.get("stamps") or {}).get("answered_ns", 0))]

    def _master(self) -> str:
        lines = self._lines()
        return f"sid {self.story['sid']}: {len(self.story['lines'])} lines, oid {lines[0]['oid']}" if lines else ""

    def _routers(self) -> str:
        passed = [line for line in self._lines() if int(line["stamps"]["router_out_ns"])]
        return f"forwarded to {', '.join(line['account'] for line in passed)}" if passed else ""

    def _locals(self) -> str:
        done = [line for line in self._lines() if int(line["stamps"]["durable_ns"]) <= int(line["stamps"]["called_ns"])]
        return "; ".join(f"{line['account']} {line['code']} {line.get('price', '')}".rstrip() for line in done)

    def _status(self) -> str:
        fresh = [name for name, (at_ns, _) in self.client.view.accounts.items() if self.client.now_ns() - at_ns < 2_000_000_000]
        return f"{self.counter('master', 'outcome_count')} outcomes; state under 2 s old of {len(fresh)} accounts" if fresh else ""

    def _frontend(self) -> str:
        return f"this command sees {len(self.client.view.routers)} routers and {len(self.client.view.nodes)} nodes"


def verify_flow(config_path: Path | None, timeout_s: float) -> int:
    """Walk the steps; 3 where one did not show itself in time."""
    config, client = attach(config_path)
    failed = 0
    try:
        if is_silent(config, client):
            return NO_MESH
        walk = Walk(config, client)
        for number, (sentence, prove) in enumerate(walk.steps(), start=1):
            end_s = time.monotonic() + timeout_s
            while not (proof := prove()) and time.monotonic() < end_s:
                client.pump(200)
            failed += not proof
            print(f"{number}. {'ok    ' if proof else 'MISSING'} {sentence}\n          {proof or f'no proof within {timeout_s:g} s'}")
    finally:
        client.close()
    return 3 if failed else 0
