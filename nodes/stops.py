"""A node's kill set: what is taken, what is refused and why, and how it is kept and spread.

Stops, and live changes of the configuration, are kept as the bytes that came, and taken only with a good signature by who may say it
(``mesh.keyring``). Routers see the digest in heartbeats and grants and pull what they lack; whoever asks for what he lacks also says what
he has, and what we lack of that is asked for in turn. What was refused is remembered, so that a peer who sends it again and again costs
nothing and is told of once.
"""

import msgspec

from mesh.bounded import keep
from mesh.budget import Budget
from mesh.codec import FRAME_BYTES_MAX, decode_untrusted, encode
from mesh.config import Config
from mesh.core import Effect, Envelope, Note, Put, Send
from mesh.errors import BadFrame
from mesh.keyring import BAD_STOP, OPERATOR, RETIRED, NodeKeys, Refusal
from mesh.killset import OPERATORS_COUNT, KillSet, entry_id, item_of
from mesh.messages.base import Code, Digest, Msg, Text
from mesh.messages.control import (
    KILL_ITEMS_MAX,
    KNOWN,
    LADDER,
    REASON_MAX,
    TAKEN,
    Entry,
    Item,
    KillSetAsk,
    KillSetPart,
    Revision,
    Signed,
    StopItem,
)
from mesh.revisions import Revisions
from nodes.envelopes import message_of

KILL_ITEM = "stop"
"""Kind of the rows, by the item's id."""
REFUSED_ITEM = "refused_stop"
"""Kind of the one row of what was refused last; each is in the audit."""
FULL = "FULL"
"""A refusal: there is no room for another node's entry."""
PART_ITEMS = 128
"""Items of one answer; the asker asks again for the rest."""
PART_BYTES_MAX = FRAME_BYTES_MAX - 256
"""What they may be long together: a frame, less what is around them."""
ITEM_HEAD_BYTES = 5
"""MessagePack's head of a blob, at most."""
HOST, ERRORS, EQUITY_STOP, DAILY_LOSS, FLEET_LOSS, CLONE = ("HOST", "ERRORS", "EQUITY_STOP", "DAILY_LOSS", "FLEET_LOSS", "CLONE")
"""The rules, beside GENESIS, by which nodes stop something by themselves: a word of the host, orders that fail, equity, a day's loss of an
account and of the fleet, two processes of one account."""
LATCHED_ROW = "latched"
"""Kind of a router's rows, by account: what its local said last of its stops. For the audit: each answer to a stop is history."""
DRILL_ROW = "drill"
"""Kind of the one row a drill writes: what a stop would have cost."""
REFUSED_MAX = 256
"""Refused items remembered."""
FILLING = (KILL_ITEMS_MAX // 2, KILL_ITEMS_MAX * 3 // 4, KILL_ITEMS_MAX - 2 * OPERATORS_COUNT, KILL_ITEMS_MAX - OPERATORS_COUNT)
"""So many items are told of: a kill set only grows."""
REFUSED_PER_S = 1
"""Refusals written down; as many more as fit into ``REFUSED_BURST`` at once. What is beyond is counted."""
REFUSED_BURST = 16


class RefusedRecord(Msg):
    """One refused stop, for the audit. ``raw``: its first bytes."""

    id: Digest
    code: Code
    detail: Text
    raw: bytes


class Result(msgspec.Struct, frozen=True):
    """What became of one item. ``code``: TAKEN, KNOWN, or why it was refused. ``item``: what it says, where it was taken or drilled."""

    id: bytes
    code: str
    detail: str
    puts: list[Put]
    notes: list[Effect]
    item: Item | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused."""
        return self.code not in (TAKEN, KNOWN)


class Stops:
    """The kill set and its rows."""

    def __init__(self, name: str, keys: NodeKeys, config: Config) -> None:
        self.killset = KillSet()
        self.revisions = Revisions(config)
        """The live changes among them."""
        self._name = name
        self._keys = keys
        self._refused: dict[bytes, Refusal] = {}
        self.refused_count = 0
        """Refusals in this life, those that were not written down too."""
        self._writing = Budget(REFUSED_PER_S, REFUSED_BURST)

    def restore(self, raw: bytes) -> None:
        """Take a row of the store: what was taken stays, whatever has become of its key."""
        key, item = item_of(raw)
        self.killset.add(key, raw, item)
        self.revisions.take(key, item)

    def take_untrusted(self, raw: bytes, now_ns: int, is_first: bool = False) -> Result:
        """Merge one item: what it was, the row to make durable (none where it was here), and what is to be noted at once.

        ``is_first``: it comes from a frontend, not from a node that holds it.
        """
        try:
            signed = decode_untrusted(raw)
        except BadFrame as error:
            return self.refuse(raw, entry_id(raw), Refusal(BAD_STOP, str(error)[:200]), now_ns)
        if not isinstance(signed, Signed):
            return self.refuse(raw, entry_id(raw), Refusal(BAD_STOP, f"{type(signed).__name__}: a signed stop is expected"), now_ns)
        key = entry_id(signed.body)
        if key in self.killset:
            return Result(key, KNOWN, "", [], [])
        before = self._refused.get(entry_id(raw))
        if before is not None:
            return Result(key, before.code, before.detail, [], [])
        verified = self._keys.keyring.verify_untrusted(raw, is_first=is_first)
        if isinstance(verified, Refusal):
            return self.refuse(raw, key, verified, now_ns, is_kept=verified.code != RETIRED)  # a node may bring it
        is_kept_for = verified.holder.role == OPERATOR and isinstance(verified.item, StopItem)  # not for who reloads by a script
        if not self.killset.has_room(is_kept_for):
            return self.refuse(raw, key, Refusal(FULL, f"items={len(self.killset)}"), now_ns)
        self.killset.add(key, raw, verified.item)
        notes: list[Effect] = [_taken_note(key, verified.item)]
        ran = self.revisions.current, self.revisions.problem
        self.revisions.take(key, verified.item)
        if (self.revisions.current, self.revisions.problem) != ran:
            notes.append(self.revised_note())
        if len(self.killset) in FILLING:
            told = {"items": len(self.killset), "most": KILL_ITEMS_MAX, "do": "see README: a kill set that fills up"}
            notes.append(Note("error", "stops_filling", told))
        return Result(key, TAKEN, "", [Put(KILL_ITEM, key, raw)], notes, verified.item)

    def drilled_untrusted(self, signed: Signed, now_ns: int, is_first: bool = False) -> Result:
        """A drill's entry: checked and written down as a stop is, and not taken."""
        raw = encode(signed)
        key = entry_id(signed.body)
        verified = self._keys.keyring.verify_untrusted(raw, is_drill=True, is_first=is_first)
        if isinstance(verified, Refusal):
            return self.refuse(raw, key, verified, now_ns, is_kept=False)
        return Result(key, TAKEN, "drill", [Put(DRILL_ROW, b"", raw)], [], verified.item)

    def revised_note(self) -> Note:
        """Another configuration than that of its file is in force here, or ought to be."""
        revisions = self.revisions
        told = {"number": revisions.number, "configuration": revisions.current.fingerprint}
        if not revisions.problem:
            return Note("warning", "configuration_revised", told)
        return Note("error", "configuration_not_revised", told | {"why": revisions.problem})

    def restored_notes(self) -> list[Note]:
        """What is to be told of the set that a node starts with."""
        if count := self.revisions.passed_over:
            told = {"count": count, "configuration": self.revisions.current.fingerprint}
            told["do"] = "nothing of them is in this file: compare it with what ran (configurations/ of the state), then mesh reload"
            return [Note("error", "live_changes_passed_over", told)]
        return [self.revised_note()] if self.revisions.number or self.revisions.problem else []

    def refuse(self, raw: bytes, key: bytes, why: Refusal, now_ns: int, is_kept: bool = True) -> Result:
        """Do not take an item (``key``: of what it says), and write it down as often as that does not fill the disk.

        ``is_kept``: the same bytes are refused from now on, unseen. Not where they may be good another time, or brought by somebody else.
        """
        whole = entry_id(raw)
        self.refused_count += 1
        if is_kept and why.code != FULL:
            keep(self._refused, whole, why, REFUSED_MAX)
        if not self._writing.take(now_ns):
            return Result(key, why.code, why.detail, [], [])
        record = RefusedRecord(whole, why.code, why.detail, raw[:512])
        told = {"code": why.code, "detail": why.detail, "id": whole.hex()}
        return Result(key, why.code, why.detail, [Put(REFUSED_ITEM, b"", encode(record))], [Note("warning", "stop_refused", told)])

    def issued(self, level: str, scope: str, rule: str, why: str, wall_ns: int, nonce: int = 0) -> bytes:
        """The raw entry with which this node stops something by itself, by a rule (the first word of its reason).

        ``nonce`` tells it from others of that rule (0: the time does).
        """
        assert self._keys.signer is not None, f"{self._name} issues entries and has no key: its start lets none through"
        reason = f"{rule} {why}".strip()[:REASON_MAX]
        return self._keys.signer.sign(Entry(self._name, nonce or wall_ns, wall_ns, level, scope, reason, f"node {self._name}"))

    def binds(self, rule: str, level: str) -> bool:
        """Whether a stop that this node has set by a rule binds at a level or above."""
        return any(self.is_own(entry, rule) and LADDER.index(entry.level) >= LADDER.index(level) for _, entry in self.killset.live())

    def is_own(self, entry: Entry, rule: str) -> bool:
        """Whether this node has set a stop by a rule."""
        return entry.issuer == self._name and entry.reason.partition(" ")[0] == rule

    def has_issued(self, rule: str, nonce: int) -> bool:
        """Whether this node has set a stop by a rule under that nonce, live or ended."""
        return any(entry.nonce == nonce and self.is_own(entry, rule) for _, entry in self.killset.entries())

    def on_ask(self, envelope: Envelope) -> list[Effect]:
        """What the asker lacks, and a question where he has more than we."""
        message = message_of(envelope, KillSetAsk)
        missing = fitting(self.killset.missing(message.known))
        effects: list[Effect] = [Send(envelope.link, envelope.peer, KillSetPart(missing))]
        if not message.in_turn and self.killset.lacks_of(message.known):
            effects.append(Send(envelope.link, envelope.peer, KillSetAsk(self.killset.known(), in_turn=True)))
        return effects


def _taken_note(key: bytes, item: Item) -> Note:
    told: dict[str, str | int] = {"item": type(item).__name__, "id": key.hex(), "issuer": item.issuer, "by": item.by, "reason": item.reason}
    if isinstance(item, Entry):
        told |= {"level": item.level, "scope": item.scope}
    if isinstance(item, Revision):
        told |= {"number": item.number, "before": item.before, "after": item.after}
    return Note("warning", "stop_taken" if isinstance(item, StopItem) else "live_change_taken", told)


def fitting(items: list[bytes]) -> list[bytes]:
    """As many of these as one answer carries: the next is asked for when they have been taken."""
    found: list[bytes] = []
    left_bytes = PART_BYTES_MAX
    for item in items[:PART_ITEMS]:
        left_bytes -= len(item) + ITEM_HEAD_BYTES
        if left_bytes < 0:
            break
        found.append(item)
    return found
