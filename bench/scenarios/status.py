"""``status``: account states of a thousand locals into one router, as many a second as it takes without losing one.

The crowd pushes at the rate asked; the router counts what it took. ``reached`` is from the first push until the router has counted the last
one. ``cpu_us``: processor time of the router's loop for each (ZeroMQ's own thread is apart).
"""

import time

from bench.pace import rate_warning
from bench.results import Counted, Measured
from bench.rig.crowdrig import CrowdRig
from bench.scenario import Options, Progress, Scenario

LOCALS, SMOKE_LOCALS = 1_000, 4
RATES, SMOKE_RATES = (1_000.0, 5_000.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0), (200.0,)
SECONDS, SMOKE_SECONDS = 3.0, 0.2
PATIENCE_S = 20.0
LOOK_S = 0.02


def measure(rig: CrowdRig, rate: float, seconds: float) -> Measured:
    """One rate."""
    before, cpu_ns = int(rig.router.ask("count state_count")), int(rig.router.ask("cpu"))
    asked = max(rig.locals_count, int(rate * seconds))
    began_s = time.monotonic()
    pushed_rate = rig.states(rate, asked)
    sent = asked // rig.crowds_count * rig.crowds_count
    give_up_s = time.monotonic() + PATIENCE_S
    while (taken := int(rig.router.ask("count state_count")) - before) < sent and time.monotonic() < give_up_s:
        time.sleep(LOOK_S)
    reached = taken / (time.monotonic() - began_s)
    spent_ns = int(rig.router.ask("cpu")) - cpu_ns
    counted = Counted(sent=sent, received=taken, lost=sent - taken)
    values = {"pushed_rate": pushed_rate, "cpu_us": spent_ns / 1_000 / max(1, taken)}
    settings: dict[str, int | float | str] = {"locals": rig.locals_count, "rate": rate}
    return Measured(
        "status", "router", settings, rate, reached, counted=counted, values=values, warnings=rate_warning(rate, reached)
    )  # fmt: skip


def run(options: Options, progress: Progress) -> list[Measured]:
    """Each rate in turn, over the same connections."""
    rates = (options.rate,) if options.rate else SMOKE_RATES if options.is_smoke else RATES
    seconds = options.seconds or (SMOKE_SECONDS if options.is_smoke else SECONDS)
    rounds = options.rounds or 1
    progress.begin("status", len(rates) * rounds)
    rig = CrowdRig(options.locals or (SMOKE_LOCALS if options.is_smoke else LOCALS))
    found: list[Measured] = []
    try:
        rig.start()
        for rate in (*rates,) * rounds:
            found.append(measure(rig, rate, seconds))
            progress.advance()
    finally:
        rig.close()
    return found


SCENARIO = Scenario("status", "account states of 1,000 locals into one router: the rate it takes, and what each costs", run)
