"""What a read or an order leaves as it was is not made anew; what it changes is."""

import msgspec

from mesh.codec import encode
from mesh.killset import item_of
from mesh.messages.accounts import Position
from mesh.messages.control import ACTIVE, FLATTEN, FREEZE, Entry, Undo
from mesh.messages.venue import VenueState
from mesh.units import E8
from nodes.local.accountbook import AccountBook
from nodes.local.guard import Guard
from nodes.local.ladder import LEVELS_MAX, Ladder
from nodes.local.openings import LATE_NS, Openings
from tests.nodes.local.localrig import make_config
from tests.nodes.local.test_guard import order, state, word
from tests.nodes.local.test_local_parts import opening, position
from tests.stopitems import KEYS, signed


def read_of(positions: list[Position]) -> VenueState:
    """A read that shows these."""
    return VenueState(1, 0, 1, 1, 1, 1, 0, 1, 0, True, True, positions, [], [])


def test_openings_are_held_against_the_same_positions_only_after_a_change() -> None:
    """A terminal that shows a close late says again what was left of it: that is heard, though its words are the same."""
    openings = Openings()
    openings.add(opening(1), 0)
    held = [position(1, magic=1), position(2)]
    openings.look(held, 1, 2)
    version = openings.version
    openings.rows()
    openings.look([position(1, magic=1), position(2)], 3, 4)
    assert openings.rows() == []
    assert openings.version == version
    openings.take_off(openings.live()[0], 4 * E8)
    assert openings.live()[0].left_e8 == 6 * E8
    openings.look(held, 5, 6)
    assert openings.live()[0].left_e8 == 10 * E8
    assert openings.version > version


def test_opening_that_the_same_positions_lack_is_gone_in_its_time() -> None:
    """Its time may come without any change of what is shown."""
    openings = Openings()
    openings.add(opening(1), 0)
    openings.add(opening(2, f=2), 100)
    both, one = [position(1, magic=1), position(2, magic=2)], [position(1, magic=1)]
    openings.look(both, 101, 102)
    assert [each.record.f for each in openings.live()] == [1, 2]
    openings.look(one, 103, 104, is_proof=False)
    assert [each.record.f for each in openings.live()] == [1, 2]
    openings.look(one, 105, 106)
    assert [each.record.f for each in openings.live()] == [1]


def test_unseen_openings_are_those_that_no_read_has_shown() -> None:
    """Oldest first; also those that an earlier life stored, and not those that are gone."""
    openings = Openings()
    for number, f in ((1, 7), (2, 5), (3, 6)):
        openings.add(opening(number, f), 100)
    assert [each.record.f for each in openings.unseen()] == [5, 6, 7]
    openings.look([position(2, magic=2)], 101, 102)
    assert ([each.record.f for each in openings.unseen()], openings.unseen_f()) == ([6, 7], 6)
    openings.add(opening(4, f=8), 100 + LATE_NS)
    openings.look([position(2, magic=2)], 103 + LATE_NS, 102 + LATE_NS, is_proof=False)
    assert [each.record.f for each in openings.unseen()] == [6, 7, 8]
    openings.look([position(2, magic=2)], 103 + LATE_NS, 102 + LATE_NS)
    assert ([each.record.f for each in openings.unseen()], openings.unseen_f()) == ([8], 8)
    again = Openings()
    for each in openings.known():
        again.restore(encode(each.record), 0)
    assert [each.record.f for each in again.unseen()] == [8]


def test_book_keeps_positions_that_neither_changed_nor_found_an_owner() -> None:
    """The same struct for the same position; a price, or an opening of ours, makes it another."""
    book, openings = AccountBook("one", 1), Openings()
    first, second = position(7, magic=7), position(3)
    book.take(read_of([first, second]), openings, 1, 2)
    kept = book.positions
    book.take(read_of([position(7, magic=7), position(3)]), openings, 3, 4)
    assert book.positions is kept
    assert (book.ours, book.position(7), book.position(9)) == ([], first, None)
    openings.add(opening(7), 0)
    book.take(read_of([first, second]), openings, 5, 6)
    assert [(each.ticket, each.ours) for each in book.positions] == [(7, True), (3, False)]
    assert [each.ticket for each in book.ours] == [7]
    moved = msgspec.structs.replace(second, price_now_e8=2)
    book.take(read_of([first, moved]), openings, 7, 8)
    assert book.position(3) == moved


def test_guard_counts_what_a_read_or_a_fill_has_changed_since_the_last_order() -> None:
    """Its list of holdings is kept from order to order, not from state to state, and not over a fill."""
    guard = Guard("one", make_config(rails="positions_per_symbol_count = 1"))
    openings, held = Openings(), state(positions=1)
    assert word(order(), held, openings=openings, guard=guard) == ""
    assert word(order(), held, openings=openings, guard=guard) == ""
    openings.add(opening(9), 0)
    assert word(order(), held, openings=openings, guard=guard) == "POSITIONS_SYMBOL"
    openings.look([position(9, magic=9)], 1, 2)
    assert word(order(), state(positions=1), openings=openings, guard=guard) == ""
    assert word(order(), state(positions=2), openings=openings, guard=guard) == "POSITIONS_SYMBOL"


def test_levels_are_looked_up_again_after_each_stop_and_undo() -> None:
    """Whatever was asked before; and no more of them are kept than a bound."""
    ladder = Ladder("local-1", "one", make_config(), KEYS.of("local-1"))
    assert (ladder.is_clear, ladder.level("EURUSD", "swing"), ladder.level()) == (True, ACTIVE, ACTIVE)
    frozen = signed(Entry("operator", 1, 1, FREEZE, "symbol:EURUSD", "news"))
    ladder.take_untrusted(frozen, 0)
    assert (ladder.is_clear, ladder.level("EURUSD", "swing"), ladder.level()) == (False, FREEZE, ACTIVE)
    ladder.take_untrusted(signed(Entry("operator", 2, 2, FLATTEN, "strategy:swing", "news")), 0)
    assert (ladder.level("EURUSD", "swing"), ladder.level("EURUSD", "other")) == (FLATTEN, FREEZE)
    ladder.take_untrusted(signed(Undo("operator", 3, 3, [item_of(frozen)[0]], "over")), 0)
    assert (ladder.level("EURUSD", "other"), ladder.is_clear) == (ACTIVE, False)
    again = Ladder("local-1", "one", make_config(), KEYS.of("local-1"))
    assert again.level("EURUSD") == ACTIVE
    again.restore(frozen)
    assert (again.level("EURUSD"), again.is_clear) == (FREEZE, False)
    levels = {again.level(f"S{number}") for number in range(LEVELS_MAX + 10)}
    assert levels == {ACTIVE}
    assert len(again._levels) == LEVELS_MAX


def test_position_that_lost_its_newer_opening_in_a_look_is_the_older_ones_in_the_next() -> None:
    """Though the second look shows the same positions, whose they are is asked again."""
    openings = Openings()
    openings.add(opening(1), 0)
    openings.look([], 1, 200_000_000_000)  # LATE: the first is taken as gone
    assert not openings.live()
    other = opening(5, f=5)
    openings.add(other, 200_000_000_000)
    openings._place(openings.of_oid(other.oid), 1)  # the answer named the wrong position
    held = [position(1), position(6, magic=5)]
    openings.look(held, 300_000_000_000, 300_000_000_001)
    openings.look(held, 300_000_000_002, 300_000_000_003)
    assert [each.record.f for each in openings.live()] == [1, 5]
