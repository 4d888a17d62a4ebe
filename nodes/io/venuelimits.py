"""What a message can carry of what a terminal shows: texts are cut, and rows that no message can hold are left out and counted.

Whoever else trades on the account chooses magics and comments freely, and its broker the numbers. One such row must not make a whole
answer unreadable: the local would kill its worker and know nothing of its account any more.
"""

import msgspec

from mesh.codec import decode_record_untrusted, decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.messages.base import Msg
from mesh.messages.venue import VenueLost, VenueState

PIPE_BYTES_MAX = 1 << 20
"""The longest message of a worker's pipe."""
TEXT_MAX = 512
"""Characters of a ``Text``."""
OUR_MAGIC_MAX = 2**63 - 1
"""A magic has 64 bits at the broker; ours have 63."""


def cut(text: str) -> str:
    """A text as long as a message can carry."""
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"


def magic_of(item: object) -> int:
    """The magic of a row; 0, nobody's, where it is one that ours never are."""
    magic = int(item.magic)  # type: ignore[attr-defined]
    return magic if 0 <= magic <= OUR_MAGIC_MAX else 0


def readable(message: Msg) -> Msg:
    """The message where the other end can read it; without the rows it cannot, saying so; else that there is no answer, and why."""
    why = _objection(message, None)
    if not why:
        return message
    kept, dropped_count, first_why = {}, 0, ""
    for field in message.__struct_fields__:
        rows = getattr(message, field)
        if isinstance(rows, list):
            objections = [_objection(row, type(row)) for row in rows]
            kept[field] = [row for row, objection in zip(rows, objections, strict=True) if not objection]
            dropped_count += len(rows) - len(kept[field])
            first_why = first_why or next(filter(None, objections), "")
    without = msgspec.structs.replace(message, **kept)
    if isinstance(message, VenueState) and isinstance(without, VenueState):
        dropped = [len(message.positions) - len(without.positions), len(message.orders) - len(without.orders)]
        without = msgspec.structs.replace(
            without,
            is_partial=without.is_partial or any(dropped),
            trade_allowed=without.trade_allowed and not any(dropped),
            remark=cut(f"{dropped_count} rows of the terminal are left out, no message can hold them: {first_why}; {without.remark}"),
        )
    if left := _objection(without, None):
        return VenueLost(cut(f"{type(message).__name__} cannot be told: {left}"))
    return without


def _objection(item: Msg, kind: type[Msg] | None) -> str:
    """Why the other end cannot read a message, or a row of the kind; empty where it can."""
    try:
        frame = encode(item)
        if kind is None:
            decode_untrusted(frame, PIPE_BYTES_MAX)
        else:
            decode_record_untrusted(frame, kind)
    except (BadFrame, ValueError, OverflowError) as error:
        return f"{type(item).__name__}: {error}"
    return ""
