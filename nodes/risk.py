"""The rules an opening must pass on each account, each with its own code and the numbers it looked at.

The rules run in the order of ``RULES``; the first that objects decides the line, so the order is part of what a line says:
is the account there (NO_STATE … UNKNOWN), may it trade now (SIGNAL_AGE … ORDERS_HOUR), is the market fit (NO_QUOTE … COLLAR),
is there room (POSITIONS_SYMBOL … NETTING), is the order sound (NO_ATR, STOPS, VOLUME), can the account bear it (RISK …
MARGIN_LEVEL). No rule here ever sees a closing leg. A limit is the last value allowed; of daily loss and drawdown it is the first
that is not. A rule that is off is passed over. The rules themselves: ``standingrails``, ``orderrails``, ``moneyrails``.
"""

from collections.abc import Callable

from nodes import moneyrails, orderrails, standingrails
from nodes.codes import DENIED, KILLED, SKIPPED
from nodes.openask import OpenAsk

Rule = Callable[[OpenAsk], str | None]
"""What a rule objects to as ``key=value`` words; None where it does not."""

RULES: tuple[tuple[str, str, Rule], ...] = (
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


def objection(ask: OpenAsk) -> tuple[str, str] | None:
    """(code, ``WORD key=value …``) of the first rule that objects to an opening; None where none does."""
    for word, code, rule in RULES:
        detail = rule(ask)
        if detail is not None:
            return code, f"{word} {detail}"
    return None
