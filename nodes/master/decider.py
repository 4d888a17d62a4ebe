"""From a signal to the lines of its decision: strategies say what they want, risk rules what each account may have of it.

Nothing is numbered, stored or sent here, and nothing here looks at a clock: the same accounts, quotes and signal give the
same drafts. What earlier drafts of a decision take up of an account counts for the later ones.
"""

import msgspec

from mesh.config import Config
from mesh.ids import oid_of
from mesh.killset import KillSet
from mesh.messages.accounts import SymbolSpec
from mesh.messages.base import NO_OID
from mesh.messages.control import ACTIVE
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.signals import MANUAL, Signal
from mesh.units import MS_NS, text_from_e8
from nodes.codes import NOBODY, SKIPPED
from nodes.decisions import PUBLISHED
from nodes.master.account import Account
from nodes.moneyrails import exposure_cap_e8, exposure_e8
from nodes.openask import OpenAsk
from nodes.positions import Holding
from nodes.quotes import Quote, Quotes
from nodes.risk import objection
from nodes.sizing import Sizing, capped_e8, fitted_e8, is_tradable, sizing_of, wished_e8
from nodes.strategy import BOTH_SIDES, EVERY_STRATEGY, Distances, Rule, Strategies, Wish, distances_of

NO_LEG = "none"
"""Leg of the one line of a signal no strategy wants; its account and strategy are NOBODY."""
OPEN_LEG, CLOSE_LEG = "open", "close"


class Draft(msgspec.Struct, kw_only=True):
    """A line before it has its numbers; the fields are those of ``LineRecord``. ``our_symbol``: by our own name."""

    account: str
    oid: bytes
    strategy: str
    leg: str
    action: str
    symbol: str
    our_symbol: str
    side: int
    volume_e8: int = 0
    ref_oid: bytes = NO_OID
    ref_ticket: int = 0
    closes_e8: int = 0
    price_e8: int = 0
    sl_distance_e8: int = 0
    tp_distance_e8: int = 0
    deviation_points: int = 0
    code: str = PUBLISHED
    detail: str = ""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When a decision is taken: in which run, at which market time, and when on the master's monotonic clock."""

    run: str
    recorded: bool
    market_ns: int
    now_ns: int
    feed_timeframe: str = ""


class Decider:
    """The rules of one master, applied to one signal after the other."""

    def __init__(self, config: Config, accounts: dict[str, Account], quotes: Quotes, killset: KillSet) -> None:
        self._config = config
        self._accounts = accounts
        self._quotes = quotes
        self._killset = killset
        self._strategies = Strategies(config)
        self._stale_ns = config.settings.timers.stale_state_ms * MS_NS
        self._quote_stale_ns = config.settings.market.stale_ms * MS_NS
        self._sizings: dict[tuple[str, str], Sizing] = {}
        self._taken: dict[str, list[Holding]] = {}
        self._sent: dict[str, int] = {}
        self._medians: dict[str, int | None] = {}
        self._oids: dict[tuple[str, str], bytes] = {}

    def decide(self, signal: Signal, moment: Moment) -> list[list[Draft]]:
        """The drafts of every strategy that wants the signal, each in the order in which an account gets them."""
        self._forget()
        wishes = self._strategies.wishes(signal, moment.feed_timeframe)
        groups = [drafts for wish in wishes if (drafts := self._of_wish(wish, signal, moment))]
        return groups or [[self._unwanted(signal, moment)]]

    def flatten(self, signal: Signal, account: Account, reason: str, moment: Moment) -> list[list[Draft]]:
        """Closes of everything of ours on one account, in every symbol; none where nothing is held."""
        self._forget()
        drafts: list[Draft] = []
        for holding in self._holdings(account, moment):
            if holding.ours and not holding.closing:
                leg = reason if not drafts else f"{reason}{len(drafts) + 1}"
                draft = self._close(signal, signal.source, leg, account, holding, moment)
                draft.our_symbol = self._our_symbol(account.name, holding.symbol)
                drafts.append(draft)
        return [drafts] if drafts else []

    def _forget(self) -> None:
        """What is kept for the length of one decision."""
        self._taken.clear()
        self._sent.clear()
        self._medians.clear()
        self._oids.clear()

    def _our_symbol(self, account: str, broker_symbol: str) -> str:
        section = self._config.account[account]
        for ours, theirs in section.symbol_names.items():
            if theirs == broker_symbol:
                return ours
        return broker_symbol.removesuffix(section.symbol_suffix) if section.symbol_suffix else broker_symbol

    def _unwanted(self, signal: Signal, moment: Moment) -> Draft:
        return Draft(
            account=NOBODY,
            oid=self._oid(signal, NOBODY, NO_LEG, moment),
            strategy=NOBODY,
            leg=NO_LEG,
            action="",
            symbol=signal.symbol,
            our_symbol=signal.symbol,
            side=0,
            code=SKIPPED,
            detail=f"NO_STRATEGY signal={signal.kind} period={signal.period}",
        )

    def _of_wish(self, wish: Wish, signal: Signal, moment: Moment) -> list[Draft]:
        drafts: list[Draft] = []
        for name in wish.targets:
            drafts += self._on_account(wish, signal, self._accounts[name], moment)
        return drafts

    def _on_account(self, wish: Wish, signal: Signal, account: Account, moment: Moment) -> list[Draft]:
        symbol = self._config.broker_symbol(account.name, signal.symbol)
        strategy = wish.rule.name
        drafts: list[Draft] = []
        if wish.close_side:
            for holding in self._closable(wish, account, symbol, moment):
                leg = CLOSE_LEG if not drafts else f"{CLOSE_LEG}{len(drafts) + 1}"
                drafts.append(self._close(signal, strategy, leg, account, holding, moment))
            if not drafts and not wish.open_side:
                closing = [h for h in self._holdings(account, moment) if h.ours and h.closing and h.symbol == symbol]
                why = f"NOTHING_TO_CLOSE closing_count={len(closing)}"
                drafts.append(self._skipped(wish, CLOSE_LEG, CLOSE, why, signal, account, symbol, moment))
        if wish.open_side and (wish.reverses or not drafts):
            if wish.lacks:
                drafts.append(self._skipped(wish, OPEN_LEG, OPEN, wish.lacks, signal, account, symbol, moment))
            else:
                drafts.append(self._open(wish, signal, account, symbol, moment))
        return drafts

    def _holdings(self, account: Account, moment: Moment) -> list[Holding]:
        if account.name not in self._taken:
            self._taken[account.name] = account.holdings(moment.recorded)
        return self._taken[account.name]

    def _closable(self, wish: Wish, account: Account, symbol: str, moment: Moment) -> list[Holding]:
        return [
            holding
            for holding in self._holdings(account, moment)
            if holding.ours
            and not holding.closing
            and holding.symbol == symbol
            and wish.closes_of in (EVERY_STRATEGY, holding.strategy)
            and wish.close_side in (BOTH_SIDES, holding.side)
        ]

    def _close(
        self, signal: Signal, strategy: str, leg: str, account: Account, holding: Holding, moment: Moment
    ) -> Draft:
        quote = self._quotes.quote(signal.symbol)
        holdings = self._holdings(account, moment)
        holdings[holdings.index(holding)] = msgspec.structs.replace(holding, closing=True)
        self._sent[account.name] = self._sent.get(account.name, 0) + 1
        return Draft(
            account=account.name,
            oid=self._oid(signal, strategy, leg, moment),
            strategy=strategy,
            leg=leg,
            action=CLOSE,
            symbol=holding.symbol,
            our_symbol=signal.symbol,
            side=-holding.side,
            ref_oid=holding.oid,
            ref_ticket=holding.ticket,
            closes_e8=holding.volume_e8,
            price_e8=quote.entry_e8(-holding.side) if quote else 0,
            deviation_points=account.limits.deviation_points,
        )

    def _skipped(
        self, wish: Wish, leg: str, action: str, why: str, signal: Signal, account: Account, symbol: str, moment: Moment
    ) -> Draft:
        """A line that asks for nothing, and says why."""
        return Draft(
            account=account.name,
            oid=self._oid(signal, wish.rule.name, leg, moment),
            strategy=wish.rule.name,
            leg=leg,
            action=action,
            symbol=symbol,
            our_symbol=signal.symbol,
            side=wish.open_side if action == OPEN else 0,
            code=SKIPPED,
            detail=why,
        )

    def _open(self, wish: Wish, signal: Signal, account: Account, symbol: str, moment: Moment) -> Draft:
        spec = account.specs.get(symbol)
        quote = self._quotes.quote(signal.symbol)
        price_e8 = quote.entry_e8(wish.open_side) if quote else 0
        distances = distances_of(wish.rule, signal, spec, price_e8) if spec else Distances(0, 0, False)
        volume_e8, capped = self._volume_e8(wish, account, spec, distances.sl_e8, price_e8, moment)
        draft = Draft(
            account=account.name,
            oid=self._oid(signal, wish.rule.name, OPEN_LEG, moment),
            strategy=wish.rule.name,
            leg=OPEN_LEG,
            action=OPEN,
            symbol=symbol,
            our_symbol=signal.symbol,
            side=wish.open_side,
            volume_e8=volume_e8,
            price_e8=price_e8,
            sl_distance_e8=distances.sl_e8,
            tp_distance_e8=distances.tp_e8,
            deviation_points=account.limits.deviation_points,
            detail=capped,
        )
        ask = self._ask(draft, signal, account, spec, quote, distances, moment)
        found = objection(ask)
        if found is not None:
            draft.code, draft.detail = found
            return draft
        self._sent[account.name] = self._sent.get(account.name, 0) + 1
        self._holdings(account, moment).append(
            Holding(symbol, draft.side, volume_e8, price_e8, True, draft.strategy, draft.oid, 0, False)
        )
        return draft

    def _volume_e8(
        self, wish: Wish, account: Account, spec: SymbolSpec | None, sl_distance_e8: int, price_e8: int, moment: Moment
    ) -> tuple[int, str]:
        """Lots of an opening, and in words what they were capped from (empty: not capped)."""
        state = account.usable(moment.recorded)
        if spec is None or state is None or not is_tradable(spec):
            return 0, ""
        if wish.volume_e8:
            return fitted_e8(spec, wish.volume_e8), ""
        sizing = self._sizing(wish.rule, account)
        wished_volume_e8 = fitted_e8(spec, wished_e8(sizing, spec, state.balance_e8, state.equity_e8, sl_distance_e8))
        held_e8, _ = exposure_e8(self._holdings(account, moment), account.specs)
        cap_e8 = exposure_cap_e8(account.limits, state.equity_e8, held_e8)
        if sizing.kind != "risk" or cap_e8 is None or price_e8 <= 0:
            return wished_volume_e8, ""
        volume_e8 = fitted_e8(spec, capped_e8(spec, wished_volume_e8, price_e8, cap_e8))
        return volume_e8, f"capped=EXPOSURE wished={text_from_e8(wished_volume_e8, 2)}" if volume_e8 < wished_volume_e8 else ""

    def _sizing(self, rule: Rule, account: Account) -> Sizing:
        key = (rule.name, account.name)
        if key not in self._sizings:
            self._sizings[key] = account.own_sizing or sizing_of(rule.section.sizing)
        return self._sizings[key]

    def _ask(
        self,
        draft: Draft,
        signal: Signal,
        account: Account,
        spec: SymbolSpec | None,
        quote: Quote | None,
        distances: Distances,
        moment: Moment,
    ) -> OpenAsk:
        """Everything the risk rules look at."""
        state = account.usable(moment.recorded)
        newest = account.state
        minute_count, hour_count = account.rates.counts(moment.market_ns)
        sent_count = self._sent.get(account.name, 0)
        by_hand = signal.kind == MANUAL
        return OpenAsk(
            limits=account.limits,
            day_rule=account.day_rule,
            marks=account.marks,
            state=state,
            spec=spec,
            specs=account.specs,
            quote=quote,
            median_spread_e8=self._median_spread_e8(draft.our_symbol, moment),
            holdings=self._holdings(account, moment),
            order_counts=(minute_count + sent_count, hour_count + sent_count),
            waits_for=account.missing_for_ready(),
            is_rolled_back=account.is_rolled_back,
            level=self._level(account, draft),
            has_unknown=account.has_unknown(draft.symbol),
            is_connected=newest is not None and newest.connected,
            is_trade_allowed=newest is not None and newest.trade_allowed,
            state_age_ns=moment.now_ns - account.state_at_ns,
            stale_ns=self._stale_ns,
            market_ns=moment.market_ns,
            signal_age_ns=signal.waited_ns if by_hand else max(0, moment.market_ns - signal.ts_event_ns),
            since_same_ns=account.rates.since_same_ns(moment.market_ns, draft.strategy, draft.our_symbol, draft.side),
            symbol=draft.symbol,
            strategy=draft.strategy,
            side=draft.side,
            volume_e8=draft.volume_e8,
            sl_distance_e8=draft.sl_distance_e8,
            needs_atr=distances.needs_atr,
            reference_e8=signal.close_e8,
            quote_stale_ns=None if moment.recorded else self._quote_stale_ns,
        )

    def _median_spread_e8(self, symbol: str, moment: Moment) -> int | None:
        if symbol not in self._medians:
            self._medians[symbol] = self._quotes.median_spread_e8(symbol, moment.market_ns)
        return self._medians[symbol]

    def _level(self, account: Account, draft: Draft) -> str:
        """The stop that binds: ours, or the one the local reports where that is higher."""
        level = self._killset.level_for(account.name, draft.our_symbol, draft.strategy)
        if level == ACTIVE and account.state is not None:
            return account.state.ladder
        return level

    def _oid(self, signal: Signal, strategy: str, leg: str, moment: Moment) -> bytes:
        key = (strategy, leg)
        if key not in self._oids:
            mesh = self._config.settings.mesh.id
            self._oids[key] = oid_of(mesh, moment.run, signal.source, signal.sid, strategy, leg)
        return self._oids[key]
