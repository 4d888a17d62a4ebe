"""``storm``: every local of a router comes back at once, as after a cut network: until each is welcome again."""

from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.rig.crowdrig import CrowdRig
from bench.scenario import Options, Progress, Scenario

LOCALS, SMOKE_LOCALS = 1_000, 4
ROUNDS, SMOKE_ROUNDS = 5, 1


def run(options: Options, progress: Progress) -> list[Measured]:
    """Cut and come back, a few times."""
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    rig = CrowdRig(options.locals or (SMOKE_LOCALS if options.is_smoke else LOCALS))
    progress.begin("storm", rounds)
    found: list[Measured] = []
    try:
        rig.start()
        for _ in range(rounds):
            back_ns = rig.again()
            counted = Counted(sent=rig.locals_count, received=len(back_ns), lost=rig.locals_count - len(back_ns))
            stages = {"whole": Stage.of(Latencies(back_ns))}
            values = {"all_ms": max(back_ns) / 1e6}
            found.append(Measured("storm", "router", {"locals": rig.locals_count}, counted=counted, stages=stages, values=values))
            progress.advance()
    finally:
        rig.close()
    return found


SCENARIO = Scenario("storm", "1,000 locals come back at once: until each is welcome again", run)
