"""A master that dies at any commit: what it had decided is decided once, executed at most once, and accounted for."""

import msgspec
import pytest

from mesh.core import Commit
from mesh.links import MARKET, REPLAY
from mesh.messages.accounts import AccountSymbols, Position
from mesh.messages.market import MarketHello, Settle
from mesh.messages.orders import GrantAsk, Listed, LocalHello, LocalWelcome, Replay, RouterHello, Void
from mesh.messages.outcomes import Outcome, OutcomeAck
from mesh.messages.signals import CCI_DOWN, SignalAnswer
from mesh.units import E8, SECOND_NS
from nodes.master.recovery import epoch_after
from tests.nodes.master.masterrig import ROUTER, STRATEGY, Rig, Seen, config_of, position_of, spec_of

FREE = "[rails]\norders_per_minute_count = \"off\"\nduplicate_window_ms = \"off\"\n"
UP, DOWN = {}, {"kind": CCI_DOWN, "level_e8": 100 * E8}
SCRIPT: list[tuple[str, dict[str, object]]] = [
    ("s1", UP),
    ("s2", DOWN),
    ("s3", {"symbol": "GBPUSD", "close_e8": 130_000_000}),
    ("s4", UP),
    ("s5", {"period": 77}),
    ("s6", DOWN),
]


class Crash(Exception):
    """The master's process is gone."""


class CrashRig(Rig):
    """Dies at its ``crash_at``-th commit: before it is on disk, or after it is but before the master hears so."""

    def __init__(self, crash_at: int, is_durable: bool) -> None:
        super().__init__(config_of(2, STRATEGY, FREE))
        self.fatal = crash_at
        self.is_durable = is_durable

    def store(self, commit: Commit) -> None:
        if self.commit_count != self.fatal:
            super().store(commit)
            return
        self.fatal = -1
        for put in commit.puts if self.is_durable else ():
            if put.record is None:
                self.rows.pop((put.kind, put.key), None)
            else:
                self.rows[(put.kind, put.key)] = put.record
        raise Crash


class Local:
    """A local as the protocol wants it: each oid once, outcomes by f until acked, older openings dropped at a new epoch."""

    def __init__(self, name: str, rig: Rig) -> None:
        self.name = name
        self.rig = rig
        self.done: dict[bytes, int] = {}
        self.outcomes: list[Outcome] = []
        self.positions: list[Position] = []
        self.acked = 0
        self.e = 0

    def take(self, order: Seen) -> None:
        oid = order.order.oid
        if order.order.e < self.e or oid in self.done:
            return
        self.done[oid] = order.order.e
        is_open = order.body.action == "OPEN"
        ticket = 900 + len(self.outcomes) + 1
        self.outcomes.append(
            self.rig.outcome(order, "FILLED" if is_open else "CLOSED", f=len(self.outcomes) + 1, position_ticket=ticket)
        )
        if is_open:
            self.positions.append(position_of(ticket, order))
        else:
            self.positions = [held for held in self.positions if held.oid != order.target.ref_oid]

    def void(self, void: Void) -> None:
        for oid in (line.oid for line in void.lines):
            if oid not in self.done:
                self.done[oid] = void.e
                self.outcomes.append(self.rig.voided(self.name, oid, len(self.outcomes) + 1))

    def tell(self) -> None:
        for outcome in self.outcomes[self.acked :]:
            self.rig.give(REPLAY, outcome, ROUTER)
        self.rig.state(self.name, positions=list(self.positions), f=len(self.outcomes))

    def attach(self) -> None:
        rig = self.rig
        rig.give(REPLAY, LocalHello(self.name, "l", 1, b"s", self.e, 0, len(self.outcomes), b"", 1, rig.config.fingerprint), ROUTER)
        self.e = rig.master._state.epoch
        welcome = rig.take(LocalWelcome)[-1].message
        assert isinstance(welcome, LocalWelcome)
        self.acked = welcome.f
        self.tell()
        rig.give(REPLAY, Listed(self.name, 1, self.e, len(self.outcomes), 0), ROUTER)
        rig.give(REPLAY, AccountSymbols(self.name, 1, [spec_of(), spec_of("GBPUSD")]), ROUTER)
        rig.give(REPLAY, GrantAsk(self.name, 1, b"s", 5, 1), ROUTER)


class World:
    """Rig, locals, a source that repeats until it is answered, and whoever starts the master again."""

    def __init__(self, crash_at: int, is_durable: bool) -> None:
        self.rig = CrashRig(crash_at, is_durable)
        self.locals = {name: Local(name, self.rig) for name in ("a1", "a2")}
        self.answers: list[str] = []
        self.n_seen = 0

    def up(self) -> None:
        rig = self.rig
        rig.boot()
        rig.seq = 0
        rig.welcome()
        rig.router_up()
        rig.signals_up()
        rig.wait(3 * SECOND_NS)
        for local in self.locals.values():
            local.attach()
        rig.tick()
        rig.tick(bid_e8=130_000_000, symbol="GBPUSD")

    def carry(self) -> None:
        """Hand orders on, outcomes back, until nothing moves."""
        while True:
            orders = self.rig.orders()
            for order in orders:
                self.locals[order.target.account].take(order)
            for ack in [send.message for send in self.rig.take(OutcomeAck)]:
                assert isinstance(ack, OutcomeAck)
                self.locals[ack.account].acked = ack.f
            voids = self.rig.voids()
            for void in voids:
                self.locals[void.account].void(void)
            if not orders and not voids and all(local.acked == len(local.outcomes) for local in self.locals.values()):
                return
            for local in self.locals.values():
                local.tell()

    def settle(self) -> None:
        self.rig.next_block(later_ns=60 * SECOND_NS)
        self.rig.give(MARKET, Settle(self.rig.block, list(self.locals)))
        for local in self.locals.values():
            local.tell()

    def step(self, sid: str, changes: dict[str, object]) -> None:
        self.settle()
        self.rig.signal(sid=sid, **changes)
        self.carry()
        self.answers += [send.message.sid for send in self.rig.take(SignalAnswer) if isinstance(send.message, SignalAnswer)]
        assert sid in self.answers

    def persist(self, act: str, sid: str = "", changes: dict[str, object] | None = None) -> None:
        """Do a step; after a crash start the master again, and do it again."""
        while True:
            try:
                self.up() if act == "up" else self.step(sid, changes or {})
                return
            except Crash:
                if act != "up":
                    self.restart()

    def restart(self) -> None:
        while True:
            try:
                self.up()
                self.carry()
                self.rig.wait(5 * SECOND_NS)
                self.settle()
                return
            except Crash:
                continue


def played(crash_at: int, is_durable: bool) -> World:
    world = World(crash_at, is_durable)
    world.persist("up")
    for sid, changes in SCRIPT:
        world.persist("step", sid, changes)
    world.rig.wait(6 * SECOND_NS)
    world.settle()
    world.carry()
    return world


def executed(world: World) -> list[tuple[str, str, str]]:
    return sorted(
        (local.name, outcome.sid, outcome.leg)
        for local in world.locals.values() for outcome in local.outcomes if outcome.code != "EXPIRED"
    )  # fmt: skip


UNDISTURBED = played(-1, True)
COMMITS = UNDISTURBED.rig.commit_count


def test_the_undisturbed_run_does_what_the_script_says() -> None:
    """Open, reverse, another symbol, reverse back, nothing wanted, reverse: on both accounts."""
    assert executed(UNDISTURBED) == sorted(
        (name, sid, leg)
        for name in ("a1", "a2")
        for sid, leg in [("s1", "open"), ("s2", "close"), ("s2", "open"), ("s3", "open"), ("s4", "close"), ("s4", "open"),
                         ("s6", "close"), ("s6", "open")]
    )  # fmt: skip
    assert COMMITS > 15


@pytest.mark.parametrize("is_durable", [False, True], ids=["lost", "durable"])
@pytest.mark.parametrize("crash_at", range(1, COMMITS + 1))
def test_a_crash_at_any_commit_loses_and_doubles_nothing(crash_at: int, is_durable: bool) -> None:
    """Every signal is answered and decided once; every line has one code; what was executed was executed once.

    An opening that was durable but not published dies with its epoch (EXPIRED void): that and what follows of it is all
    that may differ from the undisturbed run.
    """
    world = played(crash_at, is_durable)
    rig = world.rig
    assert sorted(set(world.answers)) == [sid for sid, _ in SCRIPT]
    done = executed(world)
    assert len(done) == len(set(done))
    decided, codes, states = rig.master.totals()
    assert sum(codes.values()) == decided
    assert set(states.values()) == {0}
    fills = sum(outcome.code in ("FILLED", "CLOSED") for local in world.locals.values() for outcome in local.outcomes)
    assert codes.get("FILLED", 0) + codes.get("CLOSED", 0) == fills
    assert is_durable or not codes.get("EXPIRED")
    if not codes.get("EXPIRED"):
        assert done == executed(UNDISTURBED)
        assert (decided, codes) == UNDISTURBED.rig.master.totals()[:2]
    assert [note.name for note in rig.notes if note.level == "error"] == []


def test_a_new_master_sends_closes_again_and_no_opening() -> None:
    """Published, then dead before any word of the locals: closes go out under their oid in the new epoch, openings do not."""
    rig = Rig(config_of(1, STRATEGY, FREE)).ready()
    rig.signal()
    (opened,) = rig.orders()
    rig.fill(opened)
    rig.settle()
    rig.signal(sid="s2", **DOWN)
    close, reverse = rig.orders()
    rig.boot()
    (again,) = rig.orders()
    assert (again.words(), again.order.oid) == (close.words(), close.order.oid)
    assert again.order.e > close.order.e
    assert (again.order.n, again.target.k) == (1, 1)
    assert rig.master.totals()[2] == {"WORKING": 1, "UNKNOWN": 0, "UNCONFIRMED": 1}
    rig.welcome()
    rig.router_up()
    rig.f["a1"] = 1
    rig.local_up("a1", f=1)
    assert rig.outcomes()[-1] == "a1 open FILLED"
    assert reverse.body.action == "OPEN"
    (void,) = rig.voids()
    assert (void.account, void.e, void.life) == ("a1", again.order.e, 1)
    assert [(line.oid, line.is_unsure) for line in void.lines] == [(reverse.order.oid, False)]
    rig.wait(SECOND_NS)
    assert rig.voids() == [void], "it is named again until the local has told what became of it"
    assert rig.master.totals()[2]["UNCONFIRMED"] == 1, "only the local ends a line it may have received"
    rig.give(REPLAY, rig.voided("a1", reverse.order.oid, 2), ROUTER)
    assert rig.outcomes() == ["a1 open EXPIRED void=epoch"]
    rig.wait(SECOND_NS)
    assert rig.voids() == []
    rig.fill(again, code="CLOSED")
    assert rig.master.totals() == (3, {"CLOSED": 1, "EXPIRED": 1, "FILLED": 1}, {"WORKING": 0, "UNKNOWN": 0, "UNCONFIRMED": 0})


def test_an_opening_its_local_knows_is_not_voided() -> None:
    """What the local repeated before its list is the truth about it, also an intent without a result."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.boot()
    rig.welcome()
    rig.router_up()
    rig.give(REPLAY, LocalHello("a1", "l", 1, b"s", 0, 0, 1, b"", 1, rig.config.fingerprint), ROUTER)
    rig.give(REPLAY, Listed("a1", 1, rig.master._state.epoch, 1, 1), ROUTER)
    rig.wait(10 * SECOND_NS)
    assert rig.master.totals()[2]["UNCONFIRMED"] == 1
    assert rig.voids() == [], "it has not listed all yet"
    rig.give(REPLAY, rig.outcome(order, "UNKNOWN", final=False), ROUTER)
    assert rig.master.totals()[2]["UNKNOWN"] == 1
    assert rig.voids() == []
    rig.boot()
    rig.welcome()
    rig.router_up()
    rig.local_up("a1")
    rig.wait(10 * SECOND_NS)
    assert rig.master.totals()[2]["UNKNOWN"] == 1
    rig.give(REPLAY, rig.outcome(order, "FILLED"), ROUTER)
    assert rig.master.totals()[1] == {"FILLED": 1}


def test_rates_and_the_duplicate_window_survive() -> None:
    """A restart gives no new hour: what was sent before still counts."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.states["a1"] = msgspec.structs.replace(rig.states["a1"], positions=[])
    rig.wait(5 * SECOND_NS)
    rig.boot()
    rig.seq = 0
    rig.welcome()
    rig.router_up()
    rig.signals_up()
    rig.wait(3 * SECOND_NS)
    rig.local_up("a1")
    rig.tick(later_ns=SECOND_NS)
    rig.settle()
    rig.signal(sid="s2")
    assert rig.outcomes()[-1] == "a1 open SKIPPED DUPLICATE_WINDOW since_ms=1000 window_ms=10000"
    assert rig.master._state.accounts["a1"].rates.counts(rig.market_ns) == (1, 1)


def test_a_new_master_asks_the_market_for_the_last_hour() -> None:
    """It says hello with what it lacks and again from where its quotes have to begin."""
    rig = Rig(config_of(1)).ready()
    rig.seq = 90_000
    rig.boot()
    assert [send.message.next_seq for send in rig.take(MarketHello)] == [0]  # type: ignore[attr-defined]
    rig.welcome()
    assert [send.message.next_seq for send in rig.take(MarketHello)] == [70_000]  # type: ignore[attr-defined]


def test_epochs_only_grow() -> None:
    """Also when the wall clock goes back; and nobody is answered before the epoch is on disk."""
    rig = Rig(config_of(1))
    rig.boot()
    first = rig.master._state.epoch
    rig.held = []
    rig.boot()
    rig.router_up()
    rig.give(REPLAY, Replay(first, 1, 1), ROUTER)
    rig.wait(SECOND_NS // 10)
    assert [send for send in rig.sent if send.link != MARKET and send.peer == ROUTER and send.message.e > first] == []  # type: ignore[attr-defined]
    rig.release()
    assert rig.master._state.epoch > first


def test_two_lives_from_one_backup_share_no_epoch() -> None:
    """Begun in the same second from the same store, with a clock that goes back: each is later than all before it, and its own."""
    before = epoch_after([], 1_767_600_000 * SECOND_NS, 5)
    one, other = (epoch_after([before], 1_767_500_000 * SECOND_NS, life) for life in (7, 8))
    assert before < min(one, other)
    assert one != other


def test_a_local_that_has_seen_a_later_epoch_fences_the_master() -> None:
    """Another master has taken over: this one keeps what it learned, ends with 70, and begins later epochs if it is started again."""
    rig = Rig(config_of(1, STRATEGY)).ready()
    later = rig.master._state.epoch + (1_000 << 20)
    rig.give(REPLAY, LocalHello("a1", "local", 1, b"s", later, 0, 0, b"", 1, rig.config.fingerprint), ROUTER)
    (halt,) = rig.halts
    assert halt.code == 70
    assert "another master has taken over" in halt.reason
    rig.boot()
    assert rig.master._state.epoch > later


def test_an_epoch_that_no_clock_could_have_made_ends_nobody() -> None:
    """Of a stolen local or router: taken, it would end this master, and leave no number for the next."""
    rig = Rig(config_of(1, STRATEGY)).ready()
    for e in (2**63 - 1, rig.master._state.epoch + (200_000 << 20)):
        rig.give(REPLAY, LocalHello("a1", "local", 1, b"s", e, 0, 0, b"", 1, rig.config.fingerprint), ROUTER)
        rig.give(REPLAY, RouterHello("router-1", 1, 1, rig.config.fingerprint, e), ROUTER)
    assert rig.halts == []
    assert rig.master.counters.totals["stranger_count"] == 4
