"""Market, indicator, broker and signals node joined in virtual time, with a fake master that trades through the broker.

Every hop goes through the codec and takes a drawn time; a connection keeps its order. Crashing a node loses what is on its
way to it and what was not durable; the others are told as their shells would tell them.
"""

from collections import deque
from collections.abc import Callable
from hashlib import blake2b, sha256
from heapq import heappop, heappush
from typing import Any

import msgpack

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import Config, parse
from mesh.core import Commit, Core, Durable, Effect, Effects, Emit, Envelope, Halt, LinkDown, LinkUp, Note, PeerLost, Send
from mesh.events import BAR
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.market import Block, MarketHello, MarketWelcome, Settle, Settled, TickCredit, Ticks
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.messages.venue import TerminalCall, TerminalReply
from mesh.settings import AccountSection
from mesh.units import E8, NEVER, US_NS
from nodes.broker import Broker
from nodes.indicator import Indicator
from nodes.market import Market
from nodes.signals import Signals
from nodes.sources import SyntheticSource, TickSource

HOP_NS = 50 * US_NS
COMMIT_NS = 120 * US_NS

CONFIG = """
[market]
symbols = [{symbols}]
speed = {speed}
backfill_minutes = {backfill}
minutes = {minutes}
[broker]
latency_ms = {latency_ms}
[strategy.reversion]
period = {period}
symbols = [{symbols}]
[account.one]
login = 5001
[account.two]
login = 5002
balance = 25_000
currency = "EUR"
margin_mode = "netting"
[node.market-1]
role = "market"
[node.broker-1]
role = "broker"
[node.cci-1]
role = "indicator"
[node.signals-1]
role = "signals"
[node.master-1]
role = "master"
[node.router-1]
role = "router"
[node.local-1]
role = "local"
account = "one"
[node.local-2]
role = "local"
account = "two"
"""


def config_of(
    *, speed: str = '"max"', symbols: str = '"EURUSD"', backfill: int = 20, minutes: int = 90, latency_ms: int = 400,
    period: int = 5,
) -> Config:
    """A configuration with two simulated accounts."""
    return parse(
        CONFIG.format(
            speed=speed, symbols=symbols, backfill=backfill, minutes=minutes, latency_ms=latency_ms, period=period
        )
    )


class Wire:
    """One connection: who dials, on which link, whom, and the number the listener gave it."""

    def __init__(self, dialler: str, link: str, listener: str) -> None:
        self.dialler = dialler
        self.link = link
        self.listener = listener
        self.peer = 0


WIRES = (
    ("cci-1", links.MARKET, "market-1"),
    ("broker-1", links.MARKET, "market-1"),
    ("master-1", links.MARKET, "market-1"),
    ("cci-1", links.SIGNALS, "signals-1"),
    ("signals-1", links.DECIDE, "master-1"),
    ("master-1", links.VENUE, "broker-1"),
)


class Rig:
    """The world: cores by name, wires, a heap of what happens next."""

    def __init__(self, builds: dict[str, Callable[[int], Core]], seed: int = 1) -> None:
        self.now_ns = 1_000_000_000
        self.cores: dict[str, Core] = {}
        self.stores: dict[str, dict[tuple[str, bytes], bytes]] = {name: {} for name in builds}
        self.bars: dict[tuple[Any, ...], Any] = {}
        self.notes: list[Note] = []
        self.halts: dict[str, Halt] = {}
        self.step_count = 0
        self._builds = builds
        self._lives = dict.fromkeys(builds, 0)
        self._seed = seed
        self._heap: list[tuple[int, int, str, int, Envelope | None]] = []
        self._number = 0
        self._timers = dict.fromkeys(builds, NEVER)
        self._last_ns: dict[tuple[str, int], int] = {}
        self._queued: list[tuple[str, Envelope]] = []
        self.wires = [Wire(*wire) for wire in WIRES if wire[0] in builds and wire[2] in builds]
        for name in builds:
            self.start(name)

    def start(self, name: str) -> None:
        """Begin a node's next life from its store."""
        self._lives[name] += 1
        self._timers[name] = NEVER
        core = self.cores[name] = self._builds[name](self._lives[name])
        for wire in self.wires:
            if name in (wire.dialler, wire.listener):
                self._number += 1
                wire.peer = self._number
        rows = [(kind, key, record) for (kind, key), record in sorted(self.stores[name].items())]
        self._do(name, core.recover(rows, self.now_ns))
        self._do(name, core.start(self.now_ns))
        for wire in self.wires:
            if name in (wire.dialler, wire.listener) and wire.dialler in self.cores and wire.listener in self.cores:
                self._push(self.now_ns + HOP_NS, wire.dialler, Envelope(wire.link, 0, LinkUp()))
        for to, envelope in self._queued:
            wire = next(wire for wire in self.wires if wire.link == envelope.link)
            self._push(self.now_ns + 2 * HOP_NS, to, Envelope(wire.link, wire.peer, envelope.message, envelope.frames))
        self._queued = []
        self._arm(name)

    def crash(self, name: str) -> None:
        """End a node's life; the others see their connections go."""
        del self.cores[name]
        for wire in self.wires:
            if name == wire.listener and wire.dialler in self.cores:
                self._push(self.now_ns + HOP_NS, wire.dialler, Envelope(wire.link, 0, LinkDown()))
            elif name == wire.dialler and wire.listener in self.cores:
                self._push(self.now_ns + HOP_NS, wire.listener, Envelope(wire.link, wire.peer, PeerLost()))

    def send(self, name: str, message: Msg) -> None:
        """Something a node's shell tells it."""
        self._push(self.now_ns, name, Envelope(links.SHELL, 0, message))

    def run(self, until: Callable[[], bool], steps_max: int = 400_000) -> bool:
        """Go on until a condition holds; False where nothing happens any more or it took too long."""
        while not until():
            if not self._heap or steps_max <= 0:
                return False
            steps_max -= 1
            self._step()
        return True

    def is_quiet_at(self, name: str) -> bool:
        """Whether a node is READY and no call and no commit is on its way to it."""
        return self.cores[name].phase() == "READY" and not any(
            to == name and envelope is not None and isinstance(envelope.message, TerminalCall | Durable)
            for _, _, to, _, envelope in self._heap
        )

    def _step(self) -> None:
        at_ns, _, name, life, envelope = heappop(self._heap)
        if envelope is None and at_ns != self._timers[name]:
            return  # the deadline was moved to an earlier time since
        self.now_ns = max(self.now_ns, at_ns)
        core = self.cores.get(name)
        if core is None or self._lives[name] != life or name in self.halts:
            return
        self.step_count += 1
        if envelope is None:
            self._timers[name] = NEVER
            if core.deadline_ns <= self.now_ns:
                self._do(name, core.on_deadline(self.now_ns))
        else:
            self._do(name, core.handle(envelope, self.now_ns))
        self._arm(name)

    def _arm(self, name: str) -> None:
        core = self.cores.get(name)
        if core is not None and core.deadline_ns < self._timers[name]:
            self._timers[name] = max(core.deadline_ns, self.now_ns)
            self._push(self._timers[name], name, None)

    def _push(self, at_ns: int, name: str, envelope: Envelope | None) -> None:
        self._number += 1
        heappush(self._heap, (at_ns, self._number, name, self._lives[name], envelope))

    def _do(self, name: str, effects: Effects) -> None:
        for effect in effects:
            self._one(name, effect)

    def _one(self, name: str, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(name, effect)
        elif isinstance(effect, Commit):
            if effect.token:
                self._push(self.now_ns + COMMIT_NS, name, Envelope(links.STORE, 0, Durable(effect.token)))
            store = self.stores[name]
            for put in effect.puts:
                if put.record is None:
                    store.pop((put.kind, put.key), None)
                else:
                    store[put.kind, put.key] = put.record
        elif isinstance(effect, Note):
            self.notes.append(effect)
        elif isinstance(effect, Emit):
            if effect.stage == BAR:
                event = effect.event
                key = (event["symbol"], event["timeframe"], event["period"], effect.market_ns)
                assert self.bars.setdefault(key, event) == event, "a bar was told twice, and differently"
        elif isinstance(effect, Halt):
            self.halts[name] = effect

    def _send(self, name: str, effect: Send) -> None:
        raw = encode(effect.message)
        message = decode_untrusted(raw)
        for wire in self.wires:
            if wire.dialler == name and wire.link == effect.link:
                self._deliver(wire.peer, "up", wire.listener, Envelope(wire.link, wire.peer, message, (raw,)))
            elif wire.listener == name and wire.link == effect.link and effect.peer == wire.peer:
                self._deliver(wire.peer, "down", wire.dialler, Envelope(wire.link, 0, message, (raw,)))

    def _deliver(self, peer: int, way: str, to: str, envelope: Envelope) -> None:
        if to not in self.cores:
            if envelope.link == links.VENUE:
                self._queued.append((to, envelope))  # a dealing socket keeps what it could not send
            return
        drawn = int.from_bytes(sha256(f"{self._seed} {self._number}".encode()).digest()[:4], "big")
        at_ns = max(self.now_ns + HOP_NS + drawn % (10 * HOP_NS), self._last_ns.get((way, peer), 0))
        self._last_ns[way, peer] = at_ns
        self._push(at_ns, to, envelope)


class Line:
    """One leg of a fake decision on one account."""

    def __init__(self, sid: str, leg: str, want: int, sl_e8: int, tp_e8: int) -> None:
        self.sid = sid
        self.leg = leg
        self.want = want
        self.sl_e8 = sl_e8
        self.tp_e8 = tp_e8


class FakeAccount:
    """What master, local and worker are to one account: a queue of acts, one call at the broker at a time."""

    def __init__(self, index: int, item: tuple[str, AccountSection]) -> None:
        self.name = item[0]
        self.login = item[1].login
        self.acts: deque[Line | int] = deque()
        """Lines to execute, and block numbers whose state was asked for."""
        self.call = ""
        self.sequence = index * 1_000_000
        self.magic = 0
        self.volume_e8 = 0
        self.equity_e8 = 0
        self.state_number = 0
        self.positions: list[list[Any]] = []


class FakeMaster(Core):
    """Answers the market and the signals node; reverses on CCI, in lots that depend on the settled equity."""

    def __init__(self, config: Config, life: int) -> None:
        super().__init__()
        self.lines: list[tuple[Any, ...]] = []
        self._life = life
        self._config = config
        self._accounts = [FakeAccount(*item) for item in enumerate(config.account.items())]
        self._settle = Settle(0, [])
        self._told: Settled | None = None
        self._seen: dict[str, None] = {}
        self._next_seq = 0
        self.market_ns = 0
        self.handlers = {
            MarketWelcome: self._on_welcome,
            Ticks: self._on_ticks,
            Block: self._on_block,
            Settle: self._on_settle,
            SourceHello: lambda envelope, now_ns: (Send(links.DECIDE, envelope.peer, SourceWelcome(64)),),
            Signal: self._on_signal,
            TerminalReply: self._on_reply,
            LinkUp: self._on_link_up,
            LinkDown: lambda envelope, now_ns: (),
            PeerLost: lambda envelope, now_ns: (),
        }

    def start(self, now_ns: int) -> Effects:
        return self._hello()

    def _hello(self) -> Effects:
        fingerprint = self._config.fingerprint
        hello = MarketHello("master-1", "master", self._life, PROTOCOL_VERSION, fingerprint, self._next_seq)
        return (Send(links.MARKET, 0, hello),)

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == links.MARKET:
            return self._hello()
        if envelope.link != links.VENUE:
            return ()
        out: list[Effect] = []
        for account in self._accounts:
            if account.call:
                # the answer is lost: what became of an order is looked up in the deals, it is never sent again
                account.call = "reconcile" if account.call in ("order_send", "reconcile") else account.call
                out += self._ask(account)
        return tuple(out)

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        return (Send(links.MARKET, 0, TickCredit(self._next_seq, 50_000)),)

    def _on_ticks(self, envelope: Envelope, now_ns: int) -> Effects:
        ticks = envelope.message
        assert isinstance(ticks, Ticks)
        self._next_seq = max(self._next_seq, ticks.first_seq + len(ticks.time_ns) // 8)
        return (Send(links.MARKET, 0, TickCredit(self._next_seq, 50_000)),)

    def _on_block(self, envelope: Envelope, now_ns: int) -> Effects:
        block = envelope.message
        assert isinstance(block, Block)
        assert block.through_seq <= self._next_seq, "a block came before its ticks"
        self.market_ns = max(self.market_ns, block.end_ns)
        return ()

    def _on_settle(self, envelope: Envelope, now_ns: int) -> Effects:
        settle = envelope.message
        assert isinstance(settle, Settle)
        is_new = settle.number > self._settle.number
        self._settle, self._told = settle, None
        out: list[Effect] = []
        for account in self._accounts:
            if is_new and account.name in settle.accounts:
                account.acts.append(settle.number)
                out += self._next(account)
        return tuple(out) + self._tell()

    def _tell(self) -> Effects:
        asked = [account for account in self._accounts if account.name in self._settle.accounts]
        missing = [account.name for account in asked if account.state_number < self._settle.number]
        busy = [
            account.name
            for account in self._accounts
            if account.call in ("order_send", "reconcile") or any(isinstance(act, Line) for act in account.acts)
        ]
        told = Settled(self._settle.number, missing, busy, [])
        if not self._settle.number or told == self._told:
            return ()
        self._told = told
        return (Send(links.MARKET, 0, told),)

    def _on_signal(self, envelope: Envelope, now_ns: int) -> Effects:
        signal = envelope.message
        assert isinstance(signal, Signal)
        out: list[Effect] = []
        if signal.sid not in self._seen:
            self._seen[signal.sid] = None
            want = {("cci_up", -100): 1, ("cci_down", 100): -1}.get((signal.kind, signal.level_e8 // E8), 0)
            for account in self._accounts:
                out += self._decide(account, signal, want)
        return (*out, *self._tell(), Send(links.DECIDE, envelope.peer, SignalAnswer(signal.sid, ACCEPTED)))

    def _decide(self, account: FakeAccount, signal: Signal, want: int) -> list[Effect]:
        held = [position for position in account.positions if position[16] == signal.symbol]
        sides = [1 if position[5] == 0 else -1 for position in held]
        if want == 0 or want in sides:
            self.lines.append((signal.sid, "none", account.name, "SKIPPED", 0, 0))
            return []
        if sides:
            account.acts.append(Line(signal.sid, "close", want, 0, 0))
        point_e8 = 1_000 if signal.close_e8 < 10 * E8 else 100_000
        stop_e8 = want * ((2 * signal.atr_e8[0] + signal.close_e8 // 5_000) // point_e8 * point_e8)
        line = Line(signal.sid, "open", want, signal.close_e8 - stop_e8, signal.close_e8 + stop_e8)
        account.acts.append(line)
        return self._next(account)

    def _next(self, account: FakeAccount) -> list[Effect]:
        """The next act of an account whose last call was answered."""
        if account.call or not account.acts:
            return []
        act = account.acts[0]
        account.call = "order_send" if isinstance(act, Line) else "account_info"
        return self._ask(account)

    def _ask(self, account: FakeAccount) -> list[Effect]:
        account.sequence += 1
        name, args = account.call, []
        if name == "order_send":
            args = self._request(account)
        elif name == "positions_get":
            args = [0, ""]
        elif name == "reconcile":
            name, args = "history_deals_get", [0, 4_000_000_000, 0, 0]
        call = TerminalCall(account.sequence, account.login, name, msgpack.packb(args))
        return [Send(links.VENUE, 0, call)]

    def _request(self, account: FakeAccount) -> list[Any]:
        line = account.acts[0]
        assert isinstance(line, Line)
        symbol = line.sid.split("/")[1]
        text = f"{line.sid} {line.leg} {account.name}".encode()
        account.magic = int.from_bytes(blake2b(text, digest_size=7).digest(), "big")
        held = [position for position in account.positions if position[16] == symbol]
        ticket = held[0][0] if line.leg == "close" and held else 0
        account.volume_e8 = held[0][9] if ticket else account.equity_e8 // (4_000 * E8) * 1_000_000
        kind = 0 if line.want > 0 else 1
        stops = [line.sl_e8, line.tp_e8]
        return [1, account.magic, 0, symbol, account.volume_e8, 0, 0, *stops, 20, kind, 1, 0, 0, "", ticket, 0]

    def _on_reply(self, envelope: Envelope, now_ns: int) -> Effects:
        reply = envelope.message
        assert isinstance(reply, TerminalReply)
        value = msgpack.unpackb(reply.value)
        out: list[Effect] = []
        for account in self._accounts:
            if account.call and reply.sequence == account.sequence:
                out += self._take(account, value, now_ns)
        return tuple(out) + self._tell()

    def _take(self, account: FakeAccount, value: Any, now_ns: int) -> list[Effect]:
        if account.call == "account_info":
            account.equity_e8 = value[13]
            account.call = "positions_get"
            return self._ask(account)
        if account.call == "positions_get":
            account.positions = value
            number = account.acts.popleft()
            assert isinstance(number, int)
            account.state_number = number
        elif account.call == "order_send":
            self._end(account, value[0], value[3], value[4])
        else:
            mine = [deal for deal in value if deal[6] == account.magic]
            if not mine:
                self.deadline_ns = min(self.deadline_ns, now_ns + 1_000_000)
                return []
            self._end(account, 10009, mine[0][9], mine[0][10])
        account.call = ""
        return self._next(account)

    def _end(self, account: FakeAccount, retcode: int, volume_e8: int, price_e8: int) -> None:
        line = account.acts.popleft()
        assert isinstance(line, Line)
        self.lines.append((line.sid, line.leg, account.name, retcode, volume_e8, price_e8))

    def on_deadline(self, now_ns: int) -> Effects:
        self.deadline_ns = NEVER
        out: list[Effect] = []
        for account in self._accounts:
            if account.call == "reconcile":
                out += self._ask(account)
        return tuple(out)


def flow(config: Config, seed: int = 1, source: Callable[[], TickSource] | None = None) -> Rig:
    """The whole rig on the synthetic market, or on another source."""
    make = source or (lambda: SyntheticSource(config))
    return Rig(
        {
            "market-1": lambda life: Market("market-1", config, life, make()),
            "cci-1": lambda life: Indicator("cci-1", config, life),
            "broker-1": lambda life: Broker("broker-1", config, life),
            "signals-1": lambda life: Signals("signals-1", config, life),
            "master-1": lambda life: FakeMaster(config, life),
        },
        seed,
    )


def lines_of(rig: Rig) -> list[tuple[Any, ...]]:
    """What the run decided and what became of it, in an order that does not depend on time."""
    master = rig.cores["master-1"]
    assert isinstance(master, FakeMaster)
    return sorted(master.lines)
