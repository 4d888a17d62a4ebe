"""Row after row: what is refused, what is not, and what it costs the rows around it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import DAY_NS, E8, SECOND_NS
from nodes.feeds import checks
from nodes.feeds.checks import JUMP_CONFIRM_COUNT, RowChecker, Series, Verdicts, filled_forward, limit_e8
from nodes.feeds.report import FIRST_PROBLEM_COUNT_MAX, FeedReport, ProblemLog

TEN_PERCENT = 100_000


def judged(
    times_s: list[int], bids: list[int], asks: list[int] | None = None, *, jump_ppm: int = TEN_PERCENT
) -> tuple[Verdicts, FeedReport]:
    """Verdicts on ticks in whole units (bars with one side when no asks are given); line 1 is the first."""
    sides = [np.array(bids, dtype=np.int64) * E8]
    if asks is not None:
        sides.append(np.array(asks, dtype=np.int64) * E8)
    log = ProblemLog()
    series = Series(
        np.arange(1, len(bids) + 1),
        np.array(times_s, dtype=np.int64) * SECOND_NS,
        tuple(sides),
        tuple(sides),
        is_time_unique=asks is None,
    )
    return RowChecker(log, "FILE", 0, jump_ppm=jump_ppm).verdicts(series), log.report()


def refused_lines(verdicts: Verdicts) -> list[int]:
    return (np.flatnonzero(~verdicts.is_accepted) + 1).tolist()


def test_good_rows_all_stand() -> None:
    """Rising or equal times and small steps are no problem for ticks."""
    verdicts, report = judged([1, 1, 2, 9], [100, 105, 100, 109], [101, 106, 101, 110])
    assert refused_lines(verdicts) == []
    assert report.lines() == ()


def test_row_before_the_last_is_refused_and_only_that() -> None:
    """A row whose time runs backwards is out; the rows after it go on from the last good one."""
    verdicts, report = judged([1, 5, 3, 6], [100] * 4, [101] * 4)
    assert refused_lines(verdicts) == [3]
    assert report.first_problems[0].text() == "FILE:3: order: time is 2.000 s before the row before"


def test_bar_at_the_same_time_is_refused() -> None:
    """Two ticks may share a time, two bars may not."""
    verdicts, report = judged([1, 2, 2, 3], [100] * 4)
    assert refused_lines(verdicts) == [3]
    assert "same time" in report.first_problems[0].detail


def test_leap_ahead_that_comes_back_is_the_wrong_row() -> None:
    """One row far in the future costs itself, not all rows after it; so does the very first row."""
    day_s = DAY_NS // SECOND_NS
    verdicts, report = judged([1, 2, 2 + 2 * day_s, 3, 4], [100] * 5, [101] * 5)
    assert refused_lines(verdicts) == [3]
    assert "ahead of the row after" in report.first_problems[0].detail
    assert refused_lines(judged([9 * day_s, 2, 3, 4], [100] * 4, [101] * 4)[0]) == [1]


def test_gap_over_a_weekend_is_no_leap() -> None:
    """Time may stand still for days, also where the last row of the file comes after the gap."""
    day_s = DAY_NS // SECOND_NS
    assert refused_lines(judged([1, 2, 3 * day_s, 3 * day_s + 1, 9 * day_s], [100] * 5, [101] * 5)[0]) == []


def test_jump_past_the_bound_is_refused_and_the_next_row_held_against_the_last_good_one() -> None:
    """10 % is allowed, more is not, up or down, on either side."""
    bids = [100, 110, 122, 111, 99, 98, 89, 100]
    verdicts, report = judged(list(range(8)), bids, [bid + 1 for bid in bids])
    assert refused_lines(verdicts) == [3, 5, 6, 7]
    assert report.first_problems[0].text() == ("FILE:3: jump: price from 110.00000000 to 122.00000000, more than 10 %")
    verdicts, _ = judged([1, 2, 3], [100, 100, 100], [101, 120, 102])
    assert refused_lines(verdicts) == [2]


def test_bid_and_ask_apart_in_the_first_row_is_a_jump() -> None:
    """A first row has nothing before it, but its two sides must agree."""
    verdicts, report = judged([1, 2], [100, 100], [1_000, 101])
    assert refused_lines(verdicts) == [1]
    assert "apart" in report.first_problems[0].detail


def test_bound_can_be_moved_and_turned_off() -> None:
    """The bound is the caller's: half a percent, or none."""
    assert refused_lines(judged([1, 2], [1_000, 1_006], [1_000, 1_006], jump_ppm=5_000)[0]) == [2]
    assert refused_lines(judged([1, 2], [1_000, 1_005], [1_000, 1_005], jump_ppm=5_000)[0]) == []
    assert refused_lines(judged([1, 2], [100, 900], [100, 900], jump_ppm=0)[0]) == []
    assert judged([1, 2], [1_000, 1_006], [1_000, 1_006], jump_ppm=5_000)[1].first_problems[0].detail.endswith("0.5 %")


def test_first_row_alone_at_another_level_is_the_wrong_one() -> None:
    """A wrong first row does not cost the ten rows that a true change would."""
    assert refused_lines(judged([1, 2, 3, 4], [1_000, 100, 101, 102], [1_001, 101, 102, 103])[0]) == [1]
    assert refused_lines(judged([1, 2, 3, 4], [1_000, 100, 101, 102])[0]) == [1]


def test_price_that_stays_at_the_new_level_is_accepted_in_the_end() -> None:
    """After ten rows that agree the market is there: the rest of the file is not lost, and the report says so."""
    bids = [100] * 5 + [200] * 30
    verdicts, report = judged(list(range(35)), bids, bids)
    assert refused_lines(verdicts) == list(range(6, 6 + JUMP_CONFIRM_COUNT))
    assert report.notes == ("FILE:16: the price moved from 100.00000000 to 200.00000000 and stayed there for 10 rows: accepted",)


def test_wild_rows_that_disagree_never_become_the_market() -> None:
    """Forty rows of noise at ever other levels do not move the level that is believed."""
    bids = [100] * 5 + [200, 900] * 20 + [101]
    verdicts, report = judged(list(range(46)), bids, bids)
    assert refused_lines(verdicts) == list(range(6, 46))
    assert report.notes == ()


def test_empty_side_takes_the_price_before_it() -> None:
    """0 means unchanged: it is neither a price nor a jump."""
    verdicts, _ = judged([1, 2, 3, 4], [100, 0, 101, 0], [101, 102, 0, 0])
    assert refused_lines(verdicts) == []


def test_rows_before_both_sides_are_known_are_incomplete() -> None:
    """A tick needs both sides; what the other side said already is kept."""
    verdicts, report = judged([1, 2, 3], [0, 100, 101], [102, 0, 0])
    assert refused_lines(verdicts) == [1]
    assert verdicts.is_incomplete.tolist() == [True, False, False]
    assert report.first_problems[0].text() == "FILE:1: incomplete: no bid was given yet"


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([0, 90, 99, 100, 105, 111, 130, 300]), st.sampled_from([0, 101, 120])),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([1, 2, 3, 7]),
)
def test_verdicts_do_not_depend_on_blocks(ticks: list[tuple[int, int, int]], block_row_count: int) -> None:
    """Rows passed by the block and rows walked one by one get the same verdict."""
    times_s, bids, asks = ([tick[column] for tick in ticks] for column in range(3))
    whole, whole_report = judged(times_s, bids, asks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_BLOCK_ROW_COUNT", block_row_count)
        cut, cut_report = judged(times_s, bids, asks)
        patch.setattr(RowChecker, "_pass_block", lambda *_: False)
        walked, walked_report = judged(times_s, bids, asks)
    assert whole.is_accepted.tolist() == cut.is_accepted.tolist() == walked.is_accepted.tolist()
    assert whole_report == cut_report == walked_report


def test_filled_forward_and_limit() -> None:
    """Zeros take the value before; a limit of a huge price does not overflow."""
    assert filled_forward(np.array([0, 5, 0, 0, 7, 0]), 3).tolist() == [3, 5, 5, 5, 7, 7]
    assert limit_e8(np.array([10**17, 1, 150]), 10_000_000).tolist() == [10**18, 10, 1_500]
    assert limit_e8(np.array([138_676_000]), TEN_PERCENT).tolist() == [13_867_600]


def test_log_keeps_the_first_problems_in_order_and_counts_all() -> None:
    """Twenty are kept by file and line, in whatever order they come; the rest is counted by reason."""
    log = ProblemLog()
    log.row_count = 1_000
    for line in [*range(100, 0, -1), *range(200, 300)]:
        log.add(0, "BID", line, "jump" if line % 2 else "number", "why")
    log.add(1, "ASK", 1, "unpaired", "why")
    report = log.report()
    assert [problem.line for problem in report.first_problems] == list(range(1, FIRST_PROBLEM_COUNT_MAX + 1))
    assert report.bad_by_reason == {"number": 100, "jump": 100, "unpaired": 1}
    assert report.lines()[-2:] == (
        "... and 181 more bad rows",
        "201 of 1000 rows skipped (number 100, jump 100, unpaired 1)",
    )
