"""Bytes to messages and back; the only door through which bytes of others come in.

On the wire a message is plain MessagePack, ``[tag, field, …]``: packed by ``msgpack``, unpacked by it with hard limits, then
checked against its type by ``msgspec`` before anything else sees it. The envelope keeps the raw bytes, because a stop is
known by the hash of what arrived.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgpack
import msgspec

from mesh.errors import BadFrame, UnknownMessage
from mesh.messages import MESSAGE_TYPES
from mesh.messages.base import Msg
from mesh.messages.orders import Order

FRAME_BYTES_MAX = 65_536
"""A longer frame is refused unread: MAXMSGSIZE of every socket says the same, but for ``mesh.io.sockets.FRAME_BYTES_OF``."""
ITEMS_MAX = 8_192
"""Elements of one array or map."""
RECORD_BYTES_MAX = 16 * 2**20
"""The longest row of a store: a decision for thousands of accounts."""
FRAME_COUNT_MAX = 2
"""A header, and at most one body."""
SHORT_BYTES, ROOM_ITEMS = 512, 131_072
"""msgpack makes room for as many elements as an array says it has, before it has seen one: 3 KB of arrays in arrays would take 64 MB and
60 ms. What is longer than ``SHORT_BYTES``, and may ask for room for more elements than this (1 MB), is looked through first.
"""

_T = TypeVar("_T")
_pack = msgpack.Packer(use_bin_type=True).pack
"""One packer for all: it begins anew with each call, also after one that failed, and keeps the longest buffer it ever needed."""
_TYPE_OF_TAG: dict[object, type[Msg]] = {kind.__struct_config__.tag: kind for kind in MESSAGE_TYPES}


def encode(message: Msg) -> bytes:
    """The MessagePack bytes of a message."""
    return bytes(_pack(msgspec.to_builtins(message, builtin_types=(bytes,))))


def encode_each(order: Order) -> list[bytes]:
    """For each target of an order, in their order, the bytes of that order with this target alone; what they share is packed once."""
    tag, e, n, oid, targets, stamp_router_ns = msgspec.to_builtins(order, builtin_types=(bytes,))
    before = b"\x96" + _pack(tag) + _pack(e) + _pack(n) + _pack(oid) + b"\x91"  # an array of six, in it an array of one
    after = _pack(stamp_router_ns)
    return [before + _pack(target) + after for target in targets]


def _refuse_extension(code: int, _data: bytes) -> Any:
    raise ValueError(f"extension type {code} is not part of the protocol")


def _look_through(frame: bytes, length_bytes: int) -> None:
    """Raises unless all elements that are announced are there, and with them no more than ``length_bytes``; nothing is made of them."""
    skimmed = msgpack.Unpacker(max_buffer_size=length_bytes)
    skimmed.feed(frame)
    skimmed.skip()


def _unpack(frame: bytes, bytes_max: int = FRAME_BYTES_MAX) -> Any:
    length_bytes = len(frame)
    if length_bytes > bytes_max:
        raise BadFrame(f"frame of {length_bytes} bytes; the limit is {bytes_max}")
    items_max = length_bytes if length_bytes < ITEMS_MAX else ITEMS_MAX  # an element takes a byte at least
    try:
        # an array of more than 15 elements begins with one of these bytes
        if length_bytes > SHORT_BYTES and (frame.count(b"\xdc") + frame.count(b"\xdd")) * items_max > ROOM_ITEMS:
            _look_through(frame, length_bytes)
        return msgpack.unpackb(
            frame,
            raw=False,
            strict_map_key=True,
            ext_hook=_refuse_extension,
            max_str_len=bytes_max,
            max_bin_len=bytes_max,
            max_array_len=items_max,
            max_map_len=ITEMS_MAX,
            max_ext_len=0,
        )
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError) as error:
        raise BadFrame(f"not MessagePack of ours: {type(error).__name__}: {error}") from None


def decode_untrusted(frame: bytes, bytes_max: int = FRAME_BYTES_MAX) -> Msg:
    """The message in one frame. Raises BadFrame, whatever the bytes are, and nothing else.

    ``bytes_max``: more than a frame's limit only on a pipe between two processes of one node.
    """
    plain = _unpack(frame, bytes_max)
    # The type by its tag, from our own table: convert() to a union of all types costs 28 us, to one type 0.5 us.
    if type(plain) is not list or not plain or type(plain[0]) is not int:
        raise BadFrame("not a message of ours: an array that begins with its integer tag is expected")
    kind = _TYPE_OF_TAG.get(plain[0])
    if kind is None:
        raise UnknownMessage(f"not a message of ours: tag {plain[0]} is unknown")
    return _convert(plain, kind)


def decode_record_untrusted(frame: bytes, kind: type[_T], bytes_max: int = FRAME_BYTES_MAX) -> _T:
    """The ``kind`` (any struct type) in one frame or stored record. Raises BadFrame and nothing else.

    ``bytes_max``: more than a frame's limit only for what we asked for or wrote ourselves (the terminal's history, our own store).
    """
    return _convert(_unpack(frame, bytes_max), kind)


def _convert(plain: Any, kind: type[_T]) -> _T:
    try:
        return msgspec.convert(plain, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, OverflowError, RecursionError, UnicodeError) as error:
        raise BadFrame(f"not a message of ours: {error}") from None


def check_frames(frames: Sequence[bytes]) -> None:
    """Raises BadFrame unless there are one or two frames."""
    if not 1 <= len(frames) <= FRAME_COUNT_MAX:
        raise BadFrame(f"{len(frames)} frames; 1 to {FRAME_COUNT_MAX} are allowed")
