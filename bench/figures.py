"""The figures the project holds itself to, measured in one run and judged by their own spread.

Ratios are the medians of ratios of neighbouring measurements; the spread is the middle half. A row of a p99 may end undecided, while its
limit lies within that half. Every row says how it was measured.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.chain import Chain, Ratio, Segment, interleaved, ratio_of, up
from bench.chains.processchain import ProcessChain
from bench.chains.variants import BARE
from bench.commits import commit_times
from bench.results import FAILS, HOLDS, Figure
from bench.rig.crowdrig import CrowdRig
from bench.rig.meshchain import BRAIN, MeshChain
from bench.scenario import Options, Progress
from bench.scenarios import cci, fanout, growth, status

HOPS = 4
RATE, SMOKE_RATE = 1_000.0, 100.0
PAIRS, SMOKE_PAIRS = 15, 2
SECONDS, SMOKE_SECONDS = 1.0, 0.2
WARM_SHARE = 0.1
COMMITS, SMOKE_COMMITS = 400, 10
CROWD, SMOKE_CROWD = 1_000, 4
HEALTH_S = 1.0
"""Nodes count what a pause took when they tell of their health."""
FLAT = 1.15
"""What ought not to grow may differ by so much between the ends of its curve."""


class FiguresMissing(RuntimeError):
    """Some groups of figures failed; ``found``: those of the others."""

    def __init__(self, why: str, found: list[Figure]) -> None:
        super().__init__(why)
        self.found = found


Group = Callable[[Options, Progress], list[Figure]]


def measure(options: Options, progress: Progress) -> list[Figure]:
    """All of them, group after group; what a missing peer is for has no row. Raises FiguresMissing at the end where groups failed."""
    found: list[Figure] = []
    failed: list[str] = []
    for group in GROUPS:
        try:
            found += group(options, progress)
        except RuntimeError as error:
            failed.append(f"{group.__name__}: {error}")
    if failed:
        raise FiguresMissing("; ".join(failed), found)
    return found


def flow(options: Options, progress: Progress) -> list[Figure]:
    """Ours against the bare chain, NATS, Redis, and the co-located mesh against five processes."""
    rate = options.rate or (SMOKE_RATE if options.is_smoke else RATE)
    pairs = options.rounds or (SMOKE_PAIRS if options.is_smoke else PAIRS)
    count = max(10, int(rate * (options.seconds or (SMOKE_SECONDS if options.is_smoke else SECONDS))))
    warmup_count = max(1, int(count * WARM_SHARE))
    mesh = MeshChain("mesh")
    chains: list[Chain] = [mesh, MeshChain("brain", groups=BRAIN), *(ProcessChain(name, HOPS) for name in (BARE, "nats", "redis"))]
    with up(chains) as (ready, _missing):
        progress.begin("figures: flow", pairs * len(ready))
        found = interleaved(ready, rate, count, warmup_count, pairs, progress)
        time.sleep(HEALTH_S)
        pause_us = mesh.largest("gc_pause_us_max")
    how = f"{pairs} interleaved segments of {count} orders at {rate:g}/s each; {HOPS} hops, waiting, stores keep nothing"
    figures: list[Figure] = []
    for theirs, name, limits in ((BARE, "bare", (1.15, 1.3)), ("nats", "nats", (0.65, 0.65)), ("redis", "redis", (0.65, 0.65))):
        if theirs in found:
            for percentile, limit in zip((50, 99), limits, strict=True):
                ratio = ratio_of(found["mesh"], found[theirs], percentile)
                figures.append(_ratio(f"flow_{name}_p{percentile}", ratio, theirs, limit, how, by_spread=percentile == 99))
    brain = ratio_of(_of_stage(found["brain"], "mesh"), _of_stage(found["mesh"], "mesh"), 50)
    figures.append(_ratio("colocated_p50", brain, "five processes", 0.6, f"{how}; from the signal's stamp to the order handed over"))
    words = f"five processes, while {pairs * (count + warmup_count)} orders went through each"
    figures.append(_value("gc_pause_ms", [pause_us / 1_000], "ms", "while trading, any process", 1.0, words))
    return figures


def _of_stage(segments: Sequence[Segment], stage: str) -> list[Segment]:
    return [Segment(segment.stages_ns[stage], segment.counted, segment.rate_reached) for segment in segments]


def commits(options: Options, progress: Progress) -> list[Figure]:
    """The INTENT's commit against a bare one."""
    count = SMOKE_COMMITS if options.is_smoke else COMMITS
    progress.begin("figures: commits", 1)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.state or None) as folder:
        ours_ns, bare_ns = commit_times(Path(folder), count)
    progress.advance()
    ratios = np.array(ours_ns) / np.array(bare_ns)
    low, median, high = np.percentile(ratios, (25, 50, 75))
    ratio = Ratio(float(median), float(low), float(high), count)
    return [_ratio("intent_commit", ratio, "one SQLite FULL commit", 1.3, f"{count} of each by turns, same bytes, same disk")]


def crowd(options: Options, progress: Progress) -> list[Figure]:
    """What the router pays for each order and status, how many states it takes, and the fan-out to a thousand."""
    size = options.locals or (SMOKE_CROWD if options.is_smoke else CROWD)
    orders, rounds = (4, 1) if options.is_smoke else (10, 5)
    progress.begin("figures: router", rounds + 1)
    sent = fanout.measure(size, orders, rounds, progress)
    loops_ms, orders_us = ([one.values[name] for one in sent] for name in ("loop_ms", "an_order_us"))
    how = f"{rounds} x {orders} orders to {size} locals"
    figures = [
        _value("fanout_1000_ms", loops_ms, "ms", "one order to 1,000 locals, send loop", 3.0, how),
        _value("router_order_us", orders_us, "us", "router, each order forwarded", 8.0, f"{how}: processor time, sends included"),
    ]
    rates = (200.0,) if options.is_smoke else (30_000.0,) * 5
    rig = CrowdRig(size)
    try:
        rig.start()
        told = [status.measure(rig, rate, 0.2 if options.is_smoke else 2.0) for rate in rates]
    finally:
        rig.close()
    progress.advance()
    cpu_us = [one.values["cpu_us"] for one in told]
    reached = [one.rate_reached if not one.counted.lost else 0.0 for one in told]
    figures.append(_value("router_status_us", cpu_us, "us", "router, each status taken", 5.0, f"loop's processor time at {rates[0]:g}/s"))
    figures.append(_value("status_rate", reached, "/s", f"status of {size} locals, none lost", 30_000.0, "asked 30,000/s", is_least=True))
    return figures


def grown(options: Options, progress: Progress) -> list[Figure]:
    """Processor time an order: in proportion to the targets, flat in the rest."""
    found: dict[str, dict[int, list[float]]] = {}
    for one in growth.run(options, progress):
        size = int(one.settings[one.variant])
        found.setdefault(one.variant, {}).setdefault(size, []).append(one.values["an_order_us"])
    figures = []
    for curve, sizes in found.items():
        least, most = min(sizes), max(sizes)
        costs = {size: float(np.median(values)) for size, values in sizes.items()}
        words = ", ".join(f"{size}: {us:.0f} us" for size, us in sorted(costs.items()))
        value = costs[most] / costs[least] / (most / least if curve == "targets" else 1)
        against = "in proportion" if curve == "targets" else "none of them"
        figures.append(_value(f"growth_{curve}", [value], "x", against, FLAT, words))
    return figures


GROUPS: tuple[Group, ...] = (flow, commits, crowd, cci.figures, grown)


def _ratio(id: str, ratio: Ratio, against: str, limit: float, how: str, by_spread: bool = False) -> Figure:
    holds = ratio.holds(limit, by_spread)
    return Figure(id, round(ratio.median, 3), "x", against, limit, holds, (round(ratio.low, 3), round(ratio.high, 3)), ratio.count, how)


def _value(id: str, values: Sequence[float], unit: str, against: str, limit: float, how: str, is_least: bool = False) -> Figure:
    low, median, high = (round(float(value), 3) for value in np.percentile(values, (25, 50, 75)))
    holds = HOLDS if (median >= limit if is_least else median <= limit) else FAILS
    return Figure(id, median, unit, against, limit, holds, (low, high), len(values), how)
