"""Acked outcomes for a master that has forgotten them: read out of the archive block after block, then told again like any other.

What was pruned there is made of what is known of it for ever. The trading loop goes on between two blocks, and a block costs the same
however many there are.
"""

from mesh.codec import decode_record_untrusted
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import Outcome
from nodes.fetches import Rows
from nodes.local.reports import Reports, key_of

BLOCK_COUNT = 256
"""Outcomes that share a prefix, and come with one fetch."""
PREFIX_BYTES = 7
"""Of an archive's 8-byte key."""


class Revival:
    """All that was acked above ``master_f``, the last number the master holds."""

    def __init__(self, reports: Reports, master_f: int) -> None:
        self.master_f = master_f
        self._reports = reports
        self._oids = reports.ended_above(master_f)
        self._block = range(master_f + 1, master_f + 1)
        """Numbers of the block that is being read."""
        self._outcomes: dict[int, Outcome] = {}

    def next_prefix(self) -> bytes:
        """Of the keys of the next block; empty once all blocks were read."""
        first, acked_f = self._block.stop, self._reports.acked_f
        if first > acked_f:
            return b""
        # what is acked while it is being read may not be among its rows: that is of the next block
        self._block = range(first, min(first | BLOCK_COUNT - 1, acked_f) + 1)
        return key_of(first)[:PREFIX_BYTES]

    def take(self, rows: Rows) -> None:
        """What the archive has of the block."""
        found = {outcome.f: outcome for outcome in (decode_record_untrusted(record, Outcome) for _, record in rows)}
        for f in self._block:
            self._outcomes[f] = found.get(f) or self._reports.pruned(f, self._oids.get(f, NO_OID))

    def finish(self) -> None:
        """All blocks were read: they are pending again."""
        self._reports.revive(self._outcomes, self.master_f)
