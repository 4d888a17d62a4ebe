"""A master with everything around it played by hand: store, market, one router, the locals behind it."""

import json
from typing import Any

import msgspec
import numpy as np

from mesh.codec import decode_record_untrusted, decode_untrusted, encode
from mesh.config import Config, parse
from mesh.core import Commit, Durable, Effect, Effects, Emit, Envelope, Fetch, Fetched, Halt, Note, Send
from mesh.drawnkeys import DrawnKeys
from mesh.links import CONTROL, DECIDE, MARKET, REPLAY, STORE
from mesh.messages.accounts import AccountState, AccountSymbols, Position, SymbolSpec
from mesh.messages.base import NO_OID, Msg
from mesh.messages.control import Item, KillSetPart, OperatorHello, Signed, Undo, WhyAnswer, WhyAsk
from mesh.messages.market import Block, MarketWelcome, Settle, Ticks
from mesh.messages.orders import GrantAsk, Listed, LocalHello, Order, OrderBody, RouterHello, Target, Void
from mesh.messages.outcomes import Outcome, Stamps
from mesh.messages.signals import CCI_UP, Signal, SignalAnswer, SourceHello
from mesh.units import E8, MINUTE_NS, SECOND_NS
from nodes.decisions import Decision, DecisionRecord, LineRecord, key_of
from nodes.master.core import Master
from tests.smallmesh import small_mesh

NOON_NS = 1_767_614_400 * SECOND_NS
"""Monday 2026-01-05 12:00 UTC."""
START_NS = 10 * SECOND_NS
WALL_NS = 1_767_700_000 * SECOND_NS
ROUTER, SIGNALS_PEER, OPERATOR = 7, 3, 11
STRATEGY = """
[strategy.rev]
kind = "reversion"
period = 14
level = 100
sl_atr = 2
tp_atr = 3
"""
FREE = """
[rails]
orders_per_minute_count = "off"
orders_per_hour_count = "off"
positions_per_symbol_count = "off"
positions_count = "off"
exposure_times = "off"
duplicate_window_ms = "off"
"""
"""Rails that let every signal through."""


def config_of(accounts: int = 2, strategy: str = STRATEGY, extra: str = "", account: str = "") -> Config:
    """A mesh with accounts a1 … aN, one local each; without a limit for the fleet, unless ``extra`` has one."""
    names = [f"a{number}" for number in range(1, accounts + 1)]
    fleet = "" if "[fleet]" in extra else '[fleet]\nloss_percent = "off"\n'
    return parse(small_mesh(f'[mesh]\nid = "test"\n{fleet}{strategy}\n{extra}', dict.fromkeys(names, account)))


def spec_of(symbol: str = "EURUSD", **changes: int) -> SymbolSpec:
    """EURUSD on a dollar account: a tick of a lot is a dollar."""
    spec = SymbolSpec(
        symbol=symbol,
        digits=5,
        point_e8=1_000,
        tick_size_e8=1_000,
        tick_value_e8=E8,
        contract_size_e8=100_000 * E8,
        volume_min_e8=E8 // 100,
        volume_max_e8=100 * E8,
        volume_step_e8=E8 // 100,
        stops_level_points=0,
        margin_per_lot_e8=1_100 * E8,
        trade_mode=4,
        filling_mode=3,
        execution_mode=2,
    )
    return msgspec.structs.replace(spec, **changes)


def ticks_of(first_seq: int, rows: list[tuple[str, int, int, int]]) -> Ticks:
    """A message of (symbol, time, bid, ask)."""
    symbols = list(dict.fromkeys(row[0] for row in rows))
    index = np.array([symbols.index(row[0]) for row in rows], dtype="<u2").tobytes()
    times, bids, asks = (np.array([row[n] for row in rows], dtype="<i8").tobytes() for n in (1, 2, 3))
    return Ticks(first_seq, symbols, index, times, bids, asks)


class Rig:
    """One life after the other of a master on one store."""

    def __init__(self, config: Config | None = None, recorded: bool = True) -> None:
        self.config = config or config_of()
        self.keys = DrawnKeys(self.config)
        self.recorded = recorded
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.now_ns = START_NS
        self.life = 0
        self.seq = 0
        self.block = 0
        self.market_ns = NOON_NS
        self.numbers: dict[str, int] = {}
        self.states: dict[str, AccountState] = {}
        self.f: dict[str, int] = {}
        self.sent: list[Send] = []
        self.notes: list[Note] = []
        self.events: list[Emit] = []
        self.halts: list[Halt] = []
        self.held: list[Commit] | None = None
        """Commits that have not become durable; None: each does at once."""
        self.commit_count = 0
        self.crash_at: int | None = None
        self.master: Master

    # the world

    def boot(self) -> None:
        """A new life from the store."""
        self.life += 1
        self.master = Master("master-1", self.config, self.life, WALL_NS, self.keys.of("master-1"))
        rows = [(kind, key, raw) for (kind, key), raw in sorted(self.rows.items()) if not kind.startswith("_")]
        self.do(self.master.recover(rows, self.now_ns))
        self.do(self.master.start(self.now_ns))

    def do(self, effects: Effects) -> None:
        for effect in effects:
            self.one(effect)

    def one(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            assert decode_untrusted(encode(effect.message)) == effect.message
            self.sent.append(effect)
        elif isinstance(effect, Commit):
            self.commit_count += 1
            if self.held is not None:
                self.held.append(effect)
            else:
                self.store(effect)
        elif isinstance(effect, Fetch):
            rows = [(key, raw) for (kind, key), raw in sorted(self.rows.items()) if kind == effect.kind and key.startswith(effect.prefix)]
            self.give(STORE, Fetched(effect.token, effect.kind, rows[: effect.limit]))
        elif isinstance(effect, Note):
            self.notes.append(effect)
        elif isinstance(effect, Emit):
            self.events.append(effect)
        else:
            self.halts.append(effect)

    def store(self, commit: Commit) -> None:
        """Make a commit durable and say so."""
        for put in commit.puts:
            if put.record is None:
                self.rows.pop((put.kind, put.key), None)
            else:
                self.rows[(put.kind, put.key)] = put.record
        self.give(STORE, Durable(commit.token))

    def release(self) -> None:
        """Everything held becomes durable, in order."""
        held, self.held = self.held or [], None
        for commit in held:
            self.store(commit)

    def give(self, link: str, message: Msg, peer: int = 0) -> None:
        frames = () if link == STORE else (encode(message),)
        self.do(self.master.handle(Envelope(link, peer, message, frames), self.now_ns))
        self.master.check_invariants()

    def signed(self, item: Item, name: str = "operator") -> Signed:
        """A stop as it travels."""
        signed = decode_untrusted(self.keys.signer(name).sign(item))
        assert isinstance(signed, Signed)
        return signed

    def undo_all(self) -> None:
        """An operator ends every stop there is."""
        live = [key for key, _ in self.master._state.stops.killset.live()]
        self.give(REPLAY, KillSetPart([encode(self.signed(Undo("operator", self.now_ns, 1, live, "go on")))]), ROUTER)

    def wait(self, span_ns: int) -> None:
        """Let time pass, with every deadline in it."""
        end_ns = self.now_ns + span_ns
        while self.master.deadline_ns <= end_ns:
            self.now_ns = max(self.now_ns, self.master.deadline_ns)
            self.do(self.master.on_deadline(self.now_ns))
        self.now_ns = end_ns

    def take(self, kind: type[Msg], link: str = "") -> list[Send]:
        """Sends of one type since the last look, which are then forgotten."""
        found = [send for send in self.sent if type(send.message) is kind and link in ("", send.link)]
        self.sent = [send for send in self.sent if send not in found]
        return found

    # the market

    def welcome(self, released_seq: int | None = None) -> None:
        seq = self.seq if released_seq is None else released_seq
        self.give(MARKET, self.welcome_message(seq))

    def welcome_message(self, released_seq: int) -> MarketWelcome:
        symbols = ["EURUSD", "GBPUSD"]
        return MarketWelcome("run-1", 1, self.recorded, 0, released_seq, self.block, self.market_ns, symbols, 0, ["M1", "M1"])

    def tick(self, bid_e8: int = 110_000_000, spread_e8: int = 10_000, symbol: str = "EURUSD", later_ns: int = MINUTE_NS) -> None:
        """A tick, and the block that releases it."""
        self.market_ns += later_ns
        self.give(MARKET, ticks_of(self.seq, [(symbol, self.market_ns, bid_e8, bid_e8 + spread_e8)]))
        self.seq += 1
        self.next_block()

    def next_block(self, later_ns: int = 0) -> None:
        self.block += 1
        self.market_ns += later_ns
        self.give(MARKET, Block(self.block, self.seq, self.market_ns))

    def settle(self, accounts: list[str] | None = None) -> None:
        """The market asks; every asked account answers with the state it has."""
        names = list(self.config.account) if accounts is None else accounts
        self.next_block()
        self.give(MARKET, Settle(self.block, names))
        for name in names:
            self.state(name)

    # routers and locals

    def router_up(self) -> None:
        self.give(REPLAY, RouterHello("router-1", 1, 1, self.config.fingerprint), ROUTER)

    def local_up(self, name: str, life: int = 1, store: bytes = b"s", f: int | None = None) -> None:
        """Hello, list, symbols, state, grant."""
        known_f = self.f.get(name, 0) if f is None else f
        self.give(REPLAY, LocalHello(name, "local", life, store, 0, 0, known_f, b"", 1, self.config.fingerprint), ROUTER)
        self.give(REPLAY, Listed(name, life, self.master._state.epoch, known_f, 0), ROUTER)
        self.give(REPLAY, AccountSymbols(name, life, [spec_of(), spec_of("GBPUSD")]), ROUTER)
        self.state(name, life=life)
        self.grant(name, life, store)

    def grant(self, name: str, life: int = 1, store: bytes = b"s") -> None:
        self.give(REPLAY, GrantAsk(name, life, store, 5, 1), ROUTER)

    def state(self, name: str, **changes: object) -> None:
        """The account's state with some fields changed; they stay changed."""
        number = self.numbers[name] = self.numbers.get(name, 0) + 1
        base = self.states.get(name) or first_state(name)
        usual = {"life": base.life, "number": number, "f": self.f.get(name, 0), "block": self.block, "market_ns": self.market_ns}
        changes = usual | changes
        self.states[name] = state = msgspec.structs.replace(base, **changes)
        self.give(REPLAY, state, ROUTER)

    def outcome(self, order: "Seen", code: str = "FILLED", f: int | None = None, final: bool = True, **changes: object) -> Outcome:
        """A local's word on an order; the caller gives it."""
        target, body = order.target, order.body
        number = self.f.get(target.account, 0) + 1 if f is None else f
        self.f[target.account] = max(number, self.f.get(target.account, 0))
        outcome = Outcome(
            account=target.account, life=1, e=order.order.e, f=number, oid=order.order.oid, sid=body.sid, strategy=body.strategy,
            leg=body.leg, action=body.action, code=code, final=final, cause=body.leg, detail="", symbol=target.symbol, side=body.side,
            volume_e8=target.volume_e8, price_e8=body.price_e8, profit_e8=0, order_ticket=900 + number, position_ticket=900 + number,
            deal_ticket=number, retcode=10009, attempt=1, market_ns=self.market_ns, stamps=Stamps(answered_ns=5),
        )  # fmt: skip
        return msgspec.structs.replace(outcome, **changes)

    def voids(self) -> list[Void]:
        """What the master named as void since the last look, once each."""
        found = [send.message for send in self.take(Void)]
        return list({(void.account, *(line.oid for line in void.lines)): void for void in found if isinstance(void, Void)}.values())

    def voided(self, account: str, oid: bytes, f: int) -> Outcome:
        """A local's word on an opening it knows only as void."""
        return msgspec.structs.replace(
            outcome_of(account, oid), f=f, sid="-", strategy="-", leg="-", cause="-", code="EXPIRED", detail="void=epoch", volume_e8=0,
        )  # fmt: skip

    def fill(self, order: "Seen", **changes: object) -> None:
        """The order was executed and the next state shows it."""
        self.give(REPLAY, self.outcome(order, **changes), ROUTER)
        name, target, body = order.target.account, order.target, order.body
        held = [position for position in self.states[name].positions if position.oid != target.ref_oid]
        if body.action == "OPEN":
            held.append(position_of(900 + self.f[name], order))
        self.state(name, positions=held)

    # signals

    def signals_up(self) -> None:
        self.give(DECIDE, SourceHello("signals-1", 1, 1, self.config.fingerprint), SIGNALS_PEER)

    def signal(self, **changes: object) -> Signal:
        """A reversion buy of EURUSD at the market's moment, handed to the master."""
        signal = msgspec.structs.replace(first_signal(), ts_event_ns=self.market_ns, **changes)
        self.give(DECIDE, signal, SIGNALS_PEER)
        return signal

    def orders(self) -> "list[Seen]":
        """Every target of every order published since the last look, in order."""
        found = []
        for send in self.take(Order):
            order = send.message
            assert isinstance(order, Order)
            body = decode_record_untrusted(send.body, OrderBody)
            found += [Seen(order, target, body, send.link, send.peer) for target in order.targets]
        return found

    def answers(self) -> list[str]:
        return [f"{send.message.sid} {send.message.code}" for send in self.take(SignalAnswer)]  # type: ignore[attr-defined]

    def outcomes(self) -> list[str]:
        """``account leg code detail`` of every line that ended since the last look."""
        found = [event.event for event in self.events if event.event["kind"] == "outcome"]
        self.events = [event for event in self.events if event.event["kind"] != "outcome"]
        return [f"{event['account']} {event['leg']} {event['code']} {event['detail']}".strip() for event in found]

    def operator_up(self) -> None:
        self.give(CONTROL, OperatorHello("me", 1, 1), OPERATOR)

    def why(self, query: str) -> dict[str, Any]:
        """The story the master tells; empty where it knows none."""
        self.operator_up()
        self.give(CONTROL, WhyAsk(query, 1), OPERATOR)
        parts = [send.message for send in self.take(WhyAnswer)]
        raw = b"".join(part.json for part in parts if isinstance(part, WhyAnswer))
        story: dict[str, Any] = json.loads(raw) if raw else {}
        return story

    def ready(self) -> "Rig":
        """Everything up, an hour of quotes seen, all states settled."""
        self.boot()
        self.welcome()
        self.router_up()
        self.signals_up()
        for name in self.config.account:
            self.local_up(name)
        self.tick()
        self.tick(bid_e8=130_000_000, symbol="GBPUSD")
        self.settle()
        self.sent.clear()
        self.events.clear()
        return self


class Seen(msgspec.Struct, frozen=True):
    """One target of a published order."""

    order: Order
    target: Target
    body: OrderBody
    link: str
    peer: int

    def words(self) -> str:
        return f"{self.target.account} {self.body.leg} {self.body.action} {self.target.symbol} {self.body.side}"


def first_state(name: str) -> AccountState:
    """10,000 dollars and nothing open."""
    return AccountState(
        account=name, life=1, number=0, f=0, block=0, market_ns=0, stamp_ns=0, login=1, currency="USD", hedging=True, leverage=100,
        balance_e8=10_000 * E8, equity_e8=10_000 * E8, margin_e8=0, margin_free_e8=10_000 * E8, margin_level_e8=0,
        deposit_e8=10_000 * E8, connected=True, trade_allowed=True, managed=False, ladder="ACTIVE", positions=[], orders=[],
    )  # fmt: skip


def first_signal() -> Signal:
    """The CCI of 14 M1 bars of EURUSD came up through -100; ATR 50 points."""
    return Signal(
        sid="s1", source="cci-1", kind=CCI_UP, symbol="EURUSD", timeframe="M1", bar_start_ns=NOON_NS, close_e8=110_000_000,
        ts_event_ns=NOON_NS, stamp_ns=1, period=14, level_e8=-100 * E8, value_e8=-90 * E8, atr_periods=[14], atr_e8=[50_000],
    )  # fmt: skip


def position_of(ticket: int, order: Seen, **changes: object) -> Position:
    """The position an OPEN became."""
    position = Position(
        ticket=ticket, position_id=ticket, symbol=order.target.symbol, side=order.body.side, volume_e8=order.target.volume_e8,
        price_open_e8=order.body.price_e8, price_now_e8=order.body.price_e8, sl_e8=0, tp_e8=0, profit_e8=0, swap_e8=0, opened_ns=1,
        ours=True, oid=order.order.oid, strategy=order.body.strategy,
    )  # fmt: skip
    return msgspec.structs.replace(position, **changes)


def foreign(ticket: int, symbol: str = "EURUSD", side: int = 1, volume_e8: int = E8 // 100) -> Position:
    """A position somebody else opened."""
    return Position(ticket, ticket, symbol, side, volume_e8, 110_000_000, 110_000_000, 0, 0, 0, 0, 1, False, NO_OID)


def decision_of(codes: list[str], sid: str = "s1") -> Decision:
    """One line an account; PUBLISHED ones are open."""
    oid = key_of("oid", "x", sid)
    lines = [
        LineRecord(f"a{n}", oid, "rev", "open", "OPEN", "EURUSD", 1, 1, NO_OID, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, code)
        for n, code in enumerate(codes)
    ]
    signal = msgspec.structs.replace(first_signal(), sid=sid)
    return Decision(DecisionRecord(key_of("run", "x", sid), signal, 1, 1, lines))


def outcome_of(account: str, oid: bytes, ticket: int = 77) -> Outcome:
    return Outcome(
        account, 1, 1, 1, oid, "s1", "rev", "open", "OPEN", "FILLED", True, "open", "", "EURUSD",
        1, 1, 1, 0, ticket, ticket, 1, 0, 1, 1, Stamps(),
    )  # fmt: skip
