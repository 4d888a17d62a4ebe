"""Whose state the master must hold before market time goes on after a block."""

from mesh.config import Config
from mesh.units import HOUR_NS, NEVER
from nodes.market.blocks import DayMarks
from nodes.market.settling import Settling

ALL_NS = HOUR_NS
"""A block with signals settles every account, also a flat one, when this much market time has gone by: what their symbols are
worth in their currency has moved."""


class Concern:
    """Who is concerned by a block. ``is_everybody``: the next settlement is of all accounts, whatever happened.

    ``mark_ns``: the next moment at which some account's daily loss begins anew; a block ends there at the latest.
    """

    def __init__(self, config: Config) -> None:
        self.everybody = list(config.account)
        self.is_everybody = True
        self.mark_ns = NEVER
        self._day_marks = DayMarks(config)
        self._all_due_ns = 0

    def accounts(self, end_ns: int, has_signals: bool, settling: Settling) -> list[str]:
        """The accounts to settle after a block that ended at ``end_ns``."""
        if self.is_everybody or end_ns >= self.mark_ns:
            self.mark_ns = self._day_marks.next_ns(end_ns)
            return self.everybody
        if has_signals and end_ns >= self._all_due_ns:
            self._all_due_ns = end_ns + ALL_NS
            return self.everybody
        floating = settling.floating if has_signals else []
        return list(dict.fromkeys((*settling.changed, *floating, *settling.managed)))
