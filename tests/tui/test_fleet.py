"""Sums of accounts: by currency, by symbol, with what is old in them; counted again only where something changed."""

import random
from typing import ClassVar

import msgspec

from mesh.messages.accounts import AccountState
from mesh.units import E8, SECOND_NS
from tests.tui.consolerig import NOW_NS, position, state
from tui.fleet import Fleet, Seen, day_basis_points


def taken(*states: AccountState, age_ns: int = 0) -> Fleet:
    """A fleet that has seen these."""
    fleet = Fleet()
    fleet.take({each.account: (NOW_NS - age_ns, each) for each in states}, NOW_NS)
    return fleet


def seen(*states: AccountState) -> Seen:
    """States that are fresh."""
    return {each.account: (NOW_NS, each) for each in states}


def test_money_is_summed_by_currency_and_never_over_currencies() -> None:
    """Equity, floating and day PnL of dollars hold nothing of the euros."""
    found = taken(state("a", 10_010), state("b", 9_980), state("c", 5_000, currency="EUR")).money()
    assert [money.currency for money in found] == ["EUR", "USD"]
    dollars = found[1]
    assert dollars.equity_e8 == 19_990 * E8
    assert dollars.floating_e8 == -10 * E8
    assert dollars.day_e8 == 10 * E8
    assert dollars.account_count == 2


def test_an_account_whose_day_has_not_begun_is_in_no_day_sum() -> None:
    """Its base of 0 is no loss of everything."""
    money = taken(state("a", 10_010), state("b", 10_000, day_base_e8=0)).money()[0]
    assert (money.day_e8, money.day_count, money.account_count) == (20 * E8, 1, 2)
    assert day_basis_points(state("b", day_base_e8=0)) is None


def test_exposure_has_long_short_net_and_what_is_not_ours() -> None:
    """Lots are added over accounts, their profit with swap by currency."""
    long = position(1, volume_e8=3 * E8, profit_e8=5 * E8, swap_e8=-E8)
    short = position(2, volume_e8=E8, side=-1, profit_e8=-2 * E8, ours=False)
    fleet = taken(state("a", positions=(long, short)), state("b", positions=(long,), currency="EUR"))
    found = fleet.exposures(5)[0]
    assert (found.long_e8, found.short_e8, found.net_e8) == (6 * E8, E8, 5 * E8)
    assert (found.position_count, found.foreign_count) == (3, 1)
    assert found.floating_e8 == {"USD": 2 * E8, "EUR": 4 * E8}


def test_symbols_with_the_most_net_lots_come_first() -> None:
    """Long or short, and of as many net the one with more positions."""
    sides = (("A", 1, 2), ("B", -1, 5), ("C", 1, 1))
    fleet = taken(state("a", positions=tuple(position(n, symbol=s, side=d, volume_e8=v * E8) for n, (s, d, v) in enumerate(sides))))
    assert [exposure.symbol for exposure in fleet.exposures(2)] == ["B", "A"]
    assert fleet.symbol_count == 3


def test_a_sum_says_how_many_of_its_accounts_are_old_and_how_old() -> None:
    """Late and dead ones, of the currency and of each symbol in which they have positions."""
    fleet = Fleet()
    held = state("b", positions=(position(),))
    ages = {"a": (NOW_NS, state("a", positions=(position(2, symbol="USDJPY"),))), "b": (NOW_NS - 12 * SECOND_NS, held)}
    fleet.take(ages, NOW_NS)
    money = fleet.money()[0]
    assert (money.old_count, money.dead_count, money.old_ns) == (1, 1, 12 * SECOND_NS)
    assert {each.symbol: (each.old_count, each.old_ns) for each in fleet.exposures(9)} == {"EURUSD": (1, 12 * SECOND_NS), "USDJPY": (0, 0)}


def test_what_was_old_is_fresh_again_when_it_is_told_again() -> None:
    """Ages are of now, also where no number changed."""
    fleet = taken(state("a"), age_ns=9 * SECOND_NS)
    assert fleet.money()[0].old_count == 1
    fleet.take(seen(state("a")), NOW_NS)
    assert fleet.money()[0].old_count == 0


def test_sums_kept_by_difference_are_those_counted_anew() -> None:
    """Through positions that come and go, currencies too, the running sums are those of a fleet that sees only the end."""
    draw = random.Random(7)
    fleet = Fleet()
    accounts: dict[str, tuple[int, AccountState]] = {}
    for number in range(300):
        name = f"a{draw.randrange(6)}"
        positions = tuple(
            position(each, symbol=f"S{draw.randrange(4)}", side=draw.choice((1, -1)), volume_e8=draw.randrange(1, 9) * E8)
            for each in range(draw.randrange(4))
        )
        changes = {"number": number, "currency": draw.choice(("USD", "EUR")), "day_base_e8": draw.choice((0, 9_000 * E8))}
        accounts[name] = (NOW_NS, state(name, draw.randrange(9_000, 11_000), positions, **changes))
        fleet.take(accounts, NOW_NS)
    anew = Fleet()
    anew.take(accounts, NOW_NS)
    assert fleet.money() == anew.money()
    by_symbol = {each.symbol: each for each in fleet.exposures(9)}
    assert by_symbol == {each.symbol: each for each in anew.exposures(9)}


def test_only_accounts_that_changed_are_counted_again() -> None:
    """The same object, or one that says the same, costs no sum."""

    class Counting(Fleet):
        counted: ClassVar[list[str]] = []

        def _count(self, state: AccountState, sign: int) -> None:
            self.counted.append(state.account)
            super()._count(state, sign)

    fleet, held = Counting(), state("a", positions=(position(),))
    fleet.take(seen(held), NOW_NS)
    assert fleet.counted == ["a"]
    fleet.take(seen(held), NOW_NS)
    fleet.take(seen(state("a", positions=(position(),))), NOW_NS)
    assert fleet.counted == ["a"]
    fleet.take(seen(held, state("b")), NOW_NS)
    assert fleet.counted == ["a", "b"]


def test_the_worst_day_is_worst_for_its_size() -> None:
    """A small account that lost a tenth comes before a large one that lost more money; one without a day comes last."""
    large = state("large", 99_000, day_base_e8=100_000 * E8)
    small = state("small", 900, day_base_e8=1_000 * E8)
    new = state("new", 5_000, day_base_e8=0)
    accounts = seen(new, large, small)
    found = taken(new, large, small).worst(accounts, NOW_NS, 3)
    assert [(each.state.account, each.day_basis_points) for each in found] == [("small", -1_000), ("large", -100), ("new", None)]


def test_an_account_that_changes_its_currency_leaves_the_old_sum() -> None:
    """And a currency without accounts has no line."""
    fleet = taken(state("a", currency="EUR"))
    fleet.take(seen(msgspec.structs.replace(state("a"), number=2)), NOW_NS)
    assert [money.currency for money in fleet.money()] == ["USD"]
