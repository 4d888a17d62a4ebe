"""The dashboard's sections as text: numbers in columns, what is left out, what is old; and the room each of them gets."""

import pytest
from rich.text import Text

from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.units import E8, HOUR_NS, MINUTE_NS, SECOND_NS
from tests.tui.consolerig import CONFIG, NOW_NS, WALL_NS, FakeFeed, busy, latched, outcome, position, state, stop, undo
from tui.amounts import age_text, amount, basis_points_text, lots_text, pair_text, rate_text
from tui.board import exposure_lines, money_lines
from tui.boardlists import account_lines, note_lines, outcome_lines
from tui.boardplan import Wish, alerts_most, beside, shares
from tui.fleet import Fleet
from tui.state import State
from tui.stoplines import stop_lines, stops_of

KILL = stop()


def known(*items: Msg) -> State:
    """A state that knows these."""
    found, feed = State(CONFIG, NOW_NS), FakeFeed(CONFIG.nodes_of("router"))
    feed.tell(*items)
    found.take(feed.take(), NOW_NS, WALL_NS)
    return found


def fleet(*states: AccountState, age_ns: int = 0) -> Fleet:
    """A fleet of these, so old."""
    found = Fleet()
    found.take({each.account: (NOW_NS - age_ns, each) for each in states}, NOW_NS)
    return found


def plain(lines: list[Text]) -> list[str]:
    """Without style."""
    return [line.plain for line in lines]


def stops(found: State, width: int = 80, height: int = 9, off: tuple[str, ...] = (), now_ns: int = NOW_NS) -> list[str]:
    """The section of stops."""
    return plain(stop_lines(found, stops_of(found, now_ns), off, now_ns, WALL_NS, width, height))


# numbers


@pytest.mark.parametrize(
    ("value_e8", "is_signed", "text"),
    [(1_234_567 * E8, False, "1,234,567.00"), (-5 * E8, True, "-5.00"), (5 * E8, True, "+5.00"), (0, True, "0.00"), (-1, True, "0.00")],
)
def test_an_amount_has_groups_two_decimals_and_a_sign(value_e8: int, is_signed: bool, text: str) -> None:
    """Nothing is neither + nor -, also where it is nothing after rounding only."""
    assert amount(value_e8, is_signed) == text


def test_lots_have_as_many_decimals_as_they_need() -> None:
    """Two at least, so that a column stands."""
    assert [lots_text(value) for value in (0, E8 // 10, E8 // 1_000)] == ["0.00", "0.10", "0.001"]


def test_two_percentiles_share_a_unit() -> None:
    """That of the higher one, in three digits at most."""
    pairs = [(300_000, 600_000), (300_000, 12_000_000), (20_000_000, 999_000_000), (0, 0), (1_500_000_000, 2_000_000_000)]
    assert [pair_text(*pair) for pair in pairs] == ["300/600 µs", "0.3/12 ms", "20/999 ms", "0/0 µs", "1.5/2.0 s"]


def test_ages_rates_and_percents_are_short() -> None:
    """As an operator would say them."""
    assert [age_text(age_ns) for age_ns in (0, 12 * SECOND_NS, 5 * MINUTE_NS, 3 * HOUR_NS)] == ["0 s", "12 s", "5 min", "3 h"]
    assert [rate_text(rate) for rate in (0.0, 1.26, 6_074.2)] == ["0.0", "1.3", "6,074"]
    assert [basis_points_text(points) for points in (None, -125, 5, 0)] == ["-", "-1.25", "+0.05", "0.00"]


# money and exposure


def test_an_old_sum_is_dim_and_says_how_many_of_it_are_old() -> None:
    """Nobody takes it for fresh."""
    lines = money_lines(fleet(state("a"), state("b"), age_ns=12 * SECOND_NS), 0, 80, 4)
    assert lines[1].plain.endswith("○ 2 of 2 dead: 12 s")
    assert lines[1].style == "dim"
    assert plain(money_lines(fleet(state("a"), age_ns=2 * SECOND_NS), 0, 80, 4))[1].endswith("◐ 1 of 1 late: 2 s")


def test_a_day_that_has_not_begun_everywhere_says_of_how_many_it_is() -> None:
    """And where it has begun nowhere there is no number."""
    some = plain(money_lines(fleet(state("a"), state("b", day_base_e8=0)), 0, 80, 4))[1]
    assert some.split() == ["USD", "20,000.00", "0.00", "+10.00", "2", "fresh,", "day", "of", "1"]
    none = plain(money_lines(fleet(state("b", day_base_e8=0)), 0, 80, 4))[1]
    assert none.split()[3] == "-"


def test_accounts_nobody_has_seen_are_named_as_missing_from_the_sums() -> None:
    """They are no zeros."""
    assert "○ 3 accounts not seen yet: in none of the sums" in plain(money_lines(fleet(state("a")), 3, 80, 4))[2]


def test_the_free_margin_is_there_where_the_width_does() -> None:
    """At 80 columns it is what is left out."""
    assert "free margin" not in plain(money_lines(fleet(state("a")), 0, 80, 4))[0]
    assert "free margin" in plain(money_lines(fleet(state("a")), 0, 98, 4))[0]


def test_more_symbols_than_lines_are_counted() -> None:
    """The last line says how many are not shown."""
    many = fleet(state("a", positions=tuple(position(n, symbol=f"S{n}") for n in range(9))))
    lines = plain(exposure_lines(many, 80, 4))
    assert len(lines) == 4
    assert lines[-1] == "+7 more symbols"
    assert len(plain(exposure_lines(many, 80, 10))) == 10


def test_positions_that_are_not_ours_have_their_mark() -> None:
    """As in the tables."""
    line = plain(exposure_lines(fleet(state("a", positions=(position(), position(2, ours=False)))), 80, 4))[1]
    assert line.split() == ["EURUSD", "0.20", "0.00", "+0.20", "2", "1*", "-24.00"]


def test_currencies_without_a_column_are_counted() -> None:
    """Two fit at 80 columns; of more it says how many are left out."""
    many = [state(each, currency=each, positions=(position(),)) for each in ("CHF", "EUR", "JPY", "USD")]
    assert plain(exposure_lines(fleet(*many), 80, 4))[0].endswith("float CHF  float EUR +2 cur")
    assert "cur" not in plain(exposure_lines(fleet(*many), 130, 4))[0]


def test_no_number_is_cut() -> None:
    """Columns are as wide as the longest one; what does not fit beside it is left out."""
    large = state("a", 10**9, (position(volume_e8=123_456 * E8, profit_e8=-(10**7) * E8),), currency="JPY")
    many = fleet(large, state("b"))
    lines = plain([*money_lines(many, 0, 80, 4), *exposure_lines(many, 80, 4)])
    assert not any("…" in line for line in lines)
    assert lines[1].split()[1:4] == ["1,000,000,000.00", "+999,990,000.00", "+999,990,010.00"]
    assert lines[4].split()[3] == "+123,456.00"


# stops


def test_without_a_stop_one_line_says_so() -> None:
    """And that all rails are on."""
    assert [line.split() for line in stops(known(*busy()))] == [["STATE", "ACTIVE:", "nothing", "is", "stopped", "all", "rails", "on"]]


def test_a_stop_says_who_why_since_when_and_who_lacks_it() -> None:
    """Its accounts are counted, and those that lack it named."""
    held = [latched(f"demo-{number}", KILL) for number in (1, 2, 4)]
    line = stops(known(*busy(), KILL, *held))[1]
    assert line == "FREEZE   all  ✗ NOT CONFIRMED 1 of 4: demo-3  08:00:00 UTC ann@desk: news"
    line = stops(known(*busy(), KILL, *held, latched("demo-3", KILL)))[1]
    assert line == "FREEZE   all  ✓ 4/4 held  08:00:00 UTC ann@desk: news"


def test_an_ended_stop_that_is_held_still_is_told_until_it_is_not() -> None:
    """With whose undo it was."""
    found = stops(known(*busy(), KILL, latched("demo-2", KILL), undo(KILL)))
    assert found[0].startswith("STATE    ACTIVE: 1 stop ended but still held")
    assert found[1] == "FREEZE   all  ENDED, held by 1: demo-2  08:00:00 UTC ann@desk: calm again"
    assert len(stops(known(*busy(), KILL, latched("demo-2"), undo(KILL)))) == 1


def test_the_widest_and_highest_stop_is_on_top_and_others_are_counted() -> None:
    """Everything before one account, FLATTEN before FREEZE."""
    several = [
        stop(nonce=1, scope="account:demo-1"),
        stop(nonce=2),
        stop("FLATTEN", nonce=3),
        stop("CANCEL", nonce=4, scope="symbol:EURUSD"),
    ]
    found = stops(known(*busy(), *several), height=4)
    assert [line.split()[:2] for line in found[1:3]] == [["FLATTEN", "all"], ["FREEZE", "all"]]
    assert found[3] == "+2 more stops: page Control"


def test_rails_that_are_off_are_named() -> None:
    """In a line of their own."""
    found = stops(known(*busy()), off=("rails.drawdown_percent", "account.a.rails.errors_count"))
    assert found[0].endswith("2 rails OFF")
    assert found[1] == "rails OFF: rails.drawdown_percent, account.a.rails.errors_count"


def test_while_no_router_tells_the_state_is_unknown_and_what_was_before_is_said() -> None:
    """With how long that is so."""
    found = known(*busy(), KILL)
    found.is_seeing = False
    lines = stops(found, now_ns=NOW_NS + 5 * SECOND_NS)
    assert lines[0].startswith("STATE    UNKNOWN for 5 s; before: 1 stop in force")
    assert stops(State(CONFIG, NOW_NS))[0].startswith("STATE    UNKNOWN: no router was heard yet")


# lists


def test_accounts_with_the_worst_day_come_first_and_old_ones_are_dim() -> None:
    """With their age."""
    found = known(state("demo-1", 9_980), state("demo-2", 9_900), state("demo-3"))
    seen = Fleet()
    later_ns = NOW_NS + 30 * SECOND_NS
    seen.take(found.view.accounts, later_ns)
    lines = account_lines(found, seen, later_ns, 98, 3)
    assert [line.plain.split()[0] for line in lines[1:]] == ["demo-2", "demo-1"]
    assert lines[1].plain.endswith("○ 30 s")
    assert lines[1].style == "dim"


def test_the_newest_outcome_is_on_top() -> None:
    """By market time, whichever came first."""
    lines = plain(outcome_lines(known(outcome(2), outcome(3, "demo-2"), outcome(1)), 98, 4))
    assert [line.split()[1] for line in lines[1:]] == ["00:00:03", "00:00:02", "00:00:01"]
    assert plain(outcome_lines(known(), 98, 4))[1] == "none yet"


def test_the_newest_line_of_the_log_is_on_top() -> None:
    """What may stand in a log does nothing to the terminal."""
    found = known()
    found.log.add(WALL_NS, "warning", "router-1", "late", "what=\x1b[2J", count=3)
    assert plain(note_lines(found, 80, 5))[1] == "01-05 08:00:00 warning  router-1    late x3  what= [2J"


# room


def test_room_goes_to_what_each_needs_before_anybody_has_more() -> None:
    """Then to the first ones, up to what they can fill."""
    wishes = [Wish(2, 10), Wish(3, 3), Wish(0, 50)]
    assert shares(5, wishes) == [2, 3, 0]
    assert shares(9, wishes) == [6, 3, 0]
    assert shares(30, wishes) == [10, 3, 17]
    assert shares(3, wishes) == [2, 1, 0]


def test_alerts_have_their_place_and_no_more() -> None:
    """On a small screen a few lines, on a large one a dozen."""
    assert [alerts_most(height) for height in (10, 20, 56)] == [3, 5, 12]


def test_sections_beside_each_other_keep_their_columns() -> None:
    """The right one begins at the same cell in each line."""
    lines = plain(beside([Text("left")], [Text("right"), Text("more")], 10))
    assert lines == ["left         right", "             more"]
