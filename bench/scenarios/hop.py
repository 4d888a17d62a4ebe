"""``hop``: one link, from one process to another: ours, and what others build such a link of, by turns in one run.

Every variant carries 256 bytes at the same pace, and the receiver checks each message. ``mesh`` is our own link of router and local with a
real order on it, ``mesh-ipc`` the same by UNIX socket; ``pyzmq-uvloop`` are the sockets of ``mesh`` and nothing else, the floor ours is
held against. ``nats`` and ``redis`` go through their server, as they do.
"""

from bench.chain import interleaved, told, up
from bench.chains import peers
from bench.chains.payload import BYTES
from bench.chains.processchain import ProcessChain
from bench.chains.variants import OURS
from bench.results import Measured
from bench.scenario import Options, Progress, Scenario

NAME = "hop"
RATE, RATE_MAX = 1_000.0, 50_000.0
SECONDS, ROUNDS = 2.0, 5
WARMUP_SHARE = 0.1
SMOKE_RATE, SMOKE_COUNT = 500.0, 50


def run(options: Options, progress: Progress) -> list[Measured]:
    """All by turns; a row for each round of each. Raises ValueError for a rate that nobody can keep; RuntimeError where a process fails."""
    rate = options.rate or (SMOKE_RATE if options.is_smoke else RATE)
    if not 1 <= rate <= RATE_MAX:
        raise ValueError(f"a rate of {rate:g}/s; between 1 and {RATE_MAX:g} are possible")
    count = SMOKE_COUNT if options.is_smoke else max(1, round(rate * (options.seconds or SECONDS)))
    rounds = options.rounds or (1 if options.is_smoke else ROUNDS)
    warmup_count = max(1, round(count * WARMUP_SHARE))
    settings: dict[str, int | float | str] = {"hops": 1, "payload_bytes": BYTES, "idle": options.idle}
    with up([*(ProcessChain(name, hops=1, idle=options.idle) for name in OURS), *peers(1)]) as (chains, missing):
        progress.begin(f"hop: {rate:g} messages a second, {len(chains)} ways", rounds * len(chains))
        found = interleaved(chains, rate, count, warmup_count, rounds, progress)
    measured = [told(NAME, name, segment, rate, warmup_count, settings) for name, segments in found.items() for segment in segments]
    return measured + [Measured(NAME, name, settings, rate, not_run=why) for name, why in missing.items()]


SCENARIO = Scenario(NAME, "one link between two processes: ours, bare sockets, NATS, Redis, web sockets", run)
