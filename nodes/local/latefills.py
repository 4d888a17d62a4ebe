"""Opens that ended because they were nowhere, watched for turning up after all: a terminal or its server may show very late what it did.

The mark of such an open, an attempt's magic, comment or order, in the positions, orders or deals of a read has it looked for as any
lost attempt is; what is found then is told as FILLED_LATE. The newest are watched; each has a row.

One that ended by a person's word alone is **doubted** until the settle window is over all the same: he may be wrong, and nothing of ours
is said to be gone before that.
"""

import msgspec

from mesh.codec import encode
from mesh.core import Put
from mesh.ids import comment_of, magic_of
from mesh.messages.venue import VenueState
from nodes.local import attempts
from nodes.local.attempts import OrderRecord

NOT_FOUND_ROW = "not_found"
"""Kind of the rows, by oid."""
WATCHED_MAX = 1_000
"""The newest are watched; what is older is forgotten."""


class LateFills:
    """Those of one account."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._watched: dict[bytes, OrderRecord] = {}
        self._by_mark: dict[int | str, bytes] = {}
        """By magic and by comment …"""
        self._by_order: dict[int, bytes] = {}
        """… and by the order its answer named."""
        self._doubted: dict[bytes, int] = {}
        """oid → since which read its absence counts; 0: since none."""

    def restore(self, rows: list[bytes]) -> None:
        """Take the rows of the store."""
        for record in sorted((attempts.decoded(row) for row in rows), key=lambda record: record.not_found_ns):
            self.watch(record)

    def is_watched(self, oid: bytes) -> bool:
        """Whether an order was nowhere when it ended, and may still turn up."""
        return oid in self._watched

    def get(self, oid: bytes) -> OrderRecord | None:
        """An order that is watched; None where it is not."""
        return self._watched.get(oid)

    def watched(self) -> list[OrderRecord]:
        """All that are watched, the newest last."""
        return list(self._watched.values())

    def watch(self, record: OrderRecord) -> list[Put]:
        """An open has ended that is nowhere, or what seemed to be of it was nothing: the rows of that."""
        self._watched[record.oid] = record
        if record.is_doubted:
            self._doubted[record.oid] = 0
        self._by_mark.update(dict.fromkeys(self._marks(record), record.oid))
        if ticket := _order_of(record):
            self._by_order[ticket] = record.oid
        puts = [Put(NOT_FOUND_ROW, record.oid, encode(record))]
        if len(self._watched) > WATCHED_MAX:
            puts.append(self.take(next(iter(self._watched.values()))))
        return puts

    def take(self, record: OrderRecord) -> Put:
        """It is watched no more: the row of that."""
        del self._watched[record.oid]
        self._doubted.pop(record.oid, None)
        for mark in self._marks(record):
            del self._by_mark[mark]
        self._by_order.pop(_order_of(record), None)
        return Put(NOT_FOUND_ROW, record.oid, None)

    def doubted(self) -> list[OrderRecord]:
        """Those that a person said were not executed, and that may still be shown."""
        return [self._watched[oid] for oid in self._doubted]

    def unsettle(self) -> None:
        """The terminal is gone: no time without it counts."""
        self._doubted = dict.fromkeys(self._doubted, 0)

    def settle(self, now_ns: int, window_ns: int) -> list[Put]:
        """A read shows all there is and none of those that are watched: which are doubted no more after ``window_ns`` of that, as rows."""
        puts: list[Put] = []
        for oid, since_ns in list(self._doubted.items()):
            if not since_ns:
                self._doubted[oid] = now_ns
            elif now_ns - since_ns >= window_ns:
                del self._doubted[oid]
                record = self._watched[oid] = msgspec.structs.replace(self._watched[oid], is_doubted=False)
                puts.append(Put(NOT_FOUND_ROW, oid, encode(record)))
        return puts

    def turned_up(self, read: VenueState) -> list[OrderRecord]:
        """Those whose mark a read shows."""
        if not self._watched:
            return []
        marks: list[int | str] = [mark for position in read.positions for mark in (position.magic, position.comment)]
        marks += [order.magic for order in read.orders]
        marks += [deal.comment for deal in read.deals]
        tickets = [position.position_id for position in read.positions]
        tickets += [order.ticket for order in read.orders]
        tickets += [deal.order_ticket for deal in read.deals]
        oids = dict.fromkeys(self._by_mark[mark] for mark in marks if mark in self._by_mark)
        oids |= dict.fromkeys(self._by_order[ticket] for ticket in tickets if ticket in self._by_order)
        return [self._watched[oid] for oid in oids]

    def _marks(self, record: OrderRecord) -> list[int | str]:
        numbers = record.lost or [record.attempt]
        magics = [magic_of(record.oid, self._account, number) for number in numbers]
        return [*magics, *(comment_of(record.oid, number) for number in numbers)]


def _order_of(record: OrderRecord) -> int:
    """The order that the answer to its attempt named; 0: none."""
    return attempts.order_ticket(record, record.attempt)
