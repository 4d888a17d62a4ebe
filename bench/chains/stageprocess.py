"""The bench's side of one process of a chain: asked over its input and output, each answer awaited so long and no longer."""

import os
import select
import subprocess
import sys
import tempfile
import time

from bench.chains.place import Place
from bench.machine import ROOT

END_S = 2.0
"""A stage ends with its input; what does not is killed."""
SAID_CHARACTERS = 1_000
_READ_BYTES = 65_536


class StageProcess:
    """Started by its making. ``who``: what errors call it."""

    def __init__(self, place: Place) -> None:
        role = "source" if place.is_source else "sink" if place.is_sink else f"relay {place.index}"
        self.who = f"{place.variant}, {role}"
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.chains.stage", *place.words()],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is the bench's; it ends its stages
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._pending = b""

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def fileno(self) -> int:
        """Readable when it has said something, or ended."""
        return self._output.fileno()

    def tell(self, line: str) -> None:
        """One line. Raises RuntimeError where the process has ended."""
        try:
            self._input.write(f"{line}\n".encode())
        except BrokenPipeError:
            raise self._failure(f"ended before {line!r} could be said") from None

    def answer(self, name: str, patience_s: float) -> list[str]:
        """The words after ``name`` of the next line, which begins with it. Raises RuntimeError where none comes, with its last words."""
        give_up_s = time.monotonic() + patience_s
        while b"\n" not in self._pending:
            self._read(name, give_up_s)
        line, _, self._pending = self._pending.partition(b"\n")
        found, *words = line.decode().split()
        if found != name:
            raise self._failure(f"said {line.decode()!r}, not {name!r}")
        return words

    def raw(self, count_bytes: int, patience_s: float) -> bytes:
        """So many bytes that follow an answer. Raises RuntimeError where they do not come."""
        give_up_s = time.monotonic() + patience_s
        while len(self._pending) < count_bytes:
            self._read(f"{count_bytes} bytes", give_up_s)
        found, self._pending = self._pending[:count_bytes], self._pending[count_bytes:]
        return found

    def end(self) -> None:
        """The process is gone after this."""
        self._input.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        self._said.close()

    def _read(self, wanted: str, give_up_s: float) -> None:
        if not select.select([self], [], [], max(0.0, give_up_s - time.monotonic()))[0]:
            raise self._failure(f"did not say {wanted!r} in time")
        chunk = os.read(self.fileno(), _READ_BYTES)
        if not chunk:
            raise self._failure(f"ended before it said {wanted!r}")
        self._pending += chunk

    def _failure(self, what: str) -> RuntimeError:
        self._said.seek(0)
        said = self._said.read().decode("utf-8", errors="replace").strip()[-SAID_CHARACTERS:]
        return RuntimeError(f"{self.who} {what}: {said or 'it said nothing'}")
