"""A histogram as text: no value is lost, bins are on a logarithmic scale, percentiles stand where they fall, nothing is too wide."""

from itertools import pairwise

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from mesh.stages import HIGHEST_NS, summary_of
from mesh.units import HOUR_NS, US_NS
from mesh.view import View
from tests.tui.consolerig import CONFIG, WALL_NS, outcome, stamps
from tui.histogram import BLOCKS, SCALES, bar, bins_of, picture, plot
from tui.latencies import WHOLE, Latencies, empty

NOW_NS = 100 * HOUR_NS
VALUES = st.lists(st.one_of(st.integers(0, HIGHEST_NS), st.integers(0, 10**7), st.integers(0, 3_000)), min_size=1, max_size=60)


def of(*values_ns: int) -> HdrHistogram:
    histogram = empty()
    for value_ns in values_ns:
        histogram.record_value(value_ns)
    return histogram


@given(VALUES, st.integers(1, 40))
def test_every_value_is_in_one_bin(values_ns: list[int], bins_max: int) -> None:
    """Bins follow each other without a hole, and are not more than there is room for."""
    bins = bins_of(of(*values_ns), bins_max)
    assert sum(each.count for each in bins) == len(values_ns)
    assert all(one.high_ns == other.low_ns for one, other in pairwise(bins))
    assert len(bins) <= bins_max
    assert bins[-1].count


@given(VALUES)
def test_bins_begin_in_whole_microseconds(values_ns: list[int]) -> None:
    """Except the first, which has what took none."""
    for each in bins_of(of(*values_ns), 30):
        assert each.low_ns % US_NS == 0
        assert each.high_ns - each.low_ns >= US_NS


def test_the_finest_scale_that_fits_is_taken() -> None:
    """More room, more bins, of the same values."""
    histogram = of(*range(100_000, 10_000_000, 10_000))
    counts = [len(bins_of(histogram, room)) for room in (1, 3, 5, 7, 13, 25, 60)]
    assert counts == sorted(counts)
    assert counts[-1] == 2 * len(SCALES[0])
    assert [each.low_ns // US_NS for each in bins_of(histogram, 7)] == [100, 200, 500, 1_000, 2_000, 5_000]


def test_one_value_is_one_bin() -> None:
    """At the begin of which it may lie."""
    (only,) = bins_of(of(1_800_000), 9)
    assert (only.low_ns, only.high_ns) == (1_800_000, 2_000_000)
    assert bins_of(of(), 9) == []


def test_a_picture_says_what_the_percentiles_are() -> None:
    """Each at the bin it falls in; of one value they stand together."""
    histogram = of(*[300_000] * 98, 2_500_000, 9_000_000)
    lines = [line.plain.rstrip() for line in picture(histogram, {"p50": 300_000, "p99": 2_500_000, "max": 9_000_000}, 70, 7)]
    assert lines == [
        "   from – to µs  orders",
        "   200 –    500      98  ████████████████████████████████ ◂ p50 300",
        "   500 –  1,000",
        " 1,000 –  2,000",
        " 2,000 –  5,000       1  ▍ ◂ p99 2,500",
        " 5,000 – 10,000       1  ▍ ◂ max 9,000",
    ]
    same = picture(of(300_000), {"p50": 300_000, "p99": 300_000, "max": 300_000}, 70, 7)
    assert same[1].plain.endswith("◂ p50 p99 max 300")


@given(VALUES, st.integers(50, 200), st.integers(2, 40))
def test_no_line_is_too_wide_and_none_too_many(values_ns: list[int], width: int, height: int) -> None:
    """However the values lie."""
    histogram = of(*values_ns)
    summary = summary_of("x", histogram, 1)
    lines = picture(histogram, {"p50": summary.p50_ns, "p99": summary.p99_ns, "max": summary.max_ns}, width, height)
    assert all(len(line.plain) <= width for line in lines)
    assert len(lines) <= height


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 120))
def test_a_bar_is_as_long_as_it_should_be(count: int, peak: int, width: int) -> None:
    """The peak fills it; of one there is something to see, of none nothing."""
    peak = max(count, peak)
    drawn = bar(count, peak, width)
    assert len(drawn) <= width
    assert (drawn == "") == (count == 0)
    assert bar(peak, peak, width) == BLOCKS[-1] * width


@pytest.mark.parametrize("is_measured", [True, False])
def test_a_plot_says_what_is_not_in_it(is_measured: bool) -> None:
    """Orders of several calls are left out of the mesh's time, and that is said."""
    latencies = Latencies(CONFIG)
    latencies.take(outcome(1, attempt=3), View(), NOW_NS, NOW_NS, WALL_NS)
    if is_measured:
        latencies.take(outcome(2, stamps=stamps(step_us=100)), View(), NOW_NS, NOW_NS, WALL_NS)
    lines = plot(latencies, WHOLE, NOW_NS, 78, 8).plain.splitlines()
    assert lines[0] == f"signal → called, all of the mesh: {int(is_measured)} orders of the last hour"
    assert lines[-1].startswith("1 orders left out: ")
    assert ("no order was measured here yet" in lines[1]) == (not is_measured)
    assert ("◂ p50 p99 max 600" in lines[2]) == is_measured
