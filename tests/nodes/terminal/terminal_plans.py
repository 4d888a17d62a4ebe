"""Random days of a trader: mostly requests that make sense, some that do not, quotes and time in between."""

from typing import Any

from hypothesis import strategies as st

from mesh.units import E8, HOUR_NS
from nodes.terminal import names
from nodes.terminal.records import TradeRequest
from nodes.terminal.retcodes import TEXTS
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import LOGIN, NETTING, Rig, e8

SYMBOLS = ("EURUSD", "USDJPY", "EURJPY")
STEP_E8 = {"EURUSD": 10_000, "USDJPY": 1_000_000, "EURJPY": 1_000_000}
"""Ten points: offsets below are in these."""

_symbol = st.sampled_from((*SYMBOLS, "EURUSD", "EURUSD"))
_offset = st.integers(1, 30)
_level = st.one_of(st.just(0), _offset)
_hundredths = st.sampled_from([1, 2, 5, 10, 10, 15, 20, 40])
_filling = st.sampled_from([0, 1, 2])
_which = st.integers(0, 7)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), _symbol, st.integers(-25, 25), st.integers(-1, 3), st.integers(0, 20 * HOUR_NS)),
        st.tuples(st.just("tick"), _symbol, st.integers(-8, 8), st.integers(0, 2), st.integers(0, HOUR_NS)),
        st.tuples(st.just("open"), _symbol, st.integers(0, 1), _hundredths, _level, _level, _filling),
        st.tuples(st.just("open"), _symbol, st.integers(0, 1), _hundredths, _level, _level, _filling),
        st.tuples(st.just("close"), _which, st.integers(1, 4), _filling),
        st.tuples(st.just("close_by"), _which, _which),
        st.tuples(st.just("exits"), _which, _level, _level),
        st.tuples(st.just("pending"), _symbol, st.integers(2, 7), _hundredths, _offset, _offset, _level, _filling, st.integers(0, 3)),
        st.tuples(st.just("modify"), _which, _offset, _level, st.integers(0, 3)),
        st.tuples(st.just("remove"), _which),
        st.tuples(st.just("nonsense"), st.lists(st.integers(-3, 12), min_size=14, max_size=14)),
    ),
    min_size=20,
    max_size=70,
)

_EUR = {"currency": "EUR", "commission_per_lot_e8": e8("3.5"), "fee_per_deal_e8": e8("0.1"), "deposit_e8": e8("700")}
_THIN = {"deposit_e8": e8("120"), "leverage": 500}
ACCOUNTS = st.sampled_from([{}, _THIN, _EUR, {"margin_mode": NETTING}, _EUR | {"margin_mode": NETTING}])
SPECS = st.sampled_from(
    [
        {"swap_mode": 1, "swap_long_e8": e8("-7.3"), "swap_short_e8": e8("1.1"), "stops_level": 10},
        {"exemode": names.SYMBOL_TRADE_EXECUTION_EXCHANGE, "depth_e8": e8("0.07")},
        {"exemode": names.SYMBOL_TRADE_EXECUTION_INSTANT, "margin_hedged_e8": 0, "freeze_level": 5},
    ]
)


def new_rig(account: dict[str, Any], specs: dict[str, Any]) -> Rig:
    return Rig(symbols=SYMBOLS, account=account, config=TerminalConfig(server_zone="UTC+2", slippage_points_max=3), **specs)


def play(rig: Rig, step: tuple[Any, ...], number: int) -> int:
    """One step; returns the retcode of its request, 0 for a quote or where there is nothing to ask for."""
    kind, *args = step
    if kind == "tick":
        ticked(rig, *args)
        return 0
    request = requested(rig, step)
    if request is None:
        return 0
    checked = rig.terminal.order_check(LOGIN, request, rig.now_ns)[0]
    result, changes = rig.terminal.order_send(LOGIN, request, rig.now_ns, number)
    rig.rows += changes
    assert result.comment == TEXTS[result.retcode]
    if checked.retcode:
        assert result.retcode == checked.retcode
        assert not changes
    return result.retcode


def requested(rig: Rig, step: tuple[Any, ...]) -> TradeRequest | None:
    """The request of a step; None where there is nothing to ask for."""
    kind, *args = step
    request: TradeRequest | None = _REQUESTS[kind](rig, *args)
    return request


def ticked(rig: Rig, symbol: str, move: int, spread: int, after_ns: int) -> None:
    """A quote that moves a symbol, some time later."""
    book = rig.terminal.books[symbol]
    bid_e8 = max(STEP_E8[symbol] * 10, book.bid_e8 + move * STEP_E8[symbol])
    rig.now_ns += after_ns
    rig.rows += rig.terminal.on_tick(symbol, rig.now_ns, bid_e8, bid_e8 + spread * STEP_E8[symbol])


def _open(rig: Rig, symbol: str, side: int, hundredths: int, sl: int, tp: int, filling: int) -> TradeRequest:
    book, step_e8 = rig.terminal.books[symbol], STEP_E8[symbol]
    sign = 1 if side == 0 else -1
    exit_e8 = book.bid_e8 if side == 0 else book.ask_e8
    return TradeRequest(
        action=names.TRADE_ACTION_DEAL,
        symbol=symbol,
        type=side,
        volume_e8=hundredths * E8 // 100,
        price_e8=book.ask_e8 if side == 0 else book.bid_e8,
        sl_e8=sl and exit_e8 - sign * sl * step_e8,
        tp_e8=tp and exit_e8 + sign * tp * step_e8,
        type_filling=filling,
        comment="plan",
    )


def _position(rig: Rig, which: int) -> Any:
    positions = rig.positions
    return positions[which % len(positions)] if positions else None


def _close(rig: Rig, which: int, quarters: int, filling: int) -> TradeRequest | None:
    position = _position(rig, which)
    if position is None:
        return None
    volume_e8 = max(E8 // 100, position.volume_e8 * quarters // 4 // (E8 // 100) * (E8 // 100))
    request = _open(rig, position.symbol, 1 - position.type, 1, 0, 0, filling)
    return TradeRequest(
        action=request.action,
        symbol=request.symbol,
        type=request.type,
        volume_e8=volume_e8,
        price_e8=request.price_e8,
        type_filling=filling,
        position=position.ticket,
    )


def _close_by(rig: Rig, which: int, other: int) -> TradeRequest | None:
    position = _position(rig, which)
    if position is None:
        return None
    others = [held for held in rig.positions if held.symbol == position.symbol and held.type != position.type]
    by = others[other % len(others)].ticket if others else position.ticket
    return TradeRequest(
        action=names.TRADE_ACTION_CLOSE_BY, symbol=position.symbol, position=position.ticket, position_by=by
    )


def _exits(rig: Rig, which: int, sl: int, tp: int) -> TradeRequest | None:
    position = _position(rig, which)
    if position is None:
        return None
    asked = _open(rig, position.symbol, position.type, 1, sl, tp, 0)
    return TradeRequest(
        action=names.TRADE_ACTION_SLTP,
        symbol=position.symbol,
        sl_e8=asked.sl_e8,
        tp_e8=asked.tp_e8,
        position=position.ticket,
    )


def _pending(
    rig: Rig, symbol: str, kind: int, hundredths: int, offset: int, limit: int, sl: int, filling: int, type_time: int
) -> TradeRequest:
    book, step_e8 = rig.terminal.books[symbol], STEP_E8[symbol]
    is_buy = kind % 2 == 0
    is_below = kind in (names.ORDER_TYPE_BUY_LIMIT, names.ORDER_TYPE_SELL_STOP, names.ORDER_TYPE_SELL_STOP_LIMIT)
    price_e8 = (book.ask_e8 if is_buy else book.bid_e8) + (-offset if is_below else offset) * step_e8
    stoplimit_e8 = 0
    if kind >= names.ORDER_TYPE_BUY_STOP_LIMIT:
        stoplimit_e8 = price_e8 + (-limit if is_buy else limit) * step_e8
    return TradeRequest(
        action=names.TRADE_ACTION_PENDING,
        symbol=symbol,
        type=kind,
        volume_e8=hundredths * E8 // 100,
        price_e8=price_e8,
        stoplimit_e8=stoplimit_e8,
        sl_e8=sl and (stoplimit_e8 or price_e8) + (-sl if is_buy else sl) * step_e8,
        type_filling=filling,
        type_time=type_time,
        expiration_ns=rig.now_ns + offset * HOUR_NS,
    )


def _modify(rig: Rig, which: int, offset: int, sl: int, type_time: int) -> TradeRequest | None:
    orders = rig.orders
    if not orders:
        return None
    order = orders[which % len(orders)]
    if order.type < names.ORDER_TYPE_BUY_LIMIT:
        return TradeRequest(action=names.TRADE_ACTION_MODIFY, order=order.ticket)
    asked = _pending(rig, order.symbol, order.type, 1, offset, offset, sl, 0, type_time)
    return TradeRequest(
        action=names.TRADE_ACTION_MODIFY,
        order=order.ticket,
        price_e8=asked.price_e8,
        stoplimit_e8=asked.stoplimit_e8,
        sl_e8=asked.sl_e8,
        type_time=type_time,
        expiration_ns=asked.expiration_ns,
    )


def _remove(rig: Rig, which: int) -> TradeRequest | None:
    orders = rig.orders
    return TradeRequest(action=names.TRADE_ACTION_REMOVE, order=orders[which % len(orders)].ticket) if orders else None


def _nonsense(_rig: Rig, numbers: list[int]) -> TradeRequest:
    return TradeRequest(*numbers[:3], (*SYMBOLS, "", "NONE")[numbers[3] % 5], *numbers[4:], comment="", position=1)


_REQUESTS: dict[str, Any] = {
    "open": _open,
    "close": _close,
    "close_by": _close_by,
    "exits": _exits,
    "pending": _pending,
    "modify": _modify,
    "remove": _remove,
    "nonsense": _nonsense,
}
