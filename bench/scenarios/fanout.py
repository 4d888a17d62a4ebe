"""``fanout``: one order to a thousand locals of one router: how long its send loop takes, and when the last local has it.

The master publishes records of 200 targets; for each the router reads the header once and hands every local its own target with the body
untouched. ``loop`` is the time the router spends on all records of one order, sends included; ``an_order_us`` is the processor time of
its thread for each local. ``last`` is from the first record's arrival at any local to the last one's at its own: it holds the crowd's own
work, too, which runs on the same machine.
"""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.rig.crowdrig import CrowdRig
from bench.scenario import Options, Progress, Scenario
from nodes.master.orderlog import TARGETS_MAX

SIZES, SMOKE_SIZES = (1, 10, 100, 300, 1_000), (3,)
ORDERS, SMOKE_ORDERS = 10, 4
"""Of a round."""
ROUNDS, SMOKE_ROUNDS = 5, 1
APART_MS = 100
WARM = 2
"""Orders that are not counted."""
SETTLE_S, PATIENCE_S = 0.3, 60.0


def measure(size: int, orders: int, rounds: int, progress: Progress) -> list[Measured]:
    """One size: so many rounds over the same connections."""
    rig = CrowdRig(size, timed="orders=2")
    try:
        rig.start()
        _until_heard(rig)
        return [_round(rig, orders, progress) for _ in range(rounds)]
    finally:
        rig.close()


def _round(rig: CrowdRig, orders: int, progress: Progress) -> Measured:
    size = rig.locals_count
    records = -(-size // TARGETS_MAX)
    rig.master.ask(f"announce {orders + WARM} {APART_MS}")
    spent = _until(rig, records * (orders + WARM))
    time.sleep(SETTLE_S)
    arrived = rig.arrivals()
    progress.advance()
    loops_ns, cpus_ns = spent.reshape(-1, records, 2).sum(axis=1)[WARM:].T
    orders_n = (arrived["n"] - arrived["n"].min()) // records
    lasts_ns = [int(np.ptp(arrived["at_ns"][orders_n == number])) for number in range(WARM, orders + WARM)]
    received = int((orders_n >= WARM).sum())
    sent = size * orders
    counted = Counted(sent=sent, received=received, lost=max(0, sent - received), doubled=max(0, received - sent))
    stages = {"loop": Stage.of(Latencies(loops_ns)), "last": Stage.of(Latencies(lasts_ns))}
    values = {"loop_ms": float(np.median(loops_ns)) / 1e6, "an_order_us": float(np.median(cpus_ns)) / 1e3 / size}
    return Measured("fanout", "router", {"locals": size}, warmup_count=WARM, counted=counted, stages=stages, values=values)


def _until_heard(rig: CrowdRig) -> None:
    """Announce until the router has an order: what is published before its connection is made is lost. Then what came is forgotten."""
    give_up_s = time.monotonic() + PATIENCE_S
    rig.spent_ns()
    while True:
        rig.master.ask("announce 1 0")
        time.sleep(SETTLE_S)
        if len(rig.spent_ns()):
            break
        assert time.monotonic() < give_up_s, f"the router has heard of no order after {PATIENCE_S:g} s"
    time.sleep(SETTLE_S)
    rig.spent_ns()
    rig.arrivals()


def _until(rig: CrowdRig, count: int) -> NDArray[np.int64]:
    """What the router spent on each of ``count`` records; waits for the last one."""
    parts: list[NDArray[np.int64]] = []
    give_up_s = time.monotonic() + PATIENCE_S
    while sum(len(part) for part in parts) < count:
        assert time.monotonic() < give_up_s, f"{sum(len(part) for part in parts)} of {count} records after {PATIENCE_S:g} s"
        time.sleep(SETTLE_S)
        parts.append(rig.spent_ns())
    return np.concatenate(parts)[:count]


def sizes_of(options: Options) -> Sequence[int]:
    """How many locals."""
    if options.locals:
        return (options.locals,)
    return SMOKE_SIZES if options.is_smoke else SIZES


def run(options: Options, progress: Progress) -> list[Measured]:
    """Each size in turn."""
    orders = SMOKE_ORDERS if options.is_smoke else ORDERS
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    sizes = sizes_of(options)
    progress.begin("fanout", len(sizes) * rounds)
    return [one for size in sizes for one in measure(size, orders, rounds, progress)]


SCENARIO = Scenario("fanout", "one order to 1 … 1,000 locals of one router: its send loop, and the last local", run)
