"""The adapter on the simulated terminal in the same process: attach, trade, read, reconcile, and what it must not send."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.messages.base import NO_OID
from mesh.messages.venue import (
    VenueAttach,
    VenueAttached,
    VenueFind,
    VenueFound,
    VenueLost,
    VenueRead,
    VenueResult,
    VenueSend,
    VenueState,
)
from mesh.units import E8, SECOND_NS
from nodes.broker.setup import BrokerNames, terminal_of
from nodes.io import mt5
from nodes.io.latchword import LatchWord
from nodes.io.locate import demo_text
from nodes.io.mt5backend import InProcessBackend, open_backend
from nodes.io.venue import Venue
from nodes.terminal.service import TerminalService

MONDAY_NS = 1_767_600_000 * SECOND_NS
LOT_E8 = E8 // 100


class StoodClock:
    """Market time that stands until the test moves it."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now_ns = now

    def wait(self, market_ns: int) -> None:
        assert market_ns == 0


class Desk:
    """One account on an in-process terminal whose time the test moves."""

    def __init__(self, account: str = "demo-1", text: str = "") -> None:
        self.config: Config = parse(text or demo_text())
        self.terminal = terminal_of(self.config, BrokerNames(self.config, self.config.settings.market.symbols))
        self.now_ns = MONDAY_NS
        self.terminal.open(self.now_ns)
        self.quote(108_500_000, 108_510_000)
        service = TerminalService(self.terminal)
        self.calls: list[str] = []
        mt5._use(lambda _path, _timeout_ms: InProcessBackend(service, 0, StoodClock(lambda: self.now_ns)))
        self.latch_count = 0
        self.clock_ns = 1_000
        self.venue = Venue(account, self.config, mt5, lambda: self.latch_count, lambda: self.clock_ns)
        self.attached = self.venue.handle(VenueAttach(account))

    def quote(self, bid_e8: int, ask_e8: int, symbol: str = "EURUSD") -> None:
        self.now_ns += SECOND_NS
        self.terminal.on_tick(symbol, self.now_ns, bid_e8, ask_e8)

    def send(self, **changes: Any) -> VenueResult:
        fields: dict[str, Any] = dict(
            call=1, oid=bytes(16), attempt=1, magic=77, action="OPEN", symbol="EURUSD", side=1, volume_e8=LOT_E8, position_ticket=0,
            sl_distance_e8=200_000, tp_distance_e8=300_000, sl_e8=0, tp_e8=0, deviation_points=20, price_e8=108_510_000,
            collar_e8=500_000, deadline_ns=0, grant_until_ns=0, latch_count=0, comment="tm.1",
        )  # fmt: skip
        result = self.venue.handle(VenueSend(**{**fields, **changes}))
        assert isinstance(result, VenueResult)
        return result

    def read(self, deals_from_ns: int = 0) -> VenueState:
        state = self.venue.handle(VenueRead(1, 0, deals_from_ns))
        assert isinstance(state, VenueState)
        return state


@pytest.fixture
def desk() -> Iterator[Desk]:
    yield Desk()
    mt5.shutdown()
    mt5._use(open_backend)


def test_attach_tells_the_account_and_its_symbols(desk: Desk) -> None:
    """Login, currency, mode and the contract data that sizing needs come from the terminal."""
    attached = desk.attached
    assert isinstance(attached, VenueAttached)
    assert (attached.login, attached.currency, attached.hedging, attached.refused) == (5001, "USD", True, "")
    euro = next(spec for spec in attached.symbols if spec.symbol == "EURUSD")
    assert (euro.digits, euro.contract_size_e8, euro.volume_step_e8, euro.tick_value_e8) == (5, 100_000 * E8, LOT_E8, E8)


@pytest.mark.parametrize(("old", "new", "says"), [("margin_mode", "netting", "margin_mode=hedging"), ("currency", "EUR", "currency=USD")])
def test_another_account_than_configured_is_only_observed(old: str, new: str, says: str) -> None:
    """What does not match the configuration is named, and no symbol is offered to trade."""
    desk = Desk()
    section = desk.config.account["demo-1"]
    venue = desk.venue
    venue._section = type(section)(**{**{key: getattr(section, key) for key in section.__struct_fields__}, old: new})
    answer = venue.handle(VenueAttach("demo-1"))
    assert isinstance(answer, VenueAttached)
    assert says in answer.refused
    assert answer.symbols == []
    mt5.shutdown()


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


def test_find_sees_an_executed_attempt_and_not_another(desk: Desk) -> None:
    """Reconciling by magic: one hit with its numbers, none for a magic nobody used."""
    opened = desk.send()
    found = desk.venue.handle(VenueFind(2, bytes(16), 1, 77, "", MONDAY_NS))
    assert isinstance(found, VenueFound)
    assert (found.hits, found.volume_e8, found.price_e8, found.position_ticket) == (1, LOT_E8, 108_510_000, opened.position_ticket)
    nothing = desk.venue.handle(VenueFind(3, bytes(16), 1, 9_999, "", MONDAY_NS))
    assert isinstance(nothing, VenueFound)
    assert (nothing.hits, nothing.rejected) == (0, False)


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


def test_terminal_that_is_not_there_is_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attach that fails says so with the terminal's own words."""
    monkeypatch.setattr(mt5, "initialize", lambda *args, **kwargs: False)
    monkeypatch.setattr(mt5, "last_error", lambda: (-10003, "IPC initialize failed"))
    lost = desk.venue.handle(VenueAttach("demo-1"))
    assert isinstance(lost, VenueLost)
    assert "IPC initialize failed" in lost.reason


@pytest.fixture
def netting() -> Iterator[Desk]:
    yield Desk("demo-4")
    mt5.shutdown()
    mt5._use(open_backend)


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
