"""Swap in each of MetaTrader's modes, against figures worked out by hand; nights, weekends, and positions that are opened again."""

from typing import Any

import msgspec
import pytest

from mesh.units import DAY_NS, HOUR_NS
from nodes.terminal import names
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import BUY, NETTING, SELL, START_NS, Rig, check_books, e8

SERVER = TerminalConfig(server_zone="New York + 7 h")
DONE = names.TRADE_RETCODE_DONE
REOPEN_CURRENT, REOPEN_BID = names.SYMBOL_SWAP_MODE_REOPEN_CURRENT, names.SYMBOL_SWAP_MODE_REOPEN_BID
MIDNIGHT_NS = START_NS + 11 * HOUR_NS
"""Monday's last moment at the server: 21:00 UTC in summer."""


def night(rig: Rig, bid: str = "1.10000", ask: str = "1.10010", nights: int = 1) -> None:
    """The last quote of the server's day, then its midnight, and so on."""
    for _ in range(nights):
        ahead_ns = (MIDNIGHT_NS - rig.now_ns) % DAY_NS or DAY_NS
        rig.quote(bid, ask, after_ns=ahead_ns - 1)
        rig.now_ns += 1
        rig.rows.extend(rig.terminal.on_time(rig.now_ns))


def swapped(mode: int, long: str = "0", short: str = "0", **fields: Any) -> Rig:
    return Rig(config=SERVER, swap_mode=mode, swap_long_e8=e8(long), swap_short_e8=e8(short), **fields)


@pytest.mark.parametrize(
    ("mode", "side", "rate", "volume", "swap"),
    [
        # 7 points of 0.00001 on 100,000
        (names.SYMBOL_SWAP_MODE_POINTS, BUY, "-7", "1.00", "-7.00"),
        # 3 euros: what is paid converts at the ask, 1.10010; what is earned at the bid
        (names.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL, BUY, "-3", "1.00", "-3.30"),
        (names.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL, SELL, "2", "0.50", "1.10"),
        (names.SYMBOL_SWAP_MODE_CURRENCY_MARGIN, BUY, "-30", "1.00", "-33.00"),
        (names.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT, BUY, "-2.5", "2.00", "-5.00"),
        # 3.6 % a year of 360 days of the closing price 1.20000, or of the open price 1.10010
        (names.SYMBOL_SWAP_MODE_INTEREST_CURRENT, BUY, "-3.6", "1.00", "-12.00"),
        (names.SYMBOL_SWAP_MODE_INTEREST_OPEN, BUY, "-3.6", "1.00", "-11.00"),
        (names.SYMBOL_SWAP_MODE_DISABLED, BUY, "-7", "1.00", "0"),
    ],
)
def test_a_night_in_each_mode(mode: int, side: int, rate: str, volume: str, swap: str) -> None:
    """One night of one position, in the deposit currency; the side that has no rate pays nothing."""
    rig = swapped(mode, **{"long" if side == BUY else "short": rate})
    position, other = rig.opened(side, volume), rig.opened(1 - side, "0.01")
    quote = ("1.20000", "1.20010") if mode == names.SYMBOL_SWAP_MODE_INTEREST_CURRENT else ("1.10000", "1.10010")
    night(rig, *quote)
    assert rig.position(position.ticket).swap_e8 == e8(swap)
    assert rig.position(other.ticket).swap_e8 == 0
    assert rig.state.balance_e8 == e8("10000")
    check_books(rig.terminal)


def test_swap_in_another_currency_waits_for_nothing() -> None:
    """A euro account pays the dollars of its points at the rate of EURUSD: 7 / 1.10000 as a loss at the dearer side."""
    rig = swapped(names.SYMBOL_SWAP_MODE_POINTS, "-7", account={"currency": "EUR"})
    position = rig.opened(BUY, "1.00")
    night(rig)
    assert rig.position(position.ticket).swap_e8 == e8("-6.36")


def test_the_triple_day_and_the_weekend() -> None:
    """From Monday: 1, 1, 3 on Wednesday, 1, 1, none on Saturday and Sunday; another symbol's triple day is Friday."""
    for triple, charged in ((names.DAY_OF_WEEK_WEDNESDAY, [1, 2, 5, 6, 7, 7, 7]), (names.DAY_OF_WEEK_FRIDAY, [1, 2, 3, 4, 7, 7, 7])):
        rig = swapped(names.SYMBOL_SWAP_MODE_POINTS, "-1", swap_rollover3days=triple)
        position, seen = rig.opened(BUY, "1.00"), []
        for _ in range(7):
            night(rig)
            seen.append(rig.position(position.ticket).swap_e8)
        assert seen == [-e8(str(nights)) for nights in charged]


@pytest.mark.parametrize(
    ("mode", "side", "rate", "closed", "opened", "profit"),
    [
        (REOPEN_CURRENT, BUY, "-10", "1.10050", "1.10060", "40.00"),
        (REOPEN_CURRENT, SELL, "4", "1.10060", "1.10064", "-60.00"),
        (REOPEN_BID, BUY, "-10", "1.10050", "1.10060", "40.00"),
        (REOPEN_BID, SELL, "4", "1.10050", "1.10054", "-50.00"),
    ],
)
def test_a_position_is_closed_and_opened_again(mode: int, side: int, rate: str, closed: str, opened: str, profit: str) -> None:
    """At the day's last price (or its bid), then so many points better or worse: a new ticket, the old identifier and levels."""
    rig = swapped(mode, rate if side == BUY else "0", rate if side == SELL else "0", account={"commission_per_lot_e8": e8("7")})
    levels = {"sl": "1.05", "tp": "1.15"} if side == BUY else {"sl": "1.15", "tp": "1.05"}
    first = rig.opened(side, "1.00", magic=7, comment="mine", **levels)
    balance_e8 = rig.state.balance_e8
    night(rig, "1.10050", "1.10060")
    [position] = rig.positions
    assert position.ticket != position.identifier == first.identifier
    assert (position.price_open_e8, position.swap_e8, position.volume_e8) == (e8(opened), 0, e8("1"))
    assert (position.magic, position.comment, position.sl_e8, position.tp_e8) == (7, "mine", first.sl_e8, first.tp_e8)
    out, back = rig.deals[-2:]
    assert (out.price_e8, out.profit_e8, out.entry) == (e8(closed), e8(profit), names.DEAL_ENTRY_OUT)
    assert (back.price_e8, back.entry, back.order) == (e8(opened), names.DEAL_ENTRY_IN, position.ticket)
    assert [(deal.reason, deal.position_id, deal.commission_e8) for deal in (out, back)] == [
        (names.DEAL_REASON_ROLLOVER, first.identifier, 0)
    ] * 2
    assert rig.state.balance_e8 == balance_e8 + e8(profit)
    check_books(rig.terminal)


@pytest.mark.parametrize("mode", [REOPEN_CURRENT, REOPEN_BID])
def test_reopening_counts_the_triple_day_too(mode: int) -> None:
    """Three times ten points on Wednesday night."""
    rig = swapped(mode, "-10")
    rig.opened(BUY)
    night(rig, nights=3)
    assert rig.positions[0].price_open_e8 == e8("1.10030")


def test_a_reopened_position_is_closed_by_its_new_ticket() -> None:
    """In part and whole, all deals of the one position; the old ticket is that of a closed one, for any request."""
    rig = swapped(REOPEN_CURRENT, "-10")
    first = rig.opened(BUY)
    night(rig, nights=2)
    [position] = rig.positions
    for action in ({"action": names.TRADE_ACTION_DEAL, "type": SELL, "volume": "0.04"}, {"action": names.TRADE_ACTION_SLTP, "sl": "1.05"}):
        assert rig.send(**action, position=first.ticket).retcode == names.TRADE_RETCODE_POSITION_CLOSED
    for volume in ("0.04", "0.06"):
        assert rig.deal(SELL, volume, position=position.ticket).retcode == DONE
    assert not rig.positions
    assert [deal.position_id for deal in rig.deals] == [first.identifier] * 7
    assert sum(deal.volume_e8 * (1 if deal.entry == 0 else -1) for deal in rig.deals) == 0
    check_books(rig.terminal)


def test_levels_of_a_reopened_position_still_close_it_once() -> None:
    """The stop loss waits for the new ticket, and the old one's no longer means anything."""
    rig = swapped(REOPEN_CURRENT, "-10")
    first = rig.opened(BUY, sl="1.09500")
    night(rig)
    rig.quote("1.09400", "1.09410")
    assert not rig.positions
    assert [deal.entry for deal in rig.deals] == [0, 1, 0, 1]
    assert (rig.deals[-1].comment, rig.deals[-1].position_id) == ("[sl 1.09500]", first.identifier)
    check_books(rig.terminal)


def test_a_netting_position_is_reopened_as_the_symbols_one() -> None:
    """Its new ticket is the symbol's position from then on: further deals add to it."""
    rig = swapped(REOPEN_CURRENT, "-10", account={"margin_mode": NETTING})
    first = rig.opened(BUY)
    night(rig)
    rig.deal(BUY)
    [position] = rig.positions
    assert (position.identifier, position.volume_e8) == (first.identifier, e8("0.20"))
    check_books(rig.terminal)


def test_the_rest_of_a_close_finds_the_reopened_position() -> None:
    """A resting close is of a position's identifier: after the night it goes on closing."""
    specs = {"exemode": names.SYMBOL_TRADE_EXECUTION_EXCHANGE, "depth_e8": e8("0.04")}
    rig = swapped(REOPEN_CURRENT, "-10", **specs)
    ticket = rig.deal(BUY, "0.04", type_filling=2).order
    rig.quote("1.10000", "1.10010")
    book = rig.terminal.books["EURUSD"]
    book.spec = msgspec.structs.replace(book.spec, depth_e8=e8("0.01"))
    assert rig.deal(SELL, "0.04", position=ticket, type_filling=2).retcode == names.TRADE_RETCODE_DONE_PARTIAL
    rig.now_ns = MIDNIGHT_NS
    rig.rows.extend(rig.terminal.on_time(rig.now_ns))
    assert rig.positions[0].ticket != ticket
    for _ in range(3):
        rig.quote("1.10000", "1.10010")
    assert not rig.positions
    assert not rig.orders
    check_books(rig.terminal)


def test_a_fifo_account_counts_a_reopened_position_by_its_first_day() -> None:
    """The older position has the younger ticket after a night in which only it was reopened; it is still the first to close."""
    rig = swapped(REOPEN_CURRENT, "-10", account={"fifo_close": True})
    first = rig.opened(BUY)
    night(rig)
    second = rig.opened(SELL)
    third = rig.opened(SELL)
    night(rig)
    old = rig.account.position_by_id(first.identifier)
    assert old.ticket > third.ticket
    assert rig.deal(BUY, position=second.ticket).retcode == names.TRADE_RETCODE_FIFO_CLOSE
    assert rig.deal(SELL, position=old.ticket).retcode == DONE
    assert rig.deal(BUY, position=second.ticket).retcode == DONE
