"""Hedging accounts: each opening deal is a position of its own, and a close names it."""

from nodes.terminal import names
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, SELL, Rig, check_books, e8

DONE = names.TRADE_RETCODE_DONE


def test_each_deal_opens_its_own_position_and_carries_magic_and_comment() -> None:
    """Two buys make two positions, whose tickets are those of their orders and whose identity goes through to the deals."""
    rig = Rig()
    first, second = rig.deal(BUY, magic=7, comment="one"), rig.deal(BUY, magic=8, comment="two")
    assert [position.ticket for position in rig.positions] == [first.order, second.order]
    assert [(deal.magic, deal.comment, deal.position_id) for deal in rig.deals] == [(7, "one", first.order), (8, "two", second.order)]
    order = rig.account.history_tickets[first.order]
    assert (order.state, order.position_id, order.magic) == (names.ORDER_STATE_FILLED, first.order, 7)
    assert first.deal == rig.deals[0].ticket != first.order
    assert first.order // 10_000_000 == LOGIN


def test_opposite_deal_without_position_opens_a_hedge() -> None:
    """A sell that names no position does not close the buy."""
    rig = Rig()
    rig.deal(BUY)
    rig.deal(SELL)
    assert [position.type for position in rig.positions] == [BUY, SELL]
    check_books(rig.terminal)


def test_close_books_profit_at_the_other_side_of_the_quote() -> None:
    """A long opened at the ask and closed at a bid 20 points above it earns 2.00 on 0.10 lots."""
    rig = Rig()
    position = rig.opened(BUY)
    rig.quote("1.10030", "1.10040")
    result = rig.deal(SELL, position=position.ticket)
    assert (result.retcode, result.price_e8) == (DONE, e8("1.10030"))
    assert rig.deals[-1].profit_e8 == e8("2.00")
    assert rig.deals[-1].entry == names.DEAL_ENTRY_OUT
    assert rig.deals[-1].position_id == position.identifier
    assert not rig.positions
    assert rig.state.balance_e8 == e8("10002")


def test_partial_close_keeps_the_ticket_and_shares_the_margin() -> None:
    """Closing 0.03 of 0.10 leaves the same ticket with 0.07 and its share of the margin."""
    rig = Rig()
    position = rig.opened(BUY)
    rig.deal(SELL, "0.03", position=position.ticket)
    rest = rig.position(position.ticket)
    assert rest.volume_e8 == e8("0.07")
    assert rest.margin_e8 == e8("77.01")
    assert rig.deals[-1].volume_e8 == e8("0.03")
    check_books(rig.terminal)


def test_close_by_closes_both_at_the_open_price_of_the_second() -> None:
    """0.10 long against 0.04 short: two OUT_BY deals of 0.04 of one order, 0.06 long left, no commission."""
    rig = Rig(account={"commission_per_lot_e8": e8("7")})
    long, short = rig.opened(BUY), rig.opened(SELL, "0.04")
    result = rig.send(names.TRADE_ACTION_CLOSE_BY, position=long.ticket, position_by=short.ticket)
    assert (result.retcode, result.price_e8, result.volume_e8) == (DONE, short.price_open_e8, e8("0.04"))
    first, second = rig.deals[-2:]
    assert [deal.entry for deal in (first, second)] == [names.DEAL_ENTRY_OUT_BY] * 2
    assert [deal.position_id for deal in (first, second)] == [long.ticket, short.ticket]
    assert (first.profit_e8, second.profit_e8) == (e8("-0.40"), 0)
    assert first.commission_e8 == second.commission_e8 == 0
    order = rig.account.history_tickets[result.order]
    assert (order.type, order.position_id, order.position_by_id) == (names.ORDER_TYPE_CLOSE_BY, long.ticket, short.ticket)
    assert [position.volume_e8 for position in rig.positions] == [e8("0.06")]
    check_books(rig.terminal)


def test_commission_and_fee_are_charged_on_both_deals() -> None:
    """7 a lot and 0.25 a deal: opening and closing 0.10 costs 1.90 in all."""
    rig = Rig(account={"commission_per_lot_e8": e8("7"), "fee_per_deal_e8": e8("0.25")})
    position = rig.opened(BUY)
    rig.deal(SELL, position=position.ticket)
    assert [(deal.commission_e8, deal.fee_e8) for deal in rig.deals] == [(e8("-0.70"), e8("-0.25"))] * 2
    assert rig.state.balance_e8 == e8("10000") + e8("-1.00") + e8("-1.90")


def test_fifo_account_closes_the_oldest_first() -> None:
    """With fifo_close the second position cannot be closed while the first of its symbol is open."""
    rig = Rig(account={"fifo_close": True})
    first, second = rig.opened(BUY), rig.opened(BUY)
    assert rig.deal(SELL, position=second.ticket).retcode == names.TRADE_RETCODE_FIFO_CLOSE
    assert rig.deal(SELL, position=first.ticket).retcode == DONE
    assert rig.deal(SELL, position=second.ticket).retcode == DONE


def test_tickets_of_one_account_do_not_depend_on_another() -> None:
    """What another account does changes nothing about this one's tickets."""
    alone, rig = Rig(), Rig()
    rig.terminal.deposit(LOGIN, 0, rig.now_ns)
    assert rig.deal(BUY).order == alone.deal(BUY).order + 1


def test_slippage_is_drawn_from_the_attempt_and_never_better_than_the_quote() -> None:
    """The same attempt slips the same, attempts differ, none is better than the quote or past the limit."""
    from nodes.terminal.records import TradeRequest
    from nodes.terminal.settings import TerminalConfig

    def fill_e8(attempt: int) -> int:
        rig = Rig(config=TerminalConfig(slippage_points_max=5, seed=3))
        request = TradeRequest(action=names.TRADE_ACTION_DEAL, symbol="EURUSD", volume_e8=e8("0.1"), type=BUY)
        return rig.terminal.order_send(LOGIN, request, rig.now_ns, attempt)[0].price_e8

    fills = [fill_e8(attempt) for attempt in range(30)]
    assert fills == [fill_e8(attempt) for attempt in range(30)]
    assert len(dict.fromkeys(fills)) > 3
    assert all(e8("1.10010") <= price_e8 <= e8("1.10015") for price_e8 in fills)
