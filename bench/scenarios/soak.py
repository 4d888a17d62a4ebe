"""``soak``: the mesh under a steady rate for long: whether latencies drift, and whether its processes grow.

A window after the other, all of one run; each is told as a round of its own, with the memory of all processes after it. Stores are real.
``--seconds`` is the whole, ``--rounds`` how many windows it has; else each takes ten seconds.
"""

import msgspec
import psutil

from bench.chain import told
from bench.results import Measured
from bench.rig.meshchain import MeshChain
from bench.scenario import Options, Progress, Scenario

RATE, SMOKE_RATE = 50.0, 50.0
WINDOW_S, SMOKE_WINDOW_S = 10.0, 0.4
SECONDS = 600.0
MIB = 1 << 20


def run(options: Options, progress: Progress) -> list[Measured]:
    """Window after window."""
    rate = options.rate or (SMOKE_RATE if options.is_smoke else RATE)
    whole_s = options.seconds or (2 * SMOKE_WINDOW_S if options.is_smoke else SECONDS)
    windows = options.rounds or max(2, int(whole_s / (SMOKE_WINDOW_S if options.is_smoke else WINDOW_S)))
    window_s = whole_s / windows
    mesh = MeshChain("mesh-durable", is_durable=True, idle=options.idle)
    progress.begin("soak", windows)
    found: list[Measured] = []
    try:
        mesh.start()
        for _ in range(windows):
            segment = mesh.segment(rate, int(rate * window_s), 0)
            measured = told("soak", mesh.name, segment, rate, 0, {"rate": rate, "window_s": window_s})
            memory = {f"{names}_mib": psutil.Process(pid).memory_info().rss / MIB for names, pid in mesh.pids().items()}
            found.append(msgspec.structs.replace(measured, values=memory))
            progress.advance()
    finally:
        mesh.stop()
    return found


SCENARIO = Scenario("soak", "a steady rate for long: drift of latency, growth of memory", run)
