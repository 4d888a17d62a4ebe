"""The bytes of every message are frozen: what was sent once can be read for ever."""

import pytest

from mesh.codec import decode_untrusted, encode
from mesh.messages import MESSAGE_TYPES
from mesh.messages.base import Msg
from tests.golden.freeze import frozen
from tests.message_values import sample_of

FREEZE = "freeze its bytes: python -m tests.golden.freeze"


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_message_keeps_its_bytes(kind: type[Msg]) -> None:
    """Each message of the protocol has frozen bytes, and today's encoder writes exactly the newest of them."""
    versions = frozen().get(kind.__name__, [])
    assert versions, f"{kind.__name__} is new: {FREEZE}"
    assert encode(sample_of(kind)).hex() == versions[-1], f"{kind.__name__} changed: if a field was added last, {FREEZE}"


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_old_bytes_still_decode(kind: type[Msg]) -> None:
    """Bytes frozen by any earlier version decode to the same type; the newest to the very sample."""
    for version in frozen().get(kind.__name__, []):
        assert type(decode_untrusted(bytes.fromhex(version))) is kind
    assert decode_untrusted(encode(sample_of(kind))) == sample_of(kind)


def test_no_message_disappears() -> None:
    """A message that was frozen is still part of the protocol: tags are never reused."""
    assert sorted(frozen()) == sorted(kind.__name__ for kind in MESSAGE_TYPES)


def test_tags_are_unique() -> None:
    """No two messages share a tag."""
    tags = [kind.__struct_config__.tag for kind in MESSAGE_TYPES]
    assert len(set(tags)) == len(tags)
