"""The thread that writes a node's log, so that a disk which is slow, full or gone costs the trading loop nothing.

The loop hands whole lines over and goes on. What waits is bounded in bytes: more is refused, and the loop counts it. The file is turned at
``FILE_BYTES_MAX``, the newest two of before are kept as ``.1`` and ``.2``. A file that cannot be turned (on Windows somebody may be
reading it) goes on up to twice that.
"""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

FILE_BYTES_MAX = 10_000_000
FILES_MAX = 3
WAITING_BYTES_MAX = 4_000_000
"""Lines that wait for their disk; about twenty thousand."""
CLOSE_S = 1.0
"""A node that ends waits so long for its last lines to be taken."""


class LogWriter:
    """One file and the thread that alone touches it. Raises OSError where the file cannot be opened at the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size_bytes = path.stat().st_size
        self._is_torn = False
        """The file ends in half a line."""
        self._parts: SimpleQueue[bytes | threading.Event | None] = SimpleQueue()
        self._handed_bytes = 0
        """Counted by who hands over; the three below by the thread alone: nobody needs a lock."""
        self._done_bytes = 0
        self.lost_count = 0
        """Lines that the disk has not taken, so far."""
        self.is_well = True
        """Whether the last write went well."""
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, whole: bytes) -> bool:
        """Hand over whole lines, never waiting; False where too much waits already: they are dropped."""
        if self._handed_bytes - self._done_bytes + len(whole) > WAITING_BYTES_MAX:
            return False
        self._handed_bytes += len(whole)
        self._parts.put(whole)
        return True

    def drain(self, limit_s: float) -> bool:
        """Wait until all that was handed over is written or lost; False where that takes longer."""
        done = threading.Event()
        self._parts.put(done)
        return done.wait(limit_s)

    def close(self) -> None:
        """Let the last lines be written, for ``CLOSE_S`` at most; a thread that a disk holds ends with the process."""
        self._parts.put(None)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        if sys.platform == "linux":
            # the loop's class may be fifo or rr, which a log needs least of all; where a sandbox forbids the call it keeps that class
            with suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        while (part := self._parts.get()) is not None:
            if isinstance(part, threading.Event):
                part.set()
                continue
            self._write(part)
            self._done_bytes += len(part)
        self._file.close()

    def _write(self, whole: bytes) -> None:
        """Take lines to the disk; those that it has not taken whole are counted."""
        left = memoryview(b"\n" + whole if self._is_torn else whole)
        try:
            if self._file.closed or self._size_bytes + len(left) > FILE_BYTES_MAX:
                self._turn()
            if self._size_bytes + len(left) > 2 * FILE_BYTES_MAX:
                raise OSError("it cannot be turned and is twice as long as it may be")
            while left:
                taken_bytes = self._file.write(left) or 0  # None: of a descriptor that would block, which a file never is
                self._size_bytes += taken_bytes
                self._is_torn = left[taken_bytes - 1] != ord("\n") if taken_bytes else self._is_torn
                left = left[taken_bytes:]
        except OSError:
            self.lost_count += min(whole.count(b"\n"), bytes(left).count(b"\n"))
            self.is_well = False
        else:
            self.is_well = True

    def _turn(self) -> None:
        """Begin a new file; where the old ones cannot be renamed it goes on in the same one. Raises OSError where there is none then."""
        self._file.close()
        with suppress(OSError):
            for number in range(FILES_MAX - 1, 0, -1):
                older = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
                if older.exists():
                    older.replace(self._path.with_name(f"{self._path.name}.{number}"))
        self._file = self._path.open("ab", buffering=0)  # where this fails it is closed, and tried again at the next lines
        self._size_bytes = self._path.stat().st_size
