"""The parts of a list of lost orders: each fits into a frame, whatever its orders say."""

from mesh.codec import FRAME_BYTES_MAX, decode_untrusted, encode
from mesh.messages.control import REASON_MAX, LostOrder
from nodes.lostparts import PART_COUNT, WORDS_MAX, parts_of

WIDE = "\N{OX}"
"""Four bytes."""


def test_longest_orders_fit_into_a_frame() -> None:
    """Every word as long as it may be, in the widest letters; an operator's reason has room in the detail beside the rest."""
    number, word = 2**63 - 1, WIDE * 32
    order = LostOrder(
        bytes(16), WIDE * 160, WIDE * 64, word, word, word, -(2**63), number, word, number, number, WIDE * WORDS_MAX, True, number, number
    )
    parts = parts_of(bytes(16), WIDE * 64, WIDE * 64, number, [order] * (PART_COUNT + 1))
    assert [len(part.orders) for part in parts] == [PART_COUNT, 1]
    assert len(encode(parts[0])) <= FRAME_BYTES_MAX
    assert decode_untrusted(encode(parts[0])) == parts[0]
    assert WORDS_MAX >= REASON_MAX + 150
