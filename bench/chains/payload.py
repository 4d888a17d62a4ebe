"""The message that every chain of peers carries: a checksum of the rest, its number, when it was due, and padding.

CRC32 (4 bytes), number (8), due time in monotonic ns (8), little endian; then padding that is always the same.
"""

import struct
from collections.abc import Callable
from zlib import crc32

BYTES = 256
_CRC = struct.Struct("<I")
_NUMBERS = struct.Struct("<qq")
_HEAD = struct.Struct("<Iqq")
BYTES_MIN = _HEAD.size


def maker(size_bytes: int) -> Callable[[int, int], bytes]:
    """What makes messages of this size from (number, due in ns). Raises ValueError where they do not fit."""
    if size_bytes < BYTES_MIN:
        raise ValueError(f"a payload of {size_bytes} bytes; {BYTES_MIN} are the least: checksum, number and due time")
    padding = bytes(index * 37 % 256 for index in range(size_bytes - BYTES_MIN))

    def make(number: int, due_ns: int) -> bytes:
        rest = _NUMBERS.pack(number, due_ns) + padding
        return _CRC.pack(crc32(rest)) + rest

    return make


def read(message: bytes) -> tuple[int, int] | None:
    """The (number, due in ns) of a message; None for one that is damaged."""
    if len(message) < BYTES_MIN:
        return None
    crc, number, due_ns = _HEAD.unpack_from(message)
    return (number, due_ns) if crc == crc32(memoryview(message)[_CRC.size :]) else None
