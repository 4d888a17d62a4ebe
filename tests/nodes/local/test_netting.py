"""One position a symbol, made of several openings and of lots that are not ours: what is closed, and what is left alone."""

from collections.abc import Callable

import msgspec

from mesh.messages.accounts import Position
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueResult, VenueSend, VenueState
from mesh.units import E8, SECOND_NS
from nodes.local.accountbook import AccountBook
from nodes.local.nets import NETS_MAX, Nets
from nodes.local.openings import OpeningRecord, Openings
from tests.nodes.local.localrig import Rig
from tests.nodes.local.nettingvenue import LOTS_E8, netting_rig


def told(rig: Rig) -> list[tuple[int, bool]]:
    """Volume of each position of the newest state, and whether it is told as ours."""
    state = [state for state in rig.master.states if state.account == "one"][-1]
    return [(position.volume_e8, position.ours) for position in state.positions]


def opened(rig: Rig, *words: str) -> list[bytes]:
    """Openings, each filled and seen before the next."""
    oids = []
    for word in words:
        oids.append(rig.open(word))
        rig.until(lambda: rig.master.codes().count("FILLED") == len(oids))
        rig.run(1_500)
    return oids


def closed(rig: Rig, ref: bytes, word: str, left_e8: int = 0) -> tuple[str, int, str]:
    """How a close ended, and how much it closed."""
    count = len(rig.master.codes())
    rig.close(ref, word, left_e8)
    rig.until(lambda: len(rig.master.codes()) == count + 1)
    last = rig.master.outcomes[-1]
    rig.run(1_500)
    return last.code, last.volume_e8, last.detail


def restart(rig: Rig, meanwhile: Callable[[], None] = lambda: None) -> None:
    """The local dies, something happens, and it comes back."""
    rig.net.crash("local-1")
    meanwhile()
    rig.net.restart("local-1")
    rig.run(6_000)


def test_close_of_the_reported_opening_closes_what_older_ones_added() -> None:
    """The state tells one opening for the position, the newest: its close takes all of ours."""
    rig, venue = netting_rig()
    first, second = opened(rig, "a", "b")
    assert closed(rig, second, "c1") == ("CLOSED", 2 * LOTS_E8, "")
    assert (venue.held, told(rig)) == ({}, [])
    assert closed(rig, first, "c2") == ("CLOSED", 0, "already=closed")


def test_close_of_an_older_opening_leaves_the_newer_one() -> None:
    """A close that was under way when something was added takes only what it was made for."""
    rig, venue = netting_rig()
    first, second = opened(rig, "a", "b")
    assert closed(rig, first, "c1") == ("CLOSED", LOTS_E8, "")
    assert told(rig) == [(LOTS_E8, True)]
    assert closed(rig, second, "c2", left_e8=LOTS_E8 // 2) == ("CLOSED", LOTS_E8 // 2, "")
    assert venue.ours_e8 == LOTS_E8 // 2


def test_foreign_position_opened_while_the_local_was_down_is_not_ours() -> None:
    """Ours was closed by hand and another opened in its symbol: it is neither managed nor closed by strategies."""
    rig, venue = netting_rig("[strategy.swing.manage]\ntime_stop_ms = 100_000\n")
    [opening] = opened(rig, "a")

    def by_hand() -> None:
        venue.close_by_hand()
        venue.add_foreign(E8)
        venue.market_ns += 1_000 * SECOND_NS

    restart(rig, by_hand)
    assert told(rig) == [(E8, False)]
    assert closed(rig, opening, "c") == ("CLOSED", 0, "already=closed")
    assert venue.foreign_e8 == E8 == venue.position.volume_e8  # type: ignore[union-attr]
    assert [send.action for send in venue.sends] == ["OPEN"]


def test_foreign_lots_in_our_position_stay_also_over_restarts() -> None:
    """A part closed, lots added by hand, a restart: closes take what is left of ours, and the rest is told as not ours."""
    rig, venue = netting_rig()
    [opening] = opened(rig, "a")
    assert closed(rig, opening, "c1", left_e8=LOTS_E8 // 2)[:2] == ("CLOSED", LOTS_E8 // 2)
    venue.add_foreign(2 * LOTS_E8)
    rig.run(1_500)
    restart(rig)
    assert closed(rig, opening, "c2") == ("CLOSED", LOTS_E8 // 2, "")
    assert told(rig) == [(2 * LOTS_E8, False)]
    restart(rig)
    assert closed(rig, opening, "c3") == ("CLOSED", 0, "already=closed")
    assert told(rig) == [(2 * LOTS_E8, False)]


def test_own_acts_leave_foreign_lots() -> None:
    """A time stop of a position that somebody else has added to."""
    rig, venue = netting_rig("[strategy.swing.manage]\ntime_stop_ms = 100_000\n")
    opened(rig, "a")
    venue.add_foreign(E8)
    venue.market_ns += 1_000 * SECOND_NS
    rig.until(lambda: any(outcome.cause == "TIME_STOP" for outcome in rig.master.outcomes))
    rig.run(3_000)
    assert (venue.ours_e8, told(rig)) == (0, [(E8, False)])
    assert [send.action for send in venue.sends] == ["OPEN", "CLOSE"]


def test_close_waits_for_another_whose_result_is_unknown() -> None:
    """What is left of ours nobody can say before: a second close would take lots that are not ours."""
    rig, venue = netting_rig()
    [opening] = opened(rig, "a")
    venue.add_foreign(E8)
    rig.run(1_500)
    look = venue.look
    venue.look = lambda ask: msgspec.structs.replace(look(ask), hits=0, volume_e8=0, resting_ticket=5)

    def lost(send: VenueSend) -> VenueResult:
        venue.execute(send)
        return venue.result(send, "UNKNOWN", 10012)

    venue.script = lost
    rig.close(opening, "c1")
    rig.run(2_000)
    rig.close(opening, "c2")
    rig.run(5_000)
    assert (len(venue.sends), venue.ours_e8) == (2, 0)
    venue.look = look
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED", "CLOSED"])
    assert (len(venue.sends), venue.foreign_e8) == (2, venue.position.volume_e8)  # type: ignore[union-attr]


def test_close_of_what_the_venue_shows_late_waits_for_it() -> None:
    """Filled, but shown only 20 s later: CLOSED is told when it is closed, and the states told meanwhile do not include it."""
    rig, venue = netting_rig()
    venue.shows_positions = False
    opening = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(7_000)
    rig.close(opening)
    rig.run(13_000)
    assert rig.master.codes() == ["FILLED"]
    filled_f = rig.master.outcomes[-1].f
    assert all(state.f < filled_f for state in rig.master.states if state.account == "one")
    venue.shows_positions = True
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert (rig.master.outcomes[-1].volume_e8, venue.held) == (LOTS_E8, {})


def test_close_stands_over_what_turns_up_after_all() -> None:
    """Never shown for two minutes it counts as never filled; a full close came, so what is shown then is closed, a restart later, too."""
    rig, venue = netting_rig()
    venue.shows_positions = False
    rig.close(rig.open())
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 130_000)
    assert rig.master.outcomes[-1].detail == "already=closed"
    restart(rig)
    venue.shows_positions = True
    rig.until(lambda: not venue.held)
    assert venue.sends[-1].action == "CLOSE"


# without a mesh


def opening(number: int, side: int = 1, position_ticket: int = 1) -> OpeningRecord:
    """The ``number``-th opening: 10 lots of position 1."""
    return OpeningRecord(bytes([number]) * 16, number, "s", "swing", "open", "EURUSD", side, 10 * E8, 1, position_ticket, number)


def held(side: int = 1, volume_e8: int = 10 * E8, position_id: int = 1, ticket: int = 1) -> Position:
    """The position, with the magic of nobody."""
    return Position(ticket, position_id, "EURUSD", side, volume_e8, 1, 1, 0, 0, 0, 0, 0, False)


def netting(*records: OpeningRecord) -> Openings:
    """A netting account with these openings."""
    openings = Openings()
    openings.is_hedging = False
    for record in records:
        openings.add(record, 0)
    return openings


def test_position_that_turned_round_is_not_ours() -> None:
    """Not even when it turns once more: its identifier is the same, our lots are closed."""
    openings = netting(opening(1))
    openings.look([held()], 1, 2)
    assert openings.of_position(held(-1, ticket=7)) is None
    openings.look([held(-1, ticket=7)], 3, 4)
    assert openings.live() == []
    openings.look([held(1, ticket=8)], 5, 6)
    assert openings.of_position(held(1, ticket=8)) is None


def test_opening_the_other_way_closes_the_oldest_first() -> None:
    """The two are one deal less, whichever of them was meant."""
    openings = netting(opening(1), opening(2), msgspec.structs.replace(opening(3, -1), volume_e8=15 * E8))
    assert [each.left_e8 for each in openings.live()] == [0, 5 * E8, 0]
    openings.look([held(volume_e8=5 * E8)], 1, 2)
    assert [each.record.f for each in openings.live()] == [2]


def test_opening_whose_answer_named_no_deal_is_in_the_position_its_deal_names() -> None:
    """The order's ticket is not the position's where it was added to one."""
    openings = netting(opening(1), opening(2, position_ticket=44))
    openings.look([held(volume_e8=20 * E8)], 1, 2)
    assert openings.ours_e8(held(volume_e8=20 * E8)) == 10 * E8
    openings.dealt(deal(5, "IN", 10 * E8, order_ticket=44))
    openings.look([held(volume_e8=20 * E8)], 3, 4)
    assert openings.ours_e8(held(volume_e8=20 * E8)) == 20 * E8


def test_what_was_closed_is_known_after_a_restart() -> None:
    """Each change goes into a row once."""
    openings = netting(opening(1), opening(2))
    openings.look([held(volume_e8=20 * E8)], 1, 2)
    openings.take_off(openings.live()[1], 13 * E8)
    rows = openings.rows()
    assert openings.rows() == []
    again = netting()
    for row in rows:
        again.restore(row.record or b"", 5)
    assert [each.left_e8 for each in again.live()] == [0, 7 * E8]
    assert again.ours_e8(held(volume_e8=20 * E8)) == 7 * E8


def deal(ticket: int, entry: str, volume_e8: int, order_ticket: int = 0) -> DealReport:
    """A deal of position 1: what opens buys, what closes sells."""
    kind = "BUY" if entry == "IN" else "SELL"
    order = order_ticket or ticket
    return DealReport("one", ticket, order, 1, "EURUSD", kind, entry, "EXPERT", volume_e8, 1, 0, 0, 0, ticket, bytes(16), "")


def read_of(book: AccountBook, openings: Openings, deals: list[DealReport], at_ns: int) -> list[DealReport]:
    """The deals told of a read of this account, whose position has turned round."""
    state = VenueState(1, 0, 0, 1, 1, 1, 0, 1, 0, True, True, [held(-1, ticket=9)], [], deals, [], False)
    return book.take(state, openings, at_ns, at_ns + 1)[0]


def test_opening_known_later_was_closed_by_what_its_position_s_other_openings_left_over_of_a_deal() -> None:
    """Somebody turned the position round before any read showed an opening whose answer was lost: it is gone, and at once."""
    book, openings = AccountBook("one", 1), netting(opening(1))
    deals = [deal(1, "IN", 10 * E8), deal(2, "IN", 10 * E8), deal(3, "INOUT", 40 * E8)]
    assert [each.oid for each in read_of(book, openings, deals, 10)] == [bytes([1]) * 16] * 3
    again = AccountBook("one", 2)
    again.restore(book.put().record or b"")
    for each in (book, again):
        known = netting(*(opening.record for opening in openings.known()))
        known.add(msgspec.structs.replace(opening(2), deal_ticket=2), 20)
        known.add(msgspec.structs.replace(opening(4), deal_ticket=4), 20)
        known.add(msgspec.structs.replace(opening(5, side=-1), deal_ticket=2), 20)
        assert read_of(each, known, deals, 30) == [], "each deal is told once"
        gone = {each.record.f: each.is_dealt_out for each in known.known()}
        assert gone == {1: True, 2: True, 4: False, 5: False}, "nothing is closed by a deal made before it, or on its own side"
        assert known.of_oid(bytes([2]) * 16).record.is_gone  # type: ignore[union-attr]


def test_opening_that_met_lots_of_the_other_side_is_closed_by_its_own_deal() -> None:
    """Somebody held as much the other way: nothing of it was ever there to be seen. What is of no order is nobody's own."""
    book, openings = AccountBook("one", 1), netting(msgspec.structs.replace(opening(1, side=-1), deal_ticket=4, order_ticket=44))
    openings.add(msgspec.structs.replace(opening(2, side=-1), deal_ticket=5), 5)
    read_of(book, openings, [deal(3, "IN", 10 * E8), msgspec.structs.replace(deal(9, "OUT", E8), order_ticket=0)], 10)
    assert [each.is_dealt_out for each in openings.known()] == [False, False]
    read_of(book, openings, [deal(4, "OUT", 10 * E8, order_ticket=44)], 20)
    assert [each.is_dealt_out for each in openings.known()] == [True, False]


def test_opening_that_turned_a_position_round_is_gone_once_the_deals_add_up_to_nothing() -> None:
    """Its own deal closed lots of the other side too, how many is not said: what is left of the position is. Also after a restart."""
    before = [msgspec.structs.replace(deal(1, "IN", 10 * E8), kind="SELL")]
    turned = msgspec.structs.replace(deal(2, "INOUT", 30 * E8, order_ticket=22), kind="BUY")
    mine = msgspec.structs.replace(opening(1), volume_e8=30 * E8, deal_ticket=2, order_ticket=22)
    book, openings = AccountBook("one", 1), netting(mine)
    read_of(book, openings, [*before, deal(3, "OUT", 20 * E8)], 10)
    assert not openings.live()[0].is_proven, "its own deal is not among them: it may open again what is flat"
    again = AccountBook("one", 2)
    again.restore(book.put().record or b"")
    for each in (book, again):
        known = netting(mine)
        read_of(each, known, [turned], 30)
        assert [opened.is_dealt_out for opened in known.known()] == [True]
        assert known.live() == []


def test_nets_forget_what_is_flat_before_what_is_held() -> None:
    """A position held for long is still known after more others than are remembered; one that is not remembered may hold anything."""
    nets = Nets()
    nets.dealt(msgspec.structs.replace(deal(1, "IN", 10 * E8), position_id=9))
    for number in range(NETS_MAX + 10):
        for ticket, entry in enumerate(("IN", "OUT")):
            nets.dealt(msgspec.structs.replace(deal(ticket, entry, E8), position_id=100 + number))
    assert len(nets.rows()) == NETS_MAX
    assert (nets.holds(9, 1), nets.holds(9, -1)) == (True, False)
    assert (nets.holds(100, 1), nets.holds(100, -1)) == (True, True), "forgotten"
    assert (nets.holds(99 + NETS_MAX, 1), nets.holds(99 + NETS_MAX, -1)) == (False, False), "flat"
