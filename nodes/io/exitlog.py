"""How processes ended by themselves: supervisord tells it in its log alone, because a process it starts again is a new one."""

import re
from collections.abc import Container
from pathlib import Path

import msgspec

_EXITED = re.compile(r" exited: (\S+) \((.+); (?:not )?expected\)$")


class Exit(msgspec.Struct, frozen=True):
    """One end of a process. ``how``: ``exit status 1``, ``terminated by SIGSEGV`` …"""

    process: str
    how: str

    @property
    def exit_code(self) -> int | None:
        """None where a signal ended it."""
        word, _, code = self.how.rpartition(" ")
        return int(code) if word == "exit status" and code.isdecimal() else None


TAIL_BYTES = 65_536


def last_exit(path: Path, process: str) -> Exit | None:
    """How a process ended last, as far as the end of the log tells; None where it does not."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    ends = (match for line in reversed(lines) if (match := _EXITED.search(line)) and match[1] == process)
    return next((Exit(match[1], match[2]) for match in ends), None)


class ExitLog:
    """supervisord's log, read on from where this object was made: what is older belongs to another run. ``processes``: whose ends
    count; None: everybody's.
    """

    def __init__(self, path: Path, processes: Container[str] | None = None) -> None:
        self._path = path
        self._processes = processes
        self._read_bytes = path.stat().st_size if path.exists() else 0

    def news(self) -> list[Exit]:
        """Ends since this was asked last; nothing where the log cannot be read."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._read_bytes:
                    self._read_bytes = 0  # a new file: the old one was full
                file.seek(self._read_bytes)
                whole, _, _ = file.read().rpartition(b"\n")
        except OSError:
            return []
        if not whole:
            return []
        self._read_bytes += len(whole) + 1
        matches = (_EXITED.search(line) for line in whole.decode("utf-8", "replace").splitlines())
        ends = [Exit(match[1], match[2]) for match in matches if match]
        return ends if self._processes is None else [end for end in ends if end.process in self._processes]
