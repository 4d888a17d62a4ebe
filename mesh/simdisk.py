"""The store of one node of a simulated mesh: what is durable, what is on its way there, and how it fails."""

from bisect import bisect_right

import msgspec

from mesh.core import COMMIT_LATER_NS, Commit, Put
from mesh.units import NEVER, US_NS

COMMIT_NS = 120 * US_NS
Rows = dict[tuple[str, bytes], bytes]


class Unwritten(msgspec.Struct, gc=False):
    """A commit on its way: ``due_ns`` is when it is durable, never before the one asked for ahead of it."""

    due_ns: int
    puts: tuple[Put, ...]


class Disk:
    """``rows``: the store as it is durable. Commits become durable in order and whole; a crash loses the last of them."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.pruned: Rows = {}
        """Rows that were let go because they were old: for who looks from outside."""
        self.replaced: Rows = {}
        """What stood in rows before what stands there now: likewise."""
        self.unwritten: list[Unwritten] = []
        self.commit_ns = COMMIT_NS
        """How long a commit takes that somebody waits for."""
        self.is_failing = False
        """Commits fail: it is full, or broken."""

    def ask(self, commit: Commit, now_ns: int, durable_ns: int = 0) -> None:
        """Have rows written: by ``durable_ns`` with all before them, or later where nobody waits."""
        if commit.token:
            due_ns = durable_ns or now_ns + self.commit_ns
            for waiting in self.unwritten:
                waiting.due_ns = min(waiting.due_ns, due_ns)
        else:
            due_ns = now_ns + COMMIT_LATER_NS
            if self.unwritten:
                due_ns = max(due_ns, self.unwritten[-1].due_ns)
        self.unwritten.append(Unwritten(due_ns, commit.puts))

    def write(self, until_ns: int = NEVER) -> None:
        """Write what is durable by then."""
        if self.unwritten and self.unwritten[0].due_ns <= until_ns:
            self._write(bisect_right(self.unwritten, until_ns, key=lambda waiting: waiting.due_ns))

    def _write(self, count: int) -> None:
        rows = self.rows
        for waiting in self.unwritten[:count]:
            for put in waiting.puts:
                key = put.kind, put.key
                if put.record is None:
                    rows.pop(key, None)
                    continue
                if key in rows:
                    self.replaced[key] = rows[key]
                rows[key] = put.record
        del self.unwritten[:count]

    def prune(self, old: Rows) -> int:
        """Let go of rows that are as they were when they became old; how many."""
        gone = {key: record for key, record in old.items() if self.rows.get(key) == record}
        for key in gone:
            del self.rows[key]
        self.pruned |= gone
        return len(gone)

    def crash(self, now_ns: int, luck: int) -> None:
        """The node is gone: what was due is there, ``luck`` more commits had reached the disk all the same, the rest is lost."""
        self.write(now_ns)
        self._write(luck)
        self.unwritten.clear()

    def sorted_rows(self) -> list[tuple[str, bytes, bytes]]:
        """Rows (kind, key, record) a node takes at its start: all but its archives, whose kinds begin with ``_``."""
        return [(kind, key, record) for (kind, key), record in sorted(self.rows.items()) if not kind.startswith("_")]

    def fetch(self, kind: str, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """The first rows of a kind whose key begins with ``prefix``, by key."""
        found = sorted((key, record) for (of, key), record in self.rows.items() if of == kind and key.startswith(prefix))
        return found[:limit]
