"""``core``: what each handler of each role costs, without sockets, disks or other processes: the cores on a heap in virtual time.

A mesh of one local is played as in ``flow``, one signal after the other. Each ``handle`` and ``on_deadline`` is timed by itself; told is
the median and the smallest of many, in ns, which other load on the machine hardly moves. Packing and unpacking is timed apart.
"""

import gc
import time

import numpy as np

from bench.latencies import Latencies
from bench.results import Measured, Stage
from bench.rig.handsignal import hand_signal
from bench.rig.layout import account_of
from bench.rig.played import played
from bench.scenario import Options, Progress, Scenario
from mesh.codec import decode_untrusted, encode

ORDERS, SMOKE_ORDERS = 3_000, 20
WARM_COUNT = 50
"""Calls of each handler that are not counted."""


def codec_times(count: int) -> dict[str, list[int]]:
    """ns to pack and to unpack an order's body, as it travels."""
    signal = hand_signal(1, [account_of(1)], 1)
    raw = encode(signal)
    packing, unpacking = [], []
    for _ in range(count):
        began_ns = time.perf_counter_ns()
        encode(signal)
        packed_ns = time.perf_counter_ns()
        decode_untrusted(raw)
        unpacking.append(time.perf_counter_ns() - packed_ns)
        packing.append(packed_ns - began_ns)
    return {"codec encode Signal": packing, "codec decode Signal": unpacking}


def run(options: Options, progress: Progress) -> list[Measured]:
    """Play and tell."""
    count = SMOKE_ORDERS if options.is_smoke else ORDERS
    progress.begin("core: orders through the cores", count)
    gc.collect()
    gc.disable()
    try:
        times_ns = {**played(count, progress), **codec_times(count)}
    finally:
        gc.enable()
    found = []
    for name in sorted(times_ns):
        counted = times_ns[name][WARM_COUNT:] or times_ns[name]
        values = {
            "median_ns": float(np.median(counted)),
            "least_ns": float(min(counted)),
            "an_order": round(len(times_ns[name]) / count, 2),
        }
        found.append(Measured("core", name, {"orders": count}, stages={"whole": Stage.of(Latencies(counted))}, values=values))
    return found


SCENARIO = Scenario("core", "ns of each handler of each role, in virtual time, without sockets and disks", run)
