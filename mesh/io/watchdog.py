"""A thread that ends the process when its loop no longer turns: a hung node must not look alive (exit 71)."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

STALLED = 71
CHECK_S = 0.5
TELL_S = 0.5
"""Its last words may take so long. Their pipe may be full and unread, where who reads it hangs as well: it ends all the same."""


class Watchdog:
    """Ends the process once ``beat`` has not changed for ``limit_s``.

    It counts its own checks instead of reading a clock: while the whole process is stopped or the machine sleeps neither
    side moves.
    """

    def __init__(self, beat: Callable[[], int], what: str, limit_s: float) -> None:
        self._beat = beat
        self._what = what
        self._limit_s = limit_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        last, silent_s = -1, 0.0
        while not self._ended.wait(CHECK_S):
            beat = self._beat()
            silent_s = 0.0 if beat != last else silent_s + CHECK_S
            last = beat
            if silent_s >= self._limit_s:
                telling = threading.Thread(target=self._tell, name="last-words", daemon=True)
                with suppress(RuntimeError):  # no thread to be had: it ends without a word
                    telling.start()
                    telling.join(TELL_S)
                os._exit(STALLED)

    def _tell(self) -> None:
        # in a thread of its own: making the descriptor non-blocking would make it so for whoever else has it, a shell's terminal too
        with suppress(OSError):
            os.write(2, f"mesh: the loop of {self._what} stood still for {self._limit_s:g} s; ended by its watchdog\n".encode())
