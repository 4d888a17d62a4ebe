"""``venue``: what an order pays at the terminal, apart from the mesh: order_send itself, and what adapter and worker add to it.

On the simulated terminal, which lives in the process that calls it (its own latency is off): the package's ``order_send`` alone, the
adapter in one process, and the adapter in a worker behind its pipe, as a local uses it. ``whole`` is the order's time, ``own`` what is
left of it without its ``order_send``.

``--account NAME``: real orders instead, on a demo account of one's own configuration (``bench/ownaccount.py``): ``--rounds`` times the
smallest lot is bought and closed; ``broker`` is the time inside ``order_send``. ``--state`` is the state directory of the mesh on this
host, so that no local trades the account meanwhile.
"""

import sys
import tempfile
import time
from pathlib import Path

from bench.latencies import Latencies
from bench.ownaccount import APART_S, OwnAccount
from bench.results import Counted, Measured, Stage
from bench.scenario import Options, Progress, Scenario
from bench.venue_overhead import alone_ns, attached_to, in_process, in_worker
from nodes.io.locate import default_state, find

COUNT, SMOKE_COUNT = 1_000, 5
PAIRS = 20
"""Of an opening and its close on an account of one's own."""


def run(options: Options, progress: Progress) -> list[Measured]:
    """The three ways, one after the other; or an account of one's own."""
    if options.account:
        return own_account(options, progress)
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


def own_account(options: Options, progress: Progress) -> list[Measured]:
    """Real orders on a demo account. Raises ValueError, RuntimeError as ``OwnAccount`` does."""
    config, running = find(Path(options.config) if options.config else None)
    state = Path(options.state) if options.state else Path(running.state) if running is not None else default_state(True)
    pairs = options.rounds or (1 if options.is_smoke else PAIRS)
    own = OwnAccount(config, options.account, state)
    try:
        symbol = options.symbol or own.first_symbol
        sys.stderr.write(f"mesh: {pairs} times the smallest lot of {symbol} is bought and closed on {own.told}\n")
        progress.begin("venue", pairs)
        times_ns: list[tuple[int, int]] = []
        for _ in range(pairs):
            times_ns += own.pair_ns(symbol)
            progress.advance()
            time.sleep(APART_S)
    finally:
        own.close()
    whole_ns, broker_ns = ([pair[place] for pair in times_ns] for place in (0, 1))
    own_ns = [whole - broker for whole, broker in times_ns]
    parts = (("whole", whole_ns), ("broker", broker_ns), ("own", own_ns))
    stages = {name: Stage.of(Latencies(times)) for name, times in parts}
    settings: dict[str, int | float | str] = {"orders": len(times_ns), "symbol": symbol}
    counted = Counted(sent=len(times_ns), received=len(times_ns))
    return [Measured("venue", options.account, settings, counted=counted, stages=stages)]


def _measured(variant: str, count: int, stages: dict[str, Stage]) -> Measured:
    return Measured("venue", variant, {"orders": count}, counted=Counted(sent=count, received=count), stages=stages)


SCENARIO = Scenario("venue", "order_send alone, through adapter and worker; or on a demo account of your own", run)
