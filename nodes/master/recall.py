"""What the master has had decided and does not hold in memory any more: read of the archive, or, where that was pruned, still known.

A word of an ended line may come long after: an open that had ended NOT_FOUND turns up, or a local was away. Its decision is brought back
into memory first. Of a decision whose archive was pruned, that its signal was answered stays known for ever, and an order's id says whose
it is (``mesh.ids.oid_of``).
"""

from collections.abc import Callable

from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted
from mesh.config import Config
from mesh.core import Effect, Fetch
from mesh.ids import oid_of
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import Outcome
from mesh.messages.signals import ACCEPTED, OPERATOR
from nodes.decisions import ARCHIVE, WHY, ArchiveRecord, WhyRecord, key_of, why_key
from nodes.fetches import Rows
from nodes.master.losswatch import RISK
from nodes.master.state import MasterState

Then = Callable[[int], list[Effect]]
"""From the time of now to what follows."""


class Recall:
    """Remembers for one master."""

    def __init__(self, state: MasterState) -> None:
        self._state = state
        self._sources = _sources(state.config)

    def decision_of(self, outcome: Outcome, then: Then) -> Fetch:
        """Bring the decision an outcome is of back into memory, if the archive has it; ``then`` follows in any case."""
        word = why_key(outcome.oid.hex())

        def on_lead(rows: Rows, now_ns: int) -> list[Effect]:
            leads = [record for key, record in rows if key == word]
            if not leads:
                return then(now_ns)
            key = decode_record_untrusted(leads[0], WhyRecord).key
            return [self._state.fetches.make(ARCHIVE, key, 1, on_archived)]

        def on_archived(rows: Rows, now_ns: int) -> list[Effect]:
            for _, record in rows:
                self._state.ledger.recall(decode_record_untrusted(record, ArchiveRecord, RECORD_BYTES_MAX))
            return then(now_ns)

        return self._state.fetches.make(WHY, word, 1, on_lead)

    def answer_to(self, sid: str) -> str:
        """The answer a signal of this run got, whoever sent it; empty where there was none of that sid."""
        answered, run = self._state.answered, self._state.clock.run
        return ACCEPTED if any(key_of(run, source, sid) in answered for source in self._sources) else ""

    def was_decided(self, outcome: Outcome) -> bool:
        """Whether an order is of a signal this master has answered in this run, though its decision is nowhere any more."""
        state, sid = self._state, outcome.sid
        mesh, run = state.config.settings.mesh.id, state.clock.run
        return outcome.oid != NO_OID and any(
            key_of(run, source, sid) in state.answered and oid_of(mesh, run, source, sid, outcome.strategy, outcome.leg) == outcome.oid
            for source in self._sources
        )


def _sources(config: Config) -> list[str]:
    """Who may have sent a signal: nodes, those a signals node names, operators, and the master's own rule."""
    named = [source for node in config.node.values() for source in node.sources]
    return list(dict.fromkeys([*config.node, *named, OPERATOR, RISK]))
