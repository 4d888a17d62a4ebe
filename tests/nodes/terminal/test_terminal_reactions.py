"""What the server does by itself: stops with gaps, stop-out, swap, the equity watch."""

import pytest

from mesh.units import DAY_NS, HOUR_NS
from nodes.terminal import names
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, NETTING, SELL, START_NS, Rig, check_books, e8

SERVER = TerminalConfig(server_zone="New York + 7 h")


@pytest.mark.parametrize(
    ("side", "sl", "tp", "waits", "meets", "price", "word"),
    [
        (BUY, "1.09500", "0", ("1.09501", "1.09511"), ("1.09500", "1.09510"), "1.09500", "sl"),
        (BUY, "1.09500", "0", ("1.09501", "1.09511"), ("1.09123", "1.09133"), "1.09123", "sl"),
        (BUY, "0", "1.10500", ("1.10499", "1.10509"), ("1.10620", "1.10630"), "1.10620", "tp"),
        (SELL, "1.10500", "0", ("1.10489", "1.10499"), ("1.10640", "1.10650"), "1.10650", "sl"),
        (SELL, "0", "1.09500", ("1.09491", "1.09501"), ("1.09390", "1.09400"), "1.09400", "tp"),
    ],
)
def test_stops_close_at_the_first_quote_that_reaches_them(
    side: int, sl: str, tp: str, waits: tuple[str, str], meets: tuple[str, str], price: str, word: str
) -> None:
    """A point short nothing happens; then a server order closes at the quote, gap included, with the level in its comment."""
    rig = Rig()
    position = rig.opened(side, sl=sl, tp=tp, magic=7, comment="mine")
    assert rig.quote(*waits) == ()
    rig.quote(*meets)
    assert not rig.positions
    deal, order = rig.deals[-1], rig.account.history_orders[-1]
    level = sl if word == "sl" else tp
    reason = names.DEAL_REASON_SL if word == "sl" else names.DEAL_REASON_TP
    assert (deal.price_e8, deal.reason, order.reason) == (e8(price), reason, reason)
    assert deal.comment == order.comment == f"[{word} {level}]"
    assert (deal.position_id, deal.magic, deal.order) == (position.identifier, 7, order.ticket)
    check_books(rig.terminal)


def test_moved_and_removed_levels_no_longer_trigger() -> None:
    """After a stop was moved down and then taken away, the old prices mean nothing."""
    rig = Rig()
    position = rig.opened(BUY, sl="1.09500")
    rig.send(names.TRADE_ACTION_SLTP, position=position.ticket, sl="1.09000")
    rig.quote("1.09400", "1.09410")
    assert rig.positions
    rig.send(names.TRADE_ACTION_SLTP, position=position.ticket)
    rig.quote("1.08000", "1.08010")
    assert rig.positions


def test_many_moves_of_a_stop_leave_few_dead_levels() -> None:
    """A stop that trails a thousand times does not leave a thousand entries behind."""
    rig = Rig()
    position = rig.opened(BUY, sl="1.05000")
    for step in range(1, 1_000):
        rig.send(names.TRADE_ACTION_SLTP, position=position.ticket, sl=f"1.0{50_00 + step}")
    assert sum(len(heap) for heap in rig.terminal.books["EURUSD"]._heaps) <= 65
    rig.quote("1.05999", "1.06009")
    assert not rig.positions


def test_partial_close_keeps_the_levels() -> None:
    """What is left of a position keeps its stop loss, which closes what is left."""
    rig = Rig()
    position = rig.opened(BUY, sl="1.09500")
    rig.deal(SELL, "0.04", position=position.ticket)
    rig.quote("1.09400", "1.09410")
    assert rig.deals[-1].volume_e8 == e8("0.06")


def test_stop_out_closes_the_worst_until_the_level_is_back() -> None:
    """1,000 of balance on 0.50 and 0.20 lots: at 50 % the worst goes, the other stays."""
    rig = Rig(account={"deposit_e8": e8("1000")})
    worst, other = rig.opened(BUY, "0.50"), rig.opened(BUY, "0.20")
    margin_e8 = rig.state.margin_e8
    assert margin_e8 == e8("770.07")
    # equity at bid p: 1000 - 70000 * (1.10010 - p); 50 % of the margin is 385.035
    rig.quote("1.09132", "1.09142")
    assert len(rig.positions) == 2
    rig.quote("1.09131", "1.09141")
    assert [position.ticket for position in rig.positions] == [other.ticket]
    deal = rig.deals[-1]
    assert (deal.position_id, deal.reason) == (worst.ticket, names.DEAL_REASON_SO)
    assert deal.comment == "[so 49.96%/384.70/770.07]"
    check_books(rig.terminal)


def test_stop_out_by_money() -> None:
    """With margin_so_mode money the level is an amount of equity."""
    account = {"deposit_e8": e8("1000"), "margin_so_mode": names.ACCOUNT_STOPOUT_MODE_MONEY, "margin_so_so_e8": e8("900")}
    rig = Rig(account=account)
    rig.opened(BUY)
    rig.quote("1.09011", "1.09021")
    assert rig.positions
    rig.quote("1.09010", "1.09020")
    assert not rig.positions


def test_covered_account_without_margin_is_stopped_out_below_nothing() -> None:
    """Fully hedged with no hedged margin there is no level; positions go when the equity is below zero."""
    rig = Rig(account={"deposit_e8": e8("200"), "leverage": 1_000}, margin_hedged_e8=0)
    rig.opened(BUY, "1.00")
    rig.opened(SELL, "1.00")
    assert rig.state.margin_e8 == 0
    rig.quote("1.10000", "1.10190")
    assert (len(rig.positions), rig.state.equity_e8) == (2, 0)
    rig.quote("1.10000", "1.10191")
    assert not rig.positions
    check_books(rig.terminal)


def test_swap_is_charged_at_the_servers_midnight_and_paid_out_on_close() -> None:
    """Monday to Thursday at -7 points: one night, one, three for Wednesday; half of it with half of the volume."""
    rig = Rig(config=SERVER, swap_mode=1, swap_long_e8=e8("-7"), swap_short_e8=e8("2"))
    position = rig.opened(BUY, "1.00")
    swaps = []
    rig.quote("1.10000", "1.10010", after_ns=START_NS + 10 * HOUR_NS - rig.now_ns)
    for _ in range(6):
        swaps.append(rig.position(position.ticket).swap_e8)
        rig.quote("1.10000", "1.10010", after_ns=DAY_NS)
    assert swaps == [e8(text) for text in ("0", "-7", "-14", "-35", "-42", "-49")]
    assert rig.position(position.ticket).swap_e8 == e8("-49")
    assert rig.state.profit_e8 == e8("-10") + e8("-49")
    rig.deal(SELL, "0.50", position=position.ticket)
    assert (rig.deals[-1].swap_e8, rig.position(position.ticket).swap_e8) == (e8("-24.50"), e8("-24.50"))
    check_books(rig.terminal)


def test_swap_over_a_weekend_comes_once() -> None:
    """A gap of several midnights charges each night of it, in one go."""
    rig = Rig(config=SERVER, swap_mode=1, swap_long_e8=e8("-7"), swap_short_e8=e8("2"))
    position = rig.opened(SELL, "1.00")
    rig.quote("1.10000", "1.10010", after_ns=7 * DAY_NS)
    assert rig.position(position.ticket).swap_e8 == e8("14")
    assert rig.terminal.on_time(rig.now_ns) == ()


def test_watch_fires_once_at_the_first_equity_below_it() -> None:
    """The watch stands at 9,990: equity on it is not below it, a cent under is."""
    rig = Rig()
    rig.opened(BUY, "1.00")
    rig.terminal.watch(LOGIN, e8("9990"))
    rig.quote("1.10000", "1.10010")
    assert rig.terminal.take_fired() == ()
    rig.quote("1.09999", "1.10009")
    assert rig.terminal.has_fired
    assert rig.terminal.take_fired() == (LOGIN,)
    rig.quote("1.09998", "1.10008")
    assert rig.terminal.take_fired() == ()
    rig.terminal.watch(LOGIN, None)
    assert rig.positions


def test_watch_is_moved_by_the_symbol_that_converts() -> None:
    """A EURJPY position of a dollar account loses when USDJPY falls: the watch sees that tick too."""
    rig = Rig(symbols=("EURUSD", "USDJPY", "EURJPY"))
    rig.opened(BUY, "1.00", symbol="EURJPY")
    rig.quote("120.000", "120.020", symbol="EURJPY")
    equity_e8 = rig.state.equity_e8
    rig.terminal.watch(LOGIN, equity_e8 - e8("1"))
    rig.quote("111.000", "111.010", symbol="USDJPY")
    assert rig.terminal.take_fired() == ()
    rig.quote("109.000", "109.010", symbol="USDJPY")
    assert rig.terminal.take_fired() == (LOGIN,)


def test_netting_stop_closes_the_whole_position() -> None:
    """On a netting account the stop's deal belongs to the position's identifier, which is not its ticket after a reversal."""
    rig = Rig(account={"margin_mode": NETTING})
    first = rig.opened(BUY)
    rig.deal(SELL, "0.25", sl="1.10500")
    rig.quote("1.10490", "1.10500")
    assert not rig.positions
    assert (rig.deals[-1].position_id, rig.deals[-1].volume_e8) == (first.identifier, e8("0.15"))
    check_books(rig.terminal)
