"""``soak``: a whole mesh under a real supervisord at a steady load for long: whether its processes grow, and whether their loops lag.

Doors with keys, stores on disk, simulated accounts with a worker each; 20 orders a second, which open and close at the real locals by
turns, and 2,000 states a second of a hundred light ones. Each process is looked at every five seconds. A window after the other is
told, with the orders of it as ``flow`` and each process by its name; ``lag`` is the largest lag of its loop in an interval of its health.
``--seconds`` is the whole (``make soak MINUTES=60``), ``--rounds`` how many windows it has, ``--rate`` the orders, ``--locals`` the
real locals.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from bench.latencies import Latencies
from bench.pace import rate_warning
from bench.results import FAILS, HOLDS, UNDECIDED, Figure, Measured, Stage
from bench.rig.fleetmesh import FleetMesh
from bench.rig.layout import layout, local_of
from bench.rig.soakload import SoakLoad, Window
from bench.scenario import Options, Progress, Scenario
from bench.vitals import Vitals, growth
from mesh.config import Config, configured
from mesh.units import MS_NS

RATE, STATES_RATE, SMOKE_STATES_RATE = 20.0, 2_000.0, 100.0
SECONDS, SMOKE_SECONDS = 600.0, 4.0
LOCALS, SMOKE_LOCALS = 4, 2
PLAYED, SMOKE_PLAYED = 100, 4
ROUTERS = 2
LOOK_S = 5.0
WINDOW_S = 10.0
WINDOWS_MAX = 120
FLOW, LEDGER = "flow", "ledger"
LAG = "lag"
LAG_PERCENT = 99.9
STALLS = {"commit_us_max": "commit", "gc_pause_us_max": "collection"}
"""Counter of a node, the largest since its start → what it is of; told with the lag. Of a collection it is processor time."""
POLLS = 2
"""Looks of a loop at its lag in one interval of its health (500 ms): the largest alone is told."""
LAGS_LEAST = 1_000
"""Of fewer intervals p99.9 is their largest."""
GROWTH_MIB, LAG_MS, REFUSED_PERCENT = 5.0, 20.0, 1.0
LEAST_S = 1_800.0
"""A shorter soak judges no growth: caches fill. In one of less than an hour no busy node has collected its oldest garbage: it counts."""


def soaked(locals_count: int, played_count: int) -> Config:
    """The configuration: as the bench's others, with doors and a market that goes at its own pace."""
    config = layout(locals_count + played_count, routers_count=ROUTERS, is_plain=False)
    settings = config.settings
    return configured(msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, speed=Decimal(1))))


def run(options: Options, progress: Progress) -> list[Measured]:
    """Window after window."""
    is_smoke = options.is_smoke
    seconds = options.seconds or (SMOKE_SECONDS if is_smoke else SECONDS)
    windows = options.rounds or min(WINDOWS_MAX, max(2, int(seconds / WINDOW_S)))
    locals_count = options.locals or (SMOKE_LOCALS if is_smoke else LOCALS)
    played_count = SMOKE_PLAYED if is_smoke else PLAYED
    states_rate, rate = SMOKE_STATES_RATE if is_smoke else STATES_RATE, options.rate or RATE
    played = [local_of(locals_count + number) for number in range(1, played_count + 1)]
    mesh = FleetMesh(soaked(locals_count, played_count), options.state, played)
    settings: dict[str, int | float | str] = {"rate": rate, "states": states_rate, "locals": locals_count, "seconds": seconds}
    progress.begin("soak", windows)
    try:
        mesh.start()
        load = SoakLoad(mesh, locals_count, played_count, states_rate)
        try:
            load.start()
            found, flows = _soak(mesh, load, settings, windows, progress)
            load.settle()
            return [*(load.measured(flow, settings, rate) for flow in flows), load.ledger(settings), *found]
        finally:
            load.close()
    finally:
        mesh.close()


def _soak(
    mesh: FleetMesh, load: SoakLoad, settings: dict[str, int | float | str], windows: int, progress: Progress
) -> tuple[list[Measured], list[Window]]:
    """The windows: of each what its processes took, and what was sent."""
    vitals, found, flows = Vitals(), [], []
    looked_s = -LOOK_S

    def look() -> None:
        nonlocal looked_s
        now_s = time.monotonic()
        if now_s - looked_s >= LOOK_S:
            looked_s = now_s
            vitals.look(mesh.processes(), now_s)

    for _ in range(windows):
        flow = load.window(float(settings["rate"]), float(settings["seconds"]) / windows, look)
        flows.append(flow)
        looked_s = -LOOK_S
        look()  # no window without a sample
        lags = load.take_lags()
        for name, values in vitals.take().items():
            stages = {LAG: Stage.of(Latencies(lags[name]))} if lags.get(name) else {}
            health = mesh.client.health_of(name)
            stalls = {key: float(health.counters.get(key, 0)) for key in STALLS} if health is not None else {}
            found.append(Measured("soak", name, settings, stages=stages, values=values | stalls))
        progress.advance()
    return found, flows


def judge(measured: Sequence[Measured]) -> list[Figure]:
    """Growth of memory and of descriptors, lag, what was lost or refused, who was started again. Growth and lag are of the nodes of the
    mesh: the simulated broker, which stands for brokers' servers, keeps every deal and tells those of ten minutes at each read of an
    account that trades five times a second. It is told apart.
    """
    rounds: dict[str, list[Measured]] = defaultdict(list)
    for one in measured:
        rounds[one.variant].append(one)
    flows, (ledger,) = rounds.pop(FLOW), rounds.pop(LEDGER)
    nodes = {name: found for name, found in rounds.items() if any(one.stages for one in found)}
    seconds = float(flows[0].settings["seconds"])
    slow = [word for flow in flows for word in rate_warning(flow.rate_asked, flow.rate_reached)]
    states = float(flows[0].settings["states"])
    slow += [word for flow in flows for word in rate_warning(states, flow.values["states_a_second"])]
    why = f"{seconds / 60:g} minutes, of {LEAST_S / 60:g} at least" if seconds < LEAST_S else ""
    why = why or (f"{len(slow)} of {2 * len(flows)} rates were missed" if len(slow) > len(flows) / 10 else "")
    own = {name: found for name, found in nodes.items() if not name.startswith("broker")}
    sent, ended = (sum(getattr(flow.counted, name) for flow in flows) for name in ("sent", "received"))
    accepted = sum(flow.values["accepted_count"] for flow in flows)
    lost = max(0.0, accepted - ledger.values["lines"]) + ledger.values["open_lines"]
    refused = round(100 * (sent - ended) / sent, 2)
    codes = ", ".join(f"{name.removesuffix('_count')} {count:g}" for name, count in ledger.values.items() if name.endswith("_count"))
    codes = "; ".join((codes, *ledger.warnings))
    restarts = sum(one.values["restarts"] for found in rounds.values() for one in found)
    return [
        _grown("soak_rss_growth_mib", "rss_mib", "MiB", GROWTH_MIB, own, rounds, why),
        _grown("soak_descriptors_growth", "descriptors", "", 0.0, own, rounds, why),
        _lag(own, nodes),
        _none("soak_lost_orders", lost, f"of {accepted:g} accepted orders none without its end at the master: {codes}"),
        Figure(
            "soak_refused_percent", refused, "%", "orders that came to no local", REFUSED_PERCENT,
            HOLDS if refused <= REFUSED_PERCENT else FAILS, (refused, refused), 1, f"{sent - ended} of {sent}: {codes}",
        ),
        _none("soak_restarts", restarts, f"{len(rounds)} processes; none ends by itself"),
    ]  # fmt: skip


def _none(id: str, value: float, how: str) -> Figure:
    return Figure(id, value, "", "none", 0.0, FAILS if value else HOLDS, (value, value), 1, how)


def _grown(
    id: str, key: str, unit: str, limit: float, nodes: dict[str, list[Measured]], rounds: dict[str, list[Measured]], why: str
) -> Figure:
    """The node that grew most."""
    grown = {name: growth([one.values[key] for one in rounds[name]]) for name in rounds}
    known = {name: value for name, value in grown.items() if value is not None}
    sizes = sorted((known[name], name) for name in nodes if name in known)
    if not sizes:
        return Figure(id, 0.0, unit, "each node, after warm-up", limit, UNDECIDED, (0.0, 0.0), 0, why or "too few windows to tell")
    value, worst = sizes[-1]
    verdict = UNDECIDED if why else HOLDS if value <= limit else FAILS
    others = ", ".join(f"{name} {known[name]:.1f}" for name in known if name not in nodes and known[name])
    spread = (round(sizes[len(sizes) // 4][0], 2), round(sizes[-(len(sizes) // 4) - 1][0], 2))
    words = "; ".join(filter(None, (f"most: {worst}", why, f"beside the nodes: {others}" if others else "")))
    return Figure(id, round(value, 2), unit, "each node, after warm-up", limit, verdict, spread, len(sizes), words)


def _lag(judged: dict[str, list[Measured]], rounds: dict[str, list[Measured]]) -> Figure:
    """p99.9 of a loop's lag at the one of ``judged`` where it is largest. Only the largest of an interval's looks is known: that all of
    them were as large gives the value, that the others were none gives what it is at least.
    """
    found = {name: Latencies() for name in rounds}
    for name, ones in rounds.items():
        for one in ones:
            if LAG in one.stages:
                found[name].add(Latencies.decoded(one.stages[LAG].histogram))
    beside = {name: found.pop(name) for name in rounds if name not in judged}
    worst = max(found, key=lambda name: found[name].at(LAG_PERCENT))
    count, least_count = found[worst].count, min(latencies.count for latencies in found.values())
    most_ms = found[worst].at(LAG_PERCENT) / MS_NS
    least_ms = max(latencies.at(100 - (100 - LAG_PERCENT) * POLLS) for latencies in found.values()) / MS_NS
    is_told = least_count >= LAGS_LEAST
    verdict = HOLDS if is_told and most_ms <= LAG_MS else FAILS if is_told and least_ms > LAG_MS else UNDECIDED
    words = f"most: {worst}, {count} intervals with {POLLS} looks each; at least {least_ms:.1f} ms"
    words += "" if is_told else f"; {least_count} intervals of a node, of {LAGS_LEAST} at least"
    others = ", ".join(f"{name} {latencies.at(LAG_PERCENT) / MS_NS:.1f} ms" for name, latencies in beside.items())
    words += f"; beside the nodes: {others}" if others else ""
    for key, what in STALLS.items():
        longest_us, node = max((one.values.get(key, 0.0), name) for name, ones in judged.items() for one in ones)
        words += f"; longest {what} since its start {longest_us / 1_000:.1f} ms ({node})" if longest_us else ""
    spread = (round(least_ms, 2), round(most_ms, 2))
    return Figure("soak_lag_p999_ms", round(most_ms, 2), "ms", "each node's loop", LAG_MS, verdict, spread, least_count, words)


SCENARIO = Scenario("soak", "a whole mesh at a steady load for long: growth of memory and descriptors, lag", run, judge)
