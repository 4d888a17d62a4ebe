"""What all accounts are together: money by currency, exposure by symbol, and the accounts with the worst day.

Amounts of different currencies are never added. Sums go by the difference: of 1,000 accounts only those are counted again whose state is
another one than at the last look.
"""

from collections.abc import Iterable, Mapping
from heapq import nlargest, nsmallest

import msgspec

from mesh.messages.accounts import AccountState
from mesh.view import freshness

Seen = Mapping[str, tuple[int, AccountState]]
"""Account → when its newest state was true, and the state: ``View.accounts``."""
BASIS_POINTS = 10_000


class Money(msgspec.Struct):
    """The sums of one currency. ``day_e8``: of the ``day_count`` accounts whose day has begun.

    ``old_count``: accounts that are late or dead, of them ``dead_count``; ``old_ns``: the age of the oldest.
    """

    currency: str
    account_count: int = 0
    equity_e8: int = 0
    balance_e8: int = 0
    day_e8: int = 0
    day_count: int = 0
    margin_free_e8: int = 0
    old_count: int = 0
    dead_count: int = 0
    old_ns: int = 0

    @property
    def floating_e8(self) -> int:
        """What open positions would bring now."""
        return self.equity_e8 - self.balance_e8

    def add(self, state: AccountState, sign: int) -> None:
        """An account comes, or goes (-1)."""
        day_e8 = day_result_e8(state)
        self.account_count += sign
        self.equity_e8 += sign * state.equity_e8
        self.balance_e8 += sign * state.balance_e8
        self.margin_free_e8 += sign * state.margin_free_e8
        if day_e8 is not None:
            self.day_e8 += sign * day_e8
            self.day_count += sign


class Exposure(msgspec.Struct):
    """The positions in one symbol. ``floating_e8``: currency → their profit and swap; ``counts``: currency → how many they are.

    ``old_count``: accounts among theirs that are late or dead; ``old_ns``: the age of the oldest.
    """

    symbol: str
    long_e8: int = 0
    short_e8: int = 0
    position_count: int = 0
    foreign_count: int = 0
    floating_e8: dict[str, int] = {}
    counts: dict[str, int] = {}
    old_count: int = 0
    old_ns: int = 0

    @property
    def net_e8(self) -> int:
        """Lots; negative is short."""
        return self.long_e8 - self.short_e8


class Worst(msgspec.Struct, frozen=True):
    """An account with its age, and what its day brought in hundredths of a percent of what it began with."""

    state: AccountState
    age_ns: int
    day_basis_points: int | None


def day_result_e8(state: AccountState) -> int | None:
    """What the day brought; None: none has begun."""
    return state.equity_e8 - state.day_base_e8 if state.day_base_e8 else None


def day_basis_points(state: AccountState) -> int | None:
    """The same in hundredths of a percent of its base."""
    day_e8 = day_result_e8(state)
    return None if day_e8 is None else BASIS_POINTS * day_e8 // abs(state.day_base_e8)


class Fleet:
    """The sums, kept up to date. ``take`` first, then ask."""

    def __init__(self) -> None:
        self._states: dict[str, AccountState] = {}
        self._money: dict[str, Money] = {}
        self._exposures: dict[str, Exposure] = {}
        self._symbols: dict[str, tuple[str, ...]] = {}
        """Account → symbols in which it has positions."""

    def take(self, accounts: Seen, now_ns: int) -> None:
        """Account states as they are now."""
        known = self._states
        for name, (_, state) in accounts.items():
            before = known.get(name)
            if before is state:
                continue
            known[name] = state
            if before == state:
                continue  # told again, by a snapshot or another router
            if before is not None:
                self._count(before, -1)
            self._count(state, 1)
            self._symbols[name] = tuple(dict.fromkeys(position.symbol for position in state.positions))
        self._age(accounts, now_ns)

    def _count(self, state: AccountState, sign: int) -> None:
        money = self._money.get(state.currency)
        if money is None:
            money = self._money[state.currency] = Money(state.currency)
        money.add(state, sign)
        if not money.account_count:
            del self._money[state.currency]
        for position in state.positions:
            exposure = self._exposures.get(position.symbol)
            if exposure is None:
                exposure = self._exposures[position.symbol] = Exposure(position.symbol)
            if position.side > 0:
                exposure.long_e8 += sign * position.volume_e8
            else:
                exposure.short_e8 += sign * position.volume_e8
            exposure.position_count += sign
            exposure.foreign_count += sign * (not position.ours)
            floating, counts = exposure.floating_e8, exposure.counts
            counts[state.currency] = counts.get(state.currency, 0) + sign
            floating[state.currency] = floating.get(state.currency, 0) + sign * (position.profit_e8 + position.swap_e8)
            if not counts[state.currency]:
                del counts[state.currency], floating[state.currency]
            if not exposure.position_count:
                del self._exposures[position.symbol]

    def _age(self, accounts: Seen, now_ns: int) -> None:
        """Which sums hold something old."""
        for money in self._money.values():
            money.old_count = money.dead_count = money.old_ns = 0
        for exposure in self._exposures.values():
            exposure.old_count = exposure.old_ns = 0
        for name, (at_ns, state) in accounts.items():
            age_ns = now_ns - at_ns
            word = freshness(age_ns)
            if word == "fresh":
                continue
            money = self._money[state.currency]
            money.old_count += 1
            money.dead_count += word == "dead"
            money.old_ns = max(money.old_ns, age_ns)
            for symbol in self._symbols[name]:
                exposure = self._exposures[symbol]
                exposure.old_count += 1
                exposure.old_ns = max(exposure.old_ns, age_ns)

    # what is asked

    def money(self) -> list[Money]:
        """By currency, in the order of the alphabet."""
        return [self._money[currency] for currency in sorted(self._money)]

    @property
    def symbol_count(self) -> int:
        """Symbols in which there are positions."""
        return len(self._exposures)

    def exposures(self, count_max: int) -> list[Exposure]:
        """The symbols with the most lots net."""
        return nlargest(count_max, self._exposures.values(), key=lambda each: (abs(each.net_e8), each.long_e8 + each.short_e8))

    def worst(self, accounts: Seen, now_ns: int, count_max: int) -> list[Worst]:
        """The accounts with the worst day for their size; last those whose day has not begun."""
        pairs: Iterable[tuple[int, AccountState]] = accounts.values()
        last = 1 << 62
        found = nsmallest(count_max, pairs, key=lambda pair: last if (basis_points := day_basis_points(pair[1])) is None else basis_points)
        return [Worst(state, now_ns - at_ns, day_basis_points(state)) for at_ns, state in found]
