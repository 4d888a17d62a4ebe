"""Orders to one account as the rails of rates and the duplicate window count them, in market time."""

from array import array
from bisect import bisect_right, insort

from mesh.units import HOUR_NS, MINUTE_NS


class OrderRates:
    """Orders of the last hour (older ones go once an hour, together), and when what was opened last."""

    def __init__(self) -> None:
        self._times_ns = array("q")
        """Ascending."""
        self._opened_ns: dict[tuple[str, str, int], int] = {}
        """(strategy, symbol, side) → time of the last opening."""

    def add(self, market_ns: int) -> None:
        """An order counts from now on."""
        times = self._times_ns
        if not times or market_ns >= times[-1]:
            times.append(market_ns)
        else:
            insort(times, market_ns)
        newest_ns = times[-1]
        if times[0] <= newest_ns - 2 * HOUR_NS:
            del times[: bisect_right(times, newest_ns - HOUR_NS)]

    def add_opening(self, market_ns: int, strategy: str, symbol: str, side: int) -> None:
        """An order that opens counts from now on, and so does its window."""
        self.add(market_ns)
        key = (strategy, symbol, side)
        newest_ns = self._opened_ns.get(key)
        if newest_ns is None or market_ns > newest_ns:
            self._opened_ns[key] = market_ns

    def counts(self, market_ns: int) -> tuple[int, int]:
        """Orders since a minute, and since an hour, before ``market_ns``."""
        times = self._times_ns
        count = len(times)
        return count - bisect_right(times, market_ns - MINUTE_NS), count - bisect_right(times, market_ns - HOUR_NS)

    def since_same_ns(self, market_ns: int, strategy: str, symbol: str, side: int) -> int | None:
        """How long ago the same was opened; None where it was not."""
        same_ns = self._opened_ns.get((strategy, symbol, side))
        return None if same_ns is None else market_ns - same_ns
