"""Daily loss and drawdown: bases, resets with daylight saving, deposits, warnings, breaks that stay."""

from decimal import Decimal

import msgspec
import pytest

from mesh.messages.accounts import AccountState
from mesh.settings import RailsSection
from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS
from nodes.dayloss import (
    BROKEN,
    FINE,
    WARNED,
    DayRule,
    Marks,
    day_base_e8,
    day_limit_e8,
    day_loss_e8,
    day_rule_of,
    drawdown_e8,
    minutes_of_day,
    moved,
)
from nodes.master.losswatch import date_text
from tests.nodes.master.masterrig import NOON_NS, first_state


def rule_of(**changes: object) -> DayRule:
    return day_rule_of(msgspec.structs.replace(RailsSection(), **changes), "UTC")


def money(equity: int, balance: int = 10_000, deposit: int = 10_000) -> AccountState:
    return msgspec.structs.replace(
        first_state("a1"), equity_e8=equity * E8, balance_e8=balance * E8, deposit_e8=deposit * E8
    )


def begun(rule: DayRule, state: AccountState | None = None) -> Marks:
    return moved(Marks(), rule, state or money(10_000), NOON_NS)


@pytest.mark.parametrize(("base", "expected"), [("balance", 9_000), ("equity", 9_500), ("higher", 9_500)])
def test_the_base_is_what_was_set(base: str, expected: int) -> None:
    """Balance, equity, or the higher of both in the day's first state."""
    assert begun(rule_of(daily_loss_base=base), money(9_500, 9_000)).base_e8 == expected * E8


def test_the_higher_base_takes_the_balance_where_that_is_higher() -> None:
    """With a floating loss at the reset the balance is the higher base."""
    assert begun(rule_of(daily_loss_base="higher"), money(8_500, 9_000)).base_e8 == 9_000 * E8


@pytest.mark.parametrize(
    ("equity", "level"),
    [(10_000, FINE), (9_761, FINE), (9_760, WARNED), (9_701, WARNED), (9_700, BROKEN), (5_000, BROKEN), (12_000, FINE)],
)
def test_levels_at_their_boundaries(equity: int, level: int) -> None:
    """3 % of 10,000 are 300: warned from 240 on (80 %), broken from 300 on."""
    rule = rule_of()
    assert moved(begun(rule), rule, money(equity), NOON_NS).level == level


def test_a_broken_day_stays_broken_until_the_next() -> None:
    """Equity that comes back does not mend the day; the next day begins with its own base."""
    rule = rule_of()
    broken = moved(begun(rule), rule, money(9_600), NOON_NS)
    recovered = moved(broken, rule, money(10_500), NOON_NS + HOUR_NS)
    assert recovered.level == BROKEN
    following = moved(recovered, rule, money(10_400, balance=10_400), NOON_NS + DAY_NS)
    assert (following.level, following.base_e8, following.day) == (FINE, 10_400 * E8, broken.day + 1)


def test_deposits_and_withdrawals_move_nothing() -> None:
    """Money put in or taken out is neither gain nor loss, for the day nor for the drawdown."""
    rule = rule_of()
    marks = begun(rule)
    for state in (money(15_000, 15_000, 15_000), money(4_000, 4_000, 4_000)):
        assert day_loss_e8(marks, state) == 0
        assert moved(marks, rule, state, NOON_NS).level == FINE
        assert drawdown_e8(marks, state)[0] == 0
    assert day_loss_e8(marks, money(14_900, 14_900, 15_000)) == 100 * E8


def test_switched_off_has_no_limit() -> None:
    """Without a limit no loss warns or breaks."""
    rule = rule_of(daily_loss_percent=None)
    marks = moved(begun(rule), rule, money(1), NOON_NS)
    assert (marks.level, day_limit_e8(marks, rule)) == (FINE, None)


def test_the_day_begins_at_its_time_in_its_zone() -> None:
    """17:00 in New York is 22:00 UTC in winter and 21:00 in summer."""
    rule = rule_of(daily_reset="17:00", daily_reset_zone="America/New_York")
    january = NOON_NS + 10 * HOUR_NS
    july = NOON_NS + 182 * DAY_NS + 9 * HOUR_NS
    for reset_ns in (january, july):
        assert rule.day_at(reset_ns) == rule.day_at(reset_ns - 1) + 1
        assert rule.day_at(reset_ns + DAY_NS - 1) == rule.day_at(reset_ns)


def test_the_broker_zone_stands_where_none_is_named() -> None:
    """An empty zone is the broker's: New York + 7 h has its midnight at 17:00 New York."""
    rails = RailsSection()
    named = rule_of(daily_reset="17:00", daily_reset_zone="New York")
    brokers = day_rule_of(rails, "New York + 7 h")
    for step in range(48):
        before, after = NOON_NS + step * 30 * MINUTE_NS, NOON_NS + (step + 1) * 30 * MINUTE_NS
        assert (named.day_at(before) < named.day_at(after)) == (brokers.day_at(before) < brokers.day_at(after))


def test_drawdown_is_from_the_highest_equity() -> None:
    """The mark goes up with equity, never down, and over days."""
    rule = rule_of()
    marks = moved(begun(rule), rule, money(11_000), NOON_NS)
    marks = moved(marks, rule, money(10_120), NOON_NS + DAY_NS)
    assert drawdown_e8(marks, money(10_120)) == (880 * E8, 11_000 * E8)


def test_the_base_of_a_day_goes_with_deposits_and_is_0_before_the_first_state() -> None:
    """Equity less it is what the day brought."""
    rule = rule_of()
    assert day_base_e8(Marks(), 0) == 0
    assert day_base_e8(begun(rule), 10_000 * E8) == 10_000 * E8
    assert day_base_e8(begun(rule), 10_500 * E8) == 10_500 * E8


def test_nothing_new_is_the_same_object() -> None:
    """The caller sees by identity whether there is something to store."""
    rule = rule_of()
    marks = begun(rule)
    assert moved(marks, rule, money(10_000), NOON_NS) is marks


def test_an_account_without_money_has_no_room() -> None:
    """A base of nothing has a limit of nothing, and is broken at once."""
    rule = rule_of(daily_loss_percent=Decimal(3))
    assert begun(rule, money(0, 0, 0)).level == BROKEN


def test_words_for_days() -> None:
    """HH:MM to minutes, and the dates that go into sids."""
    assert (minutes_of_day("00:00"), minutes_of_day("23:59")) == (0, 1_439)
    assert [date_text(day) for day in (0, 20_458, 11_016, -1)] == ["1970-01-01", "2026-01-05", "2000-02-29", "1969-12-31"]
