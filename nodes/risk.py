"""The rules an opening must pass on each account, each with its own code and the numbers it looked at.

The rules run in the order of ``RULES``; the first that objects decides the line, so the order is part of what a line says:
is the account there (MISMATCH … UNKNOWN), may it trade now (SIGNAL_AGE … ORDERS_HOUR), is the market fit (NO_QUOTE … COLLAR),
is there room (POSITIONS_SYMBOL … NETTING), is the order sound (NO_ATR, STOPS, VOLUME), can the account bear it (RISK …
MARGIN_LEVEL). No rule here ever sees a closing leg. A limit is the last value allowed; of daily loss and drawdown it is the first
that is not. A rule that is off is passed over. The rules themselves: ``standingrails``, ``orderrails``, ``moneyrails``.
"""

from collections.abc import Callable

from nodes import moneyrails, orderrails, standingrails
from nodes.codes import DENIED, KILLED, SKIPPED
from nodes.dayloss import DayRule
from nodes.limits import Limits
from nodes.openask import OpenAsk

Rule = Callable[[OpenAsk], str | None]
"""What a rule objects to as ``key=value`` words; None where it does not."""

RULES: tuple[tuple[str, str, Rule], ...] = (
    ("MISMATCH", DENIED, standingrails.mismatch),
    ("NO_STATE", DENIED, standingrails.no_state),
    ("ROLLBACK", DENIED, standingrails.rollback),
    ("STALE_ACCOUNT", DENIED, standingrails.stale),
    ("DISCONNECTED", DENIED, standingrails.disconnected),
    ("TRADE_DISABLED", DENIED, standingrails.trade_disabled),
    ("NO_SPEC", DENIED, standingrails.no_spec),
    ("LADDER", KILLED, standingrails.killed),
    ("UNKNOWN", DENIED, standingrails.unknown),
    ("SIGNAL_AGE", DENIED, standingrails.signal_age),
    ("DUPLICATE_WINDOW", SKIPPED, standingrails.duplicate),
    ("CLOSED_HOURS", DENIED, standingrails.closed_hours),
    ("DAILY_LOSS", DENIED, moneyrails.daily_loss),
    ("DRAWDOWN", DENIED, moneyrails.drawdown),
    ("ORDERS_MINUTE", DENIED, standingrails.orders_minute),
    ("ORDERS_HOUR", DENIED, standingrails.orders_hour),
    ("NO_QUOTE", DENIED, orderrails.no_quote),
    ("STALE_QUOTE", DENIED, orderrails.stale_quote),
    ("SPREAD", DENIED, orderrails.spread),
    ("COLLAR", DENIED, orderrails.collar),
    ("POSITIONS_SYMBOL", DENIED, orderrails.positions_symbol),
    ("POSITIONS", DENIED, orderrails.positions),
    ("NETTING", DENIED, orderrails.netting),
    ("NO_ATR", DENIED, orderrails.no_atr),
    ("STOPS", DENIED, orderrails.stops),
    ("VOLUME", SKIPPED, orderrails.volume),
    ("RISK", DENIED, moneyrails.risk),
    ("EXPOSURE", DENIED, moneyrails.exposure),
    ("MARGIN_LEVEL", DENIED, moneyrails.margin_level),
)
"""(word, the line's code where it objects, the rule), in the order in which they run."""
LIMIT_OF = {
    "SIGNAL_AGE": "signal_age_ns",
    "DUPLICATE_WINDOW": "duplicate_window_ns",
    "CLOSED_HOURS": "closed_from_ns",
    "DRAWDOWN": "drawdown_percent_e8",
    "ORDERS_MINUTE": "orders_per_minute_count",
    "ORDERS_HOUR": "orders_per_hour_count",
    "SPREAD": "spread_times_e8",
    "COLLAR": "collar_percent_e8",
    "POSITIONS_SYMBOL": "positions_per_symbol_count",
    "POSITIONS": "positions_count",
    "RISK": "risk_percent_e8",
    "EXPOSURE": "exposure_times_e8",
    "MARGIN_LEVEL": "margin_level_percent_e8",
}
"""Word of a rule → the field of ``Limits`` without which it is off. DAILY_LOSS is off by its ``DayRule``; the others never are."""


def rules_of(limits: Limits, day_rule: DayRule) -> tuple[Rule, ...]:
    """Those of ``RULES`` that are on: what an account has switched off is not asked for each of its openings."""
    off = [word for word, field in LIMIT_OF.items() if getattr(limits, field) is None]
    if day_rule.limit_percent_e8 is None:
        off.append("DAILY_LOSS")
    return tuple(rule for word, _, rule in RULES if word not in off)


ALL_RULES = tuple(rule for _, _, rule in RULES)
_WORDS = {rule: (word, code) for word, code, rule in RULES}


def objection(ask: OpenAsk, rules: tuple[Rule, ...] = ALL_RULES) -> tuple[str, str] | None:
    """(code, ``WORD key=value …``) of the first of these rules that objects to an opening; None where none does."""
    for rule in rules:
        if (detail := rule(ask)) is not None:
            word, code = _WORDS[rule]
            return code, f"{word} {detail}"
    return None
