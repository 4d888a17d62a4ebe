"""Profit, margin and conversion to the deposit currency, against figures worked out by hand."""

from fractions import Fraction
from typing import Any

import pytest

from mesh.units import E8
from nodes.terminal import names
from nodes.terminal.conversion import rounded_e8
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, SELL, Rig, check_books, e8

CFD, CFD_INDEX, CFD_LEVERAGE = names.SYMBOL_CALC_MODE_CFD, names.SYMBOL_CALC_MODE_CFDINDEX, names.SYMBOL_CALC_MODE_CFDLEVERAGE


@pytest.mark.parametrize(
    ("specs", "margin"),
    [
        ({}, "1100.10"),
        ({"calc_mode": names.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE}, "110010"),
        ({"calc_mode": CFD, "currency_margin": "USD"}, "110010"),
        ({"calc_mode": CFD_LEVERAGE, "currency_margin": "USD"}, "1100.10"),
        ({"calc_mode": CFD_INDEX, "currency_margin": "USD"}, "110010"),
        ({"calc_mode": CFD_INDEX, "currency_margin": "USD", "tick_value_e8": e8("2")}, "22002000000"),
        ({"calc_mode": names.SYMBOL_CALC_MODE_FUTURES, "margin_initial_e8": e8("750"), "currency_margin": "USD"}, "750"),
    ],
)
def test_margin_by_calculation_mode(specs: dict[str, Any], margin: str) -> None:
    """One lot of 100,000 at 1.10010 with leverage 100, in each mode MetaTrader tells apart."""
    rig = Rig(**specs)
    assert rig.terminal.order_calc_margin(LOGIN, "EURUSD", E8, e8("1.10010")) == e8(margin)


def test_profit_of_futures_counts_ticks() -> None:
    """With a tick of 0.00010 worth 12.50 a move of 30 points is three ticks."""
    rig = Rig(tick_size_e8=e8("0.00010"), tick_value_e8=e8("12.50"))
    assert rig.terminal.order_calc_profit(LOGIN, True, "EURUSD", E8, e8("1.10000"), e8("1.10030")) == e8("37.50")


def test_yen_gains_convert_at_the_ask_and_losses_at_the_bid() -> None:
    """100,000 yen: 909.01 dollars as a gain at 110.010, 909.09 as a loss at 110.000."""
    rig = Rig(symbols=("EURUSD", "USDJPY"))

    def profit(close: str) -> int | None:
        return rig.terminal.order_calc_profit(LOGIN, True, "USDJPY", E8, e8("100.000"), e8(close))

    assert (profit("101.000"), profit("99.000")) == (e8("909.01"), e8("-909.09"))


@pytest.mark.parametrize(
    ("symbols", "currency", "symbol", "profit"),
    [
        (("EURUSD",), "EUR", "EURUSD", Fraction(1000) / Fraction("1.10010")),
        (("EURUSD", "USDJPY"), "EUR", "USDJPY", Fraction(100_000) / Fraction("110.010") / Fraction("1.10010")),
        (("EURUSD", "USDJPY"), "JPY", "EURUSD", Fraction(1000) * Fraction("110.000")),
        (("EURUSD", "EURJPY", "USDJPY"), "USD", "EURJPY", Fraction(100_000) / Fraction("110.010")),
    ],
)
def test_profit_takes_the_shortest_way_to_the_deposit(
    symbols: tuple[str, ...], currency: str, symbol: str, profit: Fraction
) -> None:
    """Direct either way round, and over the dollar with two symbols; a gain of 0.01 (1.000 yen) on one lot."""
    rig = Rig(symbols=symbols, account={"currency": currency})
    opened = e8("1.00000") if symbol == "EURUSD" else e8("100.000")
    closed = opened + (e8("0.01") if symbol == "EURUSD" else e8("1"))
    expected = round(profit * 100) * E8 // 100
    assert rig.terminal.order_calc_profit(LOGIN, True, symbol, E8, opened, closed) == expected


def test_margin_of_a_base_currency_converts_by_its_own_price_or_the_dearer_side() -> None:
    """EURUSD at its deal price for a dollar account; USDJPY's dollars as they are; EURJPY's euros at the ask of EURUSD."""
    rig = Rig(symbols=("EURUSD", "USDJPY", "EURJPY"))
    margins = [
        rig.terminal.order_calc_margin(LOGIN, symbol, E8, e8(price))
        for symbol, price in (("EURUSD", "1.25000"), ("USDJPY", "111.111"), ("EURJPY", "121.020"))
    ]
    assert margins == [e8("1250"), e8("1000"), e8("1100.10")]


def test_unknown_symbols_and_currencies_without_quote_have_no_value() -> None:
    """None, not an error, where nothing can be calculated; and no deal either."""
    rig = Rig(symbols=("EURUSD", "USDJPY"))
    rig.terminal.books["USDJPY"].quote(0, 0, 0)
    assert rig.terminal.order_calc_margin(LOGIN, "X", E8, E8) is None
    assert rig.terminal.order_calc_profit(LOGIN, True, "X", E8, E8, E8) is None
    assert rig.terminal.order_calc_profit(LOGIN, True, "USDJPY", E8, E8, E8) is None
    rig = Rig(symbols=("EURUSD", "USDJPY", "EURJPY"))
    rig.terminal.books["USDJPY"].quote(0, 0, 0)
    assert rig.deal(BUY, symbol="EURJPY").retcode == names.TRADE_RETCODE_PRICE_OFF


@pytest.mark.parametrize(
    ("specs", "margin"),
    [({}, "1650.15"), ({"margin_hedged_e8": 0}, "550.05"), ({"margin_hedged_e8": 50_000 * E8}, "1100.10")],
)
def test_covered_volume_is_charged_by_the_hedged_contract(specs: dict[str, Any], margin: str) -> None:
    """1.50 long and 1.00 short at one price: 0.50 open, and 1.00 covered at the hedged contract size."""
    rig = Rig(**specs)
    rig.quote("1.10010", "1.10010")
    rig.opened(BUY, "1.50")
    rig.opened(SELL, "1.00")
    assert rig.state.margin_e8 == e8(margin)


def test_larger_leg_can_be_the_margin() -> None:
    """With margin_hedged_use_leg the dearer of the two sides is all that is bound."""
    rig = Rig(margin_hedged_use_leg=True)
    rig.opened(BUY, "1.50")
    rig.opened(SELL, "1.00")
    assert rig.state.margin_e8 == e8("1650.15")
    check_books(rig.terminal)


def test_account_state_adds_up() -> None:
    """Equity, free margin and level of 1.00 long ten points under water."""
    rig = Rig()
    rig.opened(BUY, "1.00")
    state = rig.state
    assert (state.profit_e8, state.equity_e8) == (e8("-10"), e8("9990"))
    assert state.margin_free_e8 == e8("9990") - e8("1100.10")
    assert state.margin_level_e8 == e8("9990") * 100 * E8 // e8("1100.10")


def test_deposit_and_withdrawal_are_balance_deals() -> None:
    """The opening deposit, a deposit and a withdrawal each leave a deal of type balance without an order."""
    rig = Rig()
    rig.terminal.deposit(LOGIN, e8("500"), rig.now_ns)
    changes = rig.terminal.deposit(LOGIN, e8("-200"), rig.now_ns, "Withdrawal")
    assert [change.kind for change in changes] == ["deal", "account"]
    deals = rig.terminal.deals(LOGIN, 0, rig.now_ns)
    assert [(deal.type, deal.order, deal.profit_e8) for deal in deals] == [
        (names.DEAL_TYPE_BALANCE, 0, e8(amount)) for amount in ("10000", "500", "-200")
    ]
    assert rig.state.balance_e8 == e8("10300")


def test_rounding_is_half_away_from_zero() -> None:
    """Money is rounded once, symmetrically, to the unit of the account."""
    assert [rounded_e8(value, 1, 10) for value in (4, 5, -4, -5, 15, -15)] == [0, 10, 0, -10, 20, -20]
    assert rounded_e8(1, 3, 1) == 0
    assert rounded_e8(2, 3, 1) == 1


def test_floor_of_the_equity_holds_when_gains_and_losses_cancel_over_a_wide_conversion() -> None:
    """Two yen positions that cancel cost the spread of the conversion: the bound must not miss it."""
    rig = Rig(symbols=("EURUSD", "USDJPY", "EURJPY"), account={"deposit_e8": e8("100000")})
    for side in (BUY, SELL):
        rig.opened(side, "1.00", symbol="EURJPY")
    rig.quote("111.000", "131.000", symbol="USDJPY")
    rig.quote("126.000", "126.000", symbol="EURJPY")
    account = rig.account
    assert rig.state.profit_e8 == e8("-702.97")
    assert account.equity_e8() - e8("1") < account.equity_floor_e8() <= account.equity_e8()
