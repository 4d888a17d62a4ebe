"""Openings: what a wish opens on each account, sized, and put to the risk rules of that account.

What is the same for all accounts (the price, the oid, the age of the signal) is looked up once, as an ``Opening``.
"""

import msgspec

from mesh.accountmode import OBSERVE, SHADOW
from mesh.config import Config
from mesh.killset import KillSet
from mesh.messages.accounts import AccountState, SymbolSpec
from mesh.messages.base import NO_OID
from mesh.messages.control import ACTIVE
from mesh.messages.orders import OPEN
from mesh.messages.signals import MANUAL, Signal
from mesh.units import MS_NS, text_from_e8
from nodes.codes import SKIPPED
from nodes.decisions import PUBLISHED
from nodes.master.account import Account
from nodes.master.draft import OPEN_LEG, Draft, Moment
from nodes.moneyrails import exposure_cap_e8, exposure_e8
from nodes.openask import OpenAsk
from nodes.positions import Holding, Holdings
from nodes.quote import Quote
from nodes.quotes import Quotes
from nodes.risk import objection
from nodes.sizing import Sizing, capped_e8, fitted_e8, is_tradable, sizing_of, wished_e8
from nodes.strategy import Distances, Rule, Wish, distances_of

NO_DISTANCES = Distances(0, 0, False)


class Opening(msgspec.Struct, frozen=True, gc=False):
    """What a wish opens, as far as it is the same on all accounts. ``distances``: by (point, tick size) of the brokers' symbols."""

    wish: Wish
    signal: Signal
    moment: Moment
    oid: bytes
    quote: Quote | None
    price_e8: int
    median_spread_e8: int | None
    signal_age_ns: int
    distances: dict[tuple[int, int], Distances]


class Openings:
    """Drafts openings for one master."""

    def __init__(self, config: Config, quotes: Quotes, killset: KillSet) -> None:
        self._quotes = quotes
        self._killset = killset
        self._stale_ns = config.settings.timers.stale_state_ms * MS_NS
        self._quote_stale_ns = config.settings.market.stale_ms * MS_NS
        self._modes = {name: section.mode for name, section in config.account.items()}
        self._sizings: dict[tuple[str, str], Sizing] = {}

    def opening(self, wish: Wish, signal: Signal, oid: bytes, moment: Moment) -> Opening:
        """What all accounts share."""
        quote = self._quotes.quote(signal.symbol)
        price_e8 = quote.entry_e8(wish.open_side) if quote is not None else 0
        median_spread_e8 = self._quotes.median_spread_e8(signal.symbol, moment.market_ns)
        # a hand's signal is as old as the wait for us was
        age_ns = signal.waited_ns if signal.kind == MANUAL else max(0, moment.market_ns - signal.ts_event_ns)
        return Opening(wish, signal, moment, oid, quote, price_e8, median_spread_e8, age_ns, {})

    def draft(self, opening: Opening, account: Account, symbol: str, holdings: Holdings) -> Draft:
        """The opening on one account, or why it is denied there; ``holdings`` have it from then on."""
        wish, signal, moment, price_e8 = opening.wish, opening.signal, opening.moment, opening.price_e8
        our_symbol, strategy, side, market_ns = signal.symbol, wish.rule.name, wish.open_side, moment.market_ns
        limits, rates, newest, state = account.limits, account.rates, account.state, account.usable(moment.recorded)
        spec = account.specs.get(symbol)
        distances = _distances(opening, spec) if spec is not None else NO_DISTANCES
        sl_e8 = distances.sl_e8
        volume_e8, detail = self._volume_e8(opening, account, state, spec, sl_e8, holdings)
        level = self._killset.level_for(account.name, our_symbol, strategy)
        if level == ACTIVE and newest is not None:
            level = newest.ladder  # the local's own word where it is the higher one
        minute_count, hour_count = rates.counts(market_ns)
        decided_count = holdings.decided_count
        # the first by position: a call with more than 15 keywords goes by way of a dict and takes eight times as long
        ask = OpenAsk(
            limits, account.day_rule, account.marks, state, spec, account.specs, opening.quote, opening.median_spread_e8,
            holdings, (minute_count + decided_count, hour_count + decided_count),
            account.mismatch.of(symbol), account.missing_for_ready(), account.is_rolled_back, level, account.has_unknown(symbol),
            is_connected=newest is not None and newest.connected,
            is_trade_allowed=newest is not None and newest.trade_allowed,
            state_age_ns=moment.now_ns - account.state_at_ns,
            stale_ns=self._stale_ns,
            market_ns=market_ns,
            signal_age_ns=opening.signal_age_ns,
            since_same_ns=rates.since_same_ns(market_ns, strategy, our_symbol, side),
            symbol=symbol,
            strategy=strategy,
            side=side,
            volume_e8=volume_e8,
            sl_distance_e8=sl_e8,
            needs_atr=distances.needs_atr,
            reference_e8=signal.close_e8,
            quote_stale_ns=None if moment.recorded else self._quote_stale_ns,
        )  # fmt: skip
        code, detail = self._held_back(account.name, objection(ask, account.rules) or (PUBLISHED, detail), ask, distances.tp_e8)
        if code == PUBLISHED:
            holdings.add(Holding(symbol, side, volume_e8, price_e8, True, strategy, opening.oid, 0, False))
        return Draft(
            account.name, opening.oid, strategy, OPEN_LEG, OPEN, symbol, side, volume_e8, NO_OID, 0, 0, price_e8, sl_e8, distances.tp_e8,
            limits.deviation_points, code=code, detail=detail, our_symbol=our_symbol,
        )  # fmt: skip

    def _held_back(self, account: str, verdict: tuple[str, str], ask: OpenAsk, tp_e8: int) -> tuple[str, str]:
        """The verdict on an opening, in the mode its account has: one that opens nothing is told what would have been sent."""
        mode = self._modes[account]
        if mode == OBSERVE:
            return SKIPPED, "OBSERVE account.mode=observe"
        if mode != SHADOW or verdict[0] != PUBLISHED:
            return verdict
        return SKIPPED, f"SHADOW {_told(ask, tp_e8)} {verdict[1]}".strip()

    def _volume_e8(
        self, opening: Opening, account: Account, state: AccountState | None, spec: SymbolSpec | None, sl_e8: int, holdings: Holdings
    ) -> tuple[int, str]:
        """Lots of an opening, and in words what they were capped from (empty: not capped)."""
        if spec is None or state is None or not is_tradable(spec):
            return 0, ""
        wish, price_e8, times_e8 = opening.wish, opening.price_e8, account.limits.exposure_times_e8
        if wish.volume_e8:
            return fitted_e8(spec, wish.volume_e8), ""
        sizing = self._sizing(wish.rule, account)
        wished_volume_e8 = fitted_e8(spec, wished_e8(sizing, spec, state.balance_e8, state.equity_e8, sl_e8))
        if sizing.kind != "risk" or times_e8 is None or price_e8 <= 0:
            return wished_volume_e8, ""
        held_e8, _ = exposure_e8(holdings, account.specs)
        cap_e8 = exposure_cap_e8(times_e8, account.limits.positions_count, state.equity_e8, held_e8)
        volume_e8 = fitted_e8(spec, capped_e8(spec, wished_volume_e8, price_e8, cap_e8))
        return volume_e8, f"capped=EXPOSURE wished={text_from_e8(wished_volume_e8, 2)}" if volume_e8 < wished_volume_e8 else ""

    def _sizing(self, rule: Rule, account: Account) -> Sizing:
        key = (rule.name, account.name)
        if key not in self._sizings:
            self._sizings[key] = account.own_sizing or sizing_of(rule.section.sizing)
        return self._sizings[key]


def _told(ask: OpenAsk, tp_e8: int) -> str:
    """An opening that no rule objects to, in words: side, lots, prices as the feed has them; a level that is not set is left out."""
    assert ask.quote is not None, "without a quote nothing is opened"
    assert ask.spec is not None, "nor without the symbol's terms"
    price_e8, digits = ask.quote.entry_e8(ask.side), ask.spec.digits
    levels = {"sl": price_e8 - ask.side * ask.sl_distance_e8, "tp": price_e8 + ask.side * tp_e8}
    prices = {"price": price_e8} | {key: level_e8 for key, level_e8 in levels.items() if level_e8 != price_e8}
    words = [f"side={'BUY' if ask.side > 0 else 'SELL'}", f"volume={text_from_e8(ask.volume_e8, 2)}"]
    return " ".join(words + [f"{key}={text_from_e8(value_e8, digits)}" for key, value_e8 in prices.items()])


def _distances(opening: Opening, spec: SymbolSpec) -> Distances:
    """SL and TP, once for all accounts whose brokers count the symbol's points and ticks alike: the price is the same for all."""
    key = (spec.point_e8, spec.tick_size_e8)
    found = opening.distances.get(key)
    if found is None:
        found = opening.distances[key] = distances_of(opening.wish.rule, opening.signal, spec, opening.price_e8)
    return found
