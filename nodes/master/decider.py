"""From a signal to the lines of its decision: strategies say what they want, risk rules what each account may have of it.

Nothing is numbered, stored or sent here, and nothing here looks at a clock: the same accounts, quotes and signal give the
same drafts. What earlier drafts of a decision take up of an account counts for the later ones.
"""

from mesh.config import Config
from mesh.ids import oid_of
from mesh.killset import KillSet
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.signals import Signal
from nodes.codes import NOBODY, SKIPPED
from nodes.master.account import Account
from nodes.master.draft import CLOSE_LEG, NO_LEG, OPEN_LEG, Draft, Moment
from nodes.master.openings import Opening, Openings
from nodes.positions import Holding, Holdings
from nodes.quotes import Quotes
from nodes.strategy import BOTH_SIDES, EVERY_STRATEGY, Strategies, Wish


class Decider:
    """The rules of one master, applied to one signal after the other."""

    def __init__(self, config: Config, accounts: dict[str, Account], quotes: Quotes, killset: KillSet) -> None:
        self._config = config
        self._mesh = config.settings.mesh.id
        self._accounts = accounts
        self._quotes = quotes
        self._strategies = Strategies(config)
        self._openings = Openings(config, quotes, killset)
        self._taken: dict[str, Holdings] = {}
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
        opening: Opening | None = None
        if wish.open_side and not wish.lacks:
            oid = self._oid(signal, wish.rule.name, OPEN_LEG, moment)
            opening = self._openings.opening(wish, signal, oid, moment)
        drafts: list[Draft] = []
        for name in wish.targets:
            account = self._accounts[name]
            symbol = account.broker_symbol(signal.symbol)
            closes = self._closes(wish, signal, account, symbol, moment) if wish.close_side else []
            drafts += closes
            if wish.open_side and (wish.reverses or not closes):
                if opening is None:
                    drafts.append(self._skipped(wish, OPEN_LEG, OPEN, wish.lacks, signal, account, symbol, moment))
                else:
                    drafts.append(self._openings.draft(opening, account, symbol, self._holdings(account, moment)))
        return drafts

    def _closes(self, wish: Wish, signal: Signal, account: Account, symbol: str, moment: Moment) -> list[Draft]:
        """What a wish closes on one account; where that is all it wants and nothing is there, a line that says so."""
        drafts: list[Draft] = []
        for holding in self._closable(wish, account, symbol, moment):
            leg = CLOSE_LEG if not drafts else f"{CLOSE_LEG}{len(drafts) + 1}"
            drafts.append(self._close(signal, wish.rule.name, leg, account, holding, moment))
        if not drafts and not wish.open_side:
            closing = [h for h in self._holdings(account, moment) if h.ours and h.closing and h.symbol == symbol]
            why = f"NOTHING_TO_CLOSE closing_count={len(closing)}"
            drafts.append(self._skipped(wish, CLOSE_LEG, CLOSE, why, signal, account, symbol, moment))
        return drafts

    def _holdings(self, account: Account, moment: Moment) -> Holdings:
        holdings = self._taken.get(account.name)
        if holdings is None:
            holdings = self._taken[account.name] = Holdings(account.holdings, moment.recorded)
        return holdings

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
        self._holdings(account, moment).close(holding)
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

    def _oid(self, signal: Signal, strategy: str, leg: str, moment: Moment) -> bytes:
        key = (strategy, leg)
        oid = self._oids.get(key)
        if oid is None:
            oid = self._oids[key] = oid_of(self._mesh, moment.run, signal.source, signal.sid, strategy, leg)
        return oid
