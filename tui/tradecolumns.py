"""The columns of the page Trades. Those of the highest rank are left out first on a narrow terminal."""

from mesh import texts
from mesh.units import MS_NS
from tui.amounts import amount, lots_text
from tui.lostrows import LostRow
from tui.tablemodel import Column
from tui.traderows import NOT_KNOWN, NOT_OURS, DealRow, OrderRow, PositionRow, code_mark

TEXT_MAX = 64
CODE_STYLES = {"✓": "green", "✗": "red", "‼": "bold red", "…": "yellow", "·": "dim"}


def signed_style(value_e8: int) -> str:
    """Beside the sign that the number has."""
    return "red" if value_e8 < 0 else "green" if value_e8 > 0 else ""


def code_text(code: str) -> str:
    """A code with its mark."""
    return f"{code_mark(code)} {code}"


def code_style(code: str) -> str:
    """Beside the mark that the code has."""
    return CODE_STYLES[code_mark(code)]


def ms_text(span_ns: int) -> str:
    """Milliseconds; empty for what is not known."""
    return f"{span_ns / MS_NS:,.2f}" if span_ns != NOT_KNOWN else ""


def date_text(time_ns: int) -> str:
    """The day of a time."""
    return texts.iso_from_ns(time_ns)[:10]


def clock_text(time_ns: int) -> str:
    """The time of the day, to the second."""
    return texts.iso_from_ns(time_ns)[11:19]


def signed(value_e8: int) -> str:
    """Money with its sign."""
    return amount(value_e8, is_signed=True)


def lots(value_e8: int) -> str:
    """Lots; empty for none."""
    return lots_text(value_e8) if value_e8 else ""


def whose(row: PositionRow) -> str:
    """The strategy of a position, or that it is not ours."""
    return (row.position.strategy or "-") if row.position.ours else NOT_OURS


def oid_text(row: PositionRow) -> str:
    """The opening order of a position that is ours."""
    return row.position.oid.hex() if row.position.ours else ""


def day_and_time(time_ns: int) -> str:
    """A time to the second."""
    return texts.clock_text(texts.iso_from_ns(time_ns))


POSITIONS: tuple[Column[PositionRow], ...] = (
    Column("account", "account", lambda row: row.seen.account, lambda row: row.seen.account, searched=True),
    Column("ticket", "ticket", lambda row: row.position.ticket, lambda row: str(row.position.ticket), is_right=True, searched=True),
    Column("symbol", "symbol", lambda row: row.position.symbol, lambda row: row.position.symbol, searched=True),
    Column("side", "side", lambda row: row.position.side, lambda row: texts.side(row.position.side), searched=True),
    Column("lots", "lots", lambda row: row.position.volume_e8, lambda row: lots_text(row.position.volume_e8), is_right=True),
    Column(
        "open", "open", lambda row: row.position.price_open_e8,
        lambda row: row.seen.price(row.position.symbol, row.position.price_open_e8), is_right=True, rank=3,
    ),
    Column(
        "now", "now", lambda row: row.position.price_now_e8,
        lambda row: row.seen.price(row.position.symbol, row.position.price_now_e8), is_right=True, rank=2,
    ),
    Column(
        "sl", "SL", lambda row: row.position.sl_e8,
        lambda row: row.seen.price(row.position.symbol, row.position.sl_e8), is_right=True, rank=4,
    ),
    Column(
        "tp", "TP", lambda row: row.position.tp_e8,
        lambda row: row.seen.price(row.position.symbol, row.position.tp_e8), is_right=True, rank=4,
    ),
    Column(
        "profit", "profit", lambda row: row.position.profit_e8, lambda row: signed(row.position.profit_e8), is_right=True,
        style=lambda row: signed_style(row.position.profit_e8),
    ),
    Column("currency", "ccy", lambda row: row.seen.currency, lambda row: row.seen.currency, rank=1),
    Column("swap", "swap", lambda row: row.position.swap_e8, lambda row: signed(row.position.swap_e8), is_right=True, rank=6),
    Column("strategy", "strategy", whose, whose, searched=True, style=lambda row: "" if row.position.ours else "bold"),
    Column("age", "age", lambda row: row.seen.age_ns, lambda row: row.seen.age, is_right=True, rank=1),
    Column("opened", "opened (UTC)", lambda row: row.position.opened_ns, lambda row: day_and_time(row.position.opened_ns), rank=5),
    Column("comment", "comment", lambda row: row.position.comment, lambda row: row.position.comment, rank=8, searched=True),
    Column("magic", "magic", lambda row: row.position.magic, lambda row: str(row.position.magic or ""), is_right=True, rank=9),
    Column("oid", "opened by order", lambda row: row.position.oid, oid_text, rank=7, searched=True),
)  # fmt: skip
ORDERS: tuple[Column[OrderRow], ...] = (
    Column("time", "UTC", lambda row: row.market_ns, lambda row: "" if row.is_resting else clock_text(row.market_ns), width_min=8),
    Column("account", "account", lambda row: row.seen.account, lambda row: row.seen.account, searched=True),
    Column(
        "code", "code", lambda row: row.code, lambda row: code_text(row.code), searched=True, style=lambda row: code_style(row.code)
    ),
    Column("what", "order", lambda row: row.what, lambda row: row.what, searched=True),
    Column("symbol", "symbol", lambda row: row.symbol, lambda row: row.symbol, searched=True),
    Column("lots", "lots", lambda row: row.volume_e8, lambda row: lots(row.volume_e8), is_right=True),
    Column("price", "price", lambda row: row.price_e8, lambda row: row.seen.price(row.symbol, row.price_e8), is_right=True, rank=2),
    Column(
        "profit", "profit", lambda row: row.profit_e8, lambda row: signed(row.profit_e8) if row.profit_e8 else "", is_right=True, rank=1,
        style=lambda row: signed_style(row.profit_e8),
    ),
    Column("currency", "ccy", lambda row: row.seen.currency, lambda row: row.seen.currency if row.profit_e8 else "", rank=4),
    Column("mesh", "mesh ms", lambda row: row.mesh_ns, lambda row: ms_text(row.mesh_ns), is_right=True, rank=3),
    Column("broker", "broker ms", lambda row: row.broker_ns, lambda row: ms_text(row.broker_ns), is_right=True, rank=3),
    Column("detail", "detail", lambda row: row.detail, lambda row: row.detail, rank=5, width_max=TEXT_MAX, searched=True),
    Column("sid", "signal", lambda row: row.sid, lambda row: row.sid, rank=6, width_max=TEXT_MAX, searched=True),
    Column("date", "date", lambda row: row.market_ns, lambda row: "" if row.is_resting else date_text(row.market_ns), rank=7),
    Column("strategy", "strategy", lambda row: row.strategy, lambda row: row.strategy, rank=8, searched=True),
    Column("ticket", "ticket", lambda row: row.ticket, lambda row: str(row.ticket or ""), is_right=True, rank=9, searched=True),
    Column("age", "age", lambda row: row.seen.age_ns, lambda row: row.seen.age if row.is_resting else "", is_right=True, rank=9),
)  # fmt: skip
DEALS: tuple[Column[DealRow], ...] = (
    Column("time", "UTC", lambda row: row.deal.market_ns, lambda row: clock_text(row.deal.market_ns), width_min=8),
    Column("account", "account", lambda row: row.seen.account, lambda row: row.seen.account, searched=True),
    Column("symbol", "symbol", lambda row: row.deal.symbol, lambda row: row.deal.symbol, searched=True),
    Column("kind", "kind", lambda row: row.deal.kind, lambda row: row.deal.kind, searched=True),
    Column("entry", "entry", lambda row: row.deal.entry, lambda row: row.deal.entry, searched=True),
    Column("cause", "cause", lambda row: row.deal.cause, lambda row: row.deal.cause, rank=1, searched=True),
    Column("lots", "lots", lambda row: row.deal.volume_e8, lambda row: lots(row.deal.volume_e8), is_right=True),
    Column(
        "price", "price", lambda row: row.deal.price_e8, lambda row: row.seen.price(row.deal.symbol, row.deal.price_e8), is_right=True,
        rank=2,
    ),
    Column(
        "profit", "profit", lambda row: row.deal.profit_e8, lambda row: signed(row.deal.profit_e8), is_right=True,
        style=lambda row: signed_style(row.deal.profit_e8),
    ),
    Column("currency", "ccy", lambda row: row.seen.currency, lambda row: row.seen.currency, rank=1),
    Column(
        "commission", "commission", lambda row: row.deal.commission_e8, lambda row: signed(row.deal.commission_e8), is_right=True,
        rank=5,
    ),
    Column("swap", "swap", lambda row: row.deal.swap_e8, lambda row: signed(row.deal.swap_e8), is_right=True, rank=5),
    Column(
        "position", "position", lambda row: row.deal.position_id, lambda row: str(row.deal.position_id), is_right=True, rank=3,
        searched=True,
    ),
    Column("deal", "deal", lambda row: row.deal.deal_ticket, lambda row: str(row.deal.deal_ticket), is_right=True, rank=4, searched=True),
    Column(
        "order", "order", lambda row: row.deal.order_ticket, lambda row: str(row.deal.order_ticket), is_right=True, rank=6, searched=True
    ),
    Column("date", "date", lambda row: row.deal.market_ns, lambda row: date_text(row.deal.market_ns), rank=7),
    Column("comment", "comment", lambda row: row.deal.comment, lambda row: row.deal.comment, rank=8, searched=True),
)  # fmt: skip
LOST: tuple[Column[LostRow], ...] = (
    Column("code", "code", lambda row: row.code, lambda row: row.code_words, searched=True, style=lambda row: row.style),
    Column("account", "account", lambda row: row.account, lambda row: row.account, searched=True),
    Column("what", "order", lambda row: row.what, lambda row: row.what, searched=True),
    Column("lots", "lots", lambda row: row.volume_e8, lambda row: lots(row.volume_e8), is_right=True),
    Column("symbol", "symbol", lambda row: row.symbol, lambda row: row.symbol, searched=True),
    Column("ago", "since", lambda row: -row.ago_ns, lambda row: row.ago_words, is_right=True),
    Column("blocks", "blocks", lambda row: row.blocks, lambda row: row.blocks),
    Column("attempt", "attempt", lambda row: row.attempt, lambda row: str(row.attempt or ""), is_right=True, rank=3),
    Column("looks", "looks", lambda row: row.look_count, lambda row: str(row.look_count or ""), is_right=True, rank=1),
    Column("detail", "detail", lambda row: row.detail, lambda row: row.detail, rank=2, width_max=TEXT_MAX, searched=True),
    Column("strategy", "strategy", lambda row: row.strategy, lambda row: row.strategy, rank=4, searched=True),
    Column("sid", "signal", lambda row: row.sid, lambda row: row.sid, rank=5, width_max=TEXT_MAX, searched=True),
)  # fmt: skip
