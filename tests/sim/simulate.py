"""``make sim``: one mesh for each seed, its faults and its checks; then all heals and everything has to settle.

``python -m tests.sim.simulate --seeds 20000 --first 1`` uses all cores; ``--seed 17`` runs one and tells it as a story.
"""

import argparse
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from random import Random

import msgspec

from mesh.units import MS_NS, NEVER, SECOND_NS
from tests.sim.checks import Broken, Checks
from tests.sim.faultplan import FaultPlan
from tests.sim.fleet import DEADLINES_MS, Fleet
from tests.sim.kinds import KINDS
from tests.sim.players import SYMBOLS, hand_signal
from tests.sim.shrink import shrink
from tests.sim.story import Story

WARM_NS = 1 * SECOND_NS
FAULTS_NS = 14 * SECOND_NS
LOOK_NS = 250 * MS_NS
SETTLE_NS = 14 * SECOND_NS
"""Of virtual time after the last fault: twice the settle window of an unknown result and what is around it."""

CAPPED_EACH, CAPPED_AT = 11, 8
"""One fleet in eleven has hard caps, and none of those whose seeds had failed before there were any: they stay as they were."""


class Result(msgspec.Struct):
    """What became of a seed."""

    seed: int
    broken: str = ""
    text: str = ""
    key: str = ""
    trace: str = ""
    kinds: list[str] = []
    struck_ns: list[int] = []
    """When each fault came."""
    virtual_ns: int = 0
    wall_s: float = 0.0
    turns: int = 0
    calls: int = 0
    lines: int = 0
    codes: dict[str, int] = {}


class Simulation:
    """One seed. ``off``, ``only``: of the kinds of faults; ``until_ms``: virtual time after which none strikes, 0: to the end."""

    def __init__(
        self, seed: int, off: frozenset[str] = frozenset(), only: frozenset[str] = frozenset(), long: bool = False, until_ms: int = 0
    ) -> None:
        self.seed = seed
        self.checks = Checks()
        self.random = Random(f"{seed}/signals")
        capped = seed % CAPPED_EACH == CAPPED_AT
        self.fleet = Fleet(seed, self.checks, netting=seed % 3 == 0, deadline_ms=DEADLINES_MS[seed % 2], capped=capped)
        self.plan = FaultPlan(self.fleet, seed, off, only, until_ms * MS_NS or NEVER)
        self._faults_ns = 25 * FAULTS_NS if long else FAULTS_NS
        self._number = 0
        self._pace_ms = self.random.choice((60, 250, 600))

    def run(self) -> None:
        """Raises Broken."""
        net = self.fleet.net
        net.call(net.now_ns + WARM_NS, self._signal)
        self._until(self._faults_ns)
        self._until(self.plan.heal())
        end_ns = net.now_ns + SETTLE_NS
        while net.now_ns < end_ns:
            self._until(net.now_ns + LOOK_NS)
            if not self.checks.settled():
                break
        else:
            raise Broken("L1", "; ".join(self.checks.settled()[:6]))
        self._until(net.now_ns + SECOND_NS)
        self.checks.finish()

    def _until(self, end_ns: int) -> None:
        net = self.fleet.net
        while net.now_ns < end_ns:
            net.run(min(end_ns, net.now_ns + LOOK_NS))
            self.checks.look()

    def _signal(self) -> None:
        if self.plan.is_over:
            return
        fleet, random = self.fleet, self.random
        self._number += 1
        accounts = [account for account in fleet.config.account if random.random() < 0.5] or ["a1"]
        side = random.choice((1, -1, 0))
        fleet.source.give(hand_signal(self._number, random.choice(SYMBOLS), side, accounts, random.randint(1, 5), fleet.net.now_ns))
        fleet.net.call(fleet.net.now_ns + int(random.expovariate(1 / self._pace_ms) * MS_NS), self._signal)


def simulate(
    seed: int, off: frozenset[str] = frozenset(), only: frozenset[str] = frozenset(), long: bool = False, until_ms: int = 0
) -> Result:
    """Run a seed; what became of it."""
    began_s = time.perf_counter()
    simulation = Simulation(seed, off, only, long, until_ms)
    result = Result(seed, kinds=simulation.plan.kinds)
    try:
        simulation.run()
    except Broken as broken:
        result.broken, result.text, result.key = broken.name, str(broken), broken.key
    except Exception:
        lines = traceback.format_exc().strip().splitlines()
        result.broken, result.text = "RAISED", f"{lines[-1]} at {lines[-3].strip() if len(lines) > 2 else ''}"
    net = simulation.fleet.net
    result.trace, result.virtual_ns, result.turns = net.trace(), net.now_ns, net.turn_count
    result.calls = len(simulation.checks.sent)
    result.struck_ns = [at_ns for at_ns, kind, _ in simulation.plan.log if kind in KINDS]
    master = simulation.fleet.master()
    if master is not None:
        result.lines, result.codes, _ = master.totals()
    result.wall_s = time.perf_counter() - began_s
    return result


def again(seed: int, off: frozenset[str], only: frozenset[str], long: bool, until_ms: int = 0) -> str:
    """The command line that runs a seed again."""
    words = [f"make sim SEED={seed}", f"OFF={','.join(sorted(off))}" * bool(off), f"ONLY={','.join(sorted(only))}" * bool(only)]
    return " ".join(filter(None, [*words, f"UNTIL={until_ms}" * bool(until_ms), "LONG=1" * long]))


def tell(seed: int, off: frozenset[str], only: frozenset[str], long: bool, until_ms: int, key: str) -> None:
    """Run a failing seed again and tell its story."""
    simulation = Simulation(seed, off, only, long, until_ms)
    story = Story(simulation.fleet, key)
    text = ""
    try:
        simulation.run()
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
    print("\n".join(story.told(simulation.plan)))
    print(text)


def one(chosen: argparse.Namespace, off: frozenset[str], only: frozenset[str]) -> bool:
    """Run one seed, tell of it, shrink it; whether it is broken."""
    seed, until_ms, story = chosen.seed, chosen.until, chosen.story
    result = simulate(seed, off, only, chosen.long, until_ms)
    if chosen.shrink and result.broken:
        off, until_ms = shrink(lambda off, until_ms: simulate(seed, off, only, chosen.long, until_ms), off, until_ms)
        result, story = simulate(seed, off, only, chosen.long, until_ms), story or "-"
    if story:
        tell(seed, off, only, chosen.long, until_ms, result.key if story == "-" else story)
    print(msgspec.structs.replace(result, struck_ns=[]))
    if chosen.shrink:
        print(f"{again(seed, off, only, chosen.long, until_ms)} STORY=-" if result.broken else f"seed {seed} breaks nothing")
    return bool(result.broken)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--off", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--story", default="")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--until", type=int, default=0)
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--jobs", type=int, default=0)
    chosen = parser.parse_args()
    off, only = frozenset(filter(None, chosen.off.split(","))), frozenset(filter(None, chosen.only.split(",")))
    if chosen.seed is not None:
        return one(chosen, off, only)
    began_s = time.perf_counter()
    failed: list[Result] = []
    virtual_s = spent_s = 0.0
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    run = partial(simulate, off=off, only=only, long=chosen.long, until_ms=chosen.until)
    with ProcessPoolExecutor(chosen.jobs or None) as pool:
        for count, result in enumerate(pool.map(run, seeds, chunksize=4), 1):
            virtual_s, spent_s = virtual_s + result.virtual_ns / SECOND_NS, spent_s + result.wall_s
            if result.broken:
                failed.append(result)
                print(f"seed {result.seed}: {result.text[:300]}  [{','.join(result.kinds)}]", flush=True)
                print(f"    {again(result.seed, off, only, chosen.long, chosen.until)} SHRINK=1", flush=True)
            if count % 50 == 0:
                pace = count / (time.perf_counter() - began_s)
                print(f"{count} seeds, {len(failed)} failed, {pace:.1f} seeds/s", file=sys.stderr, flush=True)
    pace = f"{virtual_s / len(seeds):.0f} virtual seconds a seed, {virtual_s / spent_s:.0f}x real time a core"
    print(f"{len(seeds)} seeds, {len(failed)} failed, {time.perf_counter() - began_s:.0f} s; {pace}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
