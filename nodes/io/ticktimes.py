"""When a terminal's ticks were, as UTC: the server's clock shows one hour twice when it is turned back.

A terminal gives ticks in the order they came. So in that hour a time before that of the tick before it begins the second pass. This
is seen only where both are in one answer: in that hour ticks are asked for from its beginning.
"""

import numpy as np
from numpy.typing import NDArray

from mesh.units import MS_NS
from nodes.zones import Zone
from nodes.zonetimes import columns_of, offsets_at, utc_from_local

Times = NDArray[np.int64]
_LONG_AGO_PASSED_NS = 2**62
"""After this all that is shown twice is shown for the second time."""


class TickTimes:
    """The clock of one server."""

    def __init__(self, zone: str) -> None:
        self._zone = Zone.parse(zone)

    def utc_ns(self, server_ms: Times) -> Times:
        """UTC of ticks in the order a terminal gave them; never before that of the tick before."""
        if not len(server_ms):
            return server_ms
        first_ns, second_ns = self._passes(server_ms)
        is_doubled = first_ns != second_ns
        ran_back = np.concatenate([[False], np.diff(server_ms) < 0])
        is_second = np.maximum.accumulate(ran_back & is_doubled)
        utc_ns: Times = np.maximum.accumulate(np.where(is_second, second_ns, first_ns))
        return utc_ns

    def from_ms(self, server_ms: int) -> int:
        """From where to ask for ticks at a time of the server's clock and after it, so that ``utc_ns`` knows which they are."""
        first_ns, second_ns = self._passes(np.array([server_ms], np.int64))
        if first_ns[0] == second_ns[0]:
            return server_ms
        begin_ns = int(second_ns[0])
        table = self._zone.table(begin_ns, begin_ns)
        index = table.index_at(begin_ns)
        return (table.starts[index] + table.offsets[index]) // MS_NS

    def _passes(self, server_ms: Times) -> tuple[Times, Times]:
        """UTC of the first and of the second time that each is shown; equal where there is only one."""
        server_ns = server_ms * MS_NS
        second_ns = utc_from_local(self._zone, server_ns, _LONG_AGO_PASSED_NS)
        first_ns = columns_of(self._zone, int(server_ns.min()), int(server_ns.max())).first_utcs_at(server_ns)
        is_shown = first_ns + offsets_at(self._zone, first_ns) == server_ns
        return np.where(is_shown, first_ns, second_ns), second_ns
