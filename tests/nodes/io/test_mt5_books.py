"""Whatever a script asks through the package, with faults and nights in between: no error of ours, and books that add up."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.faults import FaultSection
from mesh.units import E8, HOUR_NS, MS_NS, SECOND_NS
from nodes.io import mt5
from nodes.io.mt5call import KEYWORDS, NOARGS
from nodes.terminal import names
from nodes.terminal.records import TradeRequest
from nodes.terminal.retcodes import TEXTS
from nodes.terminal.settings import TerminalConfig
from tests.nodes.io.mt5_rig import Desk, attached
from tests.nodes.terminal.terminal_plans import STEPS, SYMBOLS, requested, ticked
from tests.nodes.terminal.terminal_rig import EXCHANGE, NETTING, check_books, e8

OTHER = 5_002
UNSURE = (-10002, -10001, -10004, -8, -10000)
"""What an order_send may leave in last_error for a fault."""
CONVERSIONS = (TypeError, ValueError, OverflowError, OSError)
"""What a conversion of the C interface leaves behind a SystemError."""

_EUR = {"currency": "EUR", "commission_per_lot_e8": e8("3.5"), "fee_per_deal_e8": e8("0.1"), "deposit_e8": e8("700")}
_THIN = {"credit_e8": e8("50"), "deposit_e8": e8("120"), "leverage": 500}
ACCOUNTS = st.sampled_from([{}, _THIN, _EUR, {"margin_mode": NETTING}, _EUR | {"margin_mode": EXCHANGE}])
SPECS = st.sampled_from(
    [
        {"swap_mode": names.SYMBOL_SWAP_MODE_REOPEN_CURRENT, "swap_long_e8": e8("-7"), "swap_short_e8": e8("2"), "stops_level": 10},
        {"swap_mode": names.SYMBOL_SWAP_MODE_INTEREST_OPEN, "swap_long_e8": e8("-9"), "swap_short_e8": e8("4"), "freeze_level": 5},
        {"exemode": names.SYMBOL_TRADE_EXECUTION_EXCHANGE, "depth_e8": e8("0.07"), "swap_mode": 8, "swap_short_e8": e8("1")},
        {"exemode": names.SYMBOL_TRADE_EXECUTION_INSTANT, "swap_mode": 1, "swap_long_e8": e8("-7.3")},
    ]
)
_share = st.sampled_from([Decimal("0.1"), Decimal("0.3"), Decimal(1)])
FAULTS = st.lists(
    st.builds(
        FaultSection,
        kind=st.sampled_from(
            [
                *("lose_reply", "lose_request", "send_failed", "error", "retcode", "hang", "place", "hide", "no_deal"),
                *("rewrite_comment", "drop_magic", "restart", "disconnect", "stop_trading", "disable_api"),
            ]
        ),
        chance=_share,
        for_ms=st.sampled_from([1, 700, 90_000]),
        retcode=st.sampled_from([10004, 10012, 10031, 0]),
        error=st.just(-10000),
        executed=st.booleans(),
        of=st.sampled_from(["all", "positions", "history"]),
    ),
    max_size=3,
)
GARBAGE = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**65), 2**65), st.integers(-1, 12), st.floats(), st.text(max_size=40), st.binary(max_size=3),
    st.datetimes(), st.decimals(allow_nan=True), st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=2), st.none()),
    st.sampled_from(["EURUSD", np.float64(1.1), np.float32(1.1), np.int64(5), np.zeros(2), datetime.date(2020, 1, 1), object(), 10**40]),
)  # fmt: skip
KEYS = ("action", "magic", "order", "symbol", "volume", "price", "stoplimit", "sl", "tp", "deviation", "type", "type_filling", "type_time",
        "expiration", "comment", "position", "position_by", "surplus")  # fmt: skip


def asked(request: TradeRequest) -> dict[str, Any]:
    """A request of the plans as a script would write it."""
    prices = {name: getattr(request, f"{name}_e8") / E8 for name in ("volume", "price", "stoplimit", "sl", "tp")}
    same = {name: getattr(request, name) for name in KEYS[:4] + KEYS[10:13] + KEYS[14:17]}
    return same | prices | {"deviation": request.deviation_points, "expiration": request.expiration_ns // SECOND_NS}


def send(function: Any, request: dict[str, Any]) -> Any:
    """The result of a request; None also where the package ends in a SystemError."""
    try:
        return function(request)
    except SystemError as error:
        if not isinstance(error.__cause__, CONVERSIONS):
            raise
        return None


def check_shown(desk: Desk) -> None:
    """The books, and what the package shows of them: sums, lineage."""
    check_books(desk.rig.terminal)
    info = mt5.account_info()
    if info is None:
        return
    assert info.equity == pytest.approx(info.balance + info.credit + info.profit, abs=1e-6)
    assert info.margin >= 0
    assert info.margin_free == pytest.approx(info.equity - info.margin, abs=1e-6)
    held = mt5.positions_get()
    assert len(held) == mt5.positions_total()
    if not desk.service.session(info.login).hides:
        assert sum(position.profit + position.swap for position in held) == pytest.approx(info.profit, abs=1e-6)
    deals, orders = mt5.history_deals_get(1, 2**31 - 1), mt5.history_orders_get(1, 2**31 - 1)
    if not desk.service.session(info.login).hides:
        known = {order.ticket for order in (*orders, *mt5.orders_get())} | {0}
        assert {deal.order for deal in deals} <= known
        assert {position.identifier for position in held} <= {deal.position_id for deal in deals}


@pytest.mark.slow
@given(account=ACCOUNTS, specs=SPECS, faults=FAULTS, plan=STEPS, wild=st.lists(st.dictionaries(st.sampled_from(KEYS), GARBAGE), max_size=6))
def test_books_add_up_through_the_package(
    account: dict[str, Any], specs: dict[str, Any], faults: list[FaultSection], plan: list[Any], wild: list[dict[str, Any]]
) -> None:
    """Requests that make sense, nearly do, or are of any type, with faults on and over nights: known answers, right books."""
    config = TerminalConfig(server_zone="UTC+2", slippage_points_max=3)
    with attached(symbols=SYMBOLS, account=account, config=config, faults=tuple(faults), others=(OTHER,), **specs) as desk:
        rig = desk.rig
        for number, step in enumerate(plan):
            if step[0] == "tick":
                ticked(rig, *step[1:])
                check_shown(desk)
                continue
            request = requested(rig, step)
            if request is None:
                continue
            changes = wild[number % len(wild)] if wild and number % 3 == 0 else {}
            given_request = asked(request) | {"magic": number} | changes
            checked = send(mt5.order_check, given_request)
            result = send(mt5.order_send, given_request)
            assert result is None or isinstance(result, mt5.OrderSendResult)
            assert result is not None or mt5.last_error()[0] in (-2, *UNSURE)
            assert result is None or result.comment == TEXTS[result.retcode]
            if not faults and checked is not None and checked.retcode:
                assert result.retcode == checked.retcode
            rig.now_ns += 100 * MS_NS
            if mt5.last_error()[0] in UNSURE and not mt5.initialize():
                rig.now_ns += 2 * HOUR_NS
                assert mt5.initialize(), mt5.last_error()
            rig.terminal.on_time(rig.now_ns)
            check_shown(desk)


FUNCTIONS = [
    name for name, function in vars(mt5).items() if getattr(function, "__module__", "") == "MetaTrader5._core" and name != "shutdown"
]


@pytest.mark.slow
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(FUNCTIONS),
            st.lists(GARBAGE, max_size=5),
            st.dictionaries(st.sampled_from(["ticket", "group", "login", "path", "timeout", *KEYS[:4]]), GARBAGE, max_size=2),
        ),
        max_size=12,
    )
)
def test_any_call_with_anything(calls: list[tuple[str, list[Any], dict[str, Any]]]) -> None:
    """A TypeError for keywords or arguments a C function does not take, a SystemError for a failed conversion, nothing else."""
    with attached() as desk:
        for name, args, keywords in calls:
            function = getattr(mt5, name)
            try:
                function(*args, **keywords)
            except TypeError:
                assert (keywords and function.kind != KEYWORDS) or (args and function.kind == NOARGS)
            except SystemError as error:
                if not isinstance(error.__cause__, CONVERSIONS):
                    raise
            assert mt5.last_error()[1]
            if name == "initialize":
                mt5.initialize()
        check_books(desk.rig.terminal)
