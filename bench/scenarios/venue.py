"""``venue``: what an order pays at the terminal, apart from the mesh: order_send itself, and what adapter and worker add to it.

On the simulated terminal, which lives in the process that calls it (its own latency is off): the package's ``order_send`` alone, the
adapter in one process, and the adapter in a worker behind its pipe, as a local uses it. ``whole`` is the order's time, ``own`` what is
left of it without its ``order_send``. On a broker of one's own the same is told, order by order, by the stamps `called` and `answered`.
"""

import tempfile
from pathlib import Path

from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.scenario import Options, Progress, Scenario
from bench.venue_overhead import alone_ns, attached_to, in_process, in_worker

COUNT, SMOKE_COUNT = 1_000, 5


def run(options: Options, progress: Progress) -> list[Measured]:
    """The three ways, one after the other."""
    count = SMOKE_COUNT if options.is_smoke else int(options.rate * options.seconds) or COUNT
    progress.begin("venue", 3)
    found: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        config, sim = attached_to(Path(folder))
        alone = Latencies(alone_ns(sim, count))
        found.append(_measured("order_send alone", alone.count, {"whole": Stage.of(alone)}))
        progress.advance()
        for name, orders in (("adapter", lambda: in_process(config, count)), ("worker", lambda: in_worker(config, Path(folder), count))):
            whole_ns, inside_ns = orders()
            own_ns = [max(0, whole - inside) for whole, inside in zip(whole_ns, inside_ns, strict=True)]
            found.append(_measured(name, len(whole_ns), {"whole": Stage.of(Latencies(whole_ns)), "own": Stage.of(Latencies(own_ns))}))
            progress.advance()
    return found


def _measured(variant: str, count: int, stages: dict[str, Stage]) -> Measured:
    return Measured("venue", variant, {"orders": count}, counted=Counted(sent=count, received=count), stages=stages)


SCENARIO = Scenario("venue", "order_send alone, through the adapter, and through a worker (simulated terminal)", run)
