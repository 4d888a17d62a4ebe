"""Processes that a bench starts, asks line by line, and ends by closing their input."""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from mesh.io.clock import monotonic_ns

END_S = 10.0
PHASES = ("STARTING", "SETTLING", "READY", "DRAINING", "LATCHED", "WAITING")
"""How a line ends by which a node says that it has come to another phase."""


class Asked:
    """One process: it says lines, some of them in answer to lines. ``who``: as people read it."""

    def __init__(self, who: str, process: "subprocess.Popen[str]", said: Path) -> None:
        self.who = who
        self.process = process
        self._said = said

    def await_lines(self, wanted: set[str]) -> dict[str, int]:
        """Wait until it has said all of these; when each was read. Raises RuntimeError where it ends before."""
        said_ns: dict[str, int] = {}
        while said_ns.keys() < wanted:
            line = self._line()
            if line in wanted:
                said_ns.setdefault(line, monotonic_ns())
        return said_ns

    def say(self, words: str) -> None:
        """A line to it; the answer is waited for elsewhere, so that several may be at work."""
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def ask(self, words: str) -> str:
        """The answer to a line. Raises RuntimeError where it ends before."""
        self.say(words)
        return self.answer()

    def answer(self) -> str:
        """The next line that is no word about a node's phase."""
        while True:
            line = self._line()
            if not line.endswith(PHASES):
                return line

    def end(self) -> None:
        """Close its input; kill it where that does not end it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            self.process.wait(END_S)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            return line.strip()
        words = self._said.read_text("utf-8", errors="replace").strip()[-2_000:]
        raise RuntimeError(f"{self.who}: the process ended with {self.process.wait()}: {words or 'it said nothing'}")


class Processes:
    """Those of one bench, in a folder of their own that goes with them."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.folder = Path()
        self._count = 0

    def open(self) -> None:
        """Make the folder."""
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))

    def start(self, who: str, module: str, *words: str) -> Asked:
        """Start ``python -m module words``; what it says on stderr is told if it ends too early."""
        self._count += 1
        said = self.folder / f"said-{self._count}.txt"
        log = self._stack.enter_context(said.open("w"))
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1
        )
        asked = Asked(who, process, said)
        self._stack.callback(asked.end)
        return asked

    def close(self) -> None:
        """End all, the last one first."""
        self._stack.close()
