"""The one door for bytes: what passes, what is refused, and that only BadFrame is raised."""

import msgpack
import pytest

from mesh.codec import (
    FRAME_BYTES_MAX,
    ITEMS_MAX,
    check_frames,
    decode_record_untrusted,
    decode_untrusted,
    encode,
    encode_each,
)
from mesh.core import FanOut
from mesh.errors import BadFrame, UnknownMessage
from mesh.messages.base import Count, Msg
from mesh.messages.control import Ping, Pong
from mesh.messages.market import Block, Ticks
from mesh.messages.orders import Order, Target
from mesh.messages.venue import TerminalReply

PING = Ping("account-1", 7)


class Row(Msg):
    """A record of a store: no tag."""

    number: Count
    words: list[str]


def test_message_is_plain_messagepack() -> None:
    """A message is an array of its tag and fields that any MessagePack library reads."""
    assert msgpack.unpackb(encode(PING)) == [109, "account-1", 7]


def test_message_from_a_foreign_packer() -> None:
    """An array packed by msgpack alone is the message; a tuple of targets becomes structs."""
    target = ["a", 1, "EURUSD", 100, bytes(16), 0, b""]
    message = decode_untrusted(msgpack.packb([40, 5, 9, bytes(16), [target], 0]))
    assert message == Order(5, 9, bytes(16), [Target("a", 1, "EURUSD", 100)])


def test_left_out_defaults_are_filled() -> None:
    """An older peer that does not know the last field yet is understood: its default stands."""
    assert decode_untrusted(msgpack.packb([5, 1, 2, 3])) == Block(1, 2, 3, final=False)


def test_what_a_newer_version_has_added_is_passed_over() -> None:
    """Hosts change one by one: a field behind the last one we know is nobody's business here, in a message as in what is inside it."""
    assert decode_untrusted(msgpack.packb([5, 1, 2, 3, True, "news", [1]])) == Block(1, 2, 3, final=True)
    target = ["a", 1, "EURUSD", 100, bytes(16), 0, b"", "news"]
    assert decode_untrusted(msgpack.packb([40, 5, 9, bytes(16), [target], 0])) == Order(5, 9, bytes(16), [Target("a", 1, "EURUSD", 100)])


def test_newer_message_is_told_from_garbage() -> None:
    """Its tag is not in our table: refused like anything else, but nobody is cut off for it."""
    with pytest.raises(UnknownMessage):
        decode_untrusted(msgpack.packb([99_999, "account-1"]))
    with pytest.raises(BadFrame) as garbage:
        decode_untrusted(b"\xc1")
    assert not isinstance(garbage.value, UnknownMessage)


REFUSED = {
    "empty": b"",
    "not MessagePack": b"\xc1",
    "cut short": encode(PING)[:-1],
    "trailing bytes": encode(PING) + b"\x00",
    "no array": msgpack.packb({"tag": 109}),
    "empty array": msgpack.packb([]),
    "unknown tag": msgpack.packb([99_999, "account-1", 7]),
    "tag true": msgpack.packb([True, "account-1", 7]),
    "tag as text": msgpack.packb(["109", "account-1", 7]),
    "tag as float": msgpack.packb([109.0, "account-1", 7]),
    "missing field": msgpack.packb([109, "account-1"]),
    "text for a number": msgpack.packb([109, "account-1", "7"]),
    "true for a number": msgpack.packb([109, "account-1", True]),
    "float for a number": msgpack.packb([109, "account-1", 7.0]),
    "number below its range": msgpack.packb([109, "account-1", -1]),
    "number above its range": msgpack.packb([109, "account-1", 2**63]),
    "bytes for a text": msgpack.packb([109, b"account-1", 7]),
    "text that is no UTF-8": msgpack.packb([109, "xx", 7]).replace(b"xx", b"\xff\xfe"),
    "none for a text": msgpack.packb([109, None, 7]),
    "extension": msgpack.packb([109, "account-1", msgpack.ExtType(5, b"x")]),
    "timestamp": msgpack.packb([109, "account-1", msgpack.Timestamp(1)]),
    "map with integer keys": msgpack.packb([109, {1: 2}, 7]),
    "array that claims 4 G items": b"\xdd\xff\xff\xff\xff",
    "text that claims 4 GB": b"\x92\x6d\xdb\xff\xff\xff\xff",
    "too many items": msgpack.packb([5, *([0] * (ITEMS_MAX + 1))]),
    "too long": bytes(FRAME_BYTES_MAX + 1),
}


@pytest.mark.parametrize("frame", REFUSED.values(), ids=REFUSED)
def test_refused(frame: bytes) -> None:
    """What is not exactly a message of ours is BadFrame, with words that say why."""
    with pytest.raises(BadFrame, match=r".{10}"):
        decode_untrusted(frame)


def test_longest_frame_passes() -> None:
    """Columns that fill a frame to its last byte are taken; one byte more is refused by its length, unread."""
    whole = encode(Ticks(0, [], b"x" * 5_522, b"x" * 60_000, b"", b""))
    assert len(whole) == FRAME_BYTES_MAX
    assert isinstance(decode_untrusted(whole), Ticks)
    with pytest.raises(BadFrame, match="65537 bytes; the limit is 65536"):
        decode_untrusted(whole + b"\0")


@pytest.mark.parametrize("count", [0, 3])
def test_frame_count(count: int) -> None:
    """A message has a header frame and at most one body."""
    with pytest.raises(BadFrame, match="1 to 2 are allowed"):
        check_frames([b"x"] * count)
    check_frames([b"x"])
    check_frames([b"x", b"y"])


def test_record_round_trip() -> None:
    """A stored record has no tag and comes back as its type."""
    row = Row(3, ["a", "b"])
    assert decode_record_untrusted(encode(row), Row) == row


@pytest.mark.parametrize("frame", [b"", encode(PING), msgpack.packb([1, ["a"], 2])[:-1]], ids=["empty", "message", "cut"])
def test_damaged_record(frame: bytes) -> None:
    """A record that is not of its type is BadFrame as well."""
    with pytest.raises(BadFrame):
        decode_record_untrusted(frame, Row)


def test_long_answers_only_where_asked_for() -> None:
    """More than a frame's limit passes only when the caller allows it."""
    raw = encode(TerminalReply(1, b"x" * 200_000, 0, "", 0, 0, 0))
    with pytest.raises(BadFrame, match="the limit is 65536"):
        decode_untrusted(raw)
    assert len(decode_record_untrusted(raw, TerminalReply, bytes_max=2_100_000).value) == 200_000


def test_equal_messages_have_equal_bytes() -> None:
    """Encoding does not depend on where a message came from: its own bytes come out again."""
    raw = encode(Pong("router-1", "", 2**63 - 1))
    assert encode(decode_untrusted(raw)) == raw


@pytest.mark.parametrize("count", [0, 1, 3, 200])
def test_an_order_for_each_of_its_targets(count: int) -> None:
    """Packed together, the headers of a fan-out are the bytes of the same headers packed one by one."""
    targets = [Target(f"account-{k}", k, "EURUSD", 10**k % 10**15, bytes([k % 256]) * 16, k % 2, b"mac") for k in range(count)]
    order = Order(2**40, 70_000, b"o" * 16, targets, 2**62)
    fan_out = FanOut("locals", list(range(count)), order, b"body")
    singly = fan_out.sends()
    assert encode_each(order) == [encode(send.message) for send in singly]
    assert [(send.peer, send.message.targets) for send in singly] == [(k, [target]) for k, target in enumerate(targets)]


def test_packing_goes_on_after_what_cannot_be_packed() -> None:
    """A message that cannot be packed leaves nothing behind in the next one."""
    whole = encode(Pong("router-1", "", 1))
    with pytest.raises(OverflowError):
        encode(Pong("router-1", "", 2**70))
    assert encode(Pong("router-1", "", 1)) == whole
