"""A store that keeps nothing: what the path of an order costs without a disk in it."""

from collections.abc import Iterable
from pathlib import Path

from mesh.core import Put
from mesh.counters import Counters
from mesh.io.store import Store


class VolatileStore(Store):
    """Says that everything is durable, and forgets it. For measurements alone: nothing survives the process."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.db"
        self.counters = Counters()
        self._store_id = name.encode().ljust(16)[:16]

    @property
    def store_id(self) -> bytes:
        """Of the name."""
        return self._store_id

    def load(self) -> list[tuple[str, bytes, bytes]]:
        """Nothing."""
        return []

    def fetch(self, kind: str, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Nothing."""
        return []

    def commit(self, puts: Iterable[Put]) -> None:
        """Counted."""
        self.counters.add("commit_count")

    def tend(self, is_quiet: bool) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
