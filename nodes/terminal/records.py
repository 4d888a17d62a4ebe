"""The rows of a simulated account's books, and what a change of them is.

These are the journal's records too: the broker writes every ``Change`` of one call in one transaction and hands them
back to ``Terminal.restore`` after a restart. Rows are never changed in place. Times are market time (UTC); the shift to
the broker's wall clock happens when a row is shown (``nodes/terminal/export.py``).
"""

from typing import TypeAlias

import msgspec


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of the rows; on disk an array, new fields go last and have a default."""


class Position(Record, frozen=True):
    """An open position. ``type`` is POSITION_TYPE_*; ``margin_e8`` is what its volume binds, in the deposit currency."""

    ticket: int
    identifier: int
    symbol: str
    type: int
    magic: int
    reason: int
    volume_e8: int
    price_open_e8: int
    sl_e8: int
    tp_e8: int
    swap_e8: int
    margin_e8: int
    time_ns: int
    time_update_ns: int
    comment: str
    external_id: str = ""


class Order(Record, frozen=True):
    """An order, live or done. ``expiration_ns`` is 0 where it never expires."""

    ticket: int
    symbol: str
    type: int
    state: int
    type_time: int
    type_filling: int
    magic: int
    reason: int
    position_id: int
    position_by_id: int
    volume_initial_e8: int
    volume_current_e8: int
    price_open_e8: int
    sl_e8: int
    tp_e8: int
    price_current_e8: int
    price_stoplimit_e8: int
    time_setup_ns: int
    time_done_ns: int
    expiration_ns: int
    comment: str
    external_id: str = ""
    execution_ns: int = 0
    """When a market order that is only placed will be filled; 0 for any other."""


class Deal(Record, frozen=True):
    """One execution, or one balance operation (no order, no symbol). Never changed after."""

    ticket: int
    order: int
    symbol: str
    type: int
    entry: int
    magic: int
    position_id: int
    reason: int
    volume_e8: int
    price_e8: int
    profit_e8: int
    commission_e8: int
    swap_e8: int
    fee_e8: int
    time_ns: int
    comment: str
    external_id: str = ""


class AccountRow(Record, frozen=True):
    """What an account is besides its positions, orders and deals.

    ``ticket_count``: tickets given out so far. ``rollover_day``: the server day (days since 1970) up to whose midnight
    swap has been charged.
    """

    login: int
    balance_e8: int
    credit_e8: int
    ticket_count: int
    rollover_day: int


class QuoteRow(Record, frozen=True):
    """The last quote of a symbol: journalled beside the rows so that positions have a value right after a restart."""

    symbol: str
    time_ns: int
    bid_e8: int
    ask_e8: int


Row: TypeAlias = Position | Order | Deal | AccountRow | QuoteRow

POSITION = "position"
ORDER = "order"
HISTORY_ORDER = "history_order"
DEAL = "deal"
ACCOUNT = "account"
QUOTE = "quote"

ROW_TYPES: dict[str, type[Record]] = {
    POSITION: Position,
    ORDER: Order,
    HISTORY_ORDER: Order,
    DEAL: Deal,
    ACCOUNT: AccountRow,
    QUOTE: QuoteRow,
}
"""Which record a kind of change carries."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """One row put (``row``) or taken away (``row`` None), by (kind, login, key).

    ``key`` is the ticket; the login for an account; 0 with login 0 for a quote, whose key is its symbol's name.
    """

    kind: str
    login: int
    key: int | str
    row: Row | None


class TradeRequest(msgspec.Struct, frozen=True, gc=False):
    """A trade request as the engine takes it: MqlTradeRequest in fixed point. ``expiration_ns`` is market time."""

    action: int = 0
    magic: int = 0
    order: int = 0
    symbol: str = ""
    volume_e8: int = 0
    price_e8: int = 0
    stoplimit_e8: int = 0
    sl_e8: int = 0
    tp_e8: int = 0
    deviation_points: int = 0
    type: int = 0
    type_filling: int = 0
    type_time: int = 0
    expiration_ns: int = 0
    comment: str = ""
    position: int = 0
    position_by: int = 0


class OrderResult(msgspec.Struct, frozen=True, gc=False):
    """How a request ended: the fields of MqlTradeResult. ``request_id`` 0: refused before it reached the server."""

    retcode: int
    deal: int = 0
    order: int = 0
    volume_e8: int = 0
    price_e8: int = 0
    bid_e8: int = 0
    ask_e8: int = 0
    comment: str = ""
    request_id: int = 0


class CheckResult(msgspec.Struct, frozen=True, gc=False):
    """What ``order_check`` answers: the account as it would be after the request. ``margin_level_e8`` in percent."""

    retcode: int
    balance_e8: int = 0
    equity_e8: int = 0
    profit_e8: int = 0
    margin_e8: int = 0
    margin_free_e8: int = 0
    margin_level_e8: int = 0
    comment: str = ""
