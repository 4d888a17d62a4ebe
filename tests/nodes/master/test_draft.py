"""A draft becomes the line that is stored."""

import msgspec

from mesh.messages.orders import OPEN
from nodes.decisions import LineRecord
from nodes.master.draft import OPEN_LEG, Draft


def test_a_draft_becomes_its_line_field_by_field() -> None:
    """Every field of the line is the draft's field of that name; the symbol by our own name is no part of it."""
    numbers = {field: index for index, field in enumerate(LineRecord.__struct_fields__) if LineRecord.__annotations__[field] is not str}
    texts = {"account": "a1", "strategy": "rev", "leg": OPEN_LEG, "action": OPEN, "symbol": "EURUSDm", "our_symbol": "EURUSD"}
    oids = {"oid": b"o" * 16, "ref_oid": b"r" * 16}
    draft = Draft(**(numbers | {"code": "DENIED", "detail": "why"} | texts | oids))  # type: ignore[arg-type]
    assert msgspec.structs.asdict(draft.record()) | {"our_symbol": "EURUSD"} == msgspec.structs.asdict(draft)
