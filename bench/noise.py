"""Whether numbers of two sides differ beyond their noise: the ratio B/A, and between which bounds it may lie.

**Repeated numbers** (a percentile of each round). The ratio is the median of all ratios of a number of B to a number of A (the
Hodges-Lehmann estimator, on the logarithms). Its bounds are the two of those ratios that the rank test of Mann and Whitney would just
not rule out with 99 % confidence (Hodges, Lehmann 1963; Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, chapter 4). No
distribution is assumed, no outlier thrown away, and nothing drawn: the same files give the same verdict. Five rounds on each side are the
least that can decide; fewer never do, however far apart they lie. 99 % and not the customary 95 because a comparison has dozens of
rows: at 95 % each table would show a change that is none.

**A number with its spread** (a figure: median and middle half of its repetitions). The error of each median is taken as
0.93 × middle half / √repetitions, as for the notches of box plots (McGill, Tukey, Larsen 1978), and the two are put together as
independent.

What neither sees: two runs an hour apart differ by whatever the machine did meanwhile, in all their rounds alike. Run both sides by
turns and compare them together (``mesh bench compare A1 B1 A2 B2 …``). A ratio within 5 % is called no difference even where it is
beyond the noise: on a shared machine less than that is the weather.
"""

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import msgspec
import numpy as np

CONFIDENCE = 0.99
ROUNDS_MIN = 5
"""With so many on each side the rank test can reach the confidence: 2 of 252 orders are as extreme as the most extreme one."""
SAME_SHARE = 0.05
EXACT_MAX = 40
"""Above so many rounds on a side the rank test's distribution is taken as normal: it is then, and counting it out takes long."""
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_MEDIAN_ERROR = 1.25 / 1.35
LOWER, HIGHER, SAME, UNDECIDED = "lower", "higher", "no difference", "undecided"


class Between(msgspec.Struct, frozen=True):
    """B/A, and the bounds of it."""

    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """LOWER, HIGHER or SAME: what B is beside A; UNDECIDED where the bounds allow more than one."""
        if self.low >= 1 / (1 + SAME_SHARE) and self.high <= 1 + SAME_SHARE:
            return SAME
        if self.high < 1:
            return LOWER
        return HIGHER if self.low > 1 else UNDECIDED


def of_rounds(a: Sequence[float], b: Sequence[float]) -> Between | None:
    """From the numbers of each round; None where there are too few of them to tell, or one is not above 0."""
    if not a or not b or min(*a, *b) <= 0:
        return None
    rank = _rank(len(a), len(b))
    if rank < 1:
        return None
    logs = np.sort(np.subtract.outer(np.log(b), np.log(a)), axis=None)
    low, middle, high = np.exp([logs[rank - 1], np.median(logs), logs[-rank]])
    return Between(float(middle), float(low), float(high))


def of_spreads(a: float, a_spread: float, a_count: int, b: float, b_spread: float, b_count: int) -> Between | None:
    """From two medians, the width of the middle half of each and how many repetitions it had; None as in ``of_rounds``."""
    if min(a_count, b_count) < ROUNDS_MIN or min(a, b) <= 0:
        return None
    errors = (_MEDIAN_ERROR * a_spread / (a * math.sqrt(a_count)), _MEDIAN_ERROR * b_spread / (b * math.sqrt(b_count)))
    factor = math.exp(_Z * math.hypot(*errors))
    return Between(b / a, b / a / factor, b / a * factor)


@cache
def _rank(a_count: int, b_count: int) -> int:
    """The how-many-th ratio from either end is a bound; 0 where none is far enough out."""
    pairs_count = a_count * b_count
    if max(a_count, b_count) > EXACT_MAX:
        return max(0, math.floor(pairs_count / 2 - _Z * math.sqrt(pairs_count * (a_count + b_count + 1) / 12)))
    ways = _ways(a_count, b_count)
    allowed = (1 - CONFIDENCE) / 2 * sum(ways)
    found, beyond = 0, 0
    while (beyond := beyond + ways[found]) <= allowed:
        found += 1
    return found


def _ways(a_count: int, b_count: int) -> list[int]:
    """In how many orders of a + b numbers U has each of its values 0 … ab: the coefficients of the Gaussian binomial."""
    ways = [1] + [0] * (a_count * b_count)
    for step in range(1, a_count + 1):
        for u in range(a_count * b_count, b_count + step - 1, -1):
            ways[u] -= ways[u - b_count - step]
        for u in range(step, a_count * b_count + 1):
            ways[u] += ways[u - step]
    return ways
