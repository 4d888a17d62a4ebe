"""The path of a signal: known or refused, decided, committed; then published, answered and told.

Everything up to the commit happens in one call, so what a decision rests on cannot change under it; everything after it
waits for the disk. A signal that comes again while its decision is on the way to the disk is answered when that is there.
"""

import itertools

import msgspec

from mesh.backoff import backoff_ns
from mesh.codec import encode
from mesh.core import Effect, Note, Put, Send
from mesh.links import DECIDE, ORDERS
from mesh.messages.orders import OPEN
from mesh.messages.signals import ACCEPTED, MANUAL, SIGNAL_KINDS, Signal, SignalAnswer
from mesh.stages import PUBLISH
from mesh.units import MS_NS, SECOND_NS
from nodes.codes import SKIPPED, UNCONFIRMED, WORKING
from nodes.commits import nothing_follows
from nodes.dayloss import BROKEN
from nodes.decisions import PUBLISHED, Decision, DecisionRecord, key_of
from nodes.master import losswatch, told
from nodes.master.account import Account
from nodes.master.draft import Draft, Moment
from nodes.master.state import RATE, MasterState, RatedOrder, RateRecord

ORDER_TIMER, MARKS_TIMER = "order", "marks"
FLATTEN_AGAIN_NS = 10 * SECOND_NS
FLATTEN_DOUBLINGS_MAX = 5
MARKS_NS = SECOND_NS
"""A new high-water mark is durable this much later at the latest: each tick may make one."""


class Deciding:
    """Decides for one master."""

    def __init__(self, state: MasterState) -> None:
        self._state = state
        timers = state.config.settings.timers
        self._open_ns = timers.open_deadline_ms * MS_NS
        self._stored_ns = timers.close_stored_ms * MS_NS
        self._asking: dict[bytes, int] = {}
        """Key of a signal whose decision is on its way to the disk → connection to answer."""
        self._days_ns = -1
        """Market time at which days were looked at last."""

    def on_signal(self, signal: Signal, peer: int, now_ns: int) -> list[Effect]:
        """Decide a signal, or answer it at once where that has been done or cannot be."""
        state = self._state
        clock, counters = state.clock, state.counters
        if not state.is_durable or not clock.is_known:
            return []
        key = key_of(clock.run, signal.source, signal.sid)
        if key in self._asking:
            self._asking[key] = peer
            return []
        if key in state.answered:
            counters.add("duplicate_signal_count")
            return [Send(DECIDE, peer, SignalAnswer(signal.sid, ACCEPTED))]
        symbol = clock.symbol_of(signal.symbol)
        refused = self._refusal(signal, symbol)
        if refused is not None:
            counters.add("refused_signal_count")
            return [Send(DECIDE, peer, refused)]
        if symbol != signal.symbol:
            signal = msgspec.structs.replace(signal, symbol=symbol)
        counters.add("signal_count")
        effects = self._look_at_days(now_ns)
        self._asking[key] = peer
        return effects + self._decide(key, signal, state.decider.decide(signal, self._moment(symbol, now_ns)), now_ns)

    def look(self, account: Account, now_ns: int) -> list[Effect]:
        """Hold an account's newest usable state against its daily loss; close everything where the rule says so."""
        state = self._state
        seen = losswatch.look(account, state.recorded, state.clock.market_ns)
        effects = list(seen.effects)
        if account.day_rule.flattens and account.marks.level == BROKEN:
            effects += self._flatten(account, now_ns)
        if seen.effects or seen.is_new_day:
            effects.append(state.commits.make([state.account_put(account)], nothing_follows))
        elif seen.moved:
            state.timers.set_if_unset((MARKS_TIMER, account.name, 0), now_ns + MARKS_NS)
        return effects

    def on_marks(self, account: str) -> list[Effect]:
        """Make the marks of an account durable."""
        state = self._state
        return [state.commits.make([state.account_put(state.accounts[account])], nothing_follows)]

    def _look_at_days(self, now_ns: int) -> list[Effect]:
        """A day may have begun since the newest state: its base is what the account had. Where market time stands still none has."""
        market_ns = self._state.clock.market_ns
        if market_ns == self._days_ns:
            return []
        self._days_ns = market_ns
        effects: list[Effect] = []
        for account in self._state.accounts.values():
            if account.marks.day < account.day_rule.day_at(market_ns):
                effects += self.look(account, now_ns)
        return effects

    def _moment(self, symbol: str, now_ns: int) -> Moment:
        clock = self._state.clock
        return Moment(
            run=clock.run,
            recorded=clock.recorded,
            market_ns=clock.market_ns,
            now_ns=now_ns,
            feed_timeframe=clock.symbols.get(symbol, ""),
        )

    def _refusal(self, signal: Signal, symbol: str) -> SignalAnswer | None:
        if signal.kind not in SIGNAL_KINDS:
            return SignalAnswer(signal.sid, "MALFORMED", f"kind {signal.kind!r}: {', '.join(SIGNAL_KINDS)} are known")
        if not symbol:
            known = ", ".join(self._state.clock.symbols)
            return SignalAnswer(signal.sid, "UNKNOWN_SYMBOL", f"{signal.symbol}: the market has {known}"[:512])
        accounts = self._state.accounts
        unknown = [name for name in signal.accounts if name not in accounts]
        if unknown or (signal.kind == MANUAL and not signal.accounts):
            known = ", ".join(accounts)
            return SignalAnswer(signal.sid, "UNKNOWN_ACCOUNT", f"{', '.join(unknown) or 'none'}: there are {known}"[:512])
        return None

    def _flatten(self, account: Account, now_ns: int) -> list[Effect]:
        """Close everything of ours on an account whose day is broken, and again what a close could not: its sids are numbered.

        Between two tries lie ten seconds of market time at least, twice as much each time.
        """
        state, market_ns = self._state, self._state.clock.market_ns
        for number in itertools.count(1):
            signal = losswatch.signal_of(account, number, market_ns, now_ns)
            key = key_of(state.clock.run, signal.source, signal.sid)
            if key in self._asking:
                return []
            if key not in state.answered:
                break
        if number > 1 and market_ns < account.flatten_again_ns:
            return []
        groups = state.decider.flatten(signal, account, losswatch.LEG, self._moment("", now_ns))
        if not groups:
            return []
        account.flatten_again_ns = market_ns + backoff_ns(FLATTEN_AGAIN_NS, number - 1, FLATTEN_DOUBLINGS_MAX)
        self._asking[key] = 0
        return self._decide(key, signal, groups, now_ns)

    def _decide(self, key: bytes, signal: Signal, groups: list[list[Draft]], now_ns: int) -> list[Effect]:
        """Number, store and count the drafts; the commit that everything else waits for."""
        state = self._state
        market_ns = state.clock.market_ns
        lines = state.log.numbered(groups, state.accounts, now_ns + self._open_ns)
        decision = Decision(DecisionRecord(key, signal, market_ns, now_ns, lines))
        puts = state.ledger.add(decision)
        counters, accounts = state.counters, state.accounts
        counters.add("line_count", len(lines))
        drafts = [draft for group in groups for draft in group]
        orders: list[RatedOrder] = []
        for line, draft in zip(decision.lines, drafts, strict=True):
            if draft.code == PUBLISHED:
                name, symbol = draft.account, draft.our_symbol
                accounts[name].add_line(line, market_ns, symbol)
                orders.append(RatedOrder(name, draft.action, draft.strategy, symbol, draft.side))
            else:
                counters.add("skipped_line_count" if draft.code == SKIPPED else "denied_line_count")
        if orders:
            puts.append(self._rate_put(orders, market_ns))
        puts += self._old_rates(market_ns)
        return [*told.decided(decision), state.commits.make(puts, lambda durable_ns: self._publish(decision, durable_ns))]

    def _rate_put(self, orders: list[RatedOrder], market_ns: int) -> Put:
        state = self._state
        key = state.rate_rows.add(market_ns, state.epoch, state.log.n)
        return Put(RATE, key, encode(RateRecord(market_ns, orders)))

    def _old_rates(self, market_ns: int) -> list[Put]:
        """Rows no rate counts any more, deleted."""
        state = self._state
        return [Put(RATE, key, None) for key in state.rate_rows.take_until(market_ns - state.rate_horizon_ns)]

    def _publish(self, decision: Decision, now_ns: int) -> list[Effect]:
        """The decision is durable: its orders go out, its source is answered."""
        state, record = self._state, decision.record
        key = record.key
        effects = self.send_out(decision, now_ns)
        state.answered.put(key)
        state.meter.record(PUBLISH, now_ns - record.stamp_in_ns)
        peer = self._asking.pop(key, 0)
        if peer:
            effects.append(Send(DECIDE, peer, SignalAnswer(record.signal.sid, ACCEPTED)))
        return effects + state.settled_news(now_ns)

    def send_out(self, decision: Decision, now_ns: int) -> list[Effect]:
        """Publish the orders of a durable decision and watch for their locals' word."""
        state = self._state
        effects: list[Effect] = []
        for published in state.log.publish(decision, state.accounts, now_ns):
            order = state.sealer.order(published.order, published.body, state.accounts)
            effects.append(Send(ORDERS, 0, order, published.body))
            state.timers.set((ORDER_TIMER, "", order.n), published.deadline_ns or now_ns + self._stored_ns)
        if effects:
            state.counters.add("order_count", len(effects))
        return effects

    def on_silence(self, n: int) -> list[Effect]:
        """The time is over by which the locals should have told something of record ``n``."""
        silent = [line for line in self._state.log.lines_of(n) if line.code == WORKING and not line.heard]
        for line in silent:
            self._state.ledger.mark(line, UNCONFIRMED)
        if not silent:
            return []
        names = ", ".join(line.record.account for line in silent)
        what = "OPEN past its deadline" if silent[0].record.action == OPEN else "CLOSE not stored"
        return [Note("warning", "line_unconfirmed", {"oid": silent[0].record.oid.hex(), "accounts": names, "what": what})]
