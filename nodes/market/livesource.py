"""The ticks of a live market: what its terminal told and is durable, and how far market time goes by the clock alone."""

from mesh.units import NEVER
from nodes.market.ticklog import no_ticks_of
from nodes.ticks import TickColumns, concatenated


class LiveSource:
    """A ``TickSource`` that is filled while it is played. ``zone``: the clock of the terminal's server.

    ``is_ready``: the history is there. ``clock_ns``: market time that has passed, also without a tick. ``is_whole``: all ticks up to
    then have been given.
    """

    def __init__(self, symbols: tuple[str, ...], zone: str) -> None:
        self.symbols = symbols
        self.zone = zone
        self.feed_timeframes = dict.fromkeys(symbols, "M1")
        self.start_seq = 0
        self.end_ns = NEVER
        self.total_count = 0
        self.is_ready = False
        self.is_whole = False
        self.clock_ns = 0
        self._given: list[TickColumns] = []

    def give(self, ticks: TickColumns) -> None:
        """More ticks, which come after all given before."""
        if len(ticks):
            self._given.append(ticks)

    def more(self) -> TickColumns:
        """What was given since the last time; none: there is nothing new yet."""
        given, self._given = self._given, []
        return concatenated([no_ticks_of(self.symbols), *given])
