"""Stores against what others keep of them: is the audit here the one that its node told, and as long as it was?

A head that others keep was durable in its node's store before it was told. So a store that has another record there, or none, was rewritten
or put back, whatever it proves of itself.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from mesh.audit import HEAD
from mesh.codec import decode_record_untrusted
from mesh.errors import BadConfig, BadFrame, StoreFailed
from mesh.io import auditwalk
from mesh.io.auditwalk import Chain
from mesh.io.storelayout import damaged
from mesh.messages.heads import AuditHead


class KeptHead(msgspec.Struct, frozen=True):
    """A head, who keeps it, and since when."""

    keeper: str
    kept_ns: int
    head: AuditHead


class Compared(msgspec.Struct):
    """One store against all heads of it. ``agreed_seq``: up to which record it is as others keep it; ``bad``: the first that is not."""

    mesh: str
    agreed_seq: int = 0
    agreed_count: int = 0
    bad: KeptHead | None = None
    why: str = ""
    bad_count: int = 0


def kept_heads(path: Path, since_ns: int = 0) -> Iterator[KeptHead]:
    """The heads of others that a store keeps, oldest first. Raises BadConfig, StoreFailed."""
    for row in auditwalk.records(path, since_ns, HEAD):
        try:
            head = decode_record_untrusted(row.record, AuditHead)
        except BadFrame as error:
            raise damaged(path, f"record {row.seq} is no head: {error}") from None
        yield KeptHead(path.stem, row.wall_ns, head)


class Comparison:
    """Stores of one host, opened as heads of them come up."""

    def __init__(self, stores: dict[str, Path]) -> None:
        self._stores = stores
        self._chains: dict[str, Chain | None] = {}
        self.found: dict[str, Compared] = {}
        """By node."""
        self.heard: set[str] = set()
        """Of whom there were heads, whether their stores are here or not."""

    def hear(self, kept: KeptHead) -> bool:
        """Hold a head against the store of its node; False where that is not here, or cannot be opened."""
        name = kept.head.node
        self.heard.add(name)
        if name not in self._chains:
            self._chains[name] = self._opened(name)
        chain = self._chains[name]
        if chain is None:
            return False
        compared = self.found.setdefault(name, Compared(chain.genesis.mesh))
        why = _disagreement(chain, kept.head)
        if not why:
            compared.agreed_seq = max(compared.agreed_seq, kept.head.seq)
            compared.agreed_count += 1
            return True
        compared.bad_count += 1
        if compared.bad is None or (kept.head.seq, kept.kept_ns) < (compared.bad.head.seq, compared.bad.kept_ns):
            compared.bad, compared.why = kept, why
        return True

    def _opened(self, name: str) -> Chain | None:
        path = self._stores.get(name)
        try:
            return Chain(path) if path is not None else None
        except (BadConfig, StoreFailed):
            return None  # it is told as bad by itself

    def close(self) -> None:
        """Let all files go."""
        for chain in self._chains.values():
            if chain is not None:
                chain.close()


def _disagreement(chain: Chain, head: AuditHead) -> str:
    """Why a store cannot be the one that told a head; empty where it can."""
    store_id = chain.genesis.store_id
    if head.store_id != store_id:
        return f"it was of store {head.store_id.hex()}, here is store {store_id.hex()}: begun anew, or made up"
    here = chain.hash_at(head.seq)
    if here is None:
        return f"here the audit ends with record {chain.end_seq()}: later ones were cut off, or an older store was put there"
    if here != head.hash:
        return f"here record {head.seq} has {here.hex()[:16]}…: it or one before it was rewritten"
    return ""
