"""``restart``: a node of each role is killed (-9) under a real supervisord, again and again: until it is back, READY and reconciled.

``whole`` is from the kill until the node's own page of numbers says READY: of a local that the master knows which outcomes it has and its
terminal was read anew, of the master that every account is there. ``begun`` is until that page is there: what supervisord, the
interpreter and the imports take. ``leave`` is until a local may open again: another life's first grant comes three seconds after the
last one's. Nothing trades meanwhile, and each store is small; ``python -m bench.restart`` has the stores of years.
"""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
import psutil

from bench.latencies import Latencies
from bench.results import FAILS, HOLDS, Counted, Figure, Measured, Stage
from bench.rig.fleetmesh import FleetMesh
from bench.rig.layout import PORTS_COUNT, free_ports, layout
from bench.scenario import Options, Progress, Scenario
from mesh.config import Config, configured
from mesh.io.clock import monotonic_ns
from mesh.metrics import GAUGES, PHASE
from mesh.settings import MetricsSection
from mesh.units import SECOND_NS

KILLED = ("market-1", "broker-1", "cci-1", "signals-1", "master-1", "router-1", "local-1")
"""One of each role."""
ROUNDS, SMOKE_ROUNDS = 10, 1
LOCALS, ROUTERS = 2, 2
BACK_S = 60.0
LIMIT_S = 5.0
LOOK_S = 0.02
APART_S = 2.0
"""supervisord takes a process for started after a second; one that ends before that it starts later and later."""
LEAVE = next(name for name in GAUGES if name.endswith("leave_to_open"))
STAGES: dict[str, Callable[[str], bool]] = {
    "begun": lambda metric: True,
    "whole": lambda metric: metric.startswith(PHASE.name) and 'phase="READY"' in metric,
    "leave": lambda metric: metric.startswith(LEAVE),
}
"""Stage → the metric that is above zero once it is reached; only locals have leave to open."""


def killed_mesh() -> Config:
    """The bench's mesh with doors, and a page of numbers for each node."""
    config = layout(LOCALS, routers_count=ROUTERS, is_plain=False)
    pages = free_ports(PORTS_COUNT, config.settings.mesh.base_port + PORTS_COUNT)
    return configured(msgspec.structs.replace(config.settings, metrics=MetricsSection(base_port=pages)))


def run(options: Options, progress: Progress) -> list[Measured]:
    """Each in turn, so many times."""
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    mesh = FleetMesh(killed_mesh(), options.state)
    times_ns: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    progress.begin("restart", rounds * len(KILLED))
    try:
        mesh.start()
        for _ in range(rounds):
            for node in KILLED:
                mesh.client.pump_for(APART_S)
                for stage, passed_ns in killed(mesh, node).items():
                    times_ns[node][stage].append(passed_ns)
                mesh.await_ready()
                progress.advance()
    finally:
        mesh.close()
    settings: dict[str, int | float | str] = {"rounds": rounds}
    return [
        Measured(
            "restart", node, settings, counted=Counted(sent=rounds, received=len(stages["whole"])),
            stages={stage: Stage.of(Latencies(found)) for stage, found in stages.items()},
        )
        for node, stages in times_ns.items()
    ]  # fmt: skip


def killed(mesh: FleetMesh, node: str) -> dict[str, int]:
    """Kill a node and wait until it is back: ns by stage. Raises RuntimeError where it does not come back."""
    pid = mesh.pids()[mesh.config.process_of(node)]
    began_ns = monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    while _runs(pid):
        time.sleep(LOOK_S)  # it may answer to the last
    left = {stage: is_of for stage, is_of in STAGES.items() if stage != "leave" or mesh.config.role_of(node) == "local"}
    found: dict[str, int] = {}
    while left:
        page, passed_ns = mesh.page(node), monotonic_ns() - began_ns
        for stage, is_of in list(left.items()):
            if any(value > 0 and is_of(metric) for metric, value in page.items()):
                found[stage] = passed_ns
                del left[stage]
        if passed_ns > BACK_S * SECOND_NS:
            raise RuntimeError(f"{node} is not back {BACK_S:g} s after it was killed: it has come to {', '.join(found) or 'nothing'}")
        time.sleep(LOOK_S)
    return found


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def judge(measured: Sequence[Measured]) -> list[Figure]:
    """p99 of each role; of fewer than a hundred kills that is the longest."""
    figures = []
    for one in measured:
        latencies = Latencies.decoded(one.stages["whole"].histogram)
        value_s = latencies.at(99) / SECOND_NS
        low_s, high_s = (latencies.at(percent) / SECOND_NS for percent in (25, 75))
        begun_s = Latencies.decoded(one.stages["begun"].histogram).at(50) / SECOND_NS
        middle_s = latencies.at(50) / SECOND_NS
        words = f"{latencies.count} times kill -9; of the median, {middle_s:.1f} s, its process takes {begun_s:.1f} s to be there"
        verdict, spread = HOLDS if value_s <= LIMIT_S else FAILS, (round(low_s, 2), round(high_s, 2))
        name, against = f"restart_{one.variant}_s", "back and reconciled, p99"
        figures.append(Figure(name, round(value_s, 2), "s", against, LIMIT_S, verdict, spread, latencies.count, words))
    return figures


SCENARIO = Scenario("restart", "a node of each role killed under supervisord: until it is back, ready and reconciled", run, judge)
