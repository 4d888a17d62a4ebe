"""The simulated broker's journal: rows of the books, how far the ticks were played, and calls that wait for their time."""

import msgspec

from mesh.codec import decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.base import Count, Int64, Msg
from mesh.messages.market import Names
from nodes.terminal.records import DEAL, HISTORY_ORDER, QUOTE, ROW_TYPES, Change, Order, Row

PLAYED = "played"
HELD = "held"
WATCH = "watch"
REVISION = "revision"
PLACE = b""
"""The key of the one row of its kind."""


class Played(Msg):
    """The newest block's number, the first tick not played, where market time stands, whose books changed in the block."""

    number: Count
    through_seq: Count
    end_ns: Int64
    changed: Names = []


class Watch(Msg):
    """The equity below which an account stops the market."""

    equity_below_e8: Int64


class Revision(Msg):
    """How often an account's books changed."""

    count: Count


class HeldCall(Msg):
    """A call that waits for market time ``until_ns``; ``serial`` orders those of one moment."""

    serial: Count
    until_ns: Int64
    login: Count
    name: str
    args: bytes
    peer: Count
    sequence: Count

    @property
    def turn(self) -> tuple[int, int, int]:
        """By time, then account, then the order in which the account's calls came."""
        return self.until_ns, self.login, self.serial


def put_of(change: Change) -> Put:
    """The store's row of a change of the books."""
    key = f"{change.login}/{change.key}".encode()
    return Put(change.kind, key, None if change.row is None else msgspec.msgpack.encode(change.row))


def held_put(call: HeldCall, is_over: bool = False) -> Put:
    """The store's row of a waiting call, or its end."""
    return Put(HELD, str(call.serial).encode(), None if is_over else encode(call))


class Journal:
    """What a store held at start, sorted out."""

    def __init__(self, rows: list[tuple[str, bytes, bytes]]) -> None:
        self.played: Played | None = None
        self.held: list[HeldCall] = []
        self.watches: dict[int, int] = {}
        self.revisions: dict[int, int] = {}
        self.changes: list[Change] = []
        for kind, key, record in rows:
            if kind == PLAYED:
                self.played = decode_record_untrusted(record, Played)
            elif kind == HELD:
                self.held.append(decode_record_untrusted(record, HeldCall))
            elif kind == WATCH:
                self.watches[int(key)] = decode_record_untrusted(record, Watch).equity_below_e8
            elif kind == REVISION:
                self.revisions[int(key)] = decode_record_untrusted(record, Revision).count
            elif kind in ROW_TYPES:
                self.changes.append(_change(kind, key, record))
        self.changes.sort(key=_written)


def _change(kind: str, key: bytes, record: bytes) -> Change:
    login, _, place = key.decode().partition("/")
    row = decode_record_untrusted(record, ROW_TYPES[kind])
    assert isinstance(row, Row), "ROW_TYPES holds rows only"
    return Change(kind, int(login), place if kind == QUOTE else int(place), row)


def _written(change: Change) -> tuple[str, int, int, int]:
    """The order in which rows of one kind and account were written: deals by ticket, done orders by when they were done."""
    done_ns = change.row.time_done_ns if change.kind == HISTORY_ORDER and isinstance(change.row, Order) else 0
    ticket = change.key if isinstance(change.key, int) else 0
    return change.kind, change.login, done_ns if change.kind != DEAL else 0, ticket
