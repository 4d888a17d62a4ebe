"""``idle``: what the demo of ``mesh up`` takes while nothing trades: eleven nodes, four workers, supervisord and its listener.

The synthetic market ends after its first minute, which is the quiet of a weekend: no tick comes, and heartbeats, grants, states, health and
looks at files go on. Processor time is read at the beginning and the end of a minute, memory at the end.
"""

import time
from collections.abc import Sequence

from bench.results import FAILS, HOLDS, Figure, Measured
from bench.rig.fleetmesh import SUPERVISOR, WORKER, FleetMesh
from bench.rig.layout import free_ports
from bench.scenario import Options, Progress, Scenario
from bench.vitals import Vitals
from mesh.config import Config, parse
from nodes.io.locate import demo_text
from nodes.io.supervisorconf import WATCH

SECONDS, SMOKE_SECONDS = 60.0, 1.0
SETTLE_S, SMOKE_SETTLE_S = 20.0, 0.5
"""What the beginning left to do (history, garbage, a checkpoint) is over by then."""
PORTS_COUNT = 40
CPU_PERCENT, RSS_MIB = 5.0, 60.0
NUMBA_ROLE = "indicator"
WHOLE = "all of them"


def demo() -> Config:
    """The demo on ports that are free, with a market that is over after a minute of its own time."""
    text = demo_text().replace("[mesh]", f"[mesh]\nbase_port = {free_ports(PORTS_COUNT)}", 1)
    return parse(text.replace("[market]", "[market]\nminutes = 1", 1))


def run(options: Options, progress: Progress) -> list[Measured]:
    """Bring it up, let it settle, and look twice."""
    seconds = options.seconds or (SMOKE_SECONDS if options.is_smoke else SECONDS)
    mesh, vitals = FleetMesh(demo(), options.state), Vitals()
    progress.begin("idle", 1)
    try:
        mesh.start()
        mesh.client.pump_for(SMOKE_SETTLE_S if options.is_smoke else SETTLE_S)
        passes = passes_of(mesh)
        for left_s in (seconds, 0.0):
            vitals.look(mesh.processes(), time.monotonic())
            mesh.client.pump_for(left_s)
        passed = {name: (count - passes.get(name, 0)) / seconds for name, count in passes_of(mesh).items()}
        progress.advance()
    finally:
        mesh.close()
    settings: dict[str, int | float | str] = {"seconds": seconds}
    found, names = [], ("cpu_percent", "rss_mib", "uss_mib")
    for name, taken in vitals.take().items():
        values = {key: taken[key] for key in names} | ({"passes_a_second": passed[name]} if name in passed else {})
        found.append(Measured("idle", name, settings, values=values))
    return [*found, Measured("idle", WHOLE, settings, values={name: sum(one.values[name] for one in found) for name in names})]


def passes_of(mesh: FleetMesh) -> dict[str, int]:
    """How often the loop of each node has turned, as it told last."""
    healths = {name: mesh.client.health_of(name) for name in mesh.config.node}
    return {name: health.counters.get("pass_count", 0) for name, health in healths.items() if health is not None}


def judge(measured: Sequence[Measured]) -> list[Figure]:
    """The whole's processor time, and the largest node that has no numba in it."""
    by_name = {one.variant: one.values for one in measured}
    config = demo()
    nodes = [name for name in config.node if name in by_name and config.role_of(name) != NUMBA_ROLE]
    sizes = sorted(by_name[name]["rss_mib"] for name in nodes)
    largest = max(nodes, key=lambda name: by_name[name]["rss_mib"])
    workers = max((values["rss_mib"] for name, values in by_name.items() if name.startswith(WORKER)), default=0.0)
    cpu = by_name[WHOLE]["cpu_percent"]
    beside = sum(by_name[name]["cpu_percent"] for name in (SUPERVISOR, WATCH) if name in by_name)
    seconds = measured[0].settings["seconds"]
    return [
        Figure(
            "idle_cpu_percent", round(cpu, 2), "%", "one processor, everything", CPU_PERCENT, HOLDS if cpu <= CPU_PERCENT else FAILS,
            (round(cpu, 2),) * 2, 1, f"{len(measured) - 1} processes over {seconds} s; of it supervisord and its listener {beside:.2f} %",
        ),
        Figure(
            "idle_rss_mib", round(sizes[-1], 1), "MiB", "each node without numba", RSS_MIB, HOLDS if sizes[-1] <= RSS_MIB else FAILS,
            (round(sizes[len(sizes) // 4], 1), round(sizes[-(len(sizes) // 4) - 1], 1)), len(sizes),
            f"the largest is {largest}; pages shared with others count in each; the largest worker has {workers:.1f}",
        ),
    ]  # fmt: skip


SCENARIO = Scenario("idle", "the demo while nothing trades: processor time and memory of each process", run, judge)
