"""The load of a soak: orders from one source and states of many light locals, both open loops; and what comes of it, as a frontend sees it.

Orders open and close at the real locals, one account after the other. The states are those of locals that others stand in for: many of them
in one process a router, each with its own key and its own connections, for so many real ones with their workers would fill the machine.
Their routers, and the master behind them, take them as they take anybody's.
"""

import time
from collections.abc import Callable

import numpy as np

from bench.chain import Durations
from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.rig.fleetmesh import FleetMesh
from bench.rig.layout import account_of
from bench.rig.processes import Asked, Processes
from mesh.messages.base import Msg
from mesh.messages.health import NodeHealth
from mesh.messages.outcomes import Outcome
from mesh.units import US_NS
from nodes.io.keyfiles import folder_of

PUMP_MS = 50
SETTLE_S = 10.0
"""What was sent last has ended by then."""
TRADING = {"ladder": "ACTIVE", "grant": "held", "unknown": "0"}
"""What the facts of a local say that may open."""


class Window:
    """What was due in a stretch of the run. ``dues_ns``: when, by the number of the signal."""

    def __init__(self, dues_ns: dict[int, int], took_s: float, accepted_count: int, states_rate: float) -> None:
        self.dues_ns = dues_ns
        self.rate = len(dues_ns) / took_s
        self.accepted_count = accepted_count
        self.states_rate = states_rate


class SoakLoad:
    """``locals_count`` real locals, then ``played_count`` light ones, homed at the routers by turns."""

    def __init__(self, mesh: FleetMesh, locals_count: int, played_count: int, states_rate: float) -> None:
        self._mesh = mesh
        self._locals_count = locals_count
        self._played_count = played_count
        self._states_rate = states_rate
        self._processes = Processes()
        self._crowds: list[Asked] = []
        self._source: Asked | None = None
        self._next = 0
        self._ended: dict[int, Outcome] = {}
        self._lags_ns: dict[str, dict[tuple[int, int], int]] = {}

    def start(self) -> None:
        """Everybody is welcome then."""
        mesh, config = self._mesh, self._mesh.config
        self._processes.open()
        keys = str(folder_of(mesh.state))
        routers = config.nodes_of("router")
        share = self._played_count // len(routers)
        for number, router in enumerate(routers):
            first = self._locals_count + 1 + number * share
            endpoints = [config.endpoint(router, link) for link in ("locals", "status")]
            words = [*endpoints, str(first), str(share), config.fingerprint, keys, router]
            self._crowds.append(self._processes.start(f"the crowd at {router}", "bench.rig.crowd", *words))
        for crowd in self._crowds:
            crowd.await_lines({"up"})
        accounts = ",".join(account_of(number) for number in range(1, self._locals_count + 1))
        endpoint = config.endpoint("signals-1", "signals")
        self._source = self._processes.start("the source", "bench.rig.source", endpoint, accounts, keys, "turns")
        self._source.await_lines({"up"})
        mesh.client.listener = self._heard

    def window(self, rate: float, seconds: float, look: Callable[[], None]) -> Window:
        """Send for so long, and listen; ``look`` is called all the while. Raises RuntimeError where a process has gone."""
        assert self._source is not None, "start comes first"
        count = max(1, int(rate * seconds))
        first, self._next = self._next, self._next + count
        states_rate = self._states_rate / len(self._crowds)
        end_s = time.monotonic() + count / rate
        self._source.say(f"{rate} {count} {first}")
        for crowd in self._crowds:
            crowd.say(f"states {states_rate} {int(states_rate * count / rate)}")
        while time.monotonic() < end_s:
            self._mesh.client.pump(PUMP_MS)
            look()
        took_s, accepted_count, *dues = self._source.answer().split()
        states_s = [float(crowd.answer().split()[1]) for crowd in self._crowds]
        told_rate = sum(int(states_rate * count / rate) / passed_s for passed_s in states_s)
        return Window(dict(enumerate(map(int, dues), first)), float(took_s), int(accepted_count), told_rate)

    def settle(self) -> None:
        """Until the master has decided all and no line is open, or long enough."""
        give_up_s = time.monotonic() + SETTLE_S
        while time.monotonic() < give_up_s and (self._fact("lines") < self._next or self._fact("open_lines")):
            self._mesh.client.pump(PUMP_MS)

    def ledger(self, settings: dict[str, int | float | str]) -> Measured:
        """The master's word of what it has decided, and how that ended; a warning for each account that does not trade by now."""
        client, config = self._mesh.client, self._mesh.config
        values = {name: float(self._fact(name)) for name in ("lines", "open_lines")}
        master = client.health_of(config.nodes_of("master")[0])
        for code, _, count in (word.partition("=") for word in (master.facts["codes"] if master is not None else "").split()):
            values[f"{code.lower()}_count"] = float(count)
        found = ((name, client.health_of(name)) for name in config.nodes_of("local")[: self._locals_count])
        facts = {name: {key: health.facts.get(key, "") for key in TRADING} for name, health in found if health is not None}
        told = [f"{name}: {', '.join(f'{key} {word}' for key, word in own.items())}" for name, own in facts.items() if own != TRADING]
        return Measured("soak", "ledger", settings, values=values, warnings=told)

    def _fact(self, name: str) -> int:
        master = self._mesh.client.health_of(self._mesh.config.nodes_of("master")[0])
        return int(master.facts.get(name, "0")) if master is not None else 0

    def take_lags(self) -> dict[str, list[int]]:
        """ns by node since the last call: the largest lag of its loop in each interval of its health that was seen."""
        taken = {node: list(lags.values()) for node, lags in self._lags_ns.items()}
        for lags in self._lags_ns.values():
            last = list(lags.items())[-1:]  # it may be told again
            lags.clear()
            lags.update({key: lag_ns for key, lag_ns in last})
        return taken

    def measured(self, window: Window, settings: dict[str, int | float | str], rate: float) -> Measured:
        """What became of the orders of a window, as far as a local has ended them; the master ends others. To be asked after ``settle``."""
        ended = {number: self._ended[number] for number in window.dues_ns if number in self._ended}
        called = [number for number, outcome in ended.items() if outcome.stamps.called_ns]
        stamps = {name: _column(ended, called, name) for name in ("signal_ns", "called_ns", "answered_ns")}
        dues_ns = np.array([window.dues_ns[number] for number in called], dtype=np.int64)
        stages = {
            "whole": stamps["called_ns"] - dues_ns, "mesh": stamps["called_ns"] - stamps["signal_ns"],
            "broker": stamps["answered_ns"] - stamps["called_ns"],
        }  # fmt: skip
        counted = Counted(sent=len(window.dues_ns), received=len(ended))
        codes = {f"{code.lower()}_count": 0.0 for code in ("FILLED", "CLOSED")}
        for outcome in ended.values():
            key = f"{outcome.code.lower()}_count"
            codes[key] = codes.get(key, 0.0) + 1
        values = {"accepted_count": float(window.accepted_count), "states_a_second": window.states_rate, **codes}
        told = {name: Stage.of(Latencies(np.maximum(values_ns, 0).tolist())) for name, values_ns in stages.items()}
        return Measured("soak", "flow", settings, rate, window.rate, counted=counted, stages=told, values=values)

    def close(self) -> None:
        """End the source and the crowds."""
        self._mesh.client.listener = None
        self._processes.close()

    def _heard(self, _router: str, item: Msg) -> None:
        if isinstance(item, Outcome) and item.final and item.sid.isdecimal():
            self._ended.setdefault(int(item.sid), item)
        elif isinstance(item, NodeHealth):
            # two routers tell of each node, and a snapshot tells what the one before it told where nothing came in between
            self._lags_ns.setdefault(item.node, {})[item.life, item.uptime_ms] = item.loop_lag_us * US_NS


def _column(ended: dict[int, Outcome], numbers: list[int], stamp: str) -> Durations:
    return np.array([getattr(ended[number].stamps, stamp) for number in numbers], dtype=np.int64)
