"""One process of a measured mesh: real cores on a real shell, put together as ``nodes.io.run`` does, but for what is beside the way.

``python -m bench.rig.process NAME… --config FILE --state DIR [--durable] [--idle WAY] [--announcer] [--timed LINK=FRAMES]``. The market
is a steady one, a local's worker refuses every order at once, and without ``--durable`` stores keep nothing. With ``--announcer`` the
master decides nothing. Lines at the input, each answered by one:

``take FILE``: what locals have told of orders that ended (an array a field of ``Stamps``, and the numbers of the signals) is written there
and forgotten. ``spent FILE``: likewise for each message of the timed link, sending what follows from it included, the ns that passed and
the ns of processor time. ``cpu``:
nanoseconds of processor time the loop's thread has had. ``count NAME``: a counter, the largest of its nodes. ``announce COUNT APART_MS``.

The process ends with its input.
"""

import argparse
import sys
import threading
import time
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from bench.rig.announcer import Announcer
from bench.rig.layout import SYMBOL
from bench.rig.market import SteadyMarket
from bench.rig.venue import RefusingVenue
from bench.rig.volatile import VolatileStore
from mesh import links
from mesh.config import Config
from mesh.core import Core, Effects, Send
from mesh.io.clock import monotonic_ns, random_life
from mesh.io.health import Identity
from mesh.io.hub import Hub
from mesh.io.inlet import Inlet
from mesh.io.log import Log
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.io.store import Store
from mesh.messages.outcomes import Outcome, Stamps
from mesh.units import MS_NS
from nodes.io.keeping import Keeping, keeping_of
from nodes.io.lifeline import die_with_parent
from nodes.io.locate import load
from nodes.io.run import bind_links, core_of, dial_links, phase_watch, store_of

LOOK_MS = 50


Row = TypeVar("Row")


class Handed(Generic[Row]):
    """What the loop's thread adds and the thread that listens takes, each row once: a list, whose single steps no thread can part."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        """One more."""
        self._rows.append(row)

    def take(self) -> list[Row]:
        """All so far; what is added meanwhile stays for the next time."""
        rows = self._rows[:]
        del self._rows[: len(rows)]
        return rows


class EndedOrders:
    """Stamps of the orders that locals of this process told the end of, by the number of their signal."""

    def __init__(self) -> None:
        self._told: Handed[Outcome] = Handed()

    def note(self, outcome: Outcome) -> None:
        """Take a word of an end. One that expired before it came to its local has no signal there: it counts as lost."""
        if outcome.final and outcome.sid.isdecimal():
            self._told.add(outcome)

    def take(self, path: Path) -> None:
        """Write all so far, and forget it; of an end told twice the first word counts. ``called_ns``: when the order was handed over."""
        ended: dict[tuple[str, str], Outcome] = {}
        for outcome in self._told.take():
            ended.setdefault((outcome.account, outcome.sid), outcome)
        numbers = np.array([int(sid) for _, sid in ended], dtype=np.int64)
        fields = {
            name: np.array([getattr(outcome.stamps, name) for outcome in ended.values()], dtype=np.int64)
            for name in Stamps.__struct_fields__
        }
        with path.open("wb") as file:
            np.savez(file, number=numbers, **fields)


class TellingNode(Node):
    """Its outcomes are noted as they leave."""

    ended: EndedOrders

    def do(self, effects: Effects) -> None:
        """Note, then do."""
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Outcome):
                self.ended.note(effect.message)
        super().do(effects)


class TimedNode(Node):
    """What each message of one link with so many frames costs, with all that follows from it at once: (passed, processor time) in ns."""

    link = ""
    frames_count = 1
    spent_ns: Handed[tuple[int, int]]

    def take_frames(self, inlet: Inlet, peer: int, frames: tuple[bytes, ...], now_ns: int) -> None:
        """Take, and note the time."""
        if inlet.link != self.link or len(frames) != self.frames_count:
            super().take_frames(inlet, peer, frames, now_ns)
            return
        began_ns, began_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        super().take_frames(inlet, peer, frames, now_ns)
        self.spent_ns.add((time.perf_counter_ns() - began_ns, time.thread_time_ns() - began_cpu_ns))


def build(
    name: str,
    config: Config,
    chosen: argparse.Namespace,
    ended: EndedOrders,
    spent_ns: Handed[tuple[int, int]],
    keeping: Keeping | None = None,
) -> Node:
    """A node, its links still missing."""
    role, life, state = config.role_of(name), random_life(), chosen.state
    store: Store = store_of(name, config, state) if chosen.durable else VolatileStore(state, name)
    core: Core
    if role == "market":
        core = SteadyMarket([SYMBOL])
    elif role == "master" and chosen.announcer:
        core = Announcer(config)
    else:
        core = core_of(name, config, life, store, state, keeping)
    identity = Identity(name, role, life, "bench", config.fingerprint, monotonic_ns())
    log = Log(state / f"{name}.log", name, core.counters)
    account = config.node[name].account
    if account is None:
        timed = TimedNode(identity, core, log, store)
        timed.link, _, frames = chosen.timed.partition("=")
        timed.frames_count, timed.spent_ns = int(frames or 1), spent_ns
        return timed if chosen.timed else Node(identity, core, log, store)
    node = TellingNode(identity, core, log, store)
    node.ended = ended
    node.attach(links.WORKER, RefusingVenue(account, config.account[account].login))
    return node


def serve(shell: Shell, nodes: list[Node], ended: EndedOrders, spent_ns: Handed[tuple[int, int]]) -> None:
    """Do what the input says; its end is the process's, and so is what goes wrong here: whoever asked must not wait for ever."""
    try:
        _serve(nodes, ended, spent_ns)
    finally:
        shell.stop()


def _serve(nodes: list[Node], ended: EndedOrders, spent_ns: Handed[tuple[int, int]]) -> None:
    main_thread = threading.main_thread().ident
    assert main_thread is not None, "the loop runs there"
    clock = time.pthread_getcpuclockid(main_thread)
    for line in sys.stdin:
        verb, *words = line.split()
        answer: object = "done"
        if verb == "take":
            ended.take(Path(words[0]))
        elif verb == "spent":
            np.save(words[0], np.array(spent_ns.take(), dtype=np.int64).reshape(-1, 2))
        elif verb == "cpu":
            answer = time.clock_gettime_ns(clock)
        elif verb == "count":
            answer = max(node.counters.totals.get(words[0], 0) for node in nodes)
        elif verb == "announce":
            announcer = nodes[0].core
            assert isinstance(announcer, Announcer), "only an announcer announces"
            announcer.announce(int(words[0]), int(words[1]) * MS_NS, monotonic_ns())
        print(answer, flush=True)


def main() -> int:
    """The command line."""
    die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m bench.rig.process", description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--durable", action="store_true")
    parser.add_argument("--idle", choices=("wait", "yield", "spin"), default="wait")
    parser.add_argument("--announcer", action="store_true")
    parser.add_argument("--timed", default="")
    chosen = parser.parse_args()
    config = load(chosen.config)
    ended = EndedOrders()
    spent_ns: Handed[tuple[int, int]] = Handed()
    keeping = keeping_of(chosen.names, config, chosen.state)
    nodes = {name: build(name, config, chosen, ended, spent_ns, keeping) for name in chosen.names}
    hub = Hub()
    for name, node in nodes.items():
        bind_links(name, node, config, hub, keeping)
    for name, node in nodes.items():
        if keeping is not None:
            node.keep_doors(keeping.keeper(name))
        dial_links(name, node, nodes, config, hub, keeping)
    shell = Shell(hub, idle=chosen.idle, drain_ms=config.settings.timers.drain_ms, health_ms=config.settings.timers.health_ms)
    for node in nodes.values():
        shell.add(node)
    shell.every(LOOK_MS, phase_watch(nodes, lambda line: print(line, flush=True)))
    threading.Thread(target=serve, args=(shell, list(nodes.values()), ended, spent_ns), daemon=True).start()
    return shell.run()


if __name__ == "__main__":
    sys.exit(main())
