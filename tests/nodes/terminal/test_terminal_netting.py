"""Netting and exchange accounts: one position a symbol, which deals add to, reduce, close and turn round."""

from typing import Any

import pytest

from nodes.terminal import names
from nodes.terminal.service import TerminalService
from tests.nodes.terminal.terminal_rig import BUY, EXCHANGE, LOGIN, NETTING, SELL, Rig, check_books, e8

DONE = names.TRADE_RETCODE_DONE


@pytest.fixture(params=[NETTING, EXCHANGE])
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(account={"margin_mode": request.param})


def test_deals_of_one_direction_merge_at_the_average_price(rig: Rig) -> None:
    """0.10 at 1.10010 and 0.30 at 1.10050 are one position of 0.40 at 1.10040 with the first magic."""
    first = rig.opened(BUY, magic=7)
    rig.quote("1.10040", "1.10050")
    rig.deal(BUY, "0.30", magic=8)
    [position] = rig.positions
    assert (position.ticket, position.identifier, position.magic) == (first.ticket, first.ticket, 7)
    assert (position.volume_e8, position.price_open_e8) == (e8("0.40"), e8("1.10040"))
    assert [deal.entry for deal in rig.deals] == [names.DEAL_ENTRY_IN] * 2
    check_books(rig.terminal)


def test_opposite_deal_reduces_with_or_without_naming_the_position(rig: Rig) -> None:
    """A sell reduces the long, whether it names it or not, and books the profit of the part."""
    position = rig.opened(BUY)
    rig.quote("1.10110", "1.10120")
    rig.deal(SELL, "0.04")
    rig.deal(SELL, "0.05", position=position.ticket)
    assert [position.volume_e8 for position in rig.positions] == [e8("0.01")]
    assert [deal.profit_e8 for deal in rig.deals[1:]] == [e8("4.00"), e8("5.00")]
    check_books(rig.terminal)


def test_equal_opposite_deal_closes(rig: Rig) -> None:
    """The opposite volume leaves nothing."""
    rig.opened(BUY)
    assert rig.deal(SELL).retcode == DONE
    assert not rig.positions
    assert rig.state.margin_e8 == 0


def test_reversal_is_one_deal_with_a_new_ticket_and_the_same_identifier(rig: Rig) -> None:
    """Selling 0.25 against 0.10 long: one INOUT deal, 0.15 short at its price, ticket of its order, identity kept."""
    first = rig.opened(BUY, sl="1.09000")
    result = rig.deal(SELL, "0.25", magic=9)
    [position] = rig.positions
    assert (position.ticket, position.identifier) == (result.order, first.identifier)
    assert (position.type, position.volume_e8, position.price_open_e8) == (SELL, e8("0.15"), e8("1.10000"))
    assert (position.sl_e8, position.magic) == (0, 9)
    deal = rig.deals[-1]
    assert (deal.entry, deal.volume_e8, deal.profit_e8) == (names.DEAL_ENTRY_INOUT, e8("0.25"), e8("-1.00"))
    assert deal.position_id == first.identifier
    check_books(rig.terminal)


def test_levels_of_a_further_deal_replace_those_it_names(rig: Rig) -> None:
    """A second buy with a stop loss and no take profit moves the one and leaves the other."""
    rig.opened(BUY, sl="1.09000", tp="1.12000")
    rig.deal(BUY, sl="1.09500")
    [position] = rig.positions
    assert (position.sl_e8, position.tp_e8) == (e8("1.09500"), e8("1.12000"))


def test_naming_a_position_that_is_not_there_is_refused(rig: Rig) -> None:
    """A close that names a gone ticket does not become an opening."""
    assert rig.deal(SELL, position=123).retcode == names.TRADE_RETCODE_POSITION_CLOSED
    position = rig.opened(BUY)
    assert rig.deal(SELL, position=position.ticket + 1).retcode == names.TRADE_RETCODE_POSITION_CLOSED


def test_close_by_needs_a_hedging_account(rig: Rig) -> None:
    """There is nothing to close by where a symbol has one position."""
    position = rig.opened(BUY)
    result = rig.send(names.TRADE_ACTION_CLOSE_BY, position=position.ticket, position_by=position.ticket)
    assert result.retcode == names.TRADE_RETCODE_INVALID


def test_reversal_needs_money_for_what_is_left_over_only() -> None:
    """With 1,200 of balance 1.00 long can be turned into 1.00 short (1,100 of margin), not into 2.00 short."""
    rig = Rig(account={"margin_mode": NETTING, "deposit_e8": e8("1200")})
    rig.opened(BUY, "1.00")
    assert rig.deal(SELL, "3.00").retcode == names.TRADE_RETCODE_NO_MONEY
    assert rig.deal(SELL, "2.00").retcode == DONE
    check_books(rig.terminal)


def test_exits_find_the_position_by_its_symbol(rig: Rig) -> None:
    """SLTP without a ticket means the symbol's position."""
    rig.opened(BUY)
    assert rig.send(names.TRADE_ACTION_SLTP, sl="1.09000", tp="1.12000").retcode == DONE
    [position] = rig.positions
    assert (position.sl_e8, position.tp_e8) == (e8("1.09000"), e8("1.12000"))


def test_close_only_symbol_can_be_reduced_but_not_turned_round() -> None:
    """What a deal leaves over is an opening, what it closes is not: also for the volume limit."""
    opened = Rig(account={"margin_mode": NETTING})
    opened.opened(BUY)
    rows = [change for change in opened.rows if change.kind in ("position", "account")]
    rig = Rig(account={"margin_mode": NETTING}, trade_mode=names.SYMBOL_TRADE_MODE_CLOSEONLY)
    rig.terminal.restore(rows)
    assert rig.deal(SELL, "0.11").retcode == names.TRADE_RETCODE_CLOSE_ONLY
    assert rig.deal(SELL, "0.10").retcode == DONE
    rig = Rig(account={"margin_mode": NETTING}, volume_limit_e8=e8("0.15"))
    rig.terminal.restore(rows)
    assert rig.deal(SELL, "0.26").retcode == names.TRADE_RETCODE_LIMIT_VOLUME
    assert rig.deal(SELL, "0.25").retcode == DONE


def test_an_order_that_closes_one_position_and_opens_the_next_is_of_both() -> None:
    """One sell of three lots at a depth of one: its deals are found by its ticket, the order and its deals by either position."""
    specs = {"exemode": names.SYMBOL_TRADE_EXECUTION_EXCHANGE, "depth_e8": e8("1")}
    rig = Rig(account={"margin_mode": EXCHANGE}, **specs)
    bought, sold = (rig.deal(side, volume, type_filling=names.ORDER_FILLING_RETURN).order for side, volume in ((BUY, "1"), (SELL, "3")))
    for _ in range(2):
        rig.quote("1.10000", "1.10010")
    service = TerminalService(rig.terminal)

    def history(name: str, ticket: int, position: int) -> list[Any]:
        return list(service.call(LOGIN, name, [0, 0, ticket, position], rig.now_ns).value)

    deal_tickets = [deal.ticket for deal in rig.deals if deal.order == sold]
    assert [deal.entry for deal in rig.deals] == [names.DEAL_ENTRY_IN, names.DEAL_ENTRY_OUT, names.DEAL_ENTRY_IN, names.DEAL_ENTRY_IN]
    assert [row[0] for row in history("history_deals_get", sold, 0)] == deal_tickets
    assert [row[0] for row in history("history_orders_get", 0, bought)] == [bought, sold]
    assert [row[0] for row in history("history_orders_get", 0, sold)] == [sold]
    assert [row[1] for row in history("history_deals_get", 0, bought)] == [bought, sold]
    check_books(rig.terminal)
