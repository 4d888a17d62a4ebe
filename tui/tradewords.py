"""Rows of the page Trades in words: the line below the table, and what stands above a row's chain."""

from mesh import texts
from tui.amounts import amount, lots_text
from tui.traderows import DealRow, OrderRow, PositionRow, code_mark

ROW = PositionRow | OrderRow | DealRow
LEGENDS = {
    "positions": "* not ours: nobody here opened it; profit without swap",
    "orders": "market time; mesh: signal to broker call, broker: call to answer",
    "deals": "market time; costs: commission and swap; moved: deposits and the like",
}
KEYS = {"positions": "Enter chain  c close  m SL/TP", "orders": "Enter chain  e CSV", "deals": "Enter chain  e CSV"}
"""What a narrow footer has no room for."""
TWO_CLOCKS = "market time; mesh time is left out: it would compare clocks of different hosts"


def line_of(row: ROW) -> str:
    """What a narrow table has no room for, in one line."""
    if isinstance(row, PositionRow):
        opened = texts.clock_text(texts.iso_from_ns(row.position.opened_ns))[:16]
        return "  ".join(part for part in (" ".join(_levels(row)), f"opened {opened} UTC", row.position.comment) if part)
    if isinstance(row, OrderRow):
        parts = (row.detail, row.sid, f"ticket {row.ticket}" if row.ticket else "", *_times(row))
    else:
        deal = row.deal
        costs = f"commission {amount(deal.commission_e8)} swap {amount(deal.swap_e8)}"
        parts = (
            f"cause {deal.cause or '-'}",
            f"deal {deal.deal_ticket} order {deal.order_ticket} position {deal.position_id}",
            costs,
            deal.comment,
        )
    return "  ".join(part for part in parts if part)


def title_of(row: ROW) -> str:
    """What it is."""
    if isinstance(row, PositionRow):
        return f"position {row.query}"
    if isinstance(row, OrderRow):
        return f"{row.what} {row.symbol} on {row.seen.account}"
    return f"deal {row.deal.deal_ticket} of {row.seen.account}"


def lines_of(row: ROW) -> list[str]:
    """All of it, a line for each thing."""
    if isinstance(row, PositionRow):
        return position_lines(row)
    if isinstance(row, OrderRow):
        return _order_lines(row)
    deal, seen = row.deal, row.seen
    costs = f"commission {amount(deal.commission_e8, True)}  swap {amount(deal.swap_e8, True)}"
    return [
        f"{deal.kind} {deal.entry} {lots_text(deal.volume_e8)} lots {deal.symbol} at {seen.price(deal.symbol, deal.price_e8)}".rstrip(),
        f"profit {amount(deal.profit_e8, True)}  {costs} {seen.currency}",
        f"at {texts.moment_text(deal.market_ns)} (market time), cause {deal.cause or '-'}",
        f"deal {deal.deal_ticket}  order {deal.order_ticket}  position {deal.position_id}" + (f"  {deal.comment}" if deal.comment else ""),
    ]


def position_lines(row: PositionRow, is_open: bool = True) -> list[str]:
    """A position with its age: who looks at it acts on it. ``is_open`` False: as it was last."""
    seen, position = row.seen, row.position
    whose = f"strategy {position.strategy or '-'}, opened by order {position.oid.hex()}" if position.ours else NOT_OURS_WORDS
    told = f", as told {seen.age} ago" if is_open else ""
    lines = [
        f"{texts.side(position.side)} {lots_text(position.volume_e8)} lots {position.symbol} on {seen.account}, ticket {position.ticket}",
        "  ".join(_levels(row)),
        f"profit {amount(position.profit_e8, True)}  swap {amount(position.swap_e8, True)} {seen.currency}{told}",
        f"opened {texts.moment_text(position.opened_ns)} (market time)",
        whose,
    ]
    return lines + ([f"magic {position.magic}  {position.comment}".rstrip()] if position.magic or position.comment else [])


NOT_OURS_WORDS = "* not ours: it counts in the rails and is otherwise left alone"


def _levels(row: PositionRow) -> list[str]:
    position = row.position
    named = (("open", position.price_open_e8), ("now", position.price_now_e8), ("SL", position.sl_e8), ("TP", position.tp_e8))
    return [f"{name} {row.seen.price(position.symbol, value_e8) or '-'}" for name, value_e8 in named]


def _times(row: OrderRow) -> list[str]:
    named = (("mesh", row.mesh_ns), ("broker", row.broker_ns))
    return [f"{name} {texts.span_text(span_ns)}" for name, span_ns in named if span_ns >= 0]


def _order_lines(row: OrderRow) -> list[str]:
    price = row.seen.price(row.symbol, row.price_e8)
    lots = f" {lots_text(row.volume_e8)} lots" if row.volume_e8 else ""
    head = f"{code_mark(row.code)} {row.code}  {row.what}{lots} {row.symbol} on {row.seen.account}" + (f" at {price}" if price else "")
    if row.is_resting:
        return [head, f"{row.detail}, ticket {row.ticket}, as told {row.seen.age} ago", row.strategy]
    profit = f"profit {amount(row.profit_e8, True)} {row.seen.currency}" if row.profit_e8 else ""
    lines = [head, row.detail, profit, f"at {texts.moment_text(row.market_ns)} (market time), ticket {row.ticket or '-'}"]
    return [*(line for line in lines if line), f"signal {row.sid}  strategy {row.strategy}"]
