"""What makes the whole fleet stop: its loss of a day, orders that fail everywhere, a word of the master's host (DESIGN §7).

Each is an entry of the master over everything, which only a person can end. The fleet's loss is the sum of what its accounts have lost on
their own days, in one currency; an account whose state or rate is missing is left out and named, for a guess neither stops nor spares.
"""

import msgspec

from mesh.core import Effect, Note
from mesh.messages.control import FREEZE
from mesh.units import E8, SECOND_NS, text_from_e8
from nodes.dayloss import day_loss_e8
from nodes.failures import Failures
from nodes.fleetmoney import FleetSum, summed
from nodes.master.account import Account
from nodes.master.state import MasterState
from nodes.master.stopping import take_stop
from nodes.sizing import PERCENT, e8_of
from nodes.stops import ERRORS, FLEET_LOSS, HOST


class _Share(msgspec.Struct, frozen=True):
    """What one account adds to the fleet's loss, in its own currency."""

    currency: str
    lost_e8: int
    base_e8: int
    day: int


class Tripwires:
    """Those of one master."""

    def __init__(self, state: MasterState) -> None:
        self._state = state
        self._failures = Failures()
        self.configure()
        self._missing: tuple[str, ...] = ()
        """Currencies without a rate that were told of."""
        self._shares: dict[str, _Share] = {}
        """By account …"""
        self._sums: dict[str, tuple[int, int]] = {}
        """… and by currency: (lost today, what the days began with)."""
        self._day = 1
        """The newest day of any account."""

    def configure(self) -> None:
        """Take the limits of the configuration."""
        fleet = self._state.config.settings.fleet
        self._currency = fleet.currency
        self._loss_percent_e8 = None if fleet.loss_percent is None else e8_of(fleet.loss_percent)
        self._failures.limit(fleet.errors_count, fleet.errors_window_ms)

    def host(self, level: str, why: str, now_ns: int) -> list[Effect]:
        """Somebody on the master's host wants everything stopped."""
        return self._entry(HOST, why, now_ns, level)

    def failed(self, account: str, why: str, now_ns: int) -> list[Effect]:
        """An opening was refused by a venue."""
        too_many = self._failures.add(self._state.clock.market_ns, f"{account} {why}")
        return self._entry(ERRORS, too_many, now_ns) if too_many else []

    def moved(self, account: Account, now_ns: int) -> list[Effect]:
        """An account has a newer state: hold the fleet's loss against its limit, in a recorded market when all it asked for are there."""
        known = account.usable(self._state.recorded)
        if self._loss_percent_e8 is None or known is None or account.marks.base_e8 <= 0:
            return []
        share = _Share(known.currency, day_loss_e8(account.marks, known), account.marks.base_e8, account.marks.day)
        if share.day > self._day:
            self._begin_day(share.day)
        self._count(account.name, share)
        if self._state.recorded and self._state.settlement.missing(now_ns):
            return []
        return self._look(now_ns)

    def _begin_day(self, day: int) -> None:
        """Some account's day has begun: what others lost on a day that is over for them is no loss of today."""
        self._day = day
        accounts, market_ns = self._state.accounts, self._state.clock.market_ns
        for name, share in list(self._shares.items()):
            if accounts[name].day_rule.day_at(market_ns) > share.day:
                self._add(share, -1)
                del self._shares[name]

    def _count(self, name: str, share: _Share) -> None:
        """Put an account's newest share in the place of the one before."""
        if name in self._shares:
            self._add(self._shares[name], -1)
        self._add(share, 1)
        self._shares[name] = share

    def _add(self, share: _Share, sign: int) -> None:
        lost_e8, base_e8 = self._sums.get(share.currency, (0, 0))
        self._sums[share.currency] = lost_e8 + sign * share.lost_e8, base_e8 + sign * share.base_e8

    def _look(self, now_ns: int) -> list[Effect]:
        state, market_ns = self._state, self._state.clock.market_ns
        quote_of = state.clock.quotes.quote
        lost = summed([(currency, sums[0]) for currency, sums in self._sums.items()], self._currency, quote_of, market_ns)
        base = summed([(currency, sums[1]) for currency, sums in self._sums.items()], self._currency, quote_of, market_ns)
        effects = self._told(lost, base)
        limit_e8 = base.money_e8 * (self._loss_percent_e8 or 0) // (PERCENT * E8)
        if limit_e8 <= 0 or lost.money_e8 < limit_e8 or state.stops.has_issued(FLEET_LOSS, self._day):
            return effects
        rates = f" rates_age_s={(market_ns - lost.oldest_ns) // SECOND_NS}" if lost.oldest_ns else ""
        left_out = f" without={'+'.join(lost.missing)}" if lost.missing else ""
        words = f"used={text_from_e8(lost.money_e8, 2)} limit={text_from_e8(limit_e8, 2)} {self._currency}{rates}{left_out}"
        return effects + self._entry(FLEET_LOSS, words, now_ns, nonce=self._day)

    def _told(self, lost: FleetSum, base: FleetSum) -> list[Effect]:
        """Say once that some currency has no rate."""
        if lost.missing == self._missing:
            return []
        self._missing = lost.missing
        if not lost.missing:
            return []
        told = {"currencies": ", ".join(lost.missing), "into": self._currency, "counted": text_from_e8(base.money_e8, 2)}
        told["do"] = "add a symbol that names both currencies to the market, or set fleet.currency"
        return [Note("warning", "fleet_rate_missing", told)]

    def _entry(self, rule: str, why: str, now_ns: int, level: str = FREEZE, nonce: int = 0) -> list[Effect]:
        """A stop over everything, unless one of this rule binds at this level already."""
        state = self._state
        if not state.is_durable or state.stops.binds(rule, level):
            return []
        return take_stop(state, state.stops.issued(level, "all", rule, why, state.wall.at(now_ns), nonce), now_ns)
