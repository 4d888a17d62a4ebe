"""``mesh why``: finds the decision a question means, in memory or in the archive, and tells its story; of a pruned one what is left."""

from typing import Any

import msgspec

from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted
from mesh.core import Effect, Fetch, Send
from mesh.links import CONTROL
from mesh.messages.base import NO_OID
from mesh.messages.control import WhyAsk
from mesh.messages.outcomes import Outcome
from mesh.messages.signals import ACCEPTED
from nodes.codes import MANUAL, NOBODY
from nodes.decisions import ARCHIVE, WHY, ArchiveRecord, Decision, WhyRecord, why_key
from nodes.fetches import Rows
from nodes.master.intake import ACT, act_key
from nodes.master.recall import Recall
from nodes.master.state import MasterState
from nodes.master.story import act_told, answers, of_archived, of_live, of_pruned, positions_of

LAST = "last"
ACTS_MAX = 1_000
"""Acts told with a decision: the first of each account and cause."""
BY_HAND = b"manual/"
"""Acts of operators are called ``manual/OPERATOR/COMMAND``: their rows are looked through for a decision's positions."""
BY_HAND_MAX = 4_000
"""Rows looked through; the story says where there are more."""
QUESTIONS_MAX = 64
"""Questions waiting for the store; one more is not answered: who asks says that nobody did, and asks again."""


class _Question(msgspec.Struct, frozen=True):
    """Who asked what, and the key looked for."""

    peer: int
    nonce: int
    query: str
    word: bytes
    story: dict[str, Any] | None = None
    """What is known already; acts are looked for."""


class Enquiry:
    """Answers questions about decisions."""

    def __init__(self, state: MasterState, recall: Recall) -> None:
        self._state = state
        self._recall = recall
        self._waiting_count = 0
        """Questions that wait for the store; each has one read under way."""

    def on_ask(self, message: WhyAsk, peer: int) -> list[Effect]:
        """Answer from memory, or look into the archive first."""
        if self._waiting_count >= QUESTIONS_MAX:
            return []
        if message.query == LAST:
            return self._on_last(message, peer)
        decision = self._find(message.query)
        if decision is not None:
            return self._with_acts(peer, message.nonce, of_live(decision))
        return [self._fetch(WHY, _Question(peer, message.nonce, message.query, why_key(message.query)))]

    def _on_rows(self, kind: str, question: _Question, rows: Rows) -> list[Effect]:
        """The archive's answer: first where to look, then the decision."""
        self._waiting_count -= 1
        peer, nonce = question.peer, question.nonce
        if question.story is not None:
            return self._take_acts(question, question.story, rows)
        found = [record for key, record in rows if key == question.word]
        if found and kind == WHY:
            lead = decode_record_untrusted(found[0], WhyRecord)
            return [self._fetch(ARCHIVE, msgspec.structs.replace(question, word=lead.key))]
        if found:
            return self._with_acts(peer, nonce, of_archived(decode_record_untrusted(found[0], ArchiveRecord, RECORD_BYTES_MAX)))
        if answer := self._recall.answer_to(question.query):
            return self._with_acts(peer, nonce, of_pruned(question.query, answer))
        return self._answer(peer, nonce, of_pruned(NOBODY, ACCEPTED) if question.word in self._state.answered else None)

    def _fetch(self, kind: str, question: _Question, limit: int = 1) -> Fetch:
        self._waiting_count += 1
        return self._state.fetches.make(kind, question.word, limit, lambda rows, _now_ns: self._on_rows(kind, question, rows))

    def _with_acts(self, peer: int, nonce: int, story: dict[str, Any]) -> list[Effect]:
        """A story, and what the locals did by themselves with the positions it opened."""
        sid = story["sid"]
        return [self._fetch(ACT, _Question(peer, nonce, sid, act_key(f"{sid}/"), story), ACTS_MAX)]

    def _take_acts(self, question: _Question, story: dict[str, Any], rows: list[tuple[bytes, bytes]]) -> list[Effect]:
        """First what the locals did by themselves, then what hands did with the same positions."""
        opened = positions_of(story)
        if question.word != BY_HAND:
            acts = [decode_record_untrusted(record, Outcome) for _, record in rows]
            story["acts"] = [act_told(act) for act in acts if act.sid == f"{story['sid']}/{act.cause}"]
            story["has_more_acts"] = False
            if opened:
                return [self._fetch(ACT, msgspec.structs.replace(question, word=BY_HAND), BY_HAND_MAX)]
        else:
            near = [decode_record_untrusted(record, Outcome) for key, record in rows if key.split(b"\0")[1].decode() in opened]
            hands = [act for act in near if act.cause == MANUAL and str(act.position_ticket) in opened[act.account]]
            story["acts"] += [act_told(act) for act in hands]
            story["acts"].sort(key=lambda act: (int(act["market_ns"]), act["account"], int(act["f"])))
            story["has_more_acts"] = len(rows) == BY_HAND_MAX
        return self._answer(question.peer, question.nonce, story)

    def _answer(self, peer: int, nonce: int, story: dict[str, object] | None) -> list[Effect]:
        return [Send(CONTROL, peer, answer) for answer in answers(story, nonce)]

    def _find(self, query: str) -> Decision | None:
        """The decision in memory that a sid, an oid in hex or ACCOUNT:TICKET means."""
        found = self._state.ledger.find_sid(query)
        if found is not None:
            return found
        account, _, ticket = query.rpartition(":")
        if account in self._state.accounts and ticket.isdecimal():
            return self._by_ticket(account, int(ticket))
        try:
            oid = bytes.fromhex(query)
        except ValueError:
            return None
        return self._by_oid(oid)

    def _on_last(self, message: WhyAsk, peer: int) -> list[Effect]:
        """The newest decision with an order that its broker has answered, and how many are newer; without any, the newest."""
        ledger = self._state.ledger
        newest = [*ledger.recent.values(), *ledger.live.values()]
        newest.sort(key=lambda decision: decision.record.stamp_in_ns, reverse=True)
        if not newest:
            return self._answer(peer, message.nonce, None)
        newer_count = next((count for count, decision in enumerate(newest) if _is_answered(decision)), 0)
        return self._with_acts(peer, message.nonce, of_live(newest[newer_count]) | {"newer_count": newer_count})

    def _by_oid(self, oid: bytes) -> Decision | None:
        for name in ("-", *self._state.accounts):
            line = self._state.ledger.find(oid, name)
            if line is not None:
                return line.decision
        return None

    def _by_ticket(self, account: str, ticket: int) -> Decision | None:
        state = self._state.accounts[account].state
        for position in state.positions if state else ():
            if ticket in (position.ticket, position.position_id) and position.oid != NO_OID:
                return self._by_oid(position.oid)
        ledger = self._state.ledger
        for decisions in (ledger.live, ledger.recent):
            for decision in decisions.values():
                for line in decision.lines:
                    told = line.outcome
                    if line.record.account == account and told and ticket in (told.position_ticket, told.order_ticket):
                        return decision
        return None


def _is_answered(decision: Decision) -> bool:
    """Whether a broker has answered an order of it."""
    return any(line.outcome is not None and line.outcome.stamps.answered_ns for line in decision.lines)
