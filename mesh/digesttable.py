"""Many 16-byte digests, each with a few bytes, and no object for any of them: what has to be known for ever, a dict of bytes would
keep in 150 bytes and more apiece.

Digests are hashes: their last bytes spread them over shards, in which one is found by a search through the bytes (half a microsecond; a
thousand shards of a thousand each are a million).
"""

from collections.abc import Iterator

DIGEST_BYTES = 16
_SHARDS_COUNT = 1_024
_HIGH_BITS = 3
"""Of the last byte but one, beside all of the last: ten bits."""
_EMPTY = bytearray()
"""Where what is no digest is looked for."""


class DigestTable:
    """Digest → ``value_bytes`` bytes; without any it is a set."""

    __slots__ = ("_count", "_shards", "_stride")

    def __init__(self, value_bytes: int = 0) -> None:
        self._stride = DIGEST_BYTES + value_bytes
        self._shards = [bytearray() for _ in range(_SHARDS_COUNT)]
        self._count = 0

    def __len__(self) -> int:
        """How many digests there are."""
        return self._count

    def __contains__(self, digest: bytes) -> bool:
        """Whether a digest is there; what has not the length of one is not."""
        return self._at(self._shard(digest), digest) >= 0

    def get(self, digest: bytes) -> bytes | None:
        """What was put with a digest last; None where it is not there."""
        shard = self._shard(digest)
        at = self._at(shard, digest)
        return bytes(shard[at + DIGEST_BYTES : at + self._stride]) if at >= 0 else None

    def put(self, digest: bytes, value: bytes = b"") -> None:
        """Keep a digest with its bytes, in place of those it had."""
        assert len(digest) + len(value) == self._stride, f"{len(digest)} and {len(value)} bytes, {self._stride} together are one entry"
        shard = self._shard(digest)
        at = self._at(shard, digest)
        if at >= 0:
            shard[at + DIGEST_BYTES : at + self._stride] = value
        else:
            shard += digest + value
            self._count += 1

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every digest with its bytes, in an order that says nothing."""
        for shard in self._shards:
            for at in range(0, len(shard), self._stride):
                yield bytes(shard[at : at + DIGEST_BYTES]), bytes(shard[at + DIGEST_BYTES : at + self._stride])

    def _shard(self, digest: bytes) -> bytearray:
        return self._shards[digest[-1] | (digest[-2] & _HIGH_BITS) << 8] if len(digest) == DIGEST_BYTES else _EMPTY

    def _at(self, shard: bytearray, digest: bytes) -> int:
        """Where in its shard a digest begins; -1 where it is not there."""
        at = shard.find(digest) if shard else -1
        while at > 0 and at % self._stride:  # the same bytes by chance, across entries or in a value
            at = shard.find(digest, at + 1)
        return at
