"""A process of a node's own, in which a terminal is called: started, watched, killed where it does not answer, started again.

MetaTrader's package holds the interpreter's lock during every call and has no time-out, so it lives in a process of its own, behind a
pipe. There is no queue: one question at a time. The process dies with its node (parent-death signal, end of the pipe). What it is told and
nobody else may see comes first in that pipe; its environment has no passphrase.
"""

import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mesh.config import Config, parse_effective
from mesh.errors import BadFrame, MeshError
from mesh.io.clock import monotonic_ns
from mesh.messages.base import Msg
from mesh.messages.feed import FeedLost
from mesh.messages.venue import VenueLost
from mesh.units import MS_NS, SECOND_NS
from nodes.io.childend import start_with_end
from nodes.io.lifeline import die_with_parent
from nodes.io.pipe import Pipe
from nodes.io.secret import Secret, hand_over, taken_over
from nodes.io.venuelimits import cut

RESTART_NS = 200 * MS_NS
RESTART_NS_MAX = 5 * SECOND_NS
STEADY_NS = 10 * SECOND_NS
"""A process that lived this long is started again at once when it dies."""
CLOSE_S = 2.0
SEND_BYTES = 1 << 20

Lost = type[VenueLost] | type[FeedLost]
"""How its loss is told: a message with a ``reason``."""


class ChildProcess:
    """The node's end. Looks after the process in ``receive``, called at each poll of the loop at least.

    ``name``: what people call it. ``words``: its module, and its arguments after the settings, which are written to ``run``. ``secret``
    gives what it is told at each start. Raises OSError where the settings cannot be written.
    """

    def __init__(
        self, name: str, words: Sequence[str], config: Config, settings: Path, lost: Lost, secret: Callable[[], Secret] | None = None
    ) -> None:
        from nodes.io.secretkeys import child_environment  # the process itself, which imports this too, has no use for keys

        self._name = name
        self._secret = secret
        self._environment = child_environment()
        effective = config.effective()
        if not settings.exists() or settings.read_bytes() != effective:  # the next start on a full disk finds it written
            settings.parent.mkdir(parents=True, exist_ok=True)
            settings.write_bytes(effective)
        module, *arguments = words
        self._command = [sys.executable, "-m", module, str(settings), *arguments]
        self._lost = lost
        self._pipe: Pipe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._broken = ""
        """Why nothing more can be sent to it, until ``receive`` has ended it."""
        self._asked = ""
        """The question that is not answered, as people read it; empty: there is none."""
        self._asked_ns = 0
        self._limit_ms = 0
        self._said = ""
        """Why it has lost its terminal, in its own words, where it said so last and was asked nothing since."""
        self._why = f"{name} does not run yet"
        """Why there is no process."""
        self._started_ns = 0
        self._wait_ns = RESTART_NS
        self._start_at_ns = 0
        self._told: list[Msg] = []

    @property
    def pid(self) -> int:
        """Of the process; 0 while there is none."""
        return self._process.pid if self._process is not None and self._pipe is not None else 0

    @property
    def was_started(self) -> bool:
        """Whether there is or was one."""
        return self._started_ns > 0

    def fileno(self) -> int:
        """The pipe's descriptor; -1 while there is no process."""
        return self._pipe.stream.fileno() if self._pipe is not None else -1

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._pipe is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            hand_over(ours, self._secret() if self._secret is not None else None)  # it waits in the pipe
            self._process = start_with_end(self._command, theirs, self._environment)
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        self._pipe = Pipe(ours)
        self._started_ns = monotonic_ns()

    def send(self, message: Msg, asked: str = "", limit_ms: int = 0) -> None:
        """Hand a message over. ``asked``: it is a question, by that name, and its answer must come within ``limit_ms``.

        Where the pipe is broken ``receive`` ends it: the loop waits on its descriptor until it has been there.
        """
        if self._pipe is None:
            self._tell(self._why)
            return
        if self._broken:
            return  # its end is told for this message too
        self._said = ""
        if asked:
            self._asked, self._asked_ns, self._limit_ms = asked, monotonic_ns(), limit_ms
        try:
            self._pipe.send(message)
        except OSError as error:
            self._broken = f"{self._name} ended: its pipe broke: {error}"

    def receive(self) -> list[Msg]:
        """What the process said; its end, once; a new one where it is time."""
        found: list[Msg] = []
        if self._broken:
            self._end(self._broken)
        elif self._pipe is not None:
            found = self._received(self._pipe)
        elif monotonic_ns() >= self._start_at_ns:
            self.start()
        told, self._told = self._told, []
        return found + told

    def _received(self, pipe: Pipe) -> list[Msg]:
        try:
            found = pipe.receive()
        except BadFrame as error:
            self._end(f"{self._name} wrote what is no message: {error}")
            return []
        if found is None:
            self._end(f"{self._name} ended")
            return []
        if found:
            self._asked = ""  # one question at a time: whatever it says is the answer
            last = found[-1]
            self._said = last.reason if isinstance(last, VenueLost | FeedLost) else ""
        elif self._asked and monotonic_ns() - self._asked_ns >= self._limit_ms * MS_NS:
            # A terminal that does not answer is not waited for: only the end of its process ends a call.
            self._end(f"{self._asked} was not answered in {self._limit_ms} ms, so {self._name} was killed")
        return found

    def close(self) -> None:
        """End the process: the end of its pipe tells it; a call in hand gets two seconds."""
        if self._pipe is not None:
            self._pipe.stream.close()
            self._pipe = None
        if self._process is not None:
            try:
                self._process.wait(CLOSE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _end(self, reason: str) -> None:
        """The process is gone: kill what is left of it, tell the node, start again after a pause that grows."""
        assert self._pipe is not None
        self._pipe.stream.close()
        self._pipe, self._asked, self._broken = None, "", ""
        code: int | None = None
        if self._process is not None:
            self._process.kill()
            code = self._process.wait()
        now_ns = monotonic_ns()
        is_steady = now_ns - self._started_ns >= STEADY_NS
        self._wait_ns = RESTART_NS if is_steady else min(2 * self._wait_ns, RESTART_NS_MAX)
        self._start_at_ns = now_ns + self._wait_ns
        why = self._said or f"{reason} (exit {code})"
        self._why = f"{why}; {self._name} is started again"
        if not self._said:  # else it is told already, in better words
            self._tell(why)

    def _tell(self, reason: str) -> None:
        self._told.append(self._lost(cut(reason)))


def run_child(name: str, lost: Lost, work: Callable[[Config, list[str], Pipe, Secret | None], int]) -> int:
    """Entry of such a process: SETTINGS WORD… DESCRIPTOR; the exit code.

    ``work`` answers questions until the pipe ends; it is given what the pipe began with. A MeshError is said over the pipe, and in one
    line on stderr.
    """
    die_with_parent()
    settings, *words, descriptor = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as stream:
        pipe = Pipe(stream)
        try:
            secret = taken_over(stream)
            return work(parse_effective(Path(settings).read_text(encoding="utf-8")), words, pipe, secret)
        except MeshError as error:
            sys.stderr.write(f"mesh: {name}: {error}\n")
            with suppress(OSError):  # nobody may listen any more
                pipe.send(lost(cut(str(error))))
            return error.exit_code
