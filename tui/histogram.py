"""A histogram as lines of text: spans of time on a logarithmic scale, a bar each, percentiles marked where they fall."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
from hdrh.histogram import HdrHistogram
from rich.text import Text

from mesh.units import US_NS
from tui.latencies import Latencies, Step

DECADE = 10
SCALES = (
    (10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91),
    (10, 12, 15, 18, 22, 27, 33, 39, 47, 56, 68, 82),
    (10, 15, 22, 33, 47, 68),
    (10, 20, 50),
    (10, 30),
    (10,),
)
"""Where the bins of a decade begin, in tenths: the preferred numbers of IEC 60063, then coarser ones."""
BLOCKS = "▏▎▍▌▋▊▉█"
BAR_MIN = 10
NOTHING = "no order was measured here yet: one is when its outcome comes, if it got as far"
LEFT_OUT = "{count:,} orders left out: stamped by clocks of two hosts, by one that went back, or called more than once"


class Bin(msgspec.Struct, frozen=True):
    """Values from ``low_ns`` to less than ``high_ns``."""

    low_ns: int
    high_ns: int
    count: int


def bins_of(histogram: HdrHistogram, bins_max: int) -> list[Bin]:
    """On the finest scale that has no more bins than asked for, the shortest times in one where that is none; none of an empty one."""
    if not histogram.total_count:
        return []
    first = next(index for index, count in enumerate(histogram.counts) if count)
    low_ns, high_ns = histogram.get_highest_equivalent_value(histogram.get_value_from_index(first)), histogram.max_value
    edges: list[int] = []
    for scale in SCALES:
        edges = _edges(scale, low_ns, high_ns)
        if len(edges) - 1 <= bins_max:
            break
    edges = [edges[0], *edges[max(1, len(edges) - bins_max) :]]
    return [Bin(low, high, _count(histogram, low, high)) for low, high in pairwise(edges)]


def _edges(scale: Sequence[int], low_ns: int, high_ns: int) -> list[int]:
    """Edges around all values, in whole microseconds: what is below one is one bin."""
    steps = [0]
    unit_ns = US_NS
    while steps[-1] <= high_ns:
        edges = (unit_ns * step // DECADE // US_NS * US_NS for step in scale)
        steps += dict.fromkeys(edge for edge in edges if edge > steps[-1])
        unit_ns *= DECADE
    begin = max(index for index, edge in enumerate(steps) if edge <= low_ns)
    end = min(index for index, edge in enumerate(steps) if edge > high_ns)
    return steps[begin : end + 1]


def _count(histogram: HdrHistogram, low_ns: int, high_ns: int) -> int:
    """Values in between, as exactly as the histogram has them."""
    end = min(histogram.get_counts_array_index(high_ns), len(histogram.counts))
    begin = histogram.get_counts_array_index(low_ns)
    return sum(histogram.counts[begin:end])


def picture(histogram: HdrHistogram, marks: Mapping[str, int], width: int, height: int) -> list[Text]:
    """So many lines at most of so many characters: a title, then a line a bin. ``marks``: word → ns, written at the bin it falls in."""
    bins = bins_of(histogram, max(1, height - 1))
    if not bins:
        return []
    last = max(len(f"{bin.high_ns // US_NS:,}") for bin in bins)
    ranges = [f"{bin.low_ns // US_NS:>{last},} – {bin.high_ns // US_NS:>{last},}" for bin in bins]
    counts = [f"{bin.count:,}" if bin.count else "" for bin in bins]
    words = [_marks(bin, marks) for bin in bins]
    range_width = max(len("from – to µs"), *map(len, ranges))
    count_width = max(len("orders"), *map(len, counts))
    bar_width = max(BAR_MIN, width - range_width - count_width - max(map(len, words)) - 6)
    lines = [Text(f"{'from – to µs':>{range_width}}  {'orders':>{count_width}}", "bold", no_wrap=True)]
    peak = max(bin.count for bin in bins)
    for bin, span, count, word in zip(bins, ranges, counts, words, strict=True):
        line = Text(f"{span:>{range_width}}  {count:>{count_width}}  ", no_wrap=True)
        line.append(bar(bin.count, peak, bar_width))
        line.append(f" {word}" if word else "", "bold")
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return lines


def plot(latencies: Latencies, step: Step, now_ns: int, width: int, height: int) -> Text:
    """A step of the last hour: what it is, its picture, and how many orders are not in it."""
    summary = latencies.summary(step, now_ns)
    title = Text(f"{step.title}, {step.words}", "bold", no_wrap=True)
    title.append(f": {summary.count:,} orders of the last hour", "not bold")
    title.truncate(width, overflow="ellipsis")
    left_out = latencies.left_out_count(step)
    last = [Text(LEFT_OUT.format(count=left_out), "italic", no_wrap=True)] if left_out else []
    histogram = latencies.histogram(step, now_ns)
    if histogram is None:
        return Text("\n").join([title, Text(NOTHING, "italic", no_wrap=True), *last])
    marks = {"p50": summary.p50_ns, "p99": summary.p99_ns, "max": summary.max_ns}
    return Text("\n").join([title, *picture(histogram, marks, width, height - 1 - len(last)), *last])


def _marks(bin: Bin, marks: Mapping[str, int]) -> str:
    """The words that fall into a bin, those of one value together."""
    found: dict[str, list[str]] = {}
    for word, value_ns in marks.items():
        if bin.low_ns <= value_ns < bin.high_ns:
            found.setdefault(f"{value_ns / US_NS:,.0f}", []).append(word)
    return "◂ " + "  ".join(f"{' '.join(words)} {value}" for value, words in found.items()) if found else ""


def bar(count: int, peak: int, width: int) -> str:
    """A bar in eighths of a character; of what there is any there is something to see."""
    eighths = -(-count * width * len(BLOCKS) // peak)
    whole, rest = divmod(eighths, len(BLOCKS))
    return BLOCKS[-1] * whole + (BLOCKS[rest - 1] if rest else "")
