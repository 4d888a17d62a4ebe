"""The last guard: the master's own rules once more at the local, at twice their value.

A master that is wrong, or not ours, cannot spend more than that. Limits are twice as wide: what may be at most, doubled; what
must be at least (margin level, the window between two equal orders), halved. What only the market can tell (spread) stays
with the master; the price collar is checked by the worker at the price of the call.
"""

import msgspec

from mesh.accountmode import OPENING
from mesh.agedkeys import AgedKeys
from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Put
from mesh.messages.accounts import AccountState, Position, SymbolSpec
from mesh.messages.base import Int64, Msg, Name
from mesh.messages.control import ACTIVE
from mesh.units import E8, HOUR_NS
from nodes.dayloss import DayRule, Marks, day_rule_of, moved
from nodes.limits import Limits, limits_of
from nodes.local.attempts import OrderRecord
from nodes.local.openings import Openings
from nodes.openask import OpenAsk
from nodes.orderrates import OrderRates
from nodes.positions import Holding, holding_of
from nodes.quote import Quote
from nodes.risk import RULES, rules_of
from nodes.sizing import PERCENT

PASSED = "passed"
"""Kind of the rows: opens of the last hour."""
WIDER = 2
GUARD_WORDS = (
    "TRADE_DISABLED", "NO_SPEC", "SIGNAL_AGE", "DUPLICATE_WINDOW", "CLOSED_HOURS", "DAILY_LOSS", "DRAWDOWN", "ORDERS_MINUTE",
    "ORDERS_HOUR", "POSITIONS_SYMBOL", "POSITIONS", "NETTING", "VOLUME", "RISK", "EXPOSURE", "MARGIN_LEVEL",
)  # fmt: skip
"""The rules of ``nodes.risk`` that stand here too, where they are on."""
MARK_WORDS = ("DAILY_LOSS", "DRAWDOWN")
"""Those of them that look at the day's marks."""


def widened(limits: Limits) -> Limits:
    """The limits at twice their value; what is off stays off."""

    def twice(value: int | None) -> int | None:
        return None if value is None else value * WIDER

    def half(value: int | None) -> int | None:
        return None if value is None else value // WIDER

    return msgspec.structs.replace(
        limits,
        risk_percent_e8=twice(limits.risk_percent_e8),
        positions_per_symbol_count=twice(limits.positions_per_symbol_count),
        positions_count=twice(limits.positions_count),
        exposure_times_e8=twice(limits.exposure_times_e8),
        orders_per_minute_count=twice(limits.orders_per_minute_count),
        orders_per_hour_count=twice(limits.orders_per_hour_count),
        collar_percent_e8=twice(limits.collar_percent_e8),
        deviation_points=limits.deviation_points * WIDER,
        signal_age_ns=twice(limits.signal_age_ns),
        duplicate_window_ns=half(limits.duplicate_window_ns),
        drawdown_percent_e8=twice(limits.drawdown_percent_e8),
        margin_level_percent_e8=half(limits.margin_level_percent_e8),
    )


class PassedRecord(Msg):
    """An open that was let through, as stored: rates and the duplicate window outlive the process."""

    market_ns: Int64
    strategy: Name
    symbol: Name
    side: Int64


class Guard:
    """The rules of one account. Raises ValueError for an unknown zone."""

    def __init__(self, account: str, config: Config) -> None:
        self._account = account
        self._mode = config.account[account].mode
        self.configure(config)
        self._held: tuple[list[Position], int, list[Holding]] = ([], -1, [])
        """Positions and version of the openings of which these are the holdings."""
        self._rates = OrderRates()
        """Opens let through; their symbols by the broker's names."""
        self._counted: dict[bytes, int] = {}
        """Opens of the last hour that count already and have not ended with a row: oid → market time, as they came."""
        self._rows = AgedKeys()
        """Oids of the rows kept, by market time."""

    def configure(self, config: Config) -> None:
        """Take the limits of a configuration; what has been let through still counts."""
        rails, zone = config.rails_of(self._account), config.zone_of(self._account)
        self.limits = widened(limits_of(rails, zone))
        rule = day_rule_of(rails, zone)
        limit_e8 = rule.limit_percent_e8
        self.day_rule: DayRule = msgspec.structs.replace(rule, limit_percent_e8=None if limit_e8 is None else limit_e8 * WIDER)
        on = rules_of(self.limits, self.day_rule)
        self._rules = tuple((word, rule) for word, _, rule in RULES if word in GUARD_WORDS and rule in on)
        self._needs_marks = any(word in MARK_WORDS for word, _ in self._rules)

    def moved(self, marks: Marks, state: AccountState, market_ns: int) -> Marks:
        """The day's marks after a state."""
        return moved(marks, self.day_rule, state, market_ns)

    def collar_e8(self, price_e8: int) -> int:
        """How far the price at the call may be from the decision's; 0: as far as it likes."""
        limit_e8 = self.limits.collar_percent_e8
        return 0 if limit_e8 is None or price_e8 <= 0 else price_e8 * limit_e8 // (PERCENT * E8)

    def passed(self, record: OrderRecord) -> None:
        """An open goes to the venue: it counts from now on, once for all its attempts."""
        if record.oid in self._counted:
            return
        counted, since_ns = self._counted, record.decided_market_ns - HOUR_NS
        while counted and counted[oldest := next(iter(counted))] <= since_ns:
            del counted[oldest]
        counted[record.oid] = record.decided_market_ns
        self._rates.add_opening(record.decided_market_ns, record.strategy, record.symbol, record.side)

    def kept(self, record: OrderRecord) -> list[Put]:
        """The rows by which another life counts an open that has ended; those of an hour ago go."""
        self._counted.pop(record.oid, None)
        forgotten = self._rows.take_until(record.decided_market_ns - HOUR_NS)
        self._rows.add(record.decided_market_ns, record.oid)
        passed = PassedRecord(record.decided_market_ns, record.strategy, record.symbol, record.side)
        return [Put(PASSED, record.oid, encode(passed)), *(Put(PASSED, oid, None) for _, oid in forgotten)]

    def restore(self, oid: bytes, raw: bytes) -> None:
        """Take a row of the store."""
        passed = decode_record_untrusted(raw, PassedRecord)
        self._rows.add(passed.market_ns, oid)
        self._rates.add_opening(passed.market_ns, passed.strategy, passed.symbol, passed.side)

    def objection(
        self,
        record: OrderRecord,
        state: AccountState,
        symbols: dict[str, SymbolSpec],
        openings: Openings,
        marks: Marks,
    ) -> str | None:
        """``WORD at=local key=value …`` of the first rule that objects to an open; None where none does."""
        if self._mode not in OPENING:
            return f"MODE at=local mode={self._mode}"
        if record.deviation_points > self.limits.deviation_points:
            return f"DEVIATION at=local points={record.deviation_points} limit={self.limits.deviation_points}"
        ask = self._ask(record, state, symbols, openings, marks)
        for word, rule in self._rules:
            detail = rule(ask)
            if detail is not None:
                return f"{word} at=local {detail}"
        return None

    def _holdings(self, state: AccountState, openings: Openings) -> list[Holding]:
        """What ``holdings`` finds; made anew only where positions or openings are others than at the last order."""
        positions, version, found = self._held
        if positions is not state.positions or version != openings.version:
            found = holdings(state, openings)
            self._held = state.positions, openings.version, found
        return found

    def _ask(
        self,
        record: OrderRecord,
        state: AccountState,
        symbols: dict[str, SymbolSpec],
        openings: Openings,
        marks: Marks,
    ) -> OpenAsk:
        now_ns = record.decided_market_ns
        # what counts already for an attempt of this order is not held against the next one
        is_counted = record.oid in self._counted
        minute_count, hour_count = self._rates.counts(now_ns)
        since_same_ns = self._rates.since_same_ns(now_ns, record.strategy, record.symbol, record.side)
        return OpenAsk(
            limits=self.limits,
            day_rule=self.day_rule,
            marks=self.moved(marks, state, max(now_ns, state.market_ns)) if self._needs_marks else marks,
            state=state,
            spec=symbols.get(record.symbol),
            specs=symbols,
            quote=Quote(record.seen_price_e8, record.seen_price_e8, now_ns),
            median_spread_e8=None,
            holdings=self._holdings(state, openings),
            order_counts=(minute_count - is_counted, hour_count - is_counted),
            mismatch="",
            waits_for="",
            is_rolled_back=False,
            level=ACTIVE,
            has_unknown=False,
            is_connected=state.connected,
            is_trade_allowed=state.trade_allowed,
            state_age_ns=0,
            stale_ns=0,
            market_ns=now_ns,
            signal_age_ns=max(0, state.market_ns - now_ns),
            since_same_ns=None if is_counted else since_same_ns,
            symbol=record.symbol,
            strategy=record.strategy,
            side=record.side,
            volume_e8=record.volume_e8,
            sl_distance_e8=record.sl_distance_e8,
            needs_atr=False,
            reference_e8=0,
        )


def holdings(state: AccountState, openings: Openings) -> list[Holding]:
    """Positions of a state, and executed openings it does not show yet."""
    shown: dict[bytes, None] = {}
    found: list[Holding] = []
    for position in state.positions:
        shown[position.oid] = None
        found.append(holding_of(position, False))
    for opening in openings.unseen():
        record = opening.record
        if record.oid not in shown and opening.left_e8 > 0:
            found.append(
                Holding(
                    symbol=record.symbol,
                    side=record.side,
                    volume_e8=opening.left_e8,
                    price_e8=record.price_e8,
                    ours=True,
                    strategy=record.strategy,
                    oid=record.oid,
                    ticket=0,
                    closing=False,
                )
            )
    return found
