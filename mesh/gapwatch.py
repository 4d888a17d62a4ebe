"""How long what was missing of a stream was missing: a note when it has come, for whoever wants to know how fast gaps are repaired."""

from mesh.core import NOTHING, Effects, Note
from mesh.units import US_NS


class GapWatch:
    """One stream. ``least_ns``: what lacks for less was on its way, and no gap."""

    __slots__ = ("_least_ns", "_since_ns")

    def __init__(self, least_ns: int = 0) -> None:
        self._least_ns = least_ns
        self._since_ns: int | None = None

    def look(self, is_open: bool, now_ns: int) -> Effects:
        """Whether something misses now; a note where nothing does any more."""
        if is_open:
            if self._since_ns is None:
                self._since_ns = now_ns
            return NOTHING
        since_ns, self._since_ns = self._since_ns, None
        if since_ns is None or now_ns - since_ns < self._least_ns:
            return NOTHING
        return (Note("info", "gap_closed", {"after_us": (now_ns - since_ns) // US_NS, "closed_ns": now_ns}),)
