"""How many bars a CCI or an ATR may look at, and up to which prices the CCI of so many is exact (see nodes/kernels.py)."""

PERIOD_MIN = 2
PERIOD_MAX = 10_000
"""A CCI of one bar is always 0; ten thousand bars cost about half a microsecond a value (the deviation
is summed anew for each bar) and leave room for prices to 1.5 million."""


def total_limit_e8(period: int) -> int:
    """The largest |high + low + close| for which the CCI of ``period`` is exact."""
    return (2**62 - 1) // period
