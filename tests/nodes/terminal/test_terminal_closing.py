"""Requests about positions and orders that are there, frozen, placed, too small, or gone: the code each is refused with."""

from typing import Any

import msgspec
import pytest

from mesh.errors import BadConfig
from mesh.units import SECOND_NS
from nodes.terminal import names
from nodes.terminal.records import TradeRequest
from tests.nodes.terminal.terminal_rig import BUY, EXCHANGE, HEDGING, LOGIN, NETTING, SELL, Rig, check_books, e8, spec

DEAL, SLTP, CLOSE_BY = names.TRADE_ACTION_DEAL, names.TRADE_ACTION_SLTP, names.TRADE_ACTION_CLOSE_BY
MODIFY, REMOVE = names.TRADE_ACTION_MODIFY, names.TRADE_ACTION_REMOVE
DONE = names.TRADE_RETCODE_DONE
FROZEN, INVALID = names.TRADE_RETCODE_FROZEN, names.TRADE_RETCODE_INVALID
IOC, RETURN = names.ORDER_FILLING_IOC, names.ORDER_FILLING_RETURN


def changed(rig: Rig, **specs: Any) -> None:
    """The symbol is traded otherwise from now on."""
    book = rig.terminal.books["EURUSD"]
    book.spec = msgspec.structs.replace(book.spec, **specs)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": REMOVE, "order": 9}, names.TRADE_RETCODE_INVALID_ORDER),
        ({"action": MODIFY, "order": 9, "price_e8": e8("1.09")}, names.TRADE_RETCODE_INVALID_ORDER),
        ({"action": SLTP, "position": 9, "sl_e8": e8("1.09")}, names.TRADE_RETCODE_POSITION_CLOSED),
        ({"action": CLOSE_BY, "position": 9, "position_by": 10}, names.TRADE_RETCODE_POSITION_CLOSED),
        ({"action": SLTP, "sl_e8": e8("1.09")}, INVALID),
        ({"action": DEAL, "volume_e8": e8("1")}, INVALID),
    ],
)
def test_what_is_gone_is_told_without_a_symbol(fields: dict[str, Any], code: int) -> None:
    """An order 10035, a position 10036: its own symbol is gone with it; a request that names neither is invalid. Checked or sent."""
    rig = Rig()
    request = TradeRequest(**fields)
    result, _ = rig.terminal.order_send(LOGIN, request, rig.now_ns, 1)
    assert (result.retcode, bool(result.request_id)) == (code, code != INVALID)
    assert rig.terminal.order_check(LOGIN, request, rig.now_ns)[0].retcode == code


@pytest.mark.parametrize("mode", [HEDGING, NETTING, EXCHANGE])
@pytest.mark.parametrize("volume", ["0.10", "0.04", "0.30"])
def test_a_frozen_position_is_not_reduced_in_any_mode(mode: int, volume: str) -> None:
    """Near its stop a position is not closed, reduced or turned round, named or not; adding to it goes on."""
    rig = Rig(account={"margin_mode": mode}, freeze_level=20)
    position = rig.opened(BUY, sl="1.09900")
    rig.quote("1.09920", "1.09930")
    named = {"position": position.ticket} if mode == HEDGING else {}
    if mode != HEDGING or volume != "0.30":
        assert rig.deal(SELL, volume, **named).retcode == FROZEN
        assert rig.deal(SELL, volume, position=position.ticket).retcode == FROZEN
    assert rig.deal(BUY, volume).retcode == DONE
    rig.quote("1.09950", "1.09960")
    assert rig.deal(SELL, "0.10", **named).retcode == DONE


@pytest.mark.parametrize("mode", [HEDGING, NETTING])
def test_what_is_left_can_be_closed_however_small_it_is(mode: int) -> None:
    """0.05 where 0.10 is the least, or 0.02 the step: closed as a whole, in part not."""
    for specs, left, part in (({"volume_min_e8": e8("0.10")}, "0.05", "0.03"), ({"volume_step_e8": e8("0.02")}, "0.05", "0.03")):
        rig = Rig(account={"margin_mode": mode})
        ticket = rig.opened(BUY, "0.15").ticket
        assert rig.deal(SELL, "0.10", position=ticket).retcode == DONE
        changed(rig, **specs)
        assert rig.deal(SELL, part, position=ticket).retcode == names.TRADE_RETCODE_INVALID_VOLUME
        assert rig.deal(BUY, left).retcode == names.TRADE_RETCODE_INVALID_VOLUME
        assert rig.deal(SELL, left, position=ticket).retcode == DONE
        assert not rig.positions


def test_a_quote_is_filled_in_whole_steps() -> None:
    """A depth of 0.125 has room for 0.12; one of less than a step is none a server could have."""
    rig = Rig(depth_e8=e8("0.125"))
    assert rig.deal(BUY, "1", type_filling=IOC).volume_e8 == e8("0.12")
    check_books(rig.terminal)
    with pytest.raises(BadConfig, match=r"depth = 0\.00500000; allowed: 0 \(any\)"):
        spec("EURUSD", depth_e8=e8("0.005"))


def test_close_by_goes_by_the_rules_of_its_positions() -> None:
    """Another symbol is invalid, whatever that one allows; so is closing by itself."""
    rig = Rig(symbols=("EURUSD", "USDJPY"))
    first, second = rig.opened(BUY), rig.opened(SELL)
    pair = {"position": first.ticket, "position_by": second.ticket}
    assert rig.send(CLOSE_BY, symbol="USDJPY", **pair).retcode == INVALID
    assert rig.send(CLOSE_BY, symbol="NONE", **pair).retcode == INVALID
    assert rig.send(CLOSE_BY, symbol="", position=first.ticket, position_by=first.ticket).retcode == INVALID
    assert rig.send(CLOSE_BY, symbol="", **pair).retcode == DONE


def test_close_by_keeps_to_fifo() -> None:
    """The oldest position of the symbol must be one of the two; the other is then behind nobody but it."""
    rig = Rig(account={"fifo_close": True})
    oldest, middle, newest = rig.opened(BUY), rig.opened(BUY), rig.opened(SELL, "0.20")
    fifo = names.TRADE_RETCODE_FIFO_CLOSE
    assert rig.send(CLOSE_BY, position=middle.ticket, position_by=newest.ticket).retcode == fifo
    assert rig.send(CLOSE_BY, position=newest.ticket, position_by=oldest.ticket).retcode == fifo
    assert rig.deal(SELL, position=oldest.ticket).retcode == DONE
    assert rig.send(CLOSE_BY, position=newest.ticket, position_by=middle.ticket).retcode == DONE


def test_close_by_waits_for_a_close_that_is_placed() -> None:
    """10039 while a close of either is only placed."""
    rig = Rig()
    first, second = rig.opened(BUY), rig.opened(SELL)
    close = TradeRequest(action=DEAL, symbol="EURUSD", type=BUY, volume_e8=e8("0.10"), position=second.ticket)
    placed, _ = rig.terminal.order_send(LOGIN, close, rig.now_ns, 1, placed_ns=rig.now_ns + SECOND_NS)
    assert placed.retcode == names.TRADE_RETCODE_PLACED
    for position, other in ((first, second), (second, first)):
        code = rig.send(CLOSE_BY, position=position.ticket, position_by=other.ticket).retcode
        assert code == names.TRADE_RETCODE_CLOSE_ORDER_EXIST


def test_a_disabled_symbol_is_not_traded_at_all() -> None:
    """10017 for opening, closing, levels, closing by another and changed orders; an order can still be taken away."""
    rig = Rig()
    first, second = rig.opened(BUY), rig.opened(SELL)
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09000").order
    changed(rig, trade_mode=names.SYMBOL_TRADE_MODE_DISABLED)
    answers = [
        rig.deal(BUY),
        rig.deal(SELL, position=first.ticket),
        rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09000"),
        rig.send(SLTP, position=first.ticket, sl="1.08"),
        rig.send(MODIFY, order=order, price="1.08"),
        rig.send(CLOSE_BY, position=first.ticket, position_by=second.ticket),
    ]
    assert [answer.retcode for answer in answers] == [names.TRADE_RETCODE_TRADE_DISABLED] * 6
    assert rig.send(REMOVE, order=order).retcode == DONE


CHECKED: list[tuple[int, dict[str, Any]]] = [
    (HEDGING, {"type": BUY, "volume_e8": e8("0.20")}),
    (HEDGING, {"type": SELL, "volume_e8": e8("0.30")}),
    (HEDGING, {"type": SELL, "volume_e8": e8("0.10"), "position": 1}),
    (HEDGING, {"type": SELL, "volume_e8": e8("0.25"), "position": 1}),
    (HEDGING, {"action": CLOSE_BY, "position": 1, "position_by": 2}),
    (NETTING, {"type": BUY, "volume_e8": e8("0.20")}),
    (NETTING, {"type": SELL, "volume_e8": e8("0.05")}),
    (NETTING, {"type": SELL, "volume_e8": e8("0.15")}),
    (NETTING, {"type": SELL, "volume_e8": e8("0.40")}),
]


@pytest.mark.parametrize(("mode", "fields"), CHECKED)
def test_order_check_tells_the_margin_of_the_account_after_the_deal(mode: int, fields: dict[str, Any]) -> None:
    """With positions open: what binds more, less, nothing any more; equity less margin is what is free."""
    rig = Rig(account={"margin_mode": mode})
    opened = [rig.deal(BUY, "0.25").order, rig.deal(SELL, "0.10").order]
    tickets = {key: opened[fields[key] - 1] for key in ("position", "position_by") if key in fields}
    request = TradeRequest(**({"action": DEAL, "symbol": "EURUSD"} | fields | tickets))
    checked = rig.terminal.order_check(LOGIN, request, rig.now_ns)[0]
    assert checked.equity_e8 - checked.margin_e8 == checked.margin_free_e8
    assert rig.terminal.order_send(LOGIN, request, rig.now_ns, 1)[0].retcode == DONE
    assert checked.margin_e8 == rig.state.margin_e8
