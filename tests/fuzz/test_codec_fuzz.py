"""Whatever the bytes are: a message of ours, or BadFrame; never anything else."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.messages import MESSAGE_TYPES
from mesh.messages.base import Msg
from tests.message_values import messages_of, sample_of

TAGS = [kind.__struct_config__.tag for kind in MESSAGE_TYPES]
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20) | st.binary(max_size=40)
)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=20
)
"""Anything MessagePack can say."""


def read(frame: bytes) -> Msg | None:
    """The message in the bytes, None for BadFrame; anything else raised fails the test."""
    try:
        message = decode_untrusted(frame)
    except BadFrame:
        return None
    assert type(message) in MESSAGE_TYPES
    # What was taken can be said again and is then the same.
    assert decode_untrusted(encode(message)) == message
    return message


@pytest.mark.slow
@settings(max_examples=400)
@given(st.binary(max_size=300))
def test_random_bytes(frame: bytes) -> None:
    """Random bytes decode to a message or are refused as BadFrame."""
    read(frame)


@pytest.mark.slow
@settings(max_examples=120)
@given(st.sampled_from(TAGS), st.lists(PLAIN, max_size=30))
def test_right_tag_with_wrong_fields(tag: int, fields: list[object]) -> None:
    """An array that begins with a tag of ours and goes on with anything is a message or BadFrame."""
    read(msgpack.packb([tag, *fields]))


@pytest.mark.slow
@settings(max_examples=200)
@given(PLAIN)
def test_any_messagepack(plain: object) -> None:
    """Correct MessagePack that is no array with a tag is refused."""
    frame = msgpack.packb(plain)
    is_tagged = isinstance(plain, list) and plain and type(plain[0]) is int and plain[0] in TAGS
    assert read(frame) is None or is_tagged


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_round_trip(kind: type[Msg], data: st.DataObject) -> None:
    """Each message a type allows comes back equal from its own bytes."""
    message = data.draw(messages_of(kind))
    again = decode_untrusted(encode(message))
    assert again == message
    assert type(again) is kind


@pytest.mark.slow
@settings(max_examples=200)
@given(st.sampled_from(MESSAGE_TYPES), st.data())
def test_mutated_bytes(kind: type[Msg], data: st.DataObject) -> None:
    """A valid message with bytes changed, cut out, put in or cut off is a message or BadFrame."""
    frame = bytearray(encode(sample_of(kind)))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(frame)))
        act = data.draw(st.sampled_from(("change", "insert", "remove", "cut")))
        if act == "change" and where < len(frame):
            frame[where] = data.draw(st.integers(0, 255))
        elif act == "insert":
            frame[where:where] = data.draw(st.binary(min_size=1, max_size=5))
        elif act == "remove":
            del frame[where : where + data.draw(st.integers(1, 5))]
        elif act == "cut":
            del frame[where:]
    read(bytes(frame))


OPENERS = {"array": b"\x91", "map": b"\x81\xa1a", "array16": b"\xdc\x00\x01", "array32": b"\xdd\x00\x00\x00\x01"}


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
def test_deep_nesting(opener: bytes) -> None:
    """Nesting as deep as a frame allows ends as BadFrame, not as a crash."""
    assert read(opener * (60_000 // len(opener)) + b"\x01") is None
