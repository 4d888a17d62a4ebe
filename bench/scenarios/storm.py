"""``storm``: every local of a router comes back at once: until each is welcome again.

- ``router``: a thousand connections are cut, as by a network; the locals are stand-ins which say hello and no more.
- ``router-killed``: the only router of two hundred real locals, with keys at every door, is killed and started again at once; until each
  is READY again, its outcomes listed. ``listens_ms`` of it is the router's own start, interpreter and imports. A local looks at its
  phase each 50 ms. ``--locals`` is for both.
"""

from collections.abc import Sequence

from bench.latencies import Latencies
from bench.results import FAILS, HOLDS, Counted, Figure, Measured, Stage
from bench.rig.crowdrig import CrowdRig
from bench.rig.meshchain import APART, MeshChain
from bench.scenario import Options, Progress, Scenario
from mesh.units import MS_NS

LOCALS, SMOKE_LOCALS = 1_000, 4
KILLED_LOCALS = 200
CROWDS = 4
ROUNDS, SMOKE_ROUNDS = 5, 1
CUT, KILLED = "router", "router-killed"
ROUTER = "router-1"
BACK_S = 3.0


def run(options: Options, progress: Progress) -> list[Measured]:
    """Cut and come back, a few times; then kill the router as often."""
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    progress.begin("storm", 2 * rounds)
    cut = _cut(options.locals or (SMOKE_LOCALS if options.is_smoke else LOCALS), rounds, progress)
    return cut + _killed(options.locals or (SMOKE_LOCALS if options.is_smoke else KILLED_LOCALS), rounds, progress)


def _cut(locals_count: int, rounds: int, progress: Progress) -> list[Measured]:
    rig = CrowdRig(locals_count)
    found: list[Measured] = []
    try:
        rig.start()
        for _ in range(rounds):
            found.append(_measured(CUT, locals_count, rig.again(), {}))
            progress.advance()
    finally:
        rig.close()
    return found


def _killed(locals_count: int, rounds: int, progress: Progress) -> list[Measured]:
    mesh = MeshChain(groups=APART, locals_count=locals_count, crowds_count=CROWDS, ordered_count=1, is_guarded=True)
    found: list[Measured] = []
    try:
        mesh.start()
        for _ in range(rounds):
            listens_ns, back_ns = mesh.again(ROUTER)
            found.append(_measured(KILLED, locals_count, back_ns, {"listens_ms": listens_ns / MS_NS}))
            progress.advance()
    finally:
        mesh.stop()
    return found


def _measured(variant: str, locals_count: int, back_ns: list[int], values: dict[str, float]) -> Measured:
    counted = Counted(sent=locals_count, received=len(back_ns), lost=locals_count - len(back_ns))
    stages = {"whole": Stage.of(Latencies(back_ns))}
    return Measured(
        "storm", variant, {"locals": locals_count}, counted=counted, stages=stages, values={"all_ms": max(back_ns) / MS_NS, **values}
    )  # fmt: skip


def judge(measured: Sequence[Measured]) -> list[Figure]:
    """The last local after the worst of the router's restarts."""
    rounds = [one for one in measured if one.variant == KILLED]
    times_s = sorted(one.values["all_ms"] / 1_000 for one in rounds)
    listens_s = sorted(one.values["listens_ms"] / 1_000 for one in rounds)
    locals_count, own_s = rounds[0].settings["locals"], listens_s[len(listens_s) // 2]
    spread = (round(times_s[len(times_s) // 4], 2), round(times_s[-(len(times_s) // 4) - 1], 2))
    return [
        Figure(
            "storm_router_restart_s", round(times_s[-1], 2), "s", f"{locals_count} locals back, the last of them", BACK_S,
            HOLDS if times_s[-1] <= BACK_S else FAILS, spread, len(rounds),
            f"the worst of {len(rounds)} restarts, from the kill; of the median the router's own start takes {own_s:.2f} s",
        )
    ]  # fmt: skip


SCENARIO = Scenario("storm", "1,000 locals come back at once, 200 after their router's restart: until each is welcome again", run, judge)
