"""What a MetaTrader answer means for us: the one table of retcodes, and of ``last_error`` where there was no answer.

ACCEPTED, PARTIAL: done (in part). RETRY, BACKOFF: surely not done; again at a fresh price, or after a pause. CHANGED: the
world is another than thought; read it, then decide. BUG, HALT: surely not done and not to be tried again. UNKNOWN: it may
have been done; found out, never sent again. UNSENT: not handed to the terminal. Any code that is not here is UNKNOWN.
Sources: MQL5 reference "Trade Server Return Codes"; the texts of ``last_error`` in the published package.
"""

from nodes.terminal import names

ACCEPTED, PARTIAL, RETRY, BACKOFF, UNKNOWN = "ACCEPTED", "PARTIAL", "RETRY", "BACKOFF", "UNKNOWN"
CHANGED, BUG, HALT, UNSENT = "CHANGED", "BUG", "HALT", "UNSENT"

HEDGE_PROHIBITED = 10046
"""TRADE_RETCODE_HEDGE_PROHIBITED: sent by servers, not exported by the package."""

CLASS_OF: dict[int, str] = {
    names.TRADE_RETCODE_DONE: ACCEPTED,
    names.TRADE_RETCODE_NO_CHANGES: ACCEPTED,
    # accepted by the server, but for a deal not filled yet: the adapter turns it into UNKNOWN where a deal was meant
    names.TRADE_RETCODE_PLACED: ACCEPTED,
    names.TRADE_RETCODE_DONE_PARTIAL: PARTIAL,
    names.TRADE_RETCODE_REQUOTE: RETRY,
    names.TRADE_RETCODE_PRICE_CHANGED: RETRY,
    names.TRADE_RETCODE_PRICE_OFF: RETRY,
    names.TRADE_RETCODE_TOO_MANY_REQUESTS: BACKOFF,
    names.TRADE_RETCODE_LOCKED: BACKOFF,
    names.TRADE_RETCODE_FROZEN: BACKOFF,
    names.TRADE_RETCODE_MARKET_CLOSED: BACKOFF,
    names.TRADE_RETCODE_TIMEOUT: UNKNOWN,
    names.TRADE_RETCODE_CONNECTION: UNKNOWN,
    names.TRADE_RETCODE_ERROR: UNKNOWN,
    0: UNKNOWN,
    names.TRADE_RETCODE_ORDER_CHANGED: CHANGED,
    names.TRADE_RETCODE_POSITION_CLOSED: CHANGED,
    names.TRADE_RETCODE_CLOSE_ORDER_EXIST: CHANGED,
    names.TRADE_RETCODE_INVALID_CLOSE_VOLUME: CHANGED,
    names.TRADE_RETCODE_REJECT_CANCEL: CHANGED,
    names.TRADE_RETCODE_INVALID: BUG,
    names.TRADE_RETCODE_INVALID_VOLUME: BUG,
    names.TRADE_RETCODE_INVALID_PRICE: BUG,
    names.TRADE_RETCODE_INVALID_STOPS: BUG,
    names.TRADE_RETCODE_INVALID_EXPIRATION: BUG,
    names.TRADE_RETCODE_INVALID_FILL: BUG,
    names.TRADE_RETCODE_INVALID_ORDER: BUG,
    names.TRADE_RETCODE_LONG_ONLY: BUG,
    names.TRADE_RETCODE_SHORT_ONLY: BUG,
    names.TRADE_RETCODE_CLOSE_ONLY: BUG,
    names.TRADE_RETCODE_FIFO_CLOSE: BUG,
    HEDGE_PROHIBITED: BUG,
    names.TRADE_RETCODE_REJECT: HALT,
    names.TRADE_RETCODE_CANCEL: HALT,
    names.TRADE_RETCODE_TRADE_DISABLED: HALT,
    names.TRADE_RETCODE_NO_MONEY: HALT,
    names.TRADE_RETCODE_SERVER_DISABLES_AT: HALT,
    names.TRADE_RETCODE_CLIENT_DISABLES_AT: HALT,
    names.TRADE_RETCODE_ONLY_REAL: HALT,
    names.TRADE_RETCODE_LIMIT_ORDERS: HALT,
    names.TRADE_RETCODE_LIMIT_VOLUME: HALT,
    names.TRADE_RETCODE_LIMIT_POSITIONS: HALT,
}
"""Retcode of a result → class."""

PASSING = (
    names.TRADE_RETCODE_REJECT,
    names.TRADE_RETCODE_CANCEL,
    names.TRADE_RETCODE_TRADE_DISABLED,
    names.TRADE_RETCODE_SERVER_DISABLES_AT,
    names.TRADE_RETCODE_CLIENT_DISABLES_AT,
    names.TRADE_RETCODE_INVALID_FILL,
)
"""Refusals that another moment, or another filling, may not meet: a strategy's close goes on after them."""

ERROR_CLASS_OF: dict[int, str] = {
    -2: BUG,  # invalid parameters: refused here, nothing was sent
    -8: HALT,  # Auto-Trading using Python API disabled in Terminal
    -5: HALT,  # incompatible versions
    -7: HALT,  # unsupported function
    -10004: RETRY,  # no IPC connection: attach again, then free to send
}
"""``last_error`` after ``order_send`` returned None → class; any other (-1, -3, -10000, -10001, -10002 …) is UNKNOWN."""


def class_of(retcode: int) -> str:
    """The class of a result's retcode."""
    return CLASS_OF.get(retcode, UNKNOWN)


def error_class_of(code: int) -> str:
    """The class of an ``order_send`` that returned None, by ``last_error``'s code."""
    return ERROR_CLASS_OF.get(code, UNKNOWN)
