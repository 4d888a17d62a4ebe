"""Our openings that were executed: which position is whose, from the fill until it is gone from the venue.

A position is ours by the magic of the attempt that opened it, or by its identifier, which never changes. On a netting account
several openings, and lots that are not ours, may share one position: there an opening's deals less those of its closes say how
much of it is ours, the oldest opening is closed first, and a position that turned round is ours no more.

An opening is **seen** once a read showed its position, and **gone** once a later read does not. One that was never seen is gone
only when deals show that all of it was closed: a venue may show what it filled late.
"""

from operator import attrgetter

import msgspec

from mesh.bounded import keep
from mesh.codec import decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.accounts import Position
from mesh.messages.base import Code, Count, Int64, Msg, Name, Oid, Sid
from mesh.messages.outcomes import DealReport
from mesh.units import SECOND_NS

OPENING = "opening"
"""Kind of the rows, by oid."""
GONE_MAX = 1_000
"""Openings that are gone and still kept, so that late deals find whose they were."""
LATE_NS = 120 * SECOND_NS
"""What neither a position nor a deal has shown for so long is taken as gone; a full close then stands over it."""
CLOCKS_NS = 60 * SECOND_NS
"""How far the clocks of a market and of a broker may be apart."""
IN = "IN"
OUT = "OUT"


class OpeningRecord(Msg):
    """An executed opening. ``f``: of the outcome that told it; ``position_ticket`` 0 while the venue has not named it.

    ``position_ticket`` becomes the position's identifier once that is known. ``closed_e8``: lots our orders closed of it;
    ``out_e8``: lots that closing deals show, whosever they are.
    """

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
    is_seen: bool = False
    closed_e8: Count = 0
    out_e8: Count = 0
    sl_distance_e8: Count = 0
    """The SL that was asked for; 0: none."""
    decided_ns: Int64 = 0
    """Market time of its decision: no deal of it is older."""
    deal_ticket: Count = 0
    """Its deal that its result named: none that closes it has a lower ticket. 0: none was named."""
    order_ticket: Count = 0
    """Its order, by which its own deals are known."""


class Opening:
    """One opening now. ``left_e8``: lots of it still open, as far as is known."""

    __slots__ = ("filled_ns", "is_bare_noted", "left_e8", "position_id", "position_ticket", "record")

    def __init__(self, record: OpeningRecord, filled_ns: int) -> None:
        self.record = record
        self.filled_ns = filled_ns
        self.is_bare_noted = False
        """It was noted that its position has no SL."""
        self.left_e8 = 0 if record.is_gone else record.volume_e8 - record.closed_e8
        self.position_ticket = record.position_ticket
        self.position_id = record.position_ticket

    @property
    def is_seen(self) -> bool:
        """Whether a read showed its position."""
        return self.record.is_seen

    @property
    def is_dealt_out(self) -> bool:
        """Whether deals show that all of it was closed."""
        return self.record.out_e8 >= self.record.volume_e8

    @property
    def is_proven(self) -> bool:
        """Whether its absence from a read means that it is closed."""
        record = self.record
        return record.is_seen or max(record.closed_e8, record.out_e8) >= record.volume_e8


class Openings:
    """All openings of one account that are open, and the newest that are gone."""

    def __init__(self) -> None:
        self.is_hedging = True
        self._by_oid: dict[bytes, Opening] = {}
        self._by_magic: dict[int, Opening] = {}
        self._by_position: dict[int, dict[bytes, Opening]] = {}
        """By identifier; on a netting account more than one."""
        self.placed = 0
        """Grows whenever an opening gets an identifier: deals read before may be its own."""
        self._live: dict[bytes, Opening] = {}
        self._unseen: dict[bytes, Opening] = {}
        """Those of the live ones that no read has shown."""
        self._gone: dict[bytes, None] = {}
        self._changed: dict[bytes, None] = {}
        self.barred: dict[bytes, None] = {}
        """Openings a full close came for before they ran or were seen: what turns up of them is closed."""
        self.version = 0
        """Grows with each change, and with each read that shows other positions than the one before."""
        self._read: tuple[int, bool, list[Position]] = (-1, True, [])
        """Version and kind of account at the newest look, and its positions …"""
        self._shown: dict[bytes, None] = {}
        self._held: dict[int, None] = {}
        """… which openings they showed, and their identifiers."""

    # rows

    def restore(self, record: bytes, now_ns: int) -> None:
        """Take a row of the store."""
        self._keep(Opening(decode_record_untrusted(record, OpeningRecord), now_ns))

    def add(self, record: OpeningRecord, now_ns: int) -> None:
        """An opening was executed."""
        opening = Opening(record, now_ns)
        self._keep(opening)
        self._changed[record.oid] = None
        if not self.is_hedging:
            self._net(opening)

    def rows(self) -> list[Put]:
        """Rows of the openings that changed since they were asked for: for the commit of what changed them."""
        found = [(oid, self._by_oid.get(oid)) for oid in self._changed]
        self._changed.clear()
        return [Put(OPENING, oid, encode(opening.record) if opening else None) for oid, opening in found]

    def _change(self, opening: Opening, **changes: object) -> None:
        opening.record = msgspec.structs.replace(opening.record, **changes)
        self._changed[opening.record.oid] = None
        self.version += 1

    def _keep(self, opening: Opening) -> None:
        record = opening.record
        self._by_oid[record.oid] = opening
        self._by_magic[record.magic] = opening
        self._place(opening, opening.position_id)
        self.version += 1
        if record.is_gone:
            self._gone[record.oid] = None
            return
        self._live[record.oid] = opening
        if not record.is_seen:
            self._unseen[record.oid] = opening

    def _place(self, opening: Opening, position_id: int) -> None:
        """Its position has this identifier."""
        self._unplace(opening)
        opening.position_id = position_id
        if position_id:
            self.placed += 1
            self._by_position.setdefault(position_id, {})[opening.record.oid] = opening
        if opening.record.position_ticket != position_id:
            self._change(opening, position_ticket=position_id)

    def _unplace(self, opening: Opening) -> None:
        shared = self._by_position.get(opening.position_id, {})
        shared.pop(opening.record.oid, None)
        if not shared:
            self._by_position.pop(opening.position_id, None)

    # whose is what

    def of_oid(self, oid: bytes) -> Opening | None:
        """The opening of an order."""
        return self._by_oid.get(oid)

    def of_position_id(self, position_id: int) -> Opening | None:
        """The opening a deal's position belongs to; the newest where there are more."""
        return _newest(list(self._by_position.get(position_id, {}).values()))

    def of_ticket(self, ticket: int) -> Opening | None:
        """The opening whose position has this ticket now; the newest where there are more."""
        return _newest([opening for opening in self._by_oid.values() if ticket and opening.position_ticket == ticket])

    def known(self) -> list[Opening]:
        """Openings that are not gone, and the newest that are."""
        return list(self._by_oid.values())

    def live(self) -> list[Opening]:
        """Openings that are not gone, oldest first."""
        return sorted(self._live.values(), key=_told_f)

    def unseen(self) -> list[Opening]:
        """Openings that are not gone and that no read has shown yet, oldest first."""
        return sorted(self._unseen.values(), key=_told_f)

    def of_position(self, position: Position) -> Opening | None:
        """Whose a position is, the newest opening's where it is of more; None where nothing of it is ours."""
        return _newest(self._of(position))

    def _of(self, position: Position) -> list[Opening]:
        """The openings a position is of."""
        named = self._by_magic.get(position.magic)
        shared = self._by_position.get(position.position_id, {})
        if self.is_hedging:
            found = named or _newest(list(shared.values()))
            return [found] if found else []
        both = {named.record.oid: named, **shared} if named else shared
        return [opening for opening in both.values() if _is_in(opening, position)]

    def owned(self, positions: list[Position]) -> list[Position]:
        """The positions, each with whose it is."""
        by_magic, by_position = self._by_magic, self._by_position
        return [self._owned(each) if each.magic in by_magic or each.position_id in by_position else each for each in positions]

    def _owned(self, position: Position) -> Position:
        opening = self.of_position(position)
        if opening is None:
            return position
        record = opening.record
        return msgspec.structs.replace(position, ours=True, oid=record.oid, strategy=record.strategy)

    def ours_e8(self, position: Position) -> int:
        """Lots of a position that are ours."""
        if self.is_hedging:
            return position.volume_e8
        return min(position.volume_e8, sum(opening.left_e8 for opening in self._of(position)))

    # what is left

    def left_with_older_e8(self, opening: Opening) -> int:
        """Lots a full close of an opening closes: it and what is older in the same position, which is told by its newest."""
        return sum(each.left_e8 for each in self._with_older(opening))

    def _with_older(self, opening: Opening) -> list[Opening]:
        if self.is_hedging or not opening.position_id:
            return [opening]
        record, shared = opening.record, self._by_position[opening.position_id].values()
        found = [each for each in shared if each.record.side == record.side and each.record.f <= record.f]
        return sorted(found, key=_told_f)

    def take_off(self, opening: Opening, volume_e8: int) -> None:
        """A close of ours took lots off an opening, or off older ones in its position."""
        for each in self._with_older(opening):
            lots_e8 = min(each.left_e8, volume_e8)
            volume_e8 -= lots_e8
            self._take(each, lots_e8)

    def _take(self, opening: Opening, lots_e8: int) -> None:
        record = opening.record
        opening.left_e8 -= lots_e8
        if lots_e8:
            self._change(opening, closed_e8=min(record.volume_e8, record.closed_e8 + lots_e8))

    def _net(self, opening: Opening) -> None:
        """On a netting account an opening the other way closes what is open, the oldest first."""
        record = opening.record
        for other in self.live():
            if other.record.symbol == record.symbol and other.record.side != record.side:
                lots_e8 = min(other.left_e8, opening.left_e8)
                self._take(other, lots_e8)
                self._take(opening, lots_e8)

    # what the venue shows

    def unseen_f(self) -> int:
        """Lowest number of an opening the venue does not show yet; 0 where there is none."""
        return min((opening.record.f for opening in self._unseen.values()), default=0)

    def dealt(self, deal: DealReport) -> int:
        """A deal is in the history: it names the position of its order, and may close what is ours. Lots that are of no known opening."""
        if not deal.position_id:
            return 0
        for opening in list(self._by_position.get(deal.order_ticket, {}).values()):
            # an answer without a deal named the order, not the position it was added to
            if deal.position_id != opening.position_id and not self.is_hedging:
                self._place(opening, deal.position_id)
                opening.position_ticket = deal.position_id
        shared = self._by_position.get(deal.position_id, {})
        if deal.entry == IN:
            return 0 if shared else deal.volume_e8
        lots_e8, side = deal.volume_e8, 1 if deal.kind == "BUY" else -1
        for opening in sorted(shared.values(), key=_told_f):
            record = opening.record
            # an opening that met lots of the other side closed them instead of adding its own; turned round, how many is not said
            is_own = 0 != record.order_ticket == deal.order_ticket and deal.entry == OUT
            if not is_own and (record.side == side or deal.deal_ticket <= record.deal_ticket):
                continue
            closed_e8 = min(lots_e8, record.volume_e8 - record.out_e8)
            if closed_e8:
                lots_e8 -= closed_e8
                self._change(opening, out_e8=record.out_e8 + closed_e8)
        return lots_e8

    def deal_out(self, opening: Opening) -> None:
        """The deals of its position add up to nothing on its side: all of it was closed."""
        if not opening.is_dealt_out:
            self._change(opening, out_e8=opening.record.volume_e8)

    def may_be_ours(self, deal: DealReport) -> bool:
        """Whether a deal that was nobody's when it was read may be of an opening that is known now."""
        named = self._by_position.get(deal.position_id) or self._by_position.get(deal.order_ticket, {})
        # a netting position may hold deals from before any of it was ours
        return any(deal.market_ns >= opening.record.decided_ns - CLOCKS_NS for opening in named.values())

    def look(self, positions: list[Position], read_ns: int, now_ns: int, is_proof: bool = True) -> None:
        """Hold the openings against a read that began at ``read_ns``. ``is_proof``: what it lacks is not there."""
        if self._read != (self.version, self.is_hedging, positions):
            self._show_all(positions)
        lacking = [opening for oid, opening in self._live.items() if oid not in self._shown] if is_proof else []
        for opening in sorted(lacking, key=_told_f):
            if opening.filled_ns >= read_ns:
                continue
            if opening.is_seen and opening.position_id in self._held:
                # it turned round: none of it will be ours again
                self._take(opening, opening.left_e8)
            if opening.is_proven or now_ns - opening.filled_ns >= LATE_NS:
                self._go(opening)

    def _show_all(self, positions: list[Position]) -> None:
        """Take what a read shows; the same positions say nothing new as long as no opening changes."""
        has_moved = False
        self._shown = {}
        self._held = dict.fromkeys(position.position_id for position in positions)
        by_magic, by_position = self._by_magic, self._by_position
        for position in positions:
            if position.magic not in by_magic and position.position_id not in by_position:
                continue  # as all that is not ours
            for opening in self._of(position):
                self._shown[opening.record.oid] = None
                has_moved = has_moved or opening.position_id != position.position_id
                self._show(opening, position)
        self.version += 1
        # where one moved, whose the positions before it are may be another's: the next read is looked through again, be it the same
        self._read = -1 if has_moved else self.version, self.is_hedging, positions

    def _show(self, opening: Opening, position: Position) -> None:
        self._unseen.pop(opening.record.oid, None)
        if opening.record.is_gone:
            # it had only not been shown for a while
            del self._gone[opening.record.oid]
            self._live[opening.record.oid] = opening
            opening.left_e8 = opening.record.volume_e8 - opening.record.closed_e8
            self._change(opening, is_gone=False)
        if not opening.is_seen:
            self._change(opening, is_seen=True)
        if opening.position_id != position.position_id:
            self._place(opening, position.position_id)
        opening.position_ticket = position.ticket
        if self.is_hedging:
            opening.left_e8 = position.volume_e8

    def _go(self, opening: Opening) -> None:
        opening.left_e8 = 0
        oid = opening.record.oid
        del self._live[oid]
        self._unseen.pop(oid, None)
        self._gone[oid] = None
        self._change(opening, is_gone=True)
        if len(self._gone) > GONE_MAX:
            self._forget(next(iter(self._gone)))

    def _forget(self, oid: bytes) -> None:
        del self._gone[oid]
        opening = self._by_oid.pop(oid)
        self._by_magic.pop(opening.record.magic, None)
        self._unplace(opening)
        self._changed[oid] = None

    def bar(self, oid: bytes) -> None:
        """A full close of an order that has not run, or was never seen, came."""
        keep(self.barred, oid, None, GONE_MAX)


_told_f = attrgetter("record.f")


def _newest(openings: list[Opening]) -> Opening | None:
    return max(openings, key=_told_f) if openings else None


def _is_in(opening: Opening, position: Position) -> bool:
    """Whether a netting position holds lots of an opening: one that turned round holds none of what it was before."""
    record = opening.record
    return record.side == position.side and record.closed_e8 < record.volume_e8
