"""Latencies of one measurement as an HDR histogram: nanoseconds, three significant digits, up to a minute.

The encoding is the histogram's own V2 (zlib, base64), and ``log_line`` is one line of its interval log, so that the usual plotters read
both. Values are recorded after the measurement: one record costs a microsecond here, which is more than what is measured.
"""

import binascii
import zlib
from collections.abc import Iterable
from io import StringIO

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

LOWEST_NS, HIGHEST_NS, DIGITS = 1, 60_000_000_000, 3
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)
_UNREADABLE = (HdrCookieException, HdrHistogramSettingsException, HdrLengthException, binascii.Error, zlib.error, ValueError, BufferError)
NAMES = ("p50", "p90", "p99", "p99.9", "p99.99")


class Latencies:
    """A histogram of durations in ns. What is longer than a minute counts as a minute."""

    def __init__(self, values_ns: Iterable[int] = ()) -> None:
        self._histogram = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
        self.record(values_ns)

    def record(self, values_ns: Iterable[int]) -> None:
        """Take durations; one below zero is a clock that went back: AssertionError."""
        record = self._histogram.record_value
        for value_ns in values_ns:
            assert value_ns >= 0, f"a duration of {value_ns} ns"
            record(min(max(int(value_ns), LOWEST_NS), HIGHEST_NS))

    def add(self, other: "Latencies") -> None:
        """Take all of another one."""
        self._histogram.add(other._histogram)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._histogram.get_total_count())

    def at(self, percentile: float) -> int:
        """The value in ns that so many percent do not exceed; 0 where there is none."""
        return int(self._histogram.get_value_at_percentile(percentile)) if self.count else 0

    @property
    def max_ns(self) -> int:
        """The longest; 0 where there is none."""
        return int(self._histogram.get_max_value()) if self.count else 0

    def summary(self) -> dict[str, int]:
        """p50 … p99.99 and max, in ns."""
        return {**{name: self.at(percentile) for name, percentile in zip(NAMES, PERCENTILES, strict=True)}, "max": self.max_ns}

    def curve(self) -> list[tuple[float, int]]:
        """(percentile, ns) along the distribution, finer toward the tail; the last one is (100, max)."""
        found: list[tuple[float, int]] = []
        if not self.count:
            return found
        for step in self._histogram.get_percentile_iterator(5):
            found.append((float(step.percentile_level_iterated_to), int(step.value_iterated_to)))
        return found

    def encoded(self) -> str:
        """V2, compressed, base64."""
        return str(self._histogram.encode().decode())

    @classmethod
    def decoded(cls, text: str) -> "Latencies":
        """What ``encoded`` gave. Raises ValueError for anything else."""
        found = cls()
        try:
            found._histogram = HdrHistogram.decode(text.encode())
        except _UNREADABLE as error:
            raise ValueError(f"no HDR histogram: {error}") from None
        return found

    def log(self, tag: str, began_s: float, ended_s: float) -> str:
        """An interval log of one interval, as HdrHistogram's plotters read it. ``tag`` names it; times in unix seconds."""
        text = StringIO()
        writer = HistogramLogWriter(text)
        writer.output_comment(f"trademesh bench: {tag}, ns")
        writer.output_log_format_version()
        writer.output_comment(f"[StartTime: {int(began_s * 1_000) / 1_000:.3f} (seconds since epoch)]")  # its own line fails
        writer.output_legend()
        text.write(f"Tag={tag.replace(',', ';').replace(' ', '_')},")  # the library reads tags and writes none
        writer.output_interval_histogram(self._histogram, began_s, ended_s)
        return text.getvalue()
