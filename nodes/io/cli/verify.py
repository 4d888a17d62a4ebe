"""``mesh verify``: walks the seven steps of the flow on a running mesh."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mesh.units import SECOND_NS
from nodes.io.cli.ask import ask_why
from nodes.io.cli.client import Client, attached
from nodes.io.cli.plaintext import say


class Walk:
    """The seven steps of the flow on a running mesh, each with its proof."""

    def __init__(self, client: Client) -> None:
        self.config = client.config
        self.client = client
        self.story: dict[str, Any] = {}

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
        bars, signals = self.client.counted("indicator", "bar_count"), self.client.counted("indicator", "signal_count")
        return f"{bars} bars closed, {signals} signals" if bars and signals else ""

    def _signals(self) -> str:
        taken = self.client.counted("signals", "signal_count")
        return f"{taken} taken, {self.client.counted('signals', 'duplicate_signal_count')} duplicates answered" if taken else ""

    def _find_story(self) -> None:
        """The newest signal that led to an order with a stamp of the venue."""
        if not self.story:
            story = ask_why(self.client, self.config.nodes_of("master")[0], "last") or {}
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
        fresh = [name for name, (at_ns, _) in self.client.view.accounts.items() if self.client.now_ns() - at_ns < 2 * SECOND_NS]
        return f"{self.client.counted('master', 'outcome_count')} outcomes; state under 2 s old of {len(fresh)} accounts" if fresh else ""

    def _frontend(self) -> str:
        return f"this command sees {len(self.client.view.routers)} routers and {len(self.client.view.nodes)} nodes"


def verify_flow(config_path: Path | None, timeout_s: float) -> int:
    """Walk the steps; 3 where one did not show itself in time. Raises NoMesh."""
    failed = 0
    with attached(config_path) as client:
        for number, (sentence, prove) in enumerate(Walk(client).steps(), start=1):
            end_s = time.monotonic() + timeout_s
            while not (proof := prove()) and time.monotonic() < end_s:
                client.pump(200)
            failed += not proof
            say(f"{number}. {'ok    ' if proof else 'MISSING'} {sentence}")
            say(f"          {proof or f'no proof within {timeout_s:g} s'}")
    return 3 if failed else 0
