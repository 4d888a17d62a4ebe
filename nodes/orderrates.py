"""Orders to one account as the rails of rates and the duplicate window count them, in market time."""

from bisect import bisect_right, insort

from mesh.units import HOUR_NS, MINUTE_NS


class OrderRates:
    """Orders of the last hour, and when what was opened last."""

    def __init__(self) -> None:
        self._times_ns: list[int] = []
        """Ascending."""
        self._opened_ns: dict[tuple[str, str, int], int] = {}
        """(strategy, symbol, side) → time of the last opening."""

    def add(self, market_ns: int) -> None:
        """An order counts from now on."""
        insort(self._times_ns, market_ns)
        del self._times_ns[: bisect_right(self._times_ns, self._times_ns[-1] - HOUR_NS)]

    def add_opening(self, market_ns: int, strategy: str, symbol: str, side: int) -> None:
        """An order that opens counts from now on, and so does its window."""
        self.add(market_ns)
        key = (strategy, symbol, side)
        self._opened_ns[key] = max(market_ns, self._opened_ns.get(key, market_ns))

    def counts(self, market_ns: int) -> tuple[int, int]:
        """Orders since a minute, and since an hour, before ``market_ns``."""
        times = self._times_ns
        minute_count, hour_count = (len(times) - bisect_right(times, market_ns - span_ns) for span_ns in (MINUTE_NS, HOUR_NS))
        return minute_count, hour_count

    def since_same_ns(self, market_ns: int, strategy: str, symbol: str, side: int) -> int | None:
        """How long ago the same was opened; None where it was not."""
        same_ns = self._opened_ns.get((strategy, symbol, side))
        return None if same_ns is None else market_ns - same_ns
