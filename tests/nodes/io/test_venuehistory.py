"""A history that is too long for one answer is read in spans; no row is lost between them and none comes twice."""

from bisect import bisect_left, bisect_right
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import SECOND_NS
from nodes.io import mt5
from nodes.io.venuehistory import FOREVER_S, History
from nodes.terminal.lasterror import OUT_OF_MEMORY
from nodes.terminal.service import Answer, TerminalService
from tests.nodes.io.venuerig import LOT_E8, MONDAY_NS, Desk, desk_of

START_S = MONDAY_NS // SECOND_NS


class Terminal:
    """Rows at these seconds; an answer carries ``most`` of them."""

    def __init__(self, at_s: list[int], most: int, code: int = -3) -> None:
        self.at_s = sorted(at_s)
        self.most = most
        self.code = code
        self.calls = 0

    def span(self, from_s: int, to_s: int) -> list[SimpleNamespace] | None:
        self.calls += 1
        found = self.at_s[bisect_left(self.at_s, from_s) : bisect_right(self.at_s, to_s)]
        return None if len(found) > self.most else [SimpleNamespace(at_s=at_s) for at_s in found]

    def last_error(self) -> tuple[int, str]:
        return self.code, ""


@given(st.lists(st.integers(START_S, START_S + 86_400 * 365), max_size=60, unique=True), st.integers(1, 20))
def test_all_rows_come_once_and_in_order_however_little_an_answer_carries(at_s: list[int], most: int) -> None:
    """Spans neither overlap nor leave a second out, and their number stays small."""
    terminal = Terminal(at_s, most)
    rows = History(terminal.last_error).all(terminal.span, 1)
    assert rows is not None
    assert [row.at_s for row in rows] == sorted(at_s)
    assert terminal.calls <= 64 * (len(at_s) + 1)


def test_page_says_where_the_next_one_begins() -> None:
    """0 after the last row."""
    terminal = Terminal([10, 20, START_S], 2)
    history = History(terminal.last_error)
    rows, next_s = history.page(terminal.span, 1) or ([], 0)
    assert [row.at_s for row in rows] == [10, 20]
    assert 20 < next_s <= START_S
    rows, next_s = history.page(terminal.span, next_s) or ([], -1)
    assert ([row.at_s for row in rows], next_s) == ([START_S], 0)


@pytest.mark.parametrize("code", [-1, -4, -10004])
def test_other_errors_are_no_reason_to_ask_again(code: int) -> None:
    """Only "out of memory" is about the length."""
    terminal = Terminal([1, 2, 3], 1, code)
    assert History(terminal.last_error).all(terminal.span, 1) is None
    assert terminal.calls == 1


def test_second_that_is_too_long_by_itself_cannot_be_read() -> None:
    """There is nothing left to halve; it ends all the same."""
    terminal = Terminal([START_S] * 5, 2)
    assert History(terminal.last_error).all(terminal.span, START_S) is None
    assert terminal.calls <= 32


def test_times_fit_the_packages_32_bits() -> None:
    """The package cuts seconds to int32."""
    assert FOREVER_S == 2**31 - 1


def all_deals(desk: Desk) -> list[int]:
    """Deals by ticket, page after page as a local asks for them; none comes twice."""
    tickets: list[int] = []
    for _ in range(100):
        state = desk.read()
        tickets += [deal.deal_ticket for deal in state.deals]
        if not state.more_deals:
            assert len(set(tickets)) == len(tickets)
            return tickets
    raise AssertionError("reading does not end")


def test_account_with_more_deals_than_an_answer_carries_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal says -3; spans get shorter until they fit, and every deal is told."""
    with desk_of() as desk:
        for _ in range(40):
            desk.send()
            desk.quote(108_500_000, 108_510_000)
        call = TerminalService.call

        def scant(self: TerminalService, login: int, name: str, args: list[int], now_ns: int) -> Answer:
            answer = call(self, login, name, args, now_ns)
            is_long = name == "history_deals_get" and len(answer.value) > 7
            return Answer(None, OUT_OF_MEMORY, ()) if is_long else answer

        monkeypatch.setattr(TerminalService, "call", scant)
        assert mt5.history_deals_get(1, FOREVER_S) is None
        assert len(all_deals(desk)) == 41
        assert desk.find().hits == 40


def test_page_of_deals_ends_where_a_message_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deals of one millisecond on more pages than one: none is lost, and reading ends."""
    monkeypatch.setattr("nodes.io.venuedeals.DEALS_MAX", 4)
    with desk_of() as desk:
        for _ in range(10):
            desk.send(volume_e8=LOT_E8)
        assert len(all_deals(desk)) == 11
