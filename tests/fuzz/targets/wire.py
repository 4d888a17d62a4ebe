"""What comes over a link or a pipe: frames, records, a node's door, a worker's pipe, a frontend's view."""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from mesh.codec import decode_record_untrusted, decode_untrusted, encode
from mesh.core import Envelope
from mesh.errors import BadFrame
from mesh.io.inlet import Inlet
from mesh.messages import MESSAGE_TYPES
from mesh.messages.base import Msg
from mesh.messages.control import Ping
from mesh.messages.health import FrontEvent, Snapshot
from mesh.view import View
from nodes.broker.journal import HeldCall, Played, Revision, Watch
from nodes.decisions import ArchiveRecord, DecisionRecord, EndRecord, SidRecord, TotalsRecord, WhyRecord
from nodes.indicator.core import Watermark
from nodes.io.pipe import HEAD, Pipe
from nodes.io.venuelimits import PIPE_BYTES_MAX
from nodes.local.accountbook import BookRecord
from nodes.local.attempts import OrderRecord
from nodes.local.commandlog import CommandRecord
from nodes.local.guard import PassedRecord
from nodes.local.knownends import KnownRecord
from nodes.local.openings import OpeningRecord
from nodes.local.state import MetaRecord
from nodes.market.core import Standing
from nodes.master.account import AccountRecord
from nodes.master.state import EpochRecord, RateRecord
from nodes.stops import RefusedRecord
from nodes.terminal.records import Deal
from tests.fuzz.mutations import headed, message_mutated, parts_mutated
from tests.fuzz.target import Target
from tests.message_values import sample_of
from tests.wire.rig import Told, node_of, quietly

RECORDS: tuple[type[Any], ...] = (
    HeldCall, Played, Revision, Watch, ArchiveRecord, DecisionRecord, EndRecord, SidRecord, TotalsRecord, WhyRecord, Watermark, BookRecord,
    OrderRecord, CommandRecord, PassedRecord, OpeningRecord, KnownRecord, MetaRecord, Standing, AccountRecord, EpochRecord, RateRecord,
    RefusedRecord, Deal, *MESSAGE_TYPES,
)  # fmt: skip
"""What stores keep."""
NOW_NS = 10**18


@cache
def messages() -> list[bytes]:
    """One of each."""
    return [encode(sample_of(kind)) for kind in MESSAGE_TYPES]


def read_frame(raw: bytes) -> Msg:
    """A message of ours, which can be said again and is then the same."""
    message = decode_untrusted(raw)
    assert type(message) in MESSAGE_TYPES
    assert decode_untrusted(encode(message)) == message
    return message


def records() -> list[bytes]:
    """One of each kind that there is a sample of, behind the number of its kind."""
    return [bytes((number,)) + encode(sample_of(kind)) for number, kind in enumerate(RECORDS) if issubclass(kind, Msg)]


def read_record(raw: bytes) -> object:
    """A record of the kind its first byte says."""
    kind = RECORDS[raw[0] % len(RECORDS)] if raw else RECORDS[0]
    record = decode_record_untrusted(raw[1:], kind)
    assert type(record) is kind
    return record


def framed(parts: Sequence[bytes]) -> bytes:
    """Messages as a pipe carries them."""
    return b"".join(HEAD.pack(len(part)) + part for part in parts)


def unframed(raw: bytes) -> list[bytes]:
    """The messages in what a pipe carries; what is cut off at the end is one as well."""
    parts: list[bytes] = []
    while len(raw) >= HEAD.size:
        (length,) = HEAD.unpack_from(raw)
        parts.append(raw[HEAD.size : HEAD.size + length])
        raw = raw[HEAD.size + length :]
    return parts


class _Stream:
    """Gives what is to come, so many bytes at a time."""

    def __init__(self, raw: bytes, step_bytes: int) -> None:
        self._raw = raw
        self._step_bytes = step_bytes

    def recv(self, _bytes_max: int) -> bytes:
        found, self._raw = self._raw[: self._step_bytes], self._raw[self._step_bytes :]
        return found


def _piped(raw: bytes, step_bytes: int) -> list[Msg]:
    stream: Any = _Stream(raw, step_bytes)
    pipe, found = Pipe(stream), []
    while (some := pipe.receive()) is not None:
        found += some
        assert len(pipe._buffer) <= PIPE_BYTES_MAX + HEAD.size + step_bytes, "the buffer grows beyond the longest message"
    return found


def read_pipe(raw: bytes) -> list[Msg]:
    """The same messages, however what is written is cut on its way."""
    found = _piped(raw, len(raw) + 1)
    assert _piped(raw, 7) == found
    return found


def read_node(raw: bytes) -> object:
    """A node's door: a message is handled or counted as bad, and nothing is raised, however many frames there are."""
    core = Told({kind: quietly for kind in MESSAGE_TYPES})
    node = node_of(core)
    node.take_frames(Inlet(node, "control", None, None), 1, tuple(unframed(raw)), NOW_NS)
    totals = node.counters.totals
    assert len(core.seen) + totals.get("bad_frame_count", 0) + totals.get("unread_frame_count", 0) == 1
    return [envelope for envelope in core.seen if isinstance(envelope, Envelope)]


def read_view(raw: bytes) -> View:
    """What routers tell a frontend, message by message: whatever comes, the view stands."""
    view = View()
    for part in unframed(raw):
        try:
            view.take(decode_untrusted(part), NOW_NS)
        except BadFrame:
            continue
    view.take(Ping("", 1), NOW_NS)
    assert view.bad_frame_count
    return view


def told() -> list[bytes]:
    """Each message as a router's snapshot and as its event."""
    parts = []
    for item in messages():
        parts.append(framed([encode(Snapshot("router-1", 1, 1, 0, 1, 5, item)), encode(FrontEvent("router-1", item))]))
    return parts


def told_mutated(raw: bytes, draw: Random) -> bytes:
    """The message inside of what is told changed, or what is around it."""
    parts = unframed(raw)
    try:
        inner = decode_untrusted(parts[0]) if parts else None
    except BadFrame:
        inner = None
    if isinstance(inner, Snapshot) and draw.random() < 0.7:
        item = message_mutated(inner.item, draw)[:60_000]
        return framed([encode(Snapshot("router-1", 1, 1, 0, 1, 5, item)), encode(FrontEvent("router-1", item))])
    return parts_mutated(message_mutated, unframed, framed)(raw, draw)


_PARTS = parts_mutated(message_mutated, unframed, framed)
TARGETS = (
    Target("frame", (BadFrame,), messages, read_frame, message_mutated),
    Target("record", (BadFrame,), records, read_record, headed(message_mutated, len(RECORDS))),
    Target("pipe", (BadFrame,), lambda: [framed(messages()[at : at + 3]) for at in range(0, len(MESSAGE_TYPES), 3)], read_pipe, _PARTS),
    Target("node", (), lambda: [framed([each, b"body"]) for each in messages()], read_node, _PARTS),
    Target("view", (), told, read_view, told_mutated),
)
