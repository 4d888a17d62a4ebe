"""Execution: what a fill does to positions, on hedging and on netting accounts.

A fill takes a volume of an order at a price and makes one deal. Hedging accounts open a position for each opening order and
close the one the order names; netting and exchange accounts hold one position a symbol, which fills add to, reduce, close or
turn round (DEAL_ENTRY_INOUT: a new ticket, the same identifier).
"""

import msgspec

from mesh.units import E8
from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.conversion import rounded_e8
from nodes.terminal.records import Deal, Order, Position


def is_buy_order(order_type: int) -> bool:
    """Whether an order type buys: the even ones of ORDER_TYPE_BUY … ORDER_TYPE_SELL_STOP_LIMIT do."""
    return order_type % 2 == 0


def opposite(order_type: int) -> int:
    """ORDER_TYPE_BUY for ORDER_TYPE_SELL and back (the same numbers as POSITION_TYPE_* and DEAL_TYPE_*)."""
    return 1 - order_type


def position_of(account: Account, symbol: str, position_id: int) -> Position | None:
    """The position a fill meets: the named one when hedging, by ticket or identifier, else the symbol's."""
    if account.is_hedging:
        return (account.positions.get(position_id) or account.position_by_id(position_id)) if position_id else None
    return account.positions.get(account.netted.get(symbol, 0))


def position_id_of(account: Account, symbol: str, named_ticket: int, order_ticket: int) -> int:
    """The identifier an order's deals belong to: of the position it meets, else of the one it opens."""
    position = position_of(account, symbol, named_ticket)
    return order_ticket if position is None else position.identifier


def fillable_e8(book: SymbolBook, volume_e8: int) -> int:
    """How much of a volume one quote has room for, in whole steps where it is not all."""
    spec = book.spec
    return min(volume_e8, spec.depth_e8 - spec.depth_e8 % spec.volume_step_e8) if spec.depth_e8 else volume_e8


def fill(account: Account, book: SymbolBook, order: Order, volume_e8: int, price_e8: int, now_ns: int) -> Deal:
    """Execute a volume of an order at a price: one deal, and what it does to a position."""
    side = names.ORDER_TYPE_BUY if is_buy_order(order.type) else names.ORDER_TYPE_SELL
    position = position_of(account, order.symbol, order.position_id)
    entry, profit_e8, swap_e8 = names.DEAL_ENTRY_IN, 0, 0
    if position is not None and position.type != side:
        closed_e8 = min(volume_e8, position.volume_e8)
        entry = names.DEAL_ENTRY_OUT if volume_e8 == closed_e8 else names.DEAL_ENTRY_INOUT
        profit_e8 = account.profit_e8(position, closed_e8, price_e8)
        swap_e8 = share_e8(account, position.swap_e8, closed_e8, position.volume_e8)
    deal = add_deal(account, order, side, entry, volume_e8, price_e8, profit_e8, swap_e8, now_ns)
    if position is None:
        _open(account, book, order, side, volume_e8, price_e8, now_ns)
    elif entry == names.DEAL_ENTRY_IN:
        _increase(account, book, position, order, volume_e8, price_e8, now_ns)
    elif entry == names.DEAL_ENTRY_OUT:
        reduce(account, position, volume_e8, swap_e8, now_ns)
    else:
        account.drop_position(position)
        _open(account, book, order, side, volume_e8 - position.volume_e8, price_e8, now_ns)
    return deal


def add_deal(
    account: Account,
    order: Order,
    side: int,
    entry: int,
    volume_e8: int,
    price_e8: int,
    profit_e8: int,
    swap_e8: int,
    now_ns: int,
) -> Deal:
    """Book the deal of a fill; commission by volume, except where positions close each other or the server reopens one."""
    commission_e8 = fee_e8 = 0
    if entry != names.DEAL_ENTRY_OUT_BY and order.reason != names.DEAL_REASON_ROLLOVER:
        commission_e8 = commission_of_e8(account, volume_e8)
        fee_e8 = -account.config.fee_per_deal_e8
    deal = Deal(
        account.next_ticket(),
        order.ticket,
        order.symbol,
        side,
        entry,
        order.magic,
        order.position_id,
        order.reason,
        volume_e8,
        price_e8,
        profit_e8,
        commission_e8,
        swap_e8,
        fee_e8,
        now_ns,
        order.comment,
    )
    account.add_deal(deal)
    return deal


def commission_of_e8(account: Account, volume_e8: int) -> int:
    """Commission on a deal of a volume: zero or negative."""
    rate_e8 = account.config.commission_per_lot_e8
    return rounded_e8(-rate_e8 * volume_e8, E8, account.unit_e8) if rate_e8 else 0


def share_e8(account: Account, money_e8: int, part_e8: int, whole_e8: int) -> int:
    """The share of money that goes with a part of a volume."""
    if part_e8 == whole_e8 or not money_e8:
        return money_e8
    return rounded_e8(money_e8 * part_e8, whole_e8, account.unit_e8)


def _open(
    account: Account, book: SymbolBook, order: Order, side: int, volume_e8: int, price_e8: int, now_ns: int
) -> None:
    account.put_position(
        Position(
            order.ticket,
            order.position_id,
            order.symbol,
            side,
            order.magic,
            order.reason,
            volume_e8,
            price_e8,
            order.sl_e8,
            order.tp_e8,
            0,
            account.margin_of_e8(book, volume_e8, price_e8),
            now_ns,
            now_ns,
            order.comment,
        )
    )


def _increase(
    account: Account, book: SymbolBook, position: Position, order: Order, volume_e8: int, price_e8: int, now_ns: int
) -> None:
    """More in the same direction: the open price becomes the average; levels of the order replace those it names."""
    whole_e8 = position.volume_e8 + volume_e8
    cost = position.volume_e8 * position.price_open_e8 + volume_e8 * price_e8
    account.put_position(
        msgspec.structs.replace(
            position,
            volume_e8=whole_e8,
            price_open_e8=(2 * cost + whole_e8) // (2 * whole_e8),
            sl_e8=order.sl_e8 or position.sl_e8,
            tp_e8=order.tp_e8 or position.tp_e8,
            margin_e8=position.margin_e8 + account.margin_of_e8(book, volume_e8, price_e8),
            time_update_ns=now_ns,
        )
    )


def reduce(account: Account, position: Position, volume_e8: int, swap_e8: int, now_ns: int) -> None:
    """Less of a position, or the end of it; ``swap_e8`` went into the deal."""
    rest_e8 = position.volume_e8 - volume_e8
    if rest_e8 == 0:
        account.drop_position(position)
        return
    account.put_position(
        msgspec.structs.replace(
            position,
            volume_e8=rest_e8,
            swap_e8=position.swap_e8 - swap_e8,
            margin_e8=share_e8(account, position.margin_e8, rest_e8, position.volume_e8),
            time_update_ns=now_ns,
        )
    )


def close(
    account: Account, book: SymbolBook, position: Position, reason: int, comment: str, price_e8: int, now_ns: int
) -> Deal:
    """The server closes a whole position by an order of its own (stop loss, take profit, stop-out)."""
    order = Order(
        account.next_ticket(),
        position.symbol,
        opposite(position.type),
        names.ORDER_STATE_FILLED,
        names.ORDER_TIME_GTC,
        names.ORDER_FILLING_FOK,
        position.magic,
        reason,
        position.identifier,
        0,
        position.volume_e8,
        0,
        0,
        0,
        0,
        price_e8,
        0,
        now_ns,
        now_ns,
        0,
        comment,
    )
    account.finish_order(order)
    return fill(account, book, order, position.volume_e8, price_e8, now_ns)


def close_by(account: Account, order: Order, position: Position, other: Position, now_ns: int) -> Deal:
    """Two opposite positions close each other at the open price of the second; a deal for each (DEAL_ENTRY_OUT_BY)."""
    volume_e8 = min(position.volume_e8, other.volume_e8)
    price_e8 = other.price_open_e8
    deals = []
    for leg in (position, other):
        swap_e8 = share_e8(account, leg.swap_e8, volume_e8, leg.volume_e8)
        profit_e8 = account.profit_e8(leg, volume_e8, price_e8)
        leg_order = msgspec.structs.replace(order, position_id=leg.identifier)
        deals.append(
            add_deal(
                account,
                leg_order,
                opposite(leg.type),
                names.DEAL_ENTRY_OUT_BY,
                volume_e8,
                price_e8,
                profit_e8,
                swap_e8,
                now_ns,
            )
        )
        reduce(account, leg, volume_e8, swap_e8, now_ns)
    return deals[0]
