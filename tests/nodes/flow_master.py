"""A fake master that trades: to market and signals node the master, to the broker two accounts' terminals."""

from collections import deque
from hashlib import blake2b
from typing import Any

import msgpack

from mesh import links
from mesh.config import Config
from mesh.core import Core, Effect, Effects, Envelope, LinkDown, LinkUp, PeerLost, Send
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.market import Block, MarketHello, MarketWelcome, Settle, Settled, TickCredit, Ticks
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.messages.venue import TerminalCall, TerminalReply
from mesh.settings import AccountSection
from mesh.units import E8, NEVER


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
