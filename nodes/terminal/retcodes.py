"""Trade server return codes with the terminal's texts, and which of them are given before a request leaves the terminal.

Codes: MQL5 reference, "Trade Server Return Codes". Texts: as recorded from live terminals where a record exists
(10004, 10008, 10009, 10013, 10015, 10019, 10021, 10027, 10030), else the reference's wording in the terminal's manner.
"""

from nodes.terminal import names

OK = 0
"""What ``order_check`` answers for a request that may be sent."""
HEDGE_PROHIBITED = 10046
"""TRADE_RETCODE_HEDGE_PROHIBITED: not exported by the package, but sent by servers."""

TEXTS: dict[int, str] = {
    OK: "Done",
    names.TRADE_RETCODE_REQUOTE: "Requote",
    names.TRADE_RETCODE_REJECT: "Request rejected",
    names.TRADE_RETCODE_CANCEL: "Request canceled by trader",
    names.TRADE_RETCODE_PLACED: "Order placed",
    names.TRADE_RETCODE_DONE: "Request executed",
    names.TRADE_RETCODE_DONE_PARTIAL: "Request executed partially",
    names.TRADE_RETCODE_ERROR: "Request processing error",
    names.TRADE_RETCODE_TIMEOUT: "Request canceled by timeout",
    names.TRADE_RETCODE_INVALID: "Invalid request",
    names.TRADE_RETCODE_INVALID_VOLUME: "Invalid volume",
    names.TRADE_RETCODE_INVALID_PRICE: "Invalid price",
    names.TRADE_RETCODE_INVALID_STOPS: "Invalid stops",
    names.TRADE_RETCODE_TRADE_DISABLED: "Trade disabled",
    names.TRADE_RETCODE_MARKET_CLOSED: "Market closed",
    names.TRADE_RETCODE_NO_MONEY: "No money",
    names.TRADE_RETCODE_PRICE_CHANGED: "Price changed",
    names.TRADE_RETCODE_PRICE_OFF: "No prices",
    names.TRADE_RETCODE_INVALID_EXPIRATION: "Invalid expiration",
    names.TRADE_RETCODE_ORDER_CHANGED: "Order changed",
    names.TRADE_RETCODE_TOO_MANY_REQUESTS: "Too many requests",
    names.TRADE_RETCODE_NO_CHANGES: "No changes",
    names.TRADE_RETCODE_SERVER_DISABLES_AT: "AutoTrading disabled by server",
    names.TRADE_RETCODE_CLIENT_DISABLES_AT: "AutoTrading disabled by client",
    names.TRADE_RETCODE_LOCKED: "Request locked for processing",
    names.TRADE_RETCODE_FROZEN: "Order or position frozen",
    names.TRADE_RETCODE_INVALID_FILL: "Unsupported filling mode",
    names.TRADE_RETCODE_CONNECTION: "No connection",
    names.TRADE_RETCODE_ONLY_REAL: "Only real accounts allowed",
    names.TRADE_RETCODE_LIMIT_ORDERS: "Orders limit reached",
    names.TRADE_RETCODE_LIMIT_VOLUME: "Volume limit reached",
    names.TRADE_RETCODE_INVALID_ORDER: "Invalid order",
    names.TRADE_RETCODE_POSITION_CLOSED: "Position already closed",
    names.TRADE_RETCODE_INVALID_CLOSE_VOLUME: "Invalid close volume",
    names.TRADE_RETCODE_CLOSE_ORDER_EXIST: "Close order already exists",
    names.TRADE_RETCODE_LIMIT_POSITIONS: "Positions limit reached",
    names.TRADE_RETCODE_REJECT_CANCEL: "Order activation rejected, order canceled",
    names.TRADE_RETCODE_LONG_ONLY: "Only long positions allowed",
    names.TRADE_RETCODE_SHORT_ONLY: "Only short positions allowed",
    names.TRADE_RETCODE_CLOSE_ONLY: "Only position closing allowed",
    names.TRADE_RETCODE_FIFO_CLOSE: "Position closing by FIFO rule only",
    HEDGE_PROHIBITED: "Opposite positions prohibited",
}
"""Code to the comment of a result."""

REFUSED_LOCALLY = (names.TRADE_RETCODE_INVALID, names.TRADE_RETCODE_INVALID_PRICE)
"""Given by the terminal itself: recorded results carry zeros and request_id 0."""
