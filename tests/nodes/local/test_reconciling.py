"""An account read at once for an operator: what was lost is looked for, records are held against deals, and every difference is told."""

from typing import Any

import msgspec
import pytest

from mesh.ids import comment_of
from mesh.messages.accounts import Position
from mesh.messages.base import NO_OID
from mesh.messages.control import Command, CommandAnswer
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueFind, VenueFound, VenueLost, VenueRead, VenueState
from mesh.units import E8, MS_NS
from nodes.local.accountbook import AccountBook
from nodes.local.bookcheck import closed_lots, findings_of
from nodes.local.evidence import Statement
from nodes.local.inspection import Inspection
from nodes.local.openings import OpeningRecord, Openings
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8, Held
from tests.nodes.local.terminalvenue import rig_with
from tests.nodes.local.test_lostattempts import seen
from tests.nodes.local.test_resolving import LOTS_E8, LostDesk

OID = bytes(range(16))


class ReconcileDesk(LostDesk):
    """The rig with an operator who reconciles."""

    def reconcile(self) -> list[CommandAnswer]:
        """Everything that is found, the summary last."""
        self.number += 1
        asked = Command(self.number.to_bytes(16, "big"), "ann@desk", "reconcile", "account:one", 0, False, 0, 0, False)
        self.say(asked)
        self.until(lambda: any(answer.last for answer in self.answers(asked.id)))
        return self.answers(asked.id)

    def found(self) -> list[str]:
        """The codes."""
        return [answer.code for answer in self.reconcile()]


def test_account_where_all_agrees_says_so() -> None:
    """An open, a part of it closed: deals bear out both; a position that is not ours is named, and nothing is amiss."""
    desk = ReconcileDesk()
    opening = desk.filled()
    desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until(lambda: desk.master.codes() == ["FILLED", "CLOSED"])
    desk.run(1_200)
    (summary,) = desk.reconcile()
    assert summary.code == "AGREES"
    assert summary.detail.startswith("deals=3 positions=1 orders=0 openings=1 unknown=0")
    desk.venue.held[7] = Held(7, 1, E8, PRICE_E8, 0, 0, 0, "by hand")
    foreign, last = desk.reconcile()
    assert (foreign.code, foreign.ticket, foreign.volume_e8, last.code) == ("FOREIGN", 7, E8, "AGREES")
    assert [send.action for send in desk.venue.sends] == ["OPEN", "CLOSE"]


def test_lost_attempt_is_looked_for_at_once() -> None:
    """Long before its next look: found, it has ended; not found, it is still UNKNOWN, and that does not agree."""
    desk = ReconcileDesk()
    oid = desk.lost_open(executed=True)
    still, *_, last = desk.reconcile()
    assert (still.code, last.code) == ("UNKNOWN", "DIFFERS")
    desk.venue.look = desk.venue._find
    became, last = desk.reconcile()
    assert (became.code, last.code) == ("FILLED", "AGREES")
    assert oid.hex() in became.detail
    desk.until(lambda: desk.master.codes() == ["FILLED"])


def test_close_that_goes_on_is_at_work_and_no_difference() -> None:
    """Its lost attempt was refused, the next one has to wait: WORKING, never a word of the local's own records."""
    desk = ReconcileDesk()
    opening = desk.filled()
    desk.lose(False, "CLOSE")
    oid = desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until_unknown(oid)
    desk.venue.look = lambda ask: seen(ask, rejected=True)
    desk.venue.script = lambda send: desk.venue.result(send, "BACKOFF", 10018)
    became, last = desk.reconcile()
    assert (became.code, last.code) == ("WORKING", "AGREES")
    assert oid.hex() in became.detail


def test_open_that_ended_not_found_is_looked_for_without_blocking_its_symbol() -> None:
    """Nowhere: it agrees and opens go on; found: FILLED_LATE follows."""
    desk = ReconcileDesk()
    desk.venue.shows_positions = False
    oid = desk.lost_open(executed=True)
    desk.resolve(oid)
    desk.venue.deals = desk.venue.deals[:1]
    looks = desk.venue.finds
    assert desk.found() == ["AGREES"]
    assert desk.venue.finds == looks + 1
    assert desk.told()[0].code == "NOT_FOUND"
    desk.open("next")
    desk.until(lambda: "FILLED" in desk.master.codes())
    desk.venue.look = desk.venue._find
    assert desk.found()[0] == "TURNED_UP"
    desk.until(lambda: "FILLED_LATE" in desk.master.codes())


def test_terminal_that_is_away_is_told_with_the_state_as_it_was() -> None:
    """What is looked for, and what was read last."""
    desk = ReconcileDesk()
    desk.lost_open(executed=False)
    desk.local()._state.is_attached = False
    unknown, last = desk.reconcile()
    assert (unknown.code, last.code) == ("UNKNOWN", "NOT_READY")
    assert last.detail.startswith(f"positions=0 unknown=1 as of market_ns={MARKET_NS}: the terminal is not attached")


def test_terminal_lost_on_the_way_is_told_and_the_next_one_is_asked_anew() -> None:
    """The worker dies while a page is read: the operator hears of it, and may ask again."""
    desk = ReconcileDesk()
    handle = desk.venue.handle

    def dies(message: Any, now_ns: int) -> Any:
        return [(1, VenueLost("killed"))] if isinstance(message, VenueRead) and message.anew else handle(message, now_ns)

    desk.venue.handle = dies  # type: ignore[method-assign]
    (last,) = desk.reconcile()
    assert (last.code, last.detail.split(": ")[1]) == ("NOT_READY", "killed findings=0 told=0")
    desk.venue.handle = handle  # type: ignore[method-assign]
    desk.until(lambda: desk.local()._state.is_attached)
    assert desk.found() == ["AGREES"]


def test_long_history_lets_reads_pass_and_is_read_to_its_end() -> None:
    """Three pages of deals: between two of them the state is read as ever."""
    desk = ReconcileDesk()
    plain = desk.venue.read
    asked: list[bool] = []

    def pages(ask: VenueRead) -> VenueState:
        asked.append(ask.anew)
        told = plain(ask)
        if not ask.anew:
            return told
        desk.local()._desk.reading.want()
        number = sum(asked)
        deals = [msgspec.structs.replace(desk.venue.deals[0], deal_ticket=100 + number, market_ns=MARKET_NS + number)]
        return msgspec.structs.replace(told, deals=deals, more_deals=number < 3)

    desk.venue.read = pages  # type: ignore[method-assign]
    (last,) = desk.reconcile()
    assert last.detail.startswith("deals=3")
    first = asked.index(True)
    assert asked[first : first + 5] == [True, False, True, False, True]


def test_each_page_goes_on_after_the_one_before() -> None:
    """The first after none, the next after the page that was taken, all from the same moment."""
    reading = Inspection(AccountBook("one", 1), 5)
    deal = DealReport("one", 1, 1, 1, "EURUSD", "BUY", "IN", "EXPERT", E8, PRICE_E8, 0, 0, 0, 9, NO_OID, "")
    page = VenueState(1, 0, 1, MARKET_NS, 0, 0, 0, 0, 0, True, True, [], [], [deal], more_deals=True)
    assert reading.request(1) == VenueRead(1, 0, 5, anew=True)
    assert not reading.take(page)
    assert reading.request(2) == VenueRead(2, 0, 5, anew=True, after=1)
    assert reading.take(msgspec.structs.replace(page, call=2, deals=[], more_deals=False))
    assert reading.deals == [deal]


def test_read_for_an_operator_takes_nothing_away_from_the_next_read() -> None:
    """The real adapter: deals an inspection saw are new to the account's own next read all the same."""
    with rig_with() as (rig, venue):
        rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        rig.run(1_200)
        ways = [(900, 0), (901, 900), (902, 0), (903, 901), (904, 902)]
        reads = [venue._venue.handle(VenueRead(call, 0, 7, call in (902, 904), after)) for call, after in ways]
        assert [len(read.deals) for read in reads if isinstance(read, VenueState)] == [2, 0, 2, 0, 0]


# while trading goes on


def slow_looks(desk: ReconcileDesk) -> None:
    """A look takes 800 ms from now on."""
    handle = desk.venue.handle

    def slow(message: Any, now_ns: int) -> Any:
        after_ns = 800 * MS_NS if isinstance(message, VenueFind) else 0
        return [(after_ns + answer_ns, answer) for answer_ns, answer in handle(message, now_ns)]

    desk.venue.handle = slow  # type: ignore[method-assign]


def test_order_that_fills_between_two_looks_is_no_difference() -> None:
    """The deals are read after the looks: what they show is of then, as is what is written down."""
    desk = ReconcileDesk()
    for word in ("a", "b"):
        desk.resolve(desk.lost_open(executed=False, word=word))
    slow_looks(desk)
    looks = desk.venue.finds

    def script(send: Any) -> bool:
        assert desk.venue.finds == looks + 1, "it filled between the two"
        return True

    desk.venue.script = script
    filled: list[bytes] = []
    following = desk.venue.look

    def look(ask: VenueFind) -> VenueFound:
        filled.extend([] if filled else [desk.open("c")])
        return following(ask)

    desk.venue.look = look
    assert desk.found() == ["AGREES"]
    assert [(outcome.oid, outcome.code) for outcome in desk.master.outcomes if outcome.oid in filled] == [(filled[0], "FILLED")]


def test_what_is_done_while_the_deals_are_read_need_not_be_among_them() -> None:
    """An open, and a close of an older one, between the first page and the last; their deals are shown only later."""
    desk = ReconcileDesk()
    old = desk.filled()
    shown = [*desk.venue.deals]
    plain = desk.venue.read
    pages: list[VenueRead] = []

    def read(ask: VenueRead) -> VenueState:
        told = plain(ask)
        if not ask.anew:
            return told
        pages.append(ask)
        if len(pages) == 1:
            desk.close(old, left_e8=LOTS_E8 // 2)
            desk.open("new")
        is_over = [send.action for send in desk.venue.sends] == ["OPEN", "CLOSE", "OPEN"] and len(desk.master.codes()) == 3
        # a page with a deal it has not shown yet, so that it is not stepped over
        known = msgspec.structs.replace(shown[-1], deal_ticket=len(pages), kind="BALANCE")
        return msgspec.structs.replace(told, deals=[*shown, known], more_deals=not is_over)

    desk.venue.read = read  # type: ignore[method-assign]
    assert desk.found() == ["AGREES"]
    assert desk.master.codes() == ["FILLED", "CLOSED", "FILLED"]


# what is held against what


def opening(oid: bytes = OID, **changes: Any) -> OpeningRecord:
    """An opening of a tenth of a lot in position 50."""
    record = OpeningRecord(oid, 5, "sid", "swing", "open", "EURUSD", 1, LOTS_E8, PRICE_E8, 50, 1, decided_ns=MARKET_NS)
    return msgspec.structs.replace(record, **changes)


def deal(ticket: int, kind: str = "BUY", entry: str = "IN", **changes: Any) -> DealReport:
    """A deal of position 50."""
    made = DealReport("one", ticket, ticket, 50, "EURUSD", kind, entry, "EXPERT", LOTS_E8, PRICE_E8, 0, 0, 0, MARKET_NS, NO_OID, "")
    return msgspec.structs.replace(made, **changes)


def position(ticket: int = 50, **changes: Any) -> Position:
    """A position."""
    held = Position(ticket, ticket, "EURUSD", 1, LOTS_E8, PRICE_E8, PRICE_E8, 0, 0, 0, 0, MARKET_NS, False)
    return msgspec.structs.replace(held, **changes)


def codes(
    deals: list[DealReport], *records: OpeningRecord, hedging: bool = True, positions: tuple[Position, ...] = (), f: int = 9, **known: bool
) -> list[str]:
    """What is found of these books, whose reading began when outcome ``f`` was the newest."""
    openings = Openings()
    openings.is_hedging = hedging
    for record in records:
        openings.add(record, 1)
    executed = {OID[:8]: known["executed"]} if "executed" in known else {}
    return [finding.code for finding in findings_of(Statement(list(positions), deals), openings, closed_lots(openings, f), executed)]


def test_lots_of_an_opening_are_those_of_its_deals() -> None:
    """None, too few, too many; closes of ours that no deal shows."""
    half = deal(1, volume_e8=LOTS_E8 // 2)
    assert codes([deal(1)], opening()) == []
    assert codes([], opening()) == ["RECORD_WITHOUT_DEAL"]
    assert codes([half], opening()) == ["VOLUME_DIFFERS"]
    assert codes([deal(1), half], opening()) == ["VOLUME_DIFFERS"]
    assert codes([deal(1)], opening(closed_e8=LOTS_E8)) == ["VOLUME_DIFFERS"]
    assert codes([deal(1), deal(2, "SELL", "OUT")], opening(closed_e8=LOTS_E8)) == []
    assert codes([deal(1)], opening(), opening(bytes(16), position_ticket=51, f=10), f=9) == [], "told since the reading began"


def test_netting_position_may_hold_lots_of_others() -> None:
    """More than ours is no difference there, less is."""
    assert codes([deal(1), deal(2)], opening(), hedging=False) == []
    assert codes([deal(1)], opening(), opening(bytes(16), f=2), hedging=False) == ["VOLUME_DIFFERS"]


@pytest.mark.parametrize(("executed", "found"), [({}, True), ({"executed": False}, True), ({"executed": True}, False)])
def test_deal_with_our_mark_is_of_an_order_that_did_something(executed: dict[str, bool], found: bool) -> None:
    """Nobody knows its order, or it ended as having done nothing: a deal without a record; so is a position whose deals are not shown."""
    told = ["DEAL_WITHOUT_RECORD"] if found else []
    mark = comment_of(OID, 1)
    assert codes([deal(1, comment=mark)], **executed) == told
    assert codes([deal(1, comment="by hand")], **executed) == []
    assert codes([], positions=(position(comment=mark),), **executed) == [*told, "FOREIGN"]
