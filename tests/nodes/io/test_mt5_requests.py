"""Trading through the facade: requests are taken, refused and answered as the package does, and so do its three helpers."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import SECOND_NS
from nodes.io import mt5
from tests.nodes.io.mt5_rig import Desk, attached
from tests.nodes.terminal.terminal_rig import START_NS, check_books

SUCCESS = (1, "Success")
NO_LINK = (-10004, "No IPC connection")
INVALID = (-2, "Invalid arguments")
START_S = START_NS // SECOND_NS
OPEN: dict[str, Any] = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.1, "type": mt5.ORDER_TYPE_BUY}


@pytest.fixture
def desk() -> Any:
    with attached(symbols=("EURUSD", "USDJPY")) as desk:
        yield desk


# --- requests -------------------------------------------------------------------------------------------------------


def test_a_session_from_open_to_history(desk: Desk) -> None:
    """Open, modify, part-close, close, read the history: floats, echo of the request, and the balance in the end."""
    opened = mt5.order_send(OPEN | {"magic": 7, "comment": "hello", "sl": 1.05})
    assert (opened.retcode, opened.volume, opened.price) == (mt5.TRADE_RETCODE_DONE, 0.1, 1.1001)
    assert isinstance(opened.request, mt5.TradeRequest)
    assert (opened.request.symbol, opened.request.sl, opened.request.tp, opened.request.magic) == ("EURUSD", 1.05, 0.0, 7)
    [position] = mt5.positions_get(symbol="EURUSD")
    assert (position.volume, position.sl, position.profit, position.comment) == (0.1, 1.05, -1.0, "hello")
    assert mt5.positions_get(ticket=position.ticket) == (position,)
    change = {"action": mt5.TRADE_ACTION_SLTP, "position": position.ticket, "symbol": "EURUSD", "tp": 1.2}
    assert mt5.order_send(change).retcode == mt5.TRADE_RETCODE_DONE
    assert (mt5.positions_get()[0].sl, mt5.positions_get()[0].tp) == (0.0, 1.2)
    close = OPEN | {"type": mt5.ORDER_TYPE_SELL, "position": position.ticket}
    assert mt5.order_send(close | {"volume": 0.04}).retcode == mt5.TRADE_RETCODE_DONE
    assert mt5.positions_get()[0].volume == 0.06
    assert mt5.order_send(close | {"volume": 0.06}).retcode == mt5.TRADE_RETCODE_DONE
    assert mt5.positions_get() == ()
    deals = mt5.history_deals_get(position=position.identifier)
    assert [deal.volume for deal in deals] == [0.1, 0.04, 0.06]
    assert mt5.account_info().balance == 9_999.0
    assert len(mt5.history_orders_get(1, START_S + 86_400)) == 3
    check_books(desk.rig.terminal)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"volume": 1}, 'Invalid "volume" argument'),
        ({"price": Decimal("1.1")}, 'Invalid "price" argument'),
        ({"sl": np.float32(1.0)}, 'Invalid "sl" argument'),
        ({"tp": None}, 'Invalid "tp" argument'),
        ({"stoplimit": "1"}, 'Invalid "stoplimit" argument'),
        ({"action": 1.0}, 'Invalid "action" argument'),
        ({"magic": np.int64(1)}, 'Invalid "magic" argument'),
        ({"order": "1"}, 'Invalid "order" argument'),
        ({"deviation": 1.5}, 'Invalid "deviation" argument'),
        ({"type": None}, 'Invalid "type" argument'),
        ({"type_filling": "FOK"}, 'Invalid "type_filling" argument'),
        ({"type_time": 0.0}, 'Invalid "type_time" argument'),
        ({"expiration": datetime.datetime(2018, 1, 1)}, 'Invalid "expiration" argument'),
        ({"position": 1.0}, 'Invalid "position" argument'),
        ({"position_by": []}, 'Invalid "position_by" argument'),
        ({"symbol": b"EURUSD"}, 'Invalid "symbol" argument'),
        ({"symbol": "X" * 30}, 'Invalid "symbol" argument'),
        ({"comment": "x" * 30}, 'Invalid "comment" argument'),
        ({"comment": "😀" * 15}, 'Invalid "comment" argument'),
        ({"comment": "x" * 30, "volume": 1}, 'Invalid "volume" argument'),
        ({"position": 1.0, "action": 1.0}, 'Invalid "action" argument'),
    ],
)
def test_requests_are_refused_by_type(desk: Desk, change: dict[str, Any], text: str) -> None:
    """None and -2 with the name of the first bad key in the package's order; nothing is sent."""
    for function in (mt5.order_send, mt5.order_check):
        assert function(OPEN | change) is None
        assert mt5.last_error() == (-2, text)
    assert mt5.positions_total() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"volume": np.float64(0.1)},
        {"comment": "x" * 29},
        {"comment": "é" * 29},
        {"comment": "\ud800"},
        {"comment": "a\0b"},
        {"unknown": object()},
        {"magic": 2**64 - 1},
        {"type_time": True},
        {"expiration": -5},
    ],
)
def test_requests_that_pass(desk: Desk, change: dict[str, Any]) -> None:
    """Subclasses of float, 29 characters, lone surrogates, unknown keys and 64-bit magics are taken."""
    assert mt5.order_send(OPEN | change).retcode == mt5.TRADE_RETCODE_DONE


@pytest.mark.parametrize("change", [{"magic": -1}, {"action": 2**32}, {"position": 2**64}, {"expiration": 2**63}])
def test_integers_that_do_not_fit_break_the_call(desk: Desk, change: dict[str, Any]) -> None:
    """The package returns with a Python exception set, which is a SystemError with the OverflowError behind it."""
    with pytest.raises(SystemError, match="order_send") as raised:
        mt5.order_send(OPEN | change)
    assert isinstance(raised.value.__cause__, OverflowError)


def test_request_forms(desk: Desk) -> None:
    """A dict, or its keys as keywords; not both, not nothing, not a TradeRequest, not a list."""
    assert mt5.order_send(**OPEN).retcode == mt5.TRADE_RETCODE_DONE
    for args, keywords, text in (
        ((OPEN,), OPEN, "Unnamed arguments not allowed"),
        ((), {}, "Invalid number of arguments"),
        ((OPEN, OPEN), {}, "Invalid number of arguments"),
        ((mt5.TradeRequest(range(17)),), {}, "Invalid arguments"),
        ((list(OPEN.items()),), {}, "Invalid arguments"),
    ):
        assert mt5.order_send(*args, **keywords) is None
        assert mt5.last_error() == (-2, text)
    assert mt5.order_send({}).retcode == mt5.TRADE_RETCODE_INVALID


@pytest.mark.parametrize(
    ("change", "retcode"),
    [
        ({"volume": float("nan")}, mt5.TRADE_RETCODE_INVALID_VOLUME),
        ({"volume": float("inf")}, mt5.TRADE_RETCODE_INVALID_VOLUME),
        ({"volume": 1e300}, mt5.TRADE_RETCODE_INVALID_VOLUME),
        ({"price": float("nan")}, mt5.TRADE_RETCODE_INVALID_PRICE),
        ({"sl": float("nan")}, mt5.TRADE_RETCODE_INVALID_STOPS),
        ({"tp": 1e300}, mt5.TRADE_RETCODE_INVALID_STOPS),
        ({"volume": 0.1 + 0.2 - 0.2, "sl": 1.1 - 0.05}, mt5.TRADE_RETCODE_DONE),
    ],
)
def test_floats_without_fixed_point(desk: Desk, change: dict[str, Any], retcode: int) -> None:
    """NaN, infinities and monsters are refused by the checks; what arithmetic leaves behind the eighth decimal is dropped."""
    assert mt5.order_send(OPEN | change).retcode == retcode


def test_order_check_answers_floats_and_the_request(desk: Desk) -> None:
    """Success is 0 with the account as it would be; the request comes back."""
    result = mt5.order_check(OPEN)
    assert (result.retcode, result.comment, result.margin, result.margin_free) == (0, "Done", 110.01, 9_889.99)
    assert result.margin_level == pytest.approx(9_090.08, abs=0.01)
    assert result.request.volume == 0.1


def test_calculations_take_numbers_as_the_package_does(desk: Desk) -> None:
    """Ints and Decimals are numbers here; texts break the call; unknown symbols and missing arguments do not."""
    assert mt5.order_calc_margin(mt5.ORDER_TYPE_BUY, "EURUSD", 1, Decimal("1.1001")) == 1_100.1
    assert mt5.order_calc_profit(mt5.ORDER_TYPE_SELL, "EURUSD", np.float32(1), 1.1, 1.2) == -10_000.0
    assert mt5.order_calc_margin(mt5.ORDER_TYPE_BUY, "NONE", 1, 1) is None
    assert mt5.order_calc_margin(mt5.ORDER_TYPE_BUY, "EURUSD", 1) is None
    assert mt5.last_error() == INVALID
    assert mt5.order_calc_margin(mt5.ORDER_TYPE_BUY, 5, 1, 1) is None
    assert mt5.last_error() == INVALID
    for args in ((0, "EURUSD", "1", 1.0), (0.0, "EURUSD", 1.0, 1.0)):
        with pytest.raises(SystemError):
            mt5.order_calc_margin(*args)


# --- helpers --------------------------------------------------------------------------------------------------------


def test_buy_sell_and_close(desk: Desk) -> None:
    """The helpers trade at the current price without magic; Close closes all of a symbol, or one ticket."""
    first = mt5.Buy("EURUSD", 0.1, comment="up")
    second = mt5.Sell("EURUSD", 0.2)
    assert (first.retcode, first.request.deviation, first.request.magic) == (mt5.TRADE_RETCODE_DONE, 10, 0)
    assert second.request.price == 1.1
    assert mt5.Close("EURUSD", ticket=first.order) is True
    assert [row.ticket for row in mt5.positions_get()] == [second.order]
    mt5.Buy("EURUSD", 0.1, 1.5)
    assert mt5.Close("EURUSD", comment="all") is True
    assert mt5.Close("EURUSD") is False
    assert mt5.Sell("EURUSD", 1) is None


def test_close_says_partially_and_retries_requotes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A requote is tried again with a fresh price; a refusal of one of two is "Partially"."""
    for _ in range(2):
        mt5.Buy("EURUSD", 0.1)
    answers = [mt5.TRADE_RETCODE_REQUOTE, mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_REJECT]
    results = [mt5.OrderSendResult([code, *[0] * 10]) for code in answers]
    monkeypatch.setattr(mt5, "order_send", lambda request: results.pop(0))
    assert mt5.Close("EURUSD") == "Partially"
    assert results == []


def test_helpers_fail_as_the_packages_do(desk: Desk) -> None:
    """Without a tick Buy raises AttributeError; without positions (no link) Close raises TypeError."""
    with pytest.raises(AttributeError):
        mt5.Buy("NONE", 0.1)
    mt5.shutdown()
    with pytest.raises(TypeError):
        mt5.Close("EURUSD")


_INTEGERS = ("action", "type", "magic", "position")
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**65), 2**65),
    st.integers(0, 12),
    st.floats(),
    st.sampled_from(["EURUSD", "USDJPY", "", "x" * 30, 0.1, 0.2, 1.1, 1.09, 1.12]),
    st.text(max_size=4),
)


@pytest.mark.slow
@given(
    requests=st.lists(
        st.dictionaries(st.sampled_from([*OPEN, "price", "sl", "tp", "magic", "position", "comment", "x"]), VALUES), max_size=8
    )
)
def test_any_request_is_answered_as_the_package_would(requests: list[dict[str, Any]]) -> None:
    """None with -2, or a result; and the books stay right."""
    with attached(symbols=("EURUSD", "USDJPY")) as desk:
        for request in requests:
            if any(isinstance(value, int) and not 0 <= value < 2**32 for key, value in request.items() if key in _INTEGERS):
                request = {key: value for key, value in request.items() if key not in _INTEGERS}
            result = mt5.order_send(OPEN | request)
            assert (result is None) == (mt5.last_error()[0] == -2)
            assert result is None or isinstance(result, mt5.OrderSendResult)
        assert mt5.account_info().equity == pytest.approx(mt5.account_info().balance + mt5.account_info().profit)
        check_books(desk.rig.terminal)
