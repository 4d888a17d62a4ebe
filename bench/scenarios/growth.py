"""``growth``: what an order costs the cores as a mesh grows: with its targets, with symbols, open positions and stored records.

The cores are played in virtual time as in ``core``; told is the processor time of all handlers for one order. It has to grow in proportion
to the targets, and not at all with the rest.
"""

import gc
from typing import Any

from bench.results import Measured
from bench.rig.played import played
from bench.scenario import Options, Progress, Scenario

CURVES: dict[str, tuple[int, ...]] = {
    "targets": (1, 2, 5, 10, 20),
    "symbols": (1, 4, 16, 64),
    "positions": (0, 10, 50, 200),
    "records": (0, 1_000, 10_000, 100_000),
}
SMOKE_CURVES: dict[str, tuple[int, ...]] = {"targets": (1, 2), "symbols": (1, 2), "positions": (0, 2), "records": (0, 20)}
ORDERS, SMOKE_ORDERS = 400, 10
WARM_SHARE = 0.2
SELDOM = 20
"""What is called less than once in so many orders is no order's: heartbeats, hellos. Reads and states are shared by several."""


def an_order_us(times_ns: dict[str, list[int]], orders: int) -> float:
    """Processor time of all handlers for one order: the median call of each handler, as often as an order calls it."""
    total_ns = 0.0
    for calls in times_ns.values():
        if len(calls) * SELDOM < orders:
            continue
        counted = sorted(calls[int(len(calls) * WARM_SHARE) :])
        total_ns += counted[len(counted) // 2] * len(calls) / orders
    return total_ns / 1_000


def run(options: Options, progress: Progress) -> list[Measured]:
    """Curve after curve."""
    curves, orders = (SMOKE_CURVES, SMOKE_ORDERS) if options.is_smoke else (CURVES, ORDERS)
    rounds = options.rounds or 1
    progress.begin("growth", rounds * orders * sum(len(sizes) for sizes in curves.values()))
    found: list[Measured] = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for curve, sizes in curves.items():
                for size in sizes:
                    grown: dict[str, Any] = {curve: size}
                    us = an_order_us(played(orders, progress, **grown), orders)
                    found.append(Measured("growth", curve, {curve: size}, values={"an_order_us": us}))
    finally:
        gc.enable()
    return found


SCENARIO = Scenario("growth", "processor time an order against targets, symbols, open positions and stored records", run)
