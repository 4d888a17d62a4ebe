"""A line before it has its numbers, and the moment at which it is decided."""

import msgspec
from msgspec.structs import astuple

from mesh.messages.base import NO_OID
from nodes.decisions import PUBLISHED, LineRecord

NO_LEG = "none"
"""Leg of the one line of a signal no strategy wants; its account and strategy are NOBODY."""
OPEN_LEG, CLOSE_LEG = "open", "close"


class Draft(msgspec.Struct, eq=False, gc=False):
    """A line as it is being decided: the fields of ``LineRecord`` in their order, then the symbol by our own name.

    ``e``, ``n`` and ``k`` are 0 until it is numbered, and stay so where nothing is sent.
    """

    account: str
    oid: bytes
    strategy: str
    leg: str
    action: str
    symbol: str
    side: int
    volume_e8: int = 0
    ref_oid: bytes = NO_OID
    ref_ticket: int = 0
    closes_e8: int = 0
    price_e8: int = 0
    sl_distance_e8: int = 0
    tp_distance_e8: int = 0
    deviation_points: int = 0
    deadline_ns: int = 0
    e: int = 0
    n: int = 0
    k: int = 0
    code: str = PUBLISHED
    detail: str = ""
    our_symbol: str = ""

    def record(self) -> LineRecord:
        """The line as it is stored."""
        return LineRecord(*astuple(self)[:-1])


assert LineRecord.__struct_fields__ == Draft.__struct_fields__[:-1], "a draft has the fields of a LineRecord, in their order"


class Moment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """When a decision is taken: in which run, at which market time, and when on the master's monotonic clock."""

    run: str
    recorded: bool
    market_ns: int
    now_ns: int
    feed_timeframe: str = ""
