"""How far another host's clock is from ours, as far as questions and answers show it. For people only: nothing is decided by it.

The other clock was read somewhere between our asking and our hearing. So it is ahead of ours by what it showed less the middle of the two,
and that is wrong by half the way there and back at most. How long a router between us waited for its own answer says nothing more: the
reading may have been at either end of that wait. Of the estimates of the last minute the best is told. Each grows worse with its age, as
quartz clocks run apart.

What makes an error seem smaller than it is: a clock is read before a message is taken, so both sides read theirs a little early.
"""

import msgspec

from mesh.units import SECOND_NS

KEPT_NS = 60 * SECOND_NS
"""An estimate is told for so long."""
DRIFT_PPM = 100
"""Two quartz clocks run apart by no more: each is good to 50 millionths."""
UNKNOWN = (0, 0)
"""Offset and error of a clock nothing is known of: an error is never 0 else."""


class _Estimate(msgspec.Struct, frozen=True, gc=False):
    """The other clock less ours, and by how much that may have been wrong when we asked."""

    asked_ns: int
    offset_ns: int
    error_ns: int

    def error_at(self, now_ns: int) -> int:
        """By how much it may be wrong now."""
        return self.error_ns + (now_ns - self.asked_ns) * DRIFT_PPM // 1_000_000

    def replaces(self, other: "_Estimate", now_ns: int) -> bool:
        """Whether it is as good as an older one; or both cannot be true: a clock was moved since."""
        ours_ns, theirs_ns = self.error_at(now_ns), other.error_at(now_ns)
        return ours_ns <= theirs_ns or abs(self.offset_ns - other.offset_ns) > ours_ns + theirs_ns


class ClockOffset:
    """The master's clock less ours. Each epoch is another life of a master, which may be another host's."""

    def __init__(self) -> None:
        self._e = 0
        self._best: _Estimate | None = None

    def heard(self, e: int, asked_ns: int, theirs_ns: int, now_ns: int) -> None:
        """An answer of epoch ``e`` came: we asked at ``asked_ns``, and it holds ``theirs_ns``, the other clock."""
        if e < self._e:
            return
        if e > self._e:
            self._e, self._best = e, None
        # 2 for what the two divisions cut off
        found = _Estimate(asked_ns, theirs_ns - (asked_ns + now_ns) // 2, (now_ns - asked_ns) // 2 + 2)
        best = self._best
        if best is None or now_ns - best.asked_ns > KEPT_NS or found.replaces(best, now_ns):
            self._best = found

    def drop(self) -> None:
        """A clock was moved, or stood still while its machine slept: nothing is known any more."""
        self._best = None

    def estimate(self, now_ns: int) -> tuple[int, int]:
        """(offset, error), or ``UNKNOWN``."""
        best = self._best
        if best is None or now_ns - best.asked_ns > KEPT_NS:
            return UNKNOWN
        return best.offset_ns, best.error_at(now_ns)
