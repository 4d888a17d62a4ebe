"""A terminal that has lost its server shows what it showed last; what the server did meanwhile is seen when it is back."""

from typing import Any

import pytest

from mesh.faults import FaultSection
from mesh.units import MS_NS
from nodes.io import mt5
from tests.nodes.io.mt5_rig import attached

SPAN = (1, 2**31 - 2)
OPEN: dict[str, Any] = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0, "sl": 1.09}
LIMIT: dict[str, Any] = {"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": 2, "price": 1.08}


def shown() -> list[Any]:
    """Everything a terminal tells about its server."""
    info = mt5.symbol_info("EURUSD")
    return [
        mt5.account_info(), mt5.positions_get(), mt5.positions_total(), mt5.orders_get(), mt5.orders_total(), mt5.history_deals_get(*SPAN),
        mt5.history_orders_get(*SPAN), mt5.symbol_info_tick("EURUSD"), (info.bid, info.ask, info.time, info.bidlow),
        [row.bid for row in mt5.symbols_get()], mt5.copy_ticks_range("EURUSD", *SPAN, mt5.COPY_TICKS_ALL).tolist(),
        *(mt5.copy_rates_range("EURUSD", timeframe, *SPAN).tolist() for timeframe in (mt5.TIMEFRAME_M1, mt5.TIMEFRAME_H1)),
    ]  # fmt: skip


def test_nothing_moves_until_the_server_is_back() -> None:
    """Quotes, money, positions, orders, history and bars stand while a stop is met and an order filled; then all is told at once."""
    with attached(faults=(FaultSection(kind="disconnect", nth=3, for_ms=5_000),)) as desk:
        held, waiting = mt5.order_send(OPEN).order, mt5.order_send(LIMIT).order
        desk.rig.quote("1.10020", "1.10030", after_ns=20 * MS_NS)
        before = shown()
        assert mt5.order_send(OPEN).retcode == 10031
        desk.rig.quote("1.07900", "1.07910", after_ns=100 * MS_NS)
        assert shown() == before
        assert [row.ticket for row in mt5.positions_get(ticket=held)] == [held]
        assert [row.ticket for row in mt5.orders_get(symbol="EURUSD")] == [waiting]
        assert mt5.positions_get(symbol="USDJPY") == mt5.orders_get(ticket=held) == ()
        assert mt5.history_deals_get(position=waiting) == ()
        desk.rig.quote("1.07900", "1.07910", after_ns=5_000 * MS_NS)
        assert mt5.symbol_info_tick("EURUSD").bid == mt5.symbol_info("EURUSD").bidlow == 1.079
        assert [row.ticket for row in mt5.positions_get()] == [waiting]
        assert (mt5.orders_total(), len(mt5.history_deals_get(position=held))) == (0, 2)
        assert mt5.account_info().balance < 10_000
        assert mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 1)["low"][0] == 1.079


def test_each_loss_stands_at_its_own_moment() -> None:
    """A second loss shows the quote of its own, though nobody asked for anything between the two."""
    faults = tuple(FaultSection(kind="disconnect", nth=nth, for_ms=1_000) for nth in (1, 2))
    with attached(faults=faults) as desk:
        for bid, ask in (("1.2", "1.20010"), ("1.3", "1.30010")):
            desk.rig.quote(bid, ask, after_ns=2_000 * MS_NS)
            assert mt5.order_send(OPEN).retcode == 10031
            desk.rig.quote("1.4", "1.40010", after_ns=MS_NS)
            assert mt5.symbol_info_tick("EURUSD").bid == float(bid)


@pytest.mark.parametrize("symbol", ["EURUSD", "NONE"])
def test_market_watch_is_the_terminals_own(symbol: str) -> None:
    """A symbol taken out of it has no tick while the server is lost either; an unknown one is not found."""
    with attached(faults=(FaultSection(kind="disconnect", nth=1),)):
        assert mt5.order_send(OPEN).retcode == 10031
        assert mt5.symbol_select(symbol, False) is (symbol == "EURUSD")
        assert mt5.symbol_info_tick(symbol) is None
        assert mt5.last_error()[0] == -4
        info = mt5.symbol_info(symbol)
        assert info is None if symbol == "NONE" else not info.visible
