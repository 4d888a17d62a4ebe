"""The cores of a mesh played in virtual time, each handler timed: no sockets, no disks, no other process.

One order after the other goes from a source through signals, master and router to its locals, whose venues refuse it. What a mesh has
besides (symbols, positions, records of long ago) may be set, to see what an order costs then.
"""

import time
from collections import defaultdict
from collections.abc import Callable

from bench.rig.handsignal import hand_signal
from bench.rig.layout import account_of, layout, local_of, symbols_of
from bench.rig.market import SteadyMarket
from bench.rig.venue import answer_of, position_of
from bench.scenario import Progress
from mesh import links
from mesh.codec import encode
from mesh.config import Config
from mesh.core import NOTHING, Core, Effects, Envelope, LinkUp, Send
from mesh.drawnkeys import DrawnKeys
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.accounts import Position
from mesh.messages.base import Msg
from mesh.messages.signals import ACCEPTED, OPERATOR, SignalAnswer, SourceHello, SourceWelcome
from mesh.simnet import Place, SimNet
from mesh.units import MS_NS, NEVER, SECOND_NS
from nodes.decisions import SID, SidRecord, key_of
from nodes.local.core import Local
from nodes.local.knownends import KnownRecord
from nodes.local.reports import KNOWN
from nodes.master.core import Master
from nodes.router.core import Router
from nodes.signals.core import Signals

APART_NS = 5 * MS_NS
"""Virtual time from one signal to the next."""
WALL_NS = 1_767_600_000 * SECOND_NS
ROLES = {"sig": "signals", "mas": "master", "rou": "router", "loc": "local"}


class Source(Core):
    """Sends a signal when its deadline comes."""

    def __init__(self, count: int, accounts: list[str]) -> None:
        super().__init__()
        self._accounts = accounts
        self.left_count = count
        self.answered_count = 0
        self.handlers = {LinkUp: self._hello, SourceWelcome: self._begin, SignalAnswer: self._answered}

    def start(self, now_ns: int) -> Effects:
        """Hello."""
        return (Send(links.SIGNALS, 0, SourceHello(OPERATOR, 1, PROTOCOL_VERSION, "")),)

    def on_deadline(self, now_ns: int) -> Effects:
        """One signal."""
        if not self.left_count:
            self.deadline_ns = NEVER
            return NOTHING
        self.left_count -= 1
        self.deadline_ns = now_ns + APART_NS
        return (Send(links.SIGNALS, 0, hand_signal(self.left_count, self._accounts, now_ns)),)

    def _hello(self, envelope: Envelope, now_ns: int) -> Effects:
        return self.start(now_ns)

    def _begin(self, envelope: Envelope, now_ns: int) -> Effects:
        self.deadline_ns = now_ns + SECOND_NS
        return NOTHING

    def _answered(self, envelope: Envelope, now_ns: int) -> Effects:
        self.answered_count += 1
        return NOTHING


class Refusals:
    """The venue of one account, in virtual time; it holds positions that are not ours."""

    def __init__(self, config: Config, account: str, positions: list[Position]) -> None:
        self._account = account
        self._login = config.account[account].login
        self._positions = positions

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """The answer, after half a millisecond."""
        answer = answer_of(message, self._account, self._login, now_ns, self._positions)
        return [(MS_NS // 2, answer)] if answer is not None else []


def timed(core: Core, role: str, times_ns: dict[str, list[int]]) -> None:
    """Have each call of a core's handlers timed, under the role and the message's type."""
    handle, act = core.handle, core.on_deadline
    clock = time.perf_counter_ns

    def timed_handle(envelope: Envelope, now_ns: int) -> Effects:
        began_ns = clock()
        effects = handle(envelope, now_ns)
        times_ns[f"{role} {type(envelope.message).__name__}"].append(clock() - began_ns)
        return effects

    def timed_act(now_ns: int) -> Effects:
        began_ns = clock()
        effects = act(now_ns)
        times_ns[f"{role} on_deadline"].append(clock() - began_ns)
        return effects

    vars(core).update(handle=timed_handle, on_deadline=timed_act)


def played(
    count: int, progress: Progress, *, targets: int = 1, symbols: int = 1, positions: int = 0, records: int = 0
) -> dict[str, list[int]]:
    """ns of each call, by role and message, while ``count`` orders go through, each to ``targets`` locals.

    ``symbols``: of the market. ``positions``: open ones at each account. ``records``: ended orders in each local's store, and answered
    signals in the master's.
    """
    config = layout(targets, symbols)
    keys = DrawnKeys(config)
    net = SimNet(config, 1)
    times_ns: dict[str, list[int]] = defaultdict(list)
    accounts = [account_of(number) for number in range(1, targets + 1)]
    source = Source(count, accounts)
    held = [position_of(number) for number in range(1, positions + 1)]
    builds: dict[str, Callable[[int], Core]] = {
        "market-1": lambda life: SteadyMarket(symbols_of(symbols)),
        "signals-1": lambda life: Signals("signals-1", config, life),
        "master-1": lambda life: Master("master-1", config, life, WALL_NS, keys.of("master-1")),
        "router-1": lambda life: Router("router-1", config, life, keys.of("router-1")),
    }
    for number in range(1, targets + 1):
        name = local_of(number)
        net.attachments[name] = Refusals(config, account_of(number), held)
        builds[name] = lambda life, name=name: Local(name, config, life, name.encode().ljust(16), WALL_NS, keys.of(name))  # type: ignore[misc]
    builds["cci-1"] = lambda life: source
    for name, build in builds.items():
        place = net.places[name] = Place(name, build)
        _fill(place, records)
        net.restart(name)
        if place.core is not None and name[:3] in ROLES:
            timed(place.core, ROLES[name[:3]], times_ns)
    done_count = 0
    while source.answered_count < count:
        net.run(net.now_ns + SECOND_NS)
        for _ in range(source.answered_count - done_count):
            progress.advance()
        done_count = source.answered_count
    return times_ns


def _fill(place: Place, records: int) -> None:
    """Rows of long ago."""
    rows = place.disk.rows
    for number in range(records):
        if place.name.startswith("local"):
            rows[KNOWN, number.to_bytes(16, "big")] = encode(KnownRecord(number + 1, False, "REJECTED"))
        elif place.name.startswith("master"):
            rows[SID, key_of("bench", OPERATOR, f"old-{number}")] = encode(SidRecord(ACCEPTED))
