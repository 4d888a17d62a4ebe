"""Watches the daily loss of an account at each state decisions rest on, and says once a day what it saw."""

import msgspec

from mesh.core import Effect, Note
from mesh.messages.signals import Signal
from mesh.units import text_from_e8
from nodes.dayloss import BROKEN, FINE, WARNED, day_limit_e8, day_loss_e8, moved
from nodes.master.account import Account
from nodes.master.told import risk_event

RISK = "risk"
"""Source and strategy of what the daily loss rule decides by itself."""
LEG = "daily_loss"
DAYS_PER_ERA = 146_097
"""Days in 400 years of the Gregorian calendar."""


class Seen(msgspec.Struct, frozen=True):
    """What a state changed. ``moved``: marks to be made durable."""

    moved: bool
    is_new_day: bool
    effects: list[Effect]


def date_text(day: int) -> str:
    """ISO date of a day number since 1970 (days_from_civil turned round, Howard Hinnant, "chrono-compatible date algorithms")."""
    shifted = day + 719_468
    era, day_of_era = divmod(shifted, DAYS_PER_ERA)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = year_of_era + era * 400 + (month <= 2)
    return f"{year:04d}-{month:02d}-{day_of_year - (153 * month_index + 2) // 5 + 1:02d}"


def sid_of(account: Account, number: int = 1) -> str:
    """The sid of what the rule decides on this day of the account; ``number`` counts its tries to flatten."""
    again = f"/{number}" if number > 1 else ""
    return f"{RISK}/{LEG}/{account.name}/{date_text(account.marks.day)}{again}"


def signal_of(account: Account, number: int, market_ns: int, now_ns: int) -> Signal:
    """The signal under which an account is flattened for the ``number``-th time on its day."""
    return Signal(
        sid=sid_of(account, number),
        source=RISK,
        kind=RISK,
        symbol=RISK,
        timeframe="",
        bar_start_ns=0,
        close_e8=0,
        ts_event_ns=market_ns,
        stamp_ns=now_ns,
        name=LEG,
        accounts=[account.name],
    )


def look(account: Account, recorded: bool, market_ns: int) -> Seen:
    """Move the account's marks by its usable state; warn and break once a day."""
    state = account.usable(recorded)
    if state is None:
        return Seen(False, False, [])
    before = account.marks
    at_ns = max(state.market_ns, market_ns)
    account.marks = moved(before, account.day_rule, state, at_ns)
    if account.marks is before:
        return Seen(False, False, [])
    is_new_day = before.day != account.marks.day
    level = account.marks.level
    if level == (FINE if is_new_day else before.level):
        return Seen(True, is_new_day, [])
    limit_e8 = day_limit_e8(account.marks, account.day_rule) or 0
    detail = f"used={text_from_e8(day_loss_e8(account.marks, state), 2)} limit={text_from_e8(limit_e8, 2)}"
    code = {WARNED: "DAILY_LOSS_WARNED", BROKEN: "DAILY_LOSS"}[level]
    told = {"account": account.name, "detail": detail, "day": date_text(account.marks.day)}
    if level == BROKEN:
        told["action"] = "flatten" if account.day_rule.flattens else "freeze"
    note = Note("error" if level == BROKEN else "warning", code.lower(), told)
    event = risk_event(sid_of(account), account.name, code, detail, at_ns)
    return Seen(True, is_new_day, [note, event])
