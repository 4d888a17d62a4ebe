"""What the campaign's own client sees, as times: how soon who stands still is flagged, how soon a local is back, how soon a gap is closed.

All are seen from outside: by a frontend, and in the nodes' logs.
"""

import json
import os
from pathlib import Path

from hdrh.histogram import HdrHistogram

from mesh.config import Config
from mesh.liveness import FRESH
from mesh.messages.accounts import AccountState
from mesh.units import SECOND_NS
from mesh.view import freshness
from nodes.io.cli.client import Client
from tests.chaos.hindrances import Hindrances

HOUR_US = 3_600_000_000
FLAGGED, FLAGGED_NODE = "gray failure of a local flagged", "gray failure of another node flagged"
RESTART, GAP = "local restart to first state", "gap found and repaired"
RESTART_HINDERED, GAP_HINDERED = f"{RESTART}, under another fault", f"{GAP}, where a fault stood in the way"
TARGETS_MS = {FLAGGED: 2_000, FLAGGED_NODE: 2_000, RESTART: 5_000, RESTART_HINDERED: None, GAP: 500, GAP_HINDERED: None}
"""p99, of the issue."""
NUMBER_MAX = 3
"""A state with a higher number tells too little of when the first one was read."""
LEAST_S = {FLAGGED: 2.5, FLAGGED_NODE: 3.5}
"""A node that stands still for less may go on before anybody can tell: two words of it may be missing."""


def started_s(pid: int) -> float | None:
    """When a process began, on the clock of the stamps (seconds since the machine's start); None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


class Figures:
    """Histograms in microseconds."""

    def __init__(self, config: Config, client: Client) -> None:
        self._config = config
        self._client = client
        self.histograms = {name: HdrHistogram(1, HOUR_US, 3) for name in TARGETS_MS}
        self.hindrances = Hindrances(config)
        self.missed: list[str] = []
        """Who stood still for long and was never flagged."""
        self._gray: dict[str, tuple[float, float]] = {}
        self._lives: dict[str, int] = {}
        """Account → the life of its local that was seen last."""

    def stopped(self, nodes: list[str], from_s: float, to_s: float) -> None:
        """Nodes stand still for so long."""
        self.hindrances.stopped(nodes, from_s, to_s)
        for node in nodes:
            if to_s - from_s >= LEAST_S[self._name(node)] and self._is_fresh(node):
                self._gray[node] = (from_s, to_s)

    def look(self, now_s: float) -> None:
        """See what has become visible."""
        self.hindrances.look(self._client.view, now_s)
        for node, (from_s, to_s) in list(self._gray.items()):
            if not self._is_fresh(node):
                self._record(self._name(node), now_s - from_s)
                del self._gray[node]
            elif now_s > to_s + 1:
                self.missed.append(f"{node}, {to_s - from_s:.1f} s")
                del self._gray[node]
        for account, (_, state) in self._client.view.accounts.items():
            if self._lives.get(account) != state.life:
                self._begun(account, state)

    def _begun(self, account: str, state: AccountState) -> None:
        """A life of a local is seen first: how long its process had run when it read this state, half a second too much at most."""
        health = self._client.health_of(self._config.local_of(account))
        if health is None or health.life != state.life:
            return  # its health comes within a second
        is_first = account not in self._lives
        self._lives[account] = state.life
        began_s = started_s(health.pid)
        if began_s is None or is_first or state.number > NUMBER_MAX:
            return
        node = self._config.local_of(account)
        path = {node, f"account.{account}.terminal", *self._config.nodes_of("broker")}
        is_hindered = self.hindrances.is_hindered(path, began_s, state.stamp_ns / SECOND_NS, node)
        self._record(RESTART_HINDERED if is_hindered else RESTART, state.stamp_ns / SECOND_NS - began_s)

    def _name(self, node: str) -> str:
        return FLAGGED if self._config.role_of(node) == "local" else FLAGGED_NODE

    def _is_fresh(self, node: str) -> bool:
        """Whether a frontend would say so: of a local its routers' word, of any other node how old its last word is."""
        view = self._client.view
        account = self._config.node[node].account
        if account is not None:
            # the router that it takes orders from: the other one hears of it less often
            homes = [(at_ns, item) for (_, name), (at_ns, item) in view.locals.items() if name == account and item.homed]
            now_ns = self._client.now_ns()
            return any(item.state == FRESH and freshness(now_ns - at_ns) == FRESH for at_ns, item in homes)
        known = view.routers.get(node) if self._config.role_of(node) == "router" else (view.nodes.get(node) or (None,))[0]
        return known is not None and freshness(self._client.now_ns() - known) == FRESH

    def _record(self, name: str, seconds: float) -> None:
        self.histograms[name].record_value(max(1, int(seconds * 1_000_000)))

    def end(self) -> None:
        """Nothing more is watched."""
        self._gray.clear()

    def read_logs(self, folder: Path) -> None:
        """Gaps that were closed, as the nodes' own logs tell them."""
        for path in sorted(folder.glob("*.log*")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if '"gap_closed"' in line:
                    self._gap(path.name.partition(".")[0], line)

    def _gap(self, node: str, line: str) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            return  # torn by a kill
        lasted_s, to_s = int(row["after_us"]) / 1_000_000, int(row["closed_ns"]) / SECOND_NS
        is_hindered = self.hindrances.is_hindered(self.hindrances.path_of(node), to_s - lasted_s, to_s)
        self._record(GAP_HINDERED if is_hindered else GAP, lasted_s)

    def document(self) -> dict[str, dict[str, object]]:
        """Counts and percentiles in milliseconds, with the target where there is one."""
        found: dict[str, dict[str, object]] = {}
        for name, histogram in self.histograms.items():
            count = histogram.get_total_count()
            row: dict[str, object] = {"count": count}
            if count:
                row |= {f"p{percent:g}": round(histogram.get_value_at_percentile(percent) / 1_000, 1) for percent in (50, 99)}
                row["max"] = round(histogram.get_max_value() / 1_000, 1)
            if TARGETS_MS[name] is not None:
                row["target_p99"] = TARGETS_MS[name]
            found[name] = row
        return found
