"""The kill set between two nodes: whatever one has the other gets, in answers that fit a frame."""

from mesh.codec import FRAME_BYTES_MAX, encode
from mesh.core import Envelope
from mesh.links import REPLAY
from mesh.messages.control import FREEZE, Entry, KillSetAsk, KillSetPart
from nodes.stops import PART_ITEMS, Stops


def test_a_set_too_long_for_one_answer_is_had_by_asking_again() -> None:
    """Two hundred stops with long reasons: each answer fits a frame, and a few bring them all."""
    full, empty = Stops("master-1"), Stops("router-1")
    for number in range(200):
        full.restore(encode(Entry("operator", number, number, FREEZE, "all", "x" * 500)))
    ask_count = 0
    while empty.killset.digest != full.killset.digest:
        ask_count += 1
        assert ask_count <= 2, "each answer brings as many as it may"
        (send, *_) = full.on_ask(Envelope(REPLAY, 1, KillSetAsk(empty.killset.known())))
        assert isinstance(send.message, KillSetPart)
        assert len(encode(send.message)) <= FRAME_BYTES_MAX
        assert len(send.message.items) <= PART_ITEMS
        for raw in send.message.items:
            empty.take_untrusted(raw)
    assert ask_count == 2
