"""The way between UTC and what a local clock shows, for many times at once (``nodes.zones`` has the rules, and single times)."""

import functools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mesh.units import MINUTE_NS
from nodes.zones import LONG_AGO_NS, Zone, ZoneTable

Times: TypeAlias = NDArray[np.int64]
"""Times in integer nanoseconds, UTC or local as the name says."""
LATE_ROW_NS = MINUTE_NS
"""A row at most this much older than the rows before it is a late row, not the second pass of a doubled hour."""
TABLES_MAX = 64


class ZoneColumns:
    """The columns of a ``ZoneTable`` as arrays."""

    __slots__ = ("offsets_ns", "reached_ns", "starts_ns")

    def __init__(self, table: ZoneTable) -> None:
        self.starts_ns: Times = np.array(table.starts, dtype=np.int64)
        self.offsets_ns: Times = np.array(table.offsets, dtype=np.int64)
        self.reached_ns: Times = np.array(table.reached, dtype=np.int64)

    def indices_at(self, utc_ns: Times) -> NDArray[np.intp]:
        """The segment of each time."""
        return np.searchsorted(self.starts_ns, utc_ns, side="right") - 1

    def first_utcs_at(self, local_ns: Times) -> Times:
        """The same for many local times."""
        indices = np.searchsorted(self.reached_ns, local_ns, side="right")
        first_ns: Times = np.maximum(self.starts_ns[indices], local_ns - self.offsets_ns[indices])
        return first_ns


@functools.lru_cache(maxsize=TABLES_MAX)
def _columns_of(table: ZoneTable) -> ZoneColumns:
    """By the table itself: a zone makes another one when it grows."""
    return ZoneColumns(table)


def columns_of(zone: Zone, first_utc_ns: int, last_utc_ns: int) -> ZoneColumns:
    """The segments of a zone, good for all times from a year before the first to a year after the last."""
    return _columns_of(zone.table(first_utc_ns, last_utc_ns))


def offsets_at(zone: Zone, utc_ns: Times) -> Times:
    """Local minus UTC at each UTC time."""
    if not utc_ns.size:
        return utc_ns.copy()
    columns = columns_of(zone, int(utc_ns.min()), int(utc_ns.max()))
    return columns.offsets_ns[columns.indices_at(utc_ns)]


def utc_from_local(zone: Zone, local_ns: Times, after_utc_ns: int = LONG_AGO_NS) -> Times:
    """UTC of each local time of a file, in file order.

    A time in a doubled hour is its first pass unless that lies more than LATE_ROW_NS before a row already read
    (in this array, or up to ``after_utc_ns``, the last UTC of the rows before it): from there on that hour is
    the second pass. Equal local times (two H1 bars of a doubled hour) cannot be told apart: both are the first.
    """
    if not local_ns.size:
        return local_ns.copy()
    columns = columns_of(zone, int(local_ns.min()), int(local_ns.max()))
    first, second = _both_passes(columns, local_ns)
    doubled = np.flatnonzero(second != first)
    if not doubled.size:
        return first
    latest = np.maximum.accumulate(np.maximum(first, after_utc_ns))
    # the change that ends the first pass tells one doubled hour from another
    hours = np.searchsorted(columns.starts_ns, first[doubled], side="right")
    ran_back = first[doubled] < latest[doubled] - LATE_ROW_NS
    second_pass = np.maximum.accumulate(np.where(ran_back, hours, -1)) == hours
    utc_ns = first.copy()
    chosen = doubled[second_pass]
    utc_ns[chosen] = second[chosen]
    return utc_ns


def _both_passes(columns: ZoneColumns, local_ns: Times) -> tuple[Times, Times]:
    """UTC of the first and of the second pass of each local time; equal where the hour comes once."""
    starts_ns, offsets_ns = columns.starts_ns, columns.offsets_ns
    indices = np.searchsorted(columns.reached_ns, local_ns, side="right")
    first = local_ns - offsets_ns[indices]
    missing = first < starts_ns[indices]
    first[missing] = (local_ns - offsets_ns[indices - 1])[missing]
    following = np.minimum(indices + 1, len(starts_ns) - 1)
    second = local_ns - offsets_ns[following]
    comes_twice = (second >= starts_ns[following]) & ~missing
    return first, np.where(comes_twice, second, first)
