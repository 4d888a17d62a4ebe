"""Our openings that were executed: which position is whose, from the fill until it is gone from the venue.

A position is ours by the magic of the attempt that opened it, or by its identifier, which never changes; on a netting
account, where a symbol has one position, by its symbol. An opening is **seen** once a read showed its position, and **gone**
once a later read does not.
"""

import msgspec

from mesh.bounded import keep
from mesh.codec import decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.accounts import Position
from mesh.messages.base import Code, Count, Int64, Msg, Name, Oid, Sid
from mesh.units import SECOND_NS

OPENING = "opening"
"""Kind of the rows, by oid."""
GONE_MAX = 1_000
"""Openings that are gone and still kept, so that late deals find whose they were."""
LATE_NS = 5 * SECOND_NS
"""A venue may show a position this much later than it said that it was filled."""


class OpeningRecord(Msg):
    """An executed opening. ``f``: of the outcome that told it; ``position_ticket`` 0 while the venue has not named it."""

    oid: Oid
    magic: Count
    sid: Sid
    strategy: Name
    leg: Code
    symbol: Name
    side: Int64
    volume_e8: Count
    price_e8: Int64
    position_ticket: Count
    f: Count
    is_gone: bool = False


class Opening:
    """One opening now. ``left_e8``: lots of it still open, as far as is known."""

    __slots__ = ("filled_ns", "is_seen", "left_e8", "position_id", "position_ticket", "record")

    def __init__(self, record: OpeningRecord, filled_ns: int) -> None:
        self.record = record
        self.filled_ns = filled_ns
        self.is_seen = False
        self.left_e8 = 0 if record.is_gone else record.volume_e8
        self.position_ticket = record.position_ticket
        self.position_id = record.position_ticket


class Openings:
    """All openings of one account that are open, and the newest that are gone."""

    def __init__(self) -> None:
        self.is_hedging = True
        self._by_oid: dict[bytes, Opening] = {}
        self._by_magic: dict[int, Opening] = {}
        self._by_position: dict[int, Opening] = {}
        self._live: dict[bytes, Opening] = {}
        self._gone: dict[bytes, None] = {}
        self.barred: dict[bytes, None] = {}
        """Openings a full close came for before they ran: they never run, and what turns up of them is closed."""

    def restore(self, record: bytes, now_ns: int) -> None:
        """Take a row of the store."""
        self._keep(Opening(decode_record_untrusted(record, OpeningRecord), now_ns))

    def add(self, record: OpeningRecord, now_ns: int) -> list[Put]:
        """An opening was executed: the rows of that."""
        self._keep(Opening(record, now_ns))
        return [Put(OPENING, record.oid, encode(record))]

    def _keep(self, opening: Opening) -> None:
        record = opening.record
        self._by_oid[record.oid] = opening
        self._by_magic[record.magic] = opening
        if opening.position_id:
            self._by_position[opening.position_id] = opening
        if record.is_gone:
            self._gone[record.oid] = None
        else:
            self._live[record.oid] = opening

    def of_oid(self, oid: bytes) -> Opening | None:
        """The opening of an order."""
        return self._by_oid.get(oid)

    def of_position_id(self, position_id: int) -> Opening | None:
        """The opening a deal's position belongs to."""
        return self._by_position.get(position_id)

    def live(self) -> list[Opening]:
        """Openings that are not gone, oldest first."""
        return list(self._live.values())

    def of_position(self, position: Position) -> Opening | None:
        """Whose a position is; None where it is not ours."""
        found = self._by_magic.get(position.magic) or self._by_position.get(position.position_id)
        if found is None and not self.is_hedging:
            found = next((o for o in reversed(self.live()) if o.record.symbol == position.symbol), None)
        return found

    def unseen_f(self, now_ns: int) -> int:
        """Lowest number of an opening the venue may be late to show; 0 where there is none."""
        late = [o.record.f for o in self.live() if not o.is_seen and now_ns - o.filled_ns < LATE_NS]
        return min(late, default=0)

    def dealt(self, position_id: int) -> None:
        """A deal of a position is in the history: from now on its absence means that it is closed."""
        opening = self._by_position.get(position_id)
        if opening is not None:
            opening.is_seen = True

    def look(self, positions: list[Position], read_ns: int, now_ns: int) -> list[Put]:
        """Hold the openings against a read that began at ``read_ns``: rows of what is gone."""
        shown: dict[bytes, None] = {}
        for position in positions:
            opening = self.of_position(position)
            if opening is None:
                continue
            shown[opening.record.oid] = None
            opening.is_seen = True
            opening.position_ticket, opening.position_id = position.ticket, position.position_id
            self._by_position[position.position_id] = opening
            if self.is_hedging:
                opening.left_e8 = position.volume_e8
        held = dict.fromkeys(position.symbol for position in positions)
        puts: list[Put] = []
        for opening in self.live():
            if opening.record.oid in shown or opening.filled_ns >= read_ns:
                continue
            if not self.is_hedging and opening.record.symbol in held:
                opening.is_seen = True
                continue
            if opening.is_seen or now_ns - opening.filled_ns >= LATE_NS:
                puts += self._go(opening)
        return puts

    def _go(self, opening: Opening) -> list[Put]:
        opening.record = msgspec.structs.replace(opening.record, is_gone=True)
        opening.left_e8 = 0
        oid = opening.record.oid
        del self._live[oid]
        self._gone[oid] = None
        puts = [Put(OPENING, oid, encode(opening.record))]
        if len(self._gone) > GONE_MAX:
            puts += self._forget(next(iter(self._gone)))
        return puts

    def _forget(self, oid: bytes) -> list[Put]:
        del self._gone[oid]
        opening = self._by_oid.pop(oid)
        self._by_magic.pop(opening.record.magic, None)
        if self._by_position.get(opening.position_id) is opening:
            del self._by_position[opening.position_id]
        return [Put(OPENING, oid, None)]

    def bar(self, oid: bytes) -> None:
        """A full close of an order that has not run came: it never will."""
        keep(self.barred, oid, None, GONE_MAX)
