"""The ticks the market has ready: pulled from its source, kept on the tape beyond what was released."""

from mesh.units import NEVER
from nodes.market.sources import TickSource, is_endless
from nodes.tape import KEPT_TICKS_MAX, READY_TICKS, Tape

PULL_TICKS_MAX = 200_000
"""Ticks made in one go when a market starts again in the middle of an endless run."""


class Supply:
    """The source, its tape, and whether it has no more. ``tape``: all ticks by ``seq``, the oldest of an endless source dropped."""

    def __init__(self, source: TickSource) -> None:
        self.source = source
        self.tape = Tape(source.symbols, KEPT_TICKS_MAX if is_endless(source) else NEVER)
        self.is_over = False

    def pull(self, released_seq: int) -> None:
        """Have ticks ready beyond the released ones, as far as the source goes; not too many in one go."""
        end_seq = min(released_seq + READY_TICKS, self.tape.end_seq + PULL_TICKS_MAX)
        while not self.is_over and self.tape.end_seq < end_seq:
            ticks = self.source.more()
            if not len(ticks):
                self.is_over = not is_endless(self.source)  # a live source has no more only for now
                return
            self.tape.append(ticks)

    def restore(self, first_seq: int) -> None:
        """The source begins with this tick: those before were dropped in an earlier life."""
        self.tape = Tape(self.source.symbols, KEPT_TICKS_MAX, first_seq)

    def is_behind(self, released_seq: int) -> bool:
        """Whether another pull is needed to reach the released ticks."""
        return self.tape.end_seq < released_seq and not self.is_over
