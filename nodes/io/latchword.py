"""The latch word: one number in shared memory that a local sets and its worker compares directly before ``order_send``.

It counts changes of the stops that bind the account: a call handed over under another count comes back unsent. A file that both map,
so that it works between processes on every system; what it holds is not durable and need not be: a worker lives with its local.
"""

import mmap
import struct
from pathlib import Path

_WORD = struct.Struct("<Q")


class LatchWord:
    """The word in ``path``, made where it is not there."""

    def __init__(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size < _WORD.size:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(_WORD.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _WORD.size)

    def get(self) -> int:
        """The count now."""
        return int(_WORD.unpack_from(self._memory)[0])

    def set(self, count: int) -> None:
        """Set the count; seen by the worker at once."""
        _WORD.pack_into(self._memory, 0, count)

    def close(self) -> None:
        """Unmap it."""
        self._memory.close()
