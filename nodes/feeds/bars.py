"""Bars of a file: their timeframe, the ask beside the bid, and the four ticks that stand for a bar.

A bar without ticks is played rising (close >= open) open, low, high, close and falling open, high, low, close: at 0,
1/3 and 2/3 of its length and at its end less a millisecond. The ask follows the order of the bid. A bar ends where its
timeframe ends, or where the next bar of the file opens if that is earlier, so that played ticks never run backwards.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mesh.units import DAY_NS, HOUR_NS, MS_NS
from nodes.barstarts import bar_starts_ns
from nodes.feeds.checks import JUMP_PPM_MAX, Int64s, limit_e8
from nodes.feeds.layout import BAR_COLUMNS
from nodes.timeframes import MONTH_NS, TIMEFRAMES
from nodes.zones import Zone
from nodes.zonetimes import offsets_at, utc_from_local

_PRICE_COUNT = len(BAR_COLUMNS)
_OPEN, _HIGH, _LOW, _CLOSE = range(_PRICE_COUNT)


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one file in order of time."""

    line: Int64s
    open_ns: Int64s
    """UTC."""
    end_ns: Int64s
    bid_e8: Int64s
    """Four rows: open, high, low, close."""
    ask_e8: Int64s
    """Likewise; without a row when the file has none."""
    spread_points: Int64s

    def __len__(self) -> int:
        """The number of bars."""
        return len(self.line)

    def __getitem__(self, key: npt.NDArray[np.bool_]) -> "Bars":
        """The bars of a mask."""
        return Bars(
            self.line[key],
            self.open_ns[key],
            self.end_ns[key],
            self.bid_e8[:, key],
            self.ask_e8[:, key],
            self.spread_points[key],
        )


def timeframe_of(open_ns: Int64s) -> str:
    """The timeframe of bars by the most common time between two of them.

    Raises ValueError when there are too few or their distance is no timeframe.
    """
    steps_ns, counts = np.unique(np.diff(open_ns), return_counts=True)
    counts = counts[steps_ns > 0]
    steps_ns = steps_ns[steps_ns > 0]
    if not len(steps_ns):
        raise ValueError("fewer than two bars")
    step_ns = int(steps_ns[np.argmax(counts)])
    if 28 * DAY_NS <= step_ns <= 31 * DAY_NS:
        return "MN1"
    for name, length_ns in TIMEFRAMES.items():
        if step_ns == length_ns:
            return name
    raise ValueError(f"most bars are {step_ns // MS_NS} ms apart, which is no timeframe")


def bar_ends_ns(open_ns: Int64s, timeframe: str, zone: Zone) -> Int64s:
    """UTC ends of bars by their timeframe; those longer than an hour end by the clock, which may change inside them."""
    length_ns = TIMEFRAMES[timeframe]
    if length_ns <= HOUR_NS:
        return open_ns + length_ns
    clock_ns = open_ns + offsets_at(zone, open_ns)
    if length_ns == MONTH_NS:
        end_clock_ns = bar_starts_ns(bar_starts_ns(clock_ns, timeframe) + 31 * DAY_NS, timeframe)
    else:
        end_clock_ns = clock_ns + length_ns
    return utc_from_local(zone, end_clock_ns)


def ended_by_next(bars: Bars) -> Bars:
    """No bar reaches into the next one."""
    end_ns = bars.end_ns.copy()
    end_ns[:-1] = np.minimum(end_ns[:-1], bars.open_ns[1:])
    return Bars(bars.line, bars.open_ns, end_ns, bars.bid_e8, bars.ask_e8, bars.spread_points)


def absurd_bars(bars: Bars, timeframe: str, jump_ppm: int) -> npt.NDArray[np.bool_]:
    """Bars with a price too far from their own open, or with bid and ask too far apart.

    What a price may do inside a bar grows with the square root of its length, as a random walk's does: the bound holds
    for bars up to an hour, twice the bound for four hours, 4.9 times for a day.
    """
    is_absurd = np.zeros(len(bars), dtype=np.bool_)
    if not jump_ppm:
        return is_absurd
    hours = max(1, TIMEFRAMES[timeframe] // HOUR_NS)
    inside_ppm = min(math.isqrt(hours * jump_ppm * jump_ppm), JUMP_PPM_MAX)
    for side_e8 in (bars.bid_e8, bars.ask_e8):
        for price_e8 in side_e8[1:]:
            is_absurd |= np.abs(price_e8 - side_e8[_OPEN]) > limit_e8(side_e8[_OPEN], inside_ppm)
    for bid_e8, ask_e8 in zip(bars.bid_e8, bars.ask_e8, strict=False):
        is_absurd |= np.abs(ask_e8 - bid_e8) > limit_e8(bid_e8, jump_ppm)
    return is_absurd


@dataclass(frozen=True, slots=True)
class Pairing:
    """Bid and ask bars joined by their opening time."""

    bars: Bars
    bid_only_line: Int64s
    ask_only_line: Int64s


def paired(bid: Bars, ask: Bars) -> Pairing:
    """The bars that are in both, and the lines of those in only one. Both have each opening time once."""
    _, bid_rows, ask_rows = np.intersect1d(bid.open_ns, ask.open_ns, assume_unique=True, return_indices=True)
    bid_only = np.setdiff1d(np.arange(len(bid)), bid_rows, assume_unique=True)
    ask_only = np.setdiff1d(np.arange(len(ask)), ask_rows, assume_unique=True)
    joined = Bars(
        bid.line[bid_rows],
        bid.open_ns[bid_rows],
        bid.end_ns[bid_rows],
        bid.bid_e8[:, bid_rows],
        ask.bid_e8[:, ask_rows],
        bid.spread_points[bid_rows],
    )
    return Pairing(joined, bid.line[bid_only], ask.line[ask_only])


def played(bars: Bars) -> tuple[Int64s, Int64s, Int64s]:
    """Times, bids and asks of the four ticks of each bar."""
    length_ns = bars.end_ns - bars.open_ns
    times_ns = np.stack(
        [
            bars.open_ns,
            bars.open_ns + length_ns // 3,
            bars.open_ns + 2 * length_ns // 3,
            bars.end_ns - MS_NS,
        ]
    )
    is_rising = bars.bid_e8[_CLOSE] >= bars.bid_e8[_OPEN]
    bid_e8, ask_e8 = (
        np.stack(
            [
                side_e8[_OPEN],
                np.where(is_rising, side_e8[_LOW], side_e8[_HIGH]),
                np.where(is_rising, side_e8[_HIGH], side_e8[_LOW]),
                side_e8[_CLOSE],
            ]
        )
        for side_e8 in (bars.bid_e8, bars.ask_e8)
    )
    return times_ns.T.ravel(), bid_e8.T.ravel(), ask_e8.T.ravel()
