"""The adapter on the simulated terminal in the same process: attach, trade, read, and what it must not send."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mesh.config import configured
from mesh.messages.base import NO_OID
from mesh.messages.venue import VenueAttach, VenueAttached, VenueLost, VenueRead, VenueSend, VenueState
from mesh.units import E8, SECOND_NS
from nodes.io import mt5
from nodes.io.latchword import LatchWord
from nodes.io.venue import Venue
from nodes.io.venuereads import CONTRACT_NS
from nodes.terminal import names
from tests.nodes.io.venuerig import LOT_E8, Desk, desk_of


@pytest.fixture
def desk() -> Iterator[Desk]:
    with desk_of() as made:
        yield made


def test_attach_tells_the_account_and_its_symbols(desk: Desk) -> None:
    """Login, currency, mode and the contract data that sizing needs come from the terminal."""
    attached = desk.attached
    assert isinstance(attached, VenueAttached)
    assert (attached.login, attached.currency, attached.hedging, attached.refused) == (5001, "USD", True, "")
    euro = next(spec for spec in attached.symbols if spec.symbol == "EURUSD")
    assert (euro.digits, euro.contract_size_e8, euro.volume_step_e8, euro.tick_value_e8) == (5, 100_000 * E8, LOT_E8, E8)


def test_open_puts_levels_at_their_distances(desk: Desk) -> None:
    """A buy opens at the ask, SL below and TP above it, magic and comment carried."""
    result = desk.send()
    assert (result.class_, result.retcode, result.volume_e8, result.price_e8) == ("ACCEPTED", 10009, LOT_E8, 108_510_000)
    position = desk.read().positions[0]
    assert (position.sl_e8, position.tp_e8) == (108_310_000, 108_810_000)
    assert (position.magic, position.comment, position.side) == (77, "tm.1", 1)
    assert position.ticket == result.position_ticket


def test_close_names_the_position_and_tells_the_profit(desk: Desk) -> None:
    """Half closed, then the rest; profit comes from the deals."""
    opened = desk.send(volume_e8=2 * LOT_E8)
    desk.quote(108_610_000, 108_620_000)
    half = desk.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket, magic=78)
    assert (half.class_, half.volume_e8, half.price_e8, half.profit_e8) == ("ACCEPTED", LOT_E8, 108_610_000, 1 * E8)
    assert desk.read().positions[0].volume_e8 == LOT_E8
    desk.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket, magic=79)
    assert desk.read().positions == []


def test_closing_a_position_that_is_gone_is_no_new_trade(desk: Desk) -> None:
    """The terminal refuses; nothing opens."""
    opened = desk.send()
    desk.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket)
    again = desk.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket)
    assert again.class_ in ("CHANGED", "BUG")
    assert desk.read().positions == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"deadline_ns": 999}, "DEADLINE late_ns=1"),
        ({"grant_until_ns": 999}, "GRANT late_ns=1"),
        ({"latch_count": 1}, "LATCH"),
        ({"price_e8": 100_000_000}, "COLLAR price=1.08510 seen=1.00000 most=0.00500"),
        ({"volume_e8": LOT_E8 - 1}, "VOLUME lots=0.00999999 least=0.01 step=0.01"),
        ({"symbol": "NOSUCH"}, "SYMBOL NOSUCH"),
        ({"symbol": "GBPUSD"}, "NO_QUOTE"),
    ],
)
def test_what_must_not_be_sent_comes_back_unsent(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    """Deadline, grant, latch, collar, volume, symbol: each hinders the call, and the books do not move."""
    result = desk.send(**changes)
    assert result.class_ == "UNSENT"
    assert result.detail.startswith(reason)
    assert (result.called_ns, desk.read().positions) == (0, [])


@pytest.mark.parametrize(("side", "distance_e8"), [(1, 108_510_000), (1, 108_509_999), (1, 200 * E8)])
def test_open_whose_stop_would_not_be_above_zero_is_not_sent(desk: Desk, side: int, distance_e8: int) -> None:
    """Without its stop it would be another order than was asked for."""
    result = desk.send(side=side, sl_distance_e8=distance_e8)
    assert (result.class_, result.detail.split()[0]) == ("UNSENT", "SL")
    assert desk.read().positions == []


def test_modify_below_zero_removes_no_stop(desk: Desk) -> None:
    """Zero means no level, and only zero."""
    ticket = desk.send().position_ticket
    result = desk.send(action="MODIFY", position_ticket=ticket, sl_e8=-1, tp_e8=108_900_000)
    assert (result.class_, result.detail.split()[0]) == ("UNSENT", "LEVELS")
    assert desk.read().positions[0].sl_e8 == 108_310_000


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("stops_level", range(9, 24))
def test_levels_on_the_grid_are_not_inside_the_forbidden_distance(desk: Desk, stops_level: int, side: int) -> None:
    """Five points a tick: what is moved to the nearest allowed level is rounded away from the market, so the order is taken."""
    book = desk.terminal.books["EURUSD"]
    book.spec = msgspec.structs.replace(book.spec, tick_size_e8=5_000, stops_level=stops_level)
    result = desk.send(side=side, sl_distance_e8=1_000, tp_distance_e8=1_000)
    assert (result.class_, result.retcode) == ("ACCEPTED", 10009)
    (position,) = desk.read().positions
    closing_e8 = 108_500_000 if side > 0 else 108_510_000
    for level_e8 in (position.sl_e8, position.tp_e8):
        assert stops_level * 1_000 <= abs(level_e8 - closing_e8) < stops_level * 1_000 + 5_000
        assert level_e8 % 5_000 == 0


@pytest.mark.parametrize("changes", [{"volume_step": 0.0}, {"point": 0.0}])
@pytest.mark.parametrize("action", ["OPEN", "CLOSE", "MODIFY"])
def test_terms_that_are_not_there_hinder_the_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], action: str
) -> None:
    """A terminal that has not loaded a symbol yet shows zeros: unsent, said so, and read again for the next order."""
    ticket = desk.send().position_ticket
    desk.venue._reader.forget_contracts()
    with monkeypatch.context() as patched:
        bare = SimpleNamespace(**{**mt5.symbol_info("EURUSD")._asdict(), **changes})
        patched.setattr(mt5, "symbol_info", lambda _name: bare)
        result = desk.send(action=action, position_ticket=ticket, side=-1)
        assert (result.class_, result.detail.split()[0]) == ("UNSENT", "SYMBOL")
    assert desk.send(action=action, position_ticket=ticket, side=-1, sl_e8=108_310_000).class_ == "ACCEPTED"


def test_whatever_goes_wrong_before_the_call_is_unsent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was handed over, so nothing is UNKNOWN: not a Python error of ours, and not one of the package."""

    def broken(_symbol: str) -> None:
        raise OverflowError("tick of 2**80")

    monkeypatch.setattr(mt5, "symbol_info_tick", broken)
    result = desk.send()
    assert (result.class_, result.detail, result.called_ns) == ("UNSENT", "BROKEN OverflowError: tick of 2**80", 0)


def test_latch_is_read_at_the_last_moment(desk: Desk) -> None:
    """A latch that falls while the request is being built still hinders it."""
    built = desk.venue._request

    def latch_meanwhile(order: VenueSend) -> dict[str, Any]:
        request = built(order)
        desk.latch_count = 1
        return request

    desk.venue._request = latch_meanwhile  # type: ignore[method-assign]
    assert desk.send().detail.startswith("LATCH count=1")


@pytest.mark.parametrize(
    ("error", "class_"), [((-2, "x"), "BUG"), ((-10004, "x"), "RETRY"), ((-10002, "x"), "UNKNOWN"), ((-1, "x"), "UNKNOWN")]
)
def test_no_answer_is_classed_by_last_error(desk: Desk, monkeypatch: pytest.MonkeyPatch, error: tuple[int, str], class_: str) -> None:
    """None from order_send: only errors that prove that nothing was sent may be tried again."""
    monkeypatch.setattr(mt5, "order_send", lambda request: None)
    monkeypatch.setattr(mt5, "last_error", lambda: error)
    assert desk.send().class_ == class_


def test_modify_sends_both_levels(desk: Desk) -> None:
    """SL and TP go together; the same again counts as done."""
    ticket = desk.send().position_ticket
    changes = {"action": "MODIFY", "position_ticket": ticket, "sl_e8": 108_400_000, "tp_e8": 108_900_000}
    assert desk.send(**changes).class_ == "ACCEPTED"
    position = desk.read().positions[0]
    assert (position.sl_e8, position.tp_e8) == (108_400_000, 108_900_000)
    assert desk.send(**changes).class_ == "ACCEPTED"


def test_deals_are_told_once_a_change(desk: Desk) -> None:
    """The deposit and a fill are deals; without a change they are not read again."""
    first = desk.read()
    assert [deal.kind for deal in first.deals] == ["BALANCE"]
    assert desk.read().deals == []
    desk.send()
    kinds = [(deal.kind, deal.entry, deal.cause, deal.oid) for deal in desk.read().deals]
    assert ("BUY", "IN", "EXPERT", NO_OID) in kinds


def test_times_are_utc_whatever_the_server_clock(desk: Desk) -> None:
    """The server runs seven hours ahead of New York; positions say UTC."""
    desk.send()
    state = desk.read()
    assert abs(state.positions[0].opened_ns - desk.now_ns) < SECOND_NS
    assert state.market_ns == desk.now_ns


def test_terminal_is_always_named_by_its_path(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the package would take whichever terminal was used last."""
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(mt5, "initialize", lambda *args, **words: asked.append((args, words)) or False)
    desk.answer(VenueAttach("demo-1"))
    accounts = {"demo-1": msgspec.structs.replace(desk.config.account["demo-1"], terminal="C:/MT5/terminal64.exe")}
    settings = msgspec.structs.replace(desk.config.settings, account={**desk.config.account, **accounts})
    Venue("demo-1", configured(settings), mt5, lambda: 0, lambda: 0).handle(VenueAttach("demo-1"))
    assert [args for args, _ in asked] == [(desk.config.endpoint("broker-1", "venue"),), ("C:/MT5/terminal64.exe",)]
    assert all((words["login"], words["server"]) == (5001, "trademesh-sim") for _, words in asked)


def test_terminal_that_is_not_there_is_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attach that fails says so with the terminal's own words."""
    monkeypatch.setattr(mt5, "initialize", lambda *args, **kwargs: False)
    monkeypatch.setattr(mt5, "last_error", lambda: (-10003, "IPC initialize failed"))
    lost = desk.venue.handle(VenueAttach("demo-1"))
    assert isinstance(lost, VenueLost)
    assert "IPC initialize failed" in lost.reason


@pytest.fixture
def netting() -> Iterator[Desk]:
    with desk_of("demo-4") as made:
        yield made


def test_netting_account_closes_its_one_position_and_never_more(netting: Desk) -> None:
    """The position is named, and the volume is at most what is held."""
    netting.send()
    closed = netting.send(action="CLOSE", side=-1, volume_e8=3 * LOT_E8)
    assert closed.volume_e8 == LOT_E8
    assert netting.read().positions == []


@pytest.mark.parametrize("by_ticket", [False, True])
def test_netting_close_of_what_is_gone_opens_nothing(netting: Desk, by_ticket: bool) -> None:
    """Somebody was faster: the opposite deal would open the other way, so it is not sent."""
    opened = netting.send()
    netting.send(action="CLOSE", side=-1)
    late = netting.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket if by_ticket else 0)
    assert (late.class_, late.detail.split()[0]) == ("UNSENT", "GONE")
    assert netting.read().positions == []


def test_netting_close_is_not_for_a_later_position_of_a_hand(netting: Desk) -> None:
    """The ticket is another one, though symbol and side are the same; nor is it for one the other way."""
    opened = netting.send()
    netting.send(action="CLOSE", side=-1)
    netting.send(magic=0)
    assert netting.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket).detail.startswith("GONE")
    assert netting.send(action="CLOSE", side=1).detail.startswith("GONE")
    assert len(netting.read().positions) == 1


def test_hedging_close_without_a_ticket_is_not_sent(desk: Desk) -> None:
    """It would open a hedge."""
    desk.send()
    assert desk.send(action="CLOSE", side=-1).detail.startswith("NO_TICKET")
    assert len(desk.read().positions) == 1


def test_latch_word_is_seen_through_another_mapping(tmp_path: Path) -> None:
    """What one side sets the other reads, without any call between."""
    ours, theirs = LatchWord(tmp_path / "word"), LatchWord(tmp_path / "word")
    ours.set(2**40 + 3)
    assert theirs.get() == 2**40 + 3
    ours.close()
    theirs.close()


def test_symbol_without_a_quote_is_told_again_once_it_has_one(desk: Desk) -> None:
    """Sizing needs the margin; it comes with the first settled read after the first quote, not an hour later."""
    before = desk.venue.handle(VenueRead(1, 5, 0))
    desk.quote(132_000_000, 132_010_000, "GBPUSD")
    after = desk.venue.handle(VenueRead(2, 6, 0))
    assert isinstance(before, VenueState)
    assert isinstance(after, VenueState)
    told = {spec.symbol: spec.margin_per_lot_e8 for spec in after.symbols}
    assert told.get("GBPUSD", 0) > 0


def test_specs_do_not_move_between_settled_reads(desk: Desk) -> None:
    """A read by the clock brings no new values: a run has to give the same sizes at every pace."""
    desk.venue.handle(VenueRead(1, 5, 0))
    desk.quote(150_000_000, 150_010_000)
    by_clock = desk.venue.handle(VenueRead(2, 0, 0))
    assert isinstance(by_clock, VenueState)
    assert by_clock.symbols == []


def test_close_that_may_rest_is_not_told_done(desk: Desk) -> None:
    """An exchange takes RETURN alone: half is filled, the rest stays live, so the attempt is looked after until it is over."""
    opened = desk.send(volume_e8=2 * LOT_E8)
    book = desk.terminal.books["EURUSD"]
    changes = {"exemode": names.SYMBOL_TRADE_EXECUTION_EXCHANGE, "filling_mode": 0, "depth_e8": LOT_E8}
    book.spec = msgspec.structs.replace(book.spec, **changes)
    desk.venue._reader.forget_contract("EURUSD")
    close = {"action": "CLOSE", "side": -1, "volume_e8": 2 * LOT_E8, "position_ticket": opened.position_ticket, "magic": 78}
    result = desk.send(**close)
    assert (result.class_, result.retcode) == ("UNKNOWN", 10010)
    found = desk.find(magic=78, action="CLOSE")
    assert (found.resting_ticket, found.volume_e8) == (result.order_ticket, LOT_E8)
    desk.quote(108_500_000, 108_510_000)
    found = desk.find(magic=78, action="CLOSE")
    assert (found.resting_ticket, found.hits, found.volume_e8) == (0, 1, 2 * LOT_E8)


def test_terms_of_a_symbol_are_read_once_a_minute_and_after_a_refusal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They change seldom and are long to read; an order refused for its form has them read again."""
    asked: list[str] = []
    real = mt5.symbol_info
    monkeypatch.setattr(mt5, "symbol_info", lambda name: asked.append(name) or real(name))
    desk.send()
    desk.send()
    assert asked == ["EURUSD"]
    desk.clock_ns += CONTRACT_NS
    desk.send()
    assert asked == ["EURUSD"] * 2
    desk.send(action="MODIFY", position_ticket=desk.read().positions[0].ticket, sl_e8=200_000_000)
    asked.clear()
    desk.send()
    assert asked == ["EURUSD"]


@pytest.mark.parametrize(("action", "attempt", "filling"), [("OPEN", 2, 0), ("CLOSE", 1, 0), ("CLOSE", 2, 1)])
def test_a_close_that_was_refused_goes_ioc(desk: Desk, action: str, attempt: int, filling: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing at first; a close that did not go through takes what there is the next time, an open never."""
    ticket = desk.send(call=1).position_ticket
    asked: list[dict[str, Any]] = []
    send = mt5.order_send

    def noted(request: dict[str, Any]) -> Any:
        asked.append(request)
        return send(request)

    monkeypatch.setattr(mt5, "order_send", noted)
    close = {"position_ticket": ticket, "side": -1} if action == "CLOSE" else {}
    desk.send(call=2, action=action, attempt=attempt, magic=78, **close)
    assert asked[0]["type_filling"] == filling
