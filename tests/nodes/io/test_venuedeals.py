"""Deals page after page: each told once, none left out, however they lie in time, whatever comes late and whatever answer is lost."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.messages.venue import VenueRead
from mesh.units import MS_NS, SECOND_NS
from nodes.io.venuedeals import DealPages
from nodes.io.venuehistory import History
from nodes.terminal.lasterror import OUT_OF_MEMORY


class Terminal:
    """Deals (ticket → time in ms of the server, which is UTC); an answer carries ``most`` of them."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.deals: dict[int, int] = {}
        self.most = most
        self.fetched_count = 0
        self.is_away = False
        history = History(lambda: OUT_OF_MEMORY if self.most else (-1, ""))
        self.pages = DealPages(history, lambda ms: ms * MS_NS, lambda ns: max(1, ns // SECOND_NS))

    def add(self, ticket: int, at_ms: int) -> None:
        self.deals[ticket] = at_ms

    def span(self, from_s: int, to_s: int) -> list[Any] | None:
        self.fetched_count += 1
        found = [SimpleNamespace(ticket=t, time_msc=at_ms) for t, at_ms in self.deals.items() if from_s <= at_ms // 1_000 <= to_s]
        return None if self.is_away or len(found) > self.most else found


class Asker:
    """One who asks page after page, as a local does."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.call = self.taken = 0
        self.from_ns = 1
        self.tickets: list[int] = []

    def ask(self, revision: int | None = None, is_lost: bool = False) -> bool | None:
        """One read, whose answer may get lost; whether there is more, None where the terminal does not say."""
        self.call += 1
        pages = self.terminal.pages
        pages.begin(VenueRead(self.call, 0, self.from_ns, after=self.taken))
        told = pages.page(self.terminal.span, revision)
        if told is None or is_lost:
            return None
        rows, has_more = told
        self.taken = self.call
        self.tickets += [deal.ticket for deal in rows]
        return has_more

    def ask_all(self) -> int:
        """Reads until there is no more; how many."""
        for count in range(1, 1_000):
            if self.ask() is False:
                return count
        raise AssertionError("reading does not end")


DEALS = st.lists(st.tuples(st.integers(1_000, 9_000), st.booleans()), max_size=40)


@given(DEALS, DEALS, st.lists(st.booleans(), max_size=8), st.integers(1, 7), st.integers(8, 50))
def test_each_deal_is_told_once(first: list[Any], later: list[Any], lost: list[bool], page: int, most: int) -> None:
    """Many of one time, some that show while pages are asked for and before others in time, answers lost, histories in spans."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nodes.io.venuedeals.DEALS_MAX", page)
        terminal = Terminal(most)
        asker = Asker(terminal)
        for ticket, (at_ms, is_same) in enumerate(first, 1):
            terminal.add(ticket, 5_000 if is_same and most > 40 else at_ms)
        for is_lost in lost:
            asker.ask(is_lost=is_lost)
        for ticket, (at_ms, _) in enumerate(later, 101):
            terminal.add(ticket, at_ms)
        if max(map([at_ms // 1_000 for at_ms in terminal.deals.values()].count, range(10))) > most:
            return  # a second that no answer can carry
        asker.ask_all()
        assert sorted(asker.tickets) == sorted(terminal.deals)


def test_a_long_history_is_fetched_once_for_all_pages_and_once_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one millisecond: ten pages and the word that this was all; what came meanwhile is told before it."""
    monkeypatch.setattr("nodes.io.venuedeals.DEALS_MAX", 100)
    terminal = Terminal()
    for ticket in range(1, 1_001):
        terminal.add(ticket, 5_000)
    asker = Asker(terminal)
    asker.ask()
    terminal.add(2_000, 4_000)
    assert asker.ask_all() == 10
    assert (len(asker.tickets), asker.tickets[-1], terminal.fetched_count) == (1_001, 2_000, 2)
    assert (asker.ask_all(), terminal.fetched_count) == (1, 3)


def test_what_an_answer_told_that_was_lost_is_told_again() -> None:
    """Also where the books have not changed since; once it was taken there is nothing to tell at that revision."""
    terminal = Terminal()
    terminal.add(1, 5_000)
    asker = Asker(terminal)
    asker.ask(revision=7, is_lost=True)
    assert terminal.pages.revision == 7
    asker.ask(revision=7)
    assert asker.tickets == [1]
    asker.terminal.pages.begin(VenueRead(9, 0, 1, after=asker.taken))
    assert terminal.pages.revision == 7
    asker.terminal.pages.begin(VenueRead(10, 0, 1, after=asker.taken))
    assert terminal.pages.revision is None, "the answer to the ninth was not taken"


def test_a_moment_that_moves_on_has_nothing_fetched_again() -> None:
    """All after it was told; one that lies earlier has the history read anew."""
    terminal = Terminal()
    terminal.add(1, 5_000)
    asker = Asker(terminal)
    asker.from_ns = 4_000 * MS_NS
    asker.ask(revision=7)
    for from_ms, revision in ((4_500, 7), (3_000, None)):
        asker.call += 1
        terminal.pages.begin(VenueRead(asker.call, 0, from_ms * MS_NS, after=asker.taken))
        assert terminal.pages.revision == revision
        terminal.pages.page(terminal.span, revision)
        asker.taken = asker.call
    assert asker.tickets == [1]


def test_who_went_another_way_is_told_everything() -> None:
    """A worker that has just started, or one who begins again at 0."""
    terminal = Terminal()
    terminal.add(1, 5_000)
    asker = Asker(terminal)
    asker.ask_all()
    asker.taken = 0
    asker.ask_all()
    asker.taken = 77
    asker.ask_all()
    assert asker.tickets == [1, 1, 1]


def test_a_read_that_is_done_twice_tells_its_page_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A balance that moved meanwhile has a state made again: of the same page, fetched or at hand."""
    monkeypatch.setattr("nodes.io.venuedeals.DEALS_MAX", 2)
    terminal = Terminal()
    for ticket in range(1, 6):
        terminal.add(ticket, 5_000)
    taken = 0
    for call, expected in enumerate(([1, 2], [3, 4], [5], []), 1):
        terminal.pages.begin(VenueRead(call, 0, 1, after=taken))
        for _ in range(2):
            told = terminal.pages.page(terminal.span, None)
            assert told is not None
            assert ([deal.ticket for deal in told[0]], told[1]) == (expected, call < 4)
        taken = call


def test_a_read_that_is_done_twice_goes_on_from_the_same_place() -> None:
    """Where the history comes in spans, too: none is skipped, and deals stay in order."""
    terminal = Terminal(most=3)
    for ticket in range(1, 31):
        terminal.add(ticket, ticket * 1_000)
    taken, told = 0, []
    for call in range(1, 100):
        terminal.pages.begin(VenueRead(call, 0, 1, after=taken))
        once, again = (terminal.pages.page(terminal.span, None) for _ in range(2))
        assert once is not None
        assert again is not None
        assert once[0][:1] == again[0][:1]
        told += [deal.ticket for deal in again[0]]
        taken = call
        if not again[1]:
            break
    assert told == list(range(1, 31))


def test_no_read_of_a_long_history_goes_through_much_of_it() -> None:
    """20,000 deals, a thousand an answer: the last pass is as many reads as it needs, each of a few calls."""
    terminal = Terminal(most=1_000)
    for ticket in range(1, 20_001):
        terminal.add(ticket, ticket * 1_000)
    asker, calls = Asker(terminal), []
    for _ in range(1_000):
        before = terminal.fetched_count
        has_more = asker.ask()
        calls.append(terminal.fetched_count - before)
        if not has_more:
            break
    assert asker.tickets == list(range(1, 20_001))
    assert max(calls) <= 32


def test_deals_before_the_moment_are_not_told_and_forgotten() -> None:
    """The overlap moves on: what lies before it is nothing any more; a terminal that is away says nothing."""
    terminal = Terminal()
    terminal.add(1, 5_000)
    terminal.add(2, 5_999)
    asker = Asker(terminal)
    asker.from_ns = 5_001 * MS_NS
    asker.ask_all()
    assert asker.tickets == [2]
    asker.from_ns = 6_000 * MS_NS
    terminal.add(3, 7_000)
    asker.ask_all()
    assert (asker.tickets, list(terminal.pages._told)) == ([2, 3], [])
    terminal.is_away, terminal.most = True, 0
    assert asker.ask() is None
