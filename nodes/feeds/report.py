"""What was wrong with a feed: each bad row with its file, line and reason, the first in full, all counted."""

import bisect

import msgspec

FIRST_PROBLEM_COUNT_MAX = 20
"""So many problems are kept in full; an operator reads no more of them, and memory stays bounded."""

REASONS: dict[str, str] = {
    "fields": "the row has another number of fields than its layout",
    "time": "the time cannot be read",
    "number": "a price is not a number",
    "price": "a price is zero, negative, infinite or absurd",
    "range": "the bar's low or high does not hold its open and close",
    "order": "the time is before the row before (for bars: not after it)",
    "jump": "the price is too far from the one before",
    "incomplete": "no bid or no ask is known yet",
    "unpaired": "the bar is in only one of the bid and ask files",
}
"""Why a row is skipped: the code and what it means."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """One bad row."""

    file_number: int
    """0 for the feed's own file, 1 for its ask file."""
    line: int
    """From 1, as an editor counts."""
    file: str
    reason: str
    detail: str

    def text(self) -> str:
        """``FILE:LINE: reason: detail``."""
        return f"{self.file}:{self.line}: {self.reason}: {self.detail}"


class FeedReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a feed was read: rows in, rows skipped and why."""

    row_count: int
    """Rows in all files, bad ones included, without headers and empty lines."""
    bad_by_reason: dict[str, int]
    """Skipped rows by the codes of ``REASONS``, in its order; reasons without a row are left out."""
    first_problems: tuple[Problem, ...]
    """The first ones in order of file and line, at most ``FIRST_PROBLEM_COUNT_MAX``."""
    notes: tuple[str, ...]
    """What else happened (the price level changed for good at a line)."""

    @property
    def bad_count(self) -> int:
        """Rows that were skipped."""
        return sum(self.bad_by_reason.values())

    def lines(self) -> tuple[str, ...]:
        """The report as an operator reads it: nothing when nothing was wrong."""
        lines = [problem.text() for problem in self.first_problems]
        if self.bad_count > len(lines):
            lines.append(f"... and {self.bad_count - len(lines)} more bad rows")
        if self.bad_count:
            by_reason = ", ".join(f"{reason} {count}" for reason, count in self.bad_by_reason.items())
            lines.append(f"{self.bad_count} of {self.row_count} rows skipped ({by_reason})")
        return (*lines, *self.notes)


class ProblemLog:
    """Collects the problems of one feed while it is read, in any order."""

    __slots__ = ("_counts", "_first", "notes", "row_count")

    def __init__(self) -> None:
        self._counts = dict.fromkeys(REASONS, 0)
        self._first: list[Problem] = []
        self.notes: list[str] = []
        self.row_count = 0

    def add(self, file_number: int, file: str, line: int, reason: str, detail: str) -> None:
        """Count one bad row; keep it in full when it is among the first."""
        self._counts[reason] += 1
        is_full = len(self._first) == FIRST_PROBLEM_COUNT_MAX
        if is_full and (file_number, line) > (self._first[-1].file_number, self._first[-1].line):
            return
        bisect.insort(self._first, Problem(file_number, line, file, reason, detail))
        del self._first[FIRST_PROBLEM_COUNT_MAX:]

    def report(self) -> FeedReport:
        """What was collected so far."""
        return FeedReport(
            row_count=self.row_count,
            bad_by_reason={reason: count for reason, count in self._counts.items() if count},
            first_problems=tuple(self._first),
            notes=tuple(self.notes),
        )
