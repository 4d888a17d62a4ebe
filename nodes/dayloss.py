"""Daily loss and drawdown of one account, from its settled states; deposits and withdrawals move neither.

A day begins at a time of day of a named zone. Its base is balance, equity or the higher of both in the first state seen in
it, and the loss is ``base − (equity − deposits since)``. Once the limit is reached the day is ``broken``: it stays so until
the next one begins, whatever equity does. Drawdown is measured from the highest ``equity − deposits`` ever seen.
"""

from typing import Literal

import msgspec

from mesh.messages.accounts import AccountState
from mesh.messages.base import Count, Int64, Msg
from mesh.settings import RailsSection
from mesh.units import DAY_NS, E8, MINUTE_NS
from nodes.sizing import PERCENT, e8_of
from nodes.zones import Zone

NO_DAY = -(2**62)
"""Before the first state."""
FINE, WARNED, BROKEN = 0, 1, 2
"""How far a day has come; it only goes up until the next one."""


def minutes_of_day(text: str) -> int:
    """Minutes after midnight of a checked ``HH:MM``."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


class DayRule(msgspec.Struct, frozen=True):
    """The daily loss rule of an account in integers; ``limit_percent_e8`` None: switched off."""

    limit_percent_e8: int | None
    warn_percent_e8: int
    base: Literal["balance", "equity", "higher"]
    flattens: bool
    reset_ns: int
    """After midnight of the zone."""
    zone: Zone

    def day_at(self, market_ns: int) -> int:
        """The number of the day (since 1970, of the zone's clock) that ``market_ns`` lies in."""
        return (market_ns + self.zone.offset_ns_at(market_ns) - self.reset_ns) // DAY_NS


def day_rule_of(rails: RailsSection, broker_zone: str) -> DayRule:
    """The rule of an account's rails. Raises ValueError for an unknown zone."""
    return DayRule(
        limit_percent_e8=None if rails.daily_loss_percent is None else e8_of(rails.daily_loss_percent),
        warn_percent_e8=e8_of(rails.daily_loss_warn_percent),
        base=rails.daily_loss_base,
        flattens=rails.daily_loss_action == "flatten",
        reset_ns=minutes_of_day(rails.daily_reset) * MINUTE_NS,
        zone=Zone.parse(rails.daily_reset_zone or broker_zone),
    )


class Marks(Msg):
    """What the rules remember of an account. ``base_*``: of the day; ``high_net_e8``: highest equity less deposits."""

    day: Int64 = NO_DAY
    base_e8: Int64 = 0
    base_deposit_e8: Int64 = 0
    high_net_e8: Int64 = 0
    level: Count = FINE


def day_base_e8(marks: Marks, deposit_e8: int) -> int:
    """What equity is held against: the day's base and what was deposited since; 0 before the first state."""
    return 0 if marks.day == NO_DAY else marks.base_e8 + deposit_e8 - marks.base_deposit_e8


def moved(marks: Marks, rule: DayRule, state: AccountState, market_ns: int) -> Marks:
    """The marks after a settled state, looked at in the day of ``market_ns``; the same object where nothing changed."""
    net_e8 = state.equity_e8 - state.deposit_e8
    if marks.day == NO_DAY or rule.day_at(market_ns) > marks.day:
        choices_e8 = {"balance": state.balance_e8, "equity": state.equity_e8}
        base_e8 = choices_e8.get(rule.base, max(state.balance_e8, state.equity_e8))
        high_e8 = net_e8 if marks.day == NO_DAY else max(marks.high_net_e8, net_e8)
        marks = Marks(rule.day_at(market_ns), base_e8, state.deposit_e8, high_e8)
    elif net_e8 > marks.high_net_e8:
        marks = msgspec.structs.replace(marks, high_net_e8=net_e8)
    level = max(marks.level, _level(marks, rule, state))
    return marks if level == marks.level else msgspec.structs.replace(marks, level=level)


def _level(marks: Marks, rule: DayRule, state: AccountState) -> int:
    limit_e8 = day_limit_e8(marks, rule)
    if limit_e8 is None:
        return FINE
    loss_e8 = day_loss_e8(marks, state)
    if loss_e8 >= limit_e8:
        return BROKEN
    return WARNED if loss_e8 * PERCENT * E8 >= limit_e8 * rule.warn_percent_e8 else FINE


def day_limit_e8(marks: Marks, rule: DayRule) -> int | None:
    """Money that may be lost in the day; None where the rule is off."""
    if rule.limit_percent_e8 is None:
        return None
    return max(0, marks.base_e8) * rule.limit_percent_e8 // (PERCENT * E8)


def day_loss_e8(marks: Marks, state: AccountState) -> int:
    """Money lost since the day began; negative for a gain."""
    return day_base_e8(marks, state.deposit_e8) - state.equity_e8


def drawdown_e8(marks: Marks, state: AccountState) -> tuple[int, int]:
    """(money below the high-water mark, the mark itself as equity at today's deposits)."""
    mark_e8 = marks.high_net_e8 + state.deposit_e8
    return mark_e8 - state.equity_e8, mark_e8
