"""Outcomes of one account on their way to the master: numbered without a hole, durable, repeated until acked.

``f`` numbers everything told of an order, ends and states alike. An outcome may leave only after its commit. What is acked
moves to an archive that is read again when an old order comes a second time, or when a master has lost its memory. Of what was
pruned there, how each order ended is known all the same, and is told (``nodes.shortened``).
"""

import msgspec

from mesh.codec import decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.orders import OPEN
from mesh.messages.outcomes import Outcome
from mesh.tellers import with_teller
from nodes.codes import FILLED, OPENED, SUPERSEDED
from nodes.fetches import Rows
from nodes.local.knownends import KnownEnds, KnownRecord
from nodes.shortened import shortened

OUTCOME, ARCHIVE, KNOWN = "outcome", "_outcome", "known"
"""Kinds of the rows: not acked by f; acked by f; the last outcome of an ended order by oid."""
WINDOW_COUNT = 64
"""Outcomes sent again at a time: the master takes them in order, so the oldest matter."""
SKIPPED_MAX = 64
"""Numbers in ``skipped``: a store is not rolled back more often than half of that in its life."""


def key_of(f: int) -> bytes:
    """The key of an outcome's row: its number, in an order that sorts."""
    return f.to_bytes(8, "big")


class Reports:
    """Every outcome the master has not acked, and where those of ended orders are. ``life``: whose word a pruned one is."""

    def __init__(self, account: str, life: int) -> None:
        self._account = account
        self._life = life
        self.f = 0
        """The newest number given out."""
        self.durable_f = 0
        self.start_f = 0
        """The newest number when this life began."""
        self.acked_f = 0
        self.pending: dict[int, Outcome] = {}
        """Durable and not acked, by number."""
        self.skipped: list[int] = []
        """First and last, pair after pair, of numbers nothing was ever told under."""
        self._known = KnownEnds()

        self.tellers: list[int] = []
        """Whose outcomes this store holds (``mesh.tellers``); durable with the first of a life."""

    def restore(self, kind: str, key: bytes, record: bytes) -> None:
        """Take a row of the store."""
        if kind == OUTCOME:
            outcome = decode_record_untrusted(record, Outcome)
            self.pending[outcome.f] = outcome
            self.f = max(self.f, outcome.f)
        else:
            known = decode_record_untrusted(record, KnownRecord)
            self._known.put(key, known)
            self.f = max(self.f, known.f)

    def restored(self, f: int) -> None:
        """All rows were taken; ``f`` is the newest number by the node's own record."""
        self.f = self.durable_f = self.start_f = max(self.f, f)
        self.pending = dict(sorted(self.pending.items()))
        self.acked_f = min(self.pending, default=self.f + 1) - 1

    @property
    def is_settled(self) -> bool:
        """Whether everything numbered is durable: what the venue shows now includes nothing that could be forgotten."""
        return self.durable_f == self.f

    def known_f(self, oid: bytes) -> int:
        """Number of the outcome that ended an order; 0 where it has not ended here."""
        known = self._known.get(oid)
        return known.f if known is not None else 0

    def known_code(self, oid: bytes) -> str:
        """The code with which an order ended here; empty where it has not."""
        known = self._known.get(oid)
        return self._shortened(oid, known).code if known is not None else ""

    def ended(self) -> list[tuple[bytes, bool]]:
        """Every order that has ended here, and whether it did something."""
        return [(oid, known.is_executed) for oid, known in self._known.items()]

    def is_executed(self, oid: bytes) -> bool:
        """Whether an order has ended here and did something."""
        known = self._known.get(oid)
        return known is not None and known.is_executed

    def told(self, oid: bytes, rows: Rows) -> Outcome:
        """How an order ended that has ended here; ``rows``: what the archive has under its number, nothing where that was pruned."""
        if rows:
            return decode_record_untrusted(rows[0][1], Outcome)
        known = self._known.get(oid)
        assert known is not None, f"{oid.hex()} has not ended here"
        return self._shortened(oid, known)

    def _shortened(self, oid: bytes, known: KnownRecord) -> Outcome:
        code = known.code or (FILLED if known.is_executed else SUPERSEDED)
        return shortened(self._account, self._life, known.f, oid, code, known.volume_e8)

    def number(self, outcome: Outcome) -> tuple[Outcome, list[Put]]:
        """The outcome with its number, and the rows that make it durable."""
        self.f += 1
        self.tellers = with_teller(self.tellers, outcome.life, self.f)
        numbered = msgspec.structs.replace(outcome, f=self.f)
        puts = [Put(OUTCOME, key_of(self.f), encode(numbered))]
        if outcome.final:
            known = KnownRecord(self.f, bool(outcome.volume_e8), outcome.code, outcome.volume_e8)
            self._known.put(outcome.oid, known)
            puts.append(Put(KNOWN, outcome.oid, encode(known)))
        return numbered, puts

    def durable(self, outcome: Outcome) -> None:
        """Its commit is on disk: it may be sent."""
        assert outcome.f == self.durable_f + 1, f"outcome {outcome.f} durable after {self.durable_f}"
        self.durable_f = outcome.f
        self.pending[outcome.f] = outcome

    def ack(self, f: int) -> list[Put]:
        """The master has all up to ``f``: rows that move them to the archive."""
        puts: list[Put] = []
        for number in range(self.acked_f + 1, min(f, self.durable_f) + 1):
            self.acked_f = number
            outcome = self.pending.pop(number, None)
            if outcome is None:
                continue  # A number skipped where the store was rolled back.
            puts.append(Put(OUTCOME, key_of(number), None))
            puts.append(Put(ARCHIVE, key_of(number), encode(outcome)))
        return puts

    def oldest(self, count: int = WINDOW_COUNT) -> list[Outcome]:
        """The oldest unacked outcomes."""
        found: list[Outcome] = []
        for outcome in self.pending.values():
            if len(found) == count:
                break
            found.append(outcome)
        return found

    def ended_above(self, f: int) -> dict[int, bytes]:
        """By number, the orders whose end was told under one above ``f``. It goes through all that are known."""
        return {known.f: oid for oid, known in self._known.items() if known.f > f}

    def pruned(self, f: int, oid: bytes) -> Outcome:
        """What is told under a number whose row is gone: how the order ended whose end it told, or nothing but that it was used."""
        known = self._known.get(oid)
        return self._shortened(oid, known) if known is not None and known.f == f else shortened(self._account, self._life, f)

    def revive(self, outcomes: dict[int, Outcome], master_f: int) -> None:
        """The master holds nothing above ``master_f``: all that was acked above it, in order, is to be told again."""
        self.pending = outcomes | self.pending
        self.acked_f = min(self.acked_f, master_f)

    def unheard(self) -> list[Outcome]:
        """Openings that were executed and whose outcomes nobody has acked."""
        return [outcome for outcome in self.pending.values() if outcome.action == OPEN and outcome.code in OPENED]

    def skip_to(self, f: int) -> list[Put]:
        """The master knows more outcomes of this store than the store: numbers already used are never used again.

        The rows of what it was told otherwise under the same numbers go; what was executed is to be told again, under new ones.
        """
        if f <= self.f:
            return []
        assert self.is_settled, "numbers are skipped only when nothing is under way"
        puts = [Put(OUTCOME, key_of(number), None) for number in self.pending]
        self.skipped = [*self.skipped, self.acked_f + 1, f][-SKIPPED_MAX:]
        self.tellers = with_teller(self.tellers, 0, self.acked_f + 1)
        self.f = self.durable_f = self.acked_f = f
        self.pending.clear()
        return puts
