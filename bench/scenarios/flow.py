"""``flow``: from a signal to the order handed to the worker, over four hops in five processes, beside what others need for as many hops.

Ours: `mesh` with stores that keep nothing, `mesh-durable` with its disks, `mesh-brain` with those who decide in one process, `mesh-doors`
with keys on every link and sealed orders, `mesh-ipc` by UNIX sockets.
The others carry the same number of bytes and do nothing else: they decide nothing, dedupe nothing and repeat nothing. The venue's hop is
apart (scenario ``venue``).
"""

from bench.chain import Chain, interleaved, told, up
from bench.chains import peers
from bench.chains.variants import BARE, MESH_IPC, OURS
from bench.results import Measured
from bench.rig.meshchain import BRAIN, MeshChain
from bench.scenario import Options, Progress, Scenario

HOPS = 4
RATE, SECONDS, ROUNDS = 1_000.0, 2.0, 5
WARMUP_SHARE = 0.1
SMOKE_COUNT, SMOKE_RATE = 40, 100.0


def ours(options: Options) -> list[Chain]:
    """The mesh in its shapes."""
    chains: list[Chain] = [
        MeshChain("mesh", idle=options.idle),
        MeshChain("mesh-durable", is_durable=True, idle=options.idle),
        MeshChain("mesh-brain", groups=BRAIN, idle=options.idle),
        MeshChain("mesh-doors", is_guarded=True, idle=options.idle),
    ]
    return chains + [MeshChain(name, is_ipc=True, idle=options.idle) for name in OURS if name == MESH_IPC]


def run(options: Options, progress: Progress) -> list[Measured]:
    """All by turns."""
    rate = options.rate or (SMOKE_RATE if options.is_smoke else RATE)
    count = SMOKE_COUNT if options.is_smoke else max(1, int(rate * (options.seconds or SECONDS)))
    rounds = options.rounds or (1 if options.is_smoke else ROUNDS)
    warmup_count = max(1, int(count * WARMUP_SHARE))
    settings: dict[str, int | float | str] = {"hops": HOPS, "rate": rate, "idle": options.idle}
    others = [chain for chain in peers(HOPS) if not options.is_smoke or chain.name == BARE]
    with up([*ours(options), *others]) as (chains, missing):
        progress.begin(f"flow: {rate:g} signals a second, {len(chains)} ways", rounds * len(chains))
        found = interleaved(chains, rate, count, warmup_count, rounds, progress)
    measured = [
        told("flow", name, segment, rate, warmup_count, settings) for name, segments in found.items() for segment in segments
    ]
    return measured + [Measured("flow", name, settings, rate, not_run=why) for name, why in missing.items()]


SCENARIO = Scenario("flow", "signal to the order handed to the worker: four hops in five processes, beside peers", run)
