"""How every order of an account that has ended did so, for ever: in 34 bytes each, and its number, code and lots at hand."""

import struct
from collections.abc import Iterator

from mesh.digesttable import DigestTable
from mesh.messages.base import Count, Msg


class KnownRecord(Msg):
    """Where an ended order's outcome is, whether the order did anything, and what of its end is known for ever: code and lots."""

    f: Count
    is_executed: bool = True
    code: str = ""
    """Empty in rows of older versions: then FILLED or SUPERSEDED, by whether it did anything."""
    volume_e8: Count = 0


_PACKED = struct.Struct("<QQ?B")
"""Number, lots, whether it did anything, and which of the codes."""


class KnownEnds:
    """oid → ``KnownRecord``."""

    __slots__ = ("_codes", "_table")

    def __init__(self) -> None:
        self._table = DigestTable(_PACKED.size)
        self._codes: list[str] = []
        """Codes in the order in which they came: there are some ten."""

    def get(self, oid: bytes) -> KnownRecord | None:
        """How an order ended; None where it has not."""
        packed = self._table.get(oid)
        return self._unpacked(packed) if packed is not None else None

    def put(self, oid: bytes, known: KnownRecord) -> None:
        """An order has ended, or has ended otherwise."""
        if known.code not in self._codes:
            self._codes.append(known.code)
        self._table.put(oid, _PACKED.pack(known.f, known.volume_e8, known.is_executed, self._codes.index(known.code)))

    def items(self) -> Iterator[tuple[bytes, KnownRecord]]:
        """Every order, in an order that says nothing."""
        for oid, packed in self._table.items():
            yield oid, self._unpacked(packed)

    def _unpacked(self, packed: bytes) -> KnownRecord:
        f, volume_e8, is_executed, number = _PACKED.unpack(packed)
        return KnownRecord(f, is_executed, self._codes[number], volume_e8)
