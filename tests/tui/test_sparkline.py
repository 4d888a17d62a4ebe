"""Sparklines: scale, width, blanks, peaks, time."""

from tui.sparkline import BLOCKS, sparkline, timeline


def test_values_become_blocks_from_zero_to_the_greatest() -> None:
    """Each of eight steps has its block, and the least is not a blank."""
    assert sparkline(range(8), 8) == BLOCKS
    assert sparkline([5, 5, 5], 3) == "███"
    assert sparkline([0, 0, 0], 3) == "▁▁▁"


def test_the_width_is_kept() -> None:
    """Few values stand at the right, many share cells, no room is no text."""
    assert sparkline([1], 4) == "   █"
    assert sparkline([], 4) == "    "
    assert len(sparkline(range(119), 40)) == 40
    assert sparkline([1, 2], 0) == ""


def test_a_peak_is_never_lost() -> None:
    """Of values that share a cell the greatest is shown."""
    values = [1.0] * 120
    values[61] = 70.0
    shown = sparkline(values, 40)
    assert shown.count("█") == 1
    assert shown.index("█") == 20


def test_what_was_not_told_is_blank() -> None:
    """A gap is no zero."""
    assert sparkline([7, None, 0, 7], 4) == "█ ▁█"
    assert sparkline([None, None], 2) == "  "


def test_samples_lie_where_they_were_in_time() -> None:
    """Silence moves them to the left; what is older than the span or newer than now is left out."""
    samples = [(10, 1.0), (40, 2.0), (45, 3.0), (99, 4.0), (100, 5.0)]
    assert timeline(samples, 100, 60, 6) == [3.0, None, None, None, None, 5.0]
    assert timeline(samples, 130, 60, 6) == [None, None, 5.0, None, None, None]
    assert timeline([(200, 1.0)], 100, 60, 3) == [None] * 3
