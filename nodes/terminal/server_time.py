"""The broker's wall clock: market time (UTC) to server time and back.

MetaTrader 5 shows every time as the server's wall clock written as if it were an epoch: days end at the server's
midnight, and most servers run seven hours ahead of New York, so that the trading week has five days.
"""

import numpy as np
from numpy.typing import NDArray

from mesh.errors import BadConfig
from mesh.units import DAY_NS
from nodes.zones import Zone
from nodes.zonetimes import offsets_at

_INT64_MAX = 2**62
"""Times further out than this are cut to it: no zone knows them."""


class ServerClock:
    """The clock of a server in a named zone (``UTC``, ``UTC+2``, ``New York + 7 h`` …). Raises BadConfig for no zone."""

    __slots__ = ("_zone",)

    def __init__(self, zone_name: str) -> None:
        try:
            self._zone = Zone.parse(zone_name)
        except ValueError as error:
            raise BadConfig(f"server_zone: {error}") from None

    def server_ns(self, market_ns: int) -> int:
        """Market time to server time."""
        return market_ns + self._zone.offset_ns_at(market_ns)

    def market_ns(self, server_ns: int) -> int:
        """Server time to market time; an hour that the clock shows twice is its first pass."""
        server_ns = max(-_INT64_MAX, min(_INT64_MAX, server_ns))
        return self._zone.table(server_ns, server_ns).first_utc_at(server_ns)

    def spans_ns(self, from_ns: int, until_ns: int) -> list[tuple[int, int]]:
        """The spans of market time, ends included, in which the clock shows ``from_ns`` up to just before ``until_ns``.

        One, or more where an hour that is shown twice belongs to it in part.
        """
        from_ns, until_ns = (max(-_INT64_MAX, min(_INT64_MAX, server_ns)) for server_ns in (from_ns, until_ns))
        table = self._zone.table(from_ns, until_ns)
        spans: list[tuple[int, int]] = []
        for index in range(table.index_at(from_ns - DAY_NS), table.index_at(until_ns + DAY_NS) + 1):
            offset_ns = table.offsets[index]
            first_ns, last_ns = max(table.starts[index], from_ns - offset_ns), until_ns - offset_ns - 1
            if index + 1 < len(table.starts):
                last_ns = min(last_ns, table.starts[index + 1] - 1)
            if spans and spans[-1][1] + 1 == first_ns <= last_ns:
                spans[-1] = (spans[-1][0], last_ns)
            elif first_ns <= last_ns:
                spans.append((first_ns, last_ns))
        return spans

    def server_times_ns(self, market_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """``server_ns`` for a column of times."""
        return market_ns + offsets_at(self._zone, market_ns)

    def day(self, market_ns: int) -> int:
        """The server's day, counted from 1970-01-01."""
        return self.server_ns(market_ns) // DAY_NS

    def midnight_ns(self, day: int) -> int:
        """The market time at which a server day begins."""
        return self.market_ns(day * DAY_NS)
