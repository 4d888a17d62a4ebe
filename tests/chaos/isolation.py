"""A local that nothing reaches and that reaches nobody: its worker can still send, and its leave has to run out."""

import msgspec

from mesh.units import MS_NS

DEAD_MAN_NS = 3_500 * MS_NS
"""The last open after that comes so late at the most."""


class Isolation(msgspec.Struct, frozen=True):
    """One of them, on the host's monotonic clock."""

    account: str
    began_ns: int
    ended_ns: int

    def last_of(self, times_ns: list[int]) -> int:
        """How long after its beginning the last of these was; 0: none was during it."""
        return max((at_ns - self.began_ns for at_ns in times_ns if self.began_ns < at_ns < self.ended_ns), default=0)
