"""``rates``: the flow at several rates, as a curve: at low rates a message wakes every process anew, at high ones it finds them awake.

The mesh in five processes, the one whose deciding nodes share a process, and the bare floor of the same sockets, by turns at each rate.
With ``--idle spin`` our processes never sleep, which pays where each has a processor of its own.
"""

from bench.chain import Chain, interleaved, told, up
from bench.chains.processchain import ProcessChain
from bench.chains.variants import BARE
from bench.results import Measured
from bench.rig.meshchain import BRAIN, MeshChain
from bench.scenario import Options, Progress, Scenario
from bench.scenarios.flow import HOPS

RATES, SMOKE_RATES = (50.0, 100.0, 300.0, 1_000.0, 3_000.0, 5_000.0), (50.0, 100.0, 200.0)
SECONDS, ROUNDS = 2.0, 3
WARMUP_SHARE = 0.1
SMOKE_COUNT = 20


def run(options: Options, progress: Progress) -> list[Measured]:
    """Rate after rate over the same processes. ``--rate``: that one alone."""
    rates = (options.rate,) if options.rate else SMOKE_RATES if options.is_smoke else RATES
    rounds = options.rounds or (1 if options.is_smoke else ROUNDS)
    chains: list[Chain] = [
        MeshChain("mesh", idle=options.idle), MeshChain("mesh-brain", groups=BRAIN, idle=options.idle), ProcessChain(BARE, HOPS),
    ]  # fmt: skip
    measured: list[Measured] = []
    with up(chains) as (ready, _missing):
        progress.begin(f"rates: {', '.join(f'{rate:g}/s' for rate in rates)}", len(rates) * rounds * len(ready))
        for rate in rates:
            count = SMOKE_COUNT if options.is_smoke else max(1, int(rate * (options.seconds or SECONDS)))
            warmup_count = max(1, int(count * WARMUP_SHARE))
            found = interleaved(ready, rate, count, warmup_count, rounds, progress)
            settings: dict[str, int | float | str] = {"hops": HOPS, "rate": rate, "idle": options.idle}
            measured += [
                told("rates", name, segment, rate, warmup_count, settings) for name, segments in found.items() for segment in segments
            ]
    return measured


SCENARIO = Scenario("rates", "the flow at 50 to 5,000 signals a second, as a curve", run)
