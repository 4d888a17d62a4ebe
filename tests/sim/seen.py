"""What was seen of a simulated mesh from outside: what the checks share."""

import msgspec

from mesh.codec import decode_record_untrusted
from mesh.messages.base import NO_OID
from mesh.messages.orders import Order, Target
from mesh.messages.outcomes import Outcome
from mesh.messages.venue import VenueSend
from mesh.simdisk import Disk
from mesh.simnet import Place
from mesh.units import MS_NS
from nodes import codes, decisions
from nodes.local import reports
from nodes.local.attempts import OrderRecord, decoded
from nodes.local.finishing import ORDER_ROW
from nodes.master.account import ACCOUNT, AccountRecord
from nodes.master.intake import ACT
from nodes.shortened import PRUNED
from tests.sim.fleet import Fleet

SLACK_NS = 2 * MS_NS
"""Clocks that drift by 200 ppm differ by less within the age of a grant."""


class Sent(msgspec.Struct):
    """One call of order_send."""

    at_ns: int
    place: str
    life: int
    account: str
    send: VenueSend


class Granted(msgspec.Struct, frozen=True):
    """One grant as a master gave it."""

    at_ns: int
    e: int
    kill_digest: bytes


def words_of(order: Order, target: Target, body: bytes) -> tuple[object, ...]:
    """All that a target is told, with its seal: another account's words may be the same."""
    named = (target.account, target.k, target.symbol, target.volume_e8, target.ref_oid, target.ref_ticket, target.mac)
    return (order.e, order.n, order.oid, *named, body)


class Seen:
    """Of one fleet."""

    def __init__(self) -> None:
        self.fleet: Fleet
        self.sent: list[Sent] = []
        self.called_ns: dict[tuple[bytes, str], int] = {}
        """(oid, account) → its last call."""
        self.actions: dict[bytes, str] = {}
        """Of every order published, by oid."""
        self.published: set[tuple[object, ...]] = set()
        """What masters have published to each target, in the words of ``words_of``: what else comes to a local somebody has made up."""
        self.asked: dict[tuple[bytes, str], set[tuple[str, int, int]]] = {}
        """(oid, account) → symbol, side and lots of every opening published."""
        self.given_up: set[tuple[bytes, str]] = set()
        """(oid, account) of every opening that a master has said may no longer run."""
        self.deadlines: dict[tuple[bytes, str], list[tuple[int, int]]] = {}
        """(oid, account) → (epoch, virtual time of its deadline) of every opening published."""
        self.published_ns: dict[tuple[bytes, str, int], int] = {}
        """(oid, account, epoch) → when it was published first."""
        self.granted: dict[tuple[str, int], list[Granted]] = {}
        """(account, life) → its grants."""
        self.accepted: dict[str, int] = {}
        self.exempt: set[str] = set()
        """Accounts whose store was rolled back, or that have a clone: their local may have forgotten what it said."""
        self.is_master_changed = False
        """Two masters, or one without its memory: what one accepted the other need not know."""

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self.fleet.net.now_ns

    def taken_f(self, account: str) -> int:
        """The last outcome of an account that a master has durably."""
        places = self.fleet.net.places
        rows = [place.disk.rows.get((ACCOUNT, account.encode())) for name, place in places.items() if name.startswith("master")]
        return max((decode_record_untrusted(row, AccountRecord).f for row in rows if row is not None), default=0)

    def is_local(self, place: Place) -> bool:
        """Whether a place is a local's."""
        return place.name in self.fleet.workers


def has_decision(place: Place, key: bytes) -> bool:
    """Whether a master's disk has a decision, open or ended, or had it until it was pruned."""
    disk = place.disk
    return (decisions.DECISION, key) in disk.rows or (decisions.ARCHIVE, key) in disk.rows or (decisions.ARCHIVE, key) in disk.pruned


def has_outcome(place: Place, outcome: Outcome) -> bool:
    """Whether a local's disk has an outcome (or had, where it was read before it was pruned). Of one whose row is gone: how the order
    ended, or had ended before it turned up late.
    """
    rows, key = place.disk.rows, reports.key_of(outcome.f)
    if outcome.detail != PRUNED:
        row = rows.get((reports.OUTCOME, key)) or rows.get((reports.ARCHIVE, key)) or place.disk.pruned.get((reports.ARCHIVE, key))
        return row is not None and decode_record_untrusted(row, Outcome).oid == outcome.oid
    if outcome.oid == NO_OID:
        return not outcome.final
    known_key = reports.KNOWN, outcome.oid
    ends = [decode_record_untrusted(held[known_key], reports.KnownRecord) for held in (rows, place.disk.replaced) if known_key in held]
    return (outcome.f, outcome.code, outcome.volume_e8) in [(known.f, known.code, known.volume_e8) for known in ends]


def late_fill(disk: Disk, line: decisions.Line) -> Outcome | None:
    """The fill that was told late of a line whose decision was pruned by then: a master keeps it beside the lines."""
    if line.code != codes.NOT_FOUND:
        return None
    oid, account = line.record.oid, line.record.account
    acts = [decode_record_untrusted(raw, Outcome) for (kind, _), raw in (disk.pruned | disk.rows).items() if kind == ACT]
    told = [act for act in acts if (act.oid, act.account, act.code) == (oid, account, codes.FILLED_LATE)]
    return told[-1] if told else None


def order_of(place: Place, oid: bytes) -> OrderRecord | None:
    """An order in hand as a local's disk has it."""
    row = place.disk.rows.get((ORDER_ROW, oid))
    return decoded(row) if row is not None else None
