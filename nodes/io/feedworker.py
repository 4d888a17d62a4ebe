"""The process in which a live market's terminal is asked for ticks, and the end of its pipe that the market's shell holds.

The package holds the interpreter's lock during every call and has no time-out, so it lives in a process of its own, apart from those
that trade. It keeps nothing: killed at any moment, the next one goes on from the cursors it is asked with.
"""

import socket
import subprocess
import sys
from pathlib import Path

from mesh.config import Config, parse_effective
from mesh.errors import BadFrame, MeshError
from mesh.io.clock import monotonic_ns, wall_ns
from mesh.messages.base import Msg
from mesh.messages.feed import FeedAsk, FeedLost, FeedTold
from mesh.units import MS_NS, SECOND_NS
from nodes.io.lifeline import die_with_parent
from nodes.io.livespec import LiveSpec, live_spec
from nodes.io.worker import Pipe

ANSWER_NS_MAX = 30 * SECOND_NS
"""An answer that takes longer never comes: the process is killed. Opening a terminal and its first history take some seconds."""
RESTART_NS = 200 * MS_NS
RESTART_NS_MAX = 5 * SECOND_NS
STEADY_NS = 10 * SECOND_NS
CLOSE_S = 2.0


class FeedAttachment:
    """The market's end: starts the process, watches it, starts it again. Looks after it in ``receive``, called each 100 ms at least."""

    def __init__(self, config: Config, state: Path, answer_ns_max: int = ANSWER_NS_MAX) -> None:
        run = state / "run"
        run.mkdir(parents=True, exist_ok=True)
        self._settings = run / "feed.json"
        self._settings.write_bytes(config.effective())
        self._answer_ns_max = answer_ns_max
        self._pipe: Pipe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_ns = 0
        self._asked_ns = 0
        """When the question that has no answer yet was asked; 0: there is none."""
        self._wait_ns = RESTART_NS
        self._start_at_ns = 0
        self._lost: list[Msg] = []

    @property
    def pid(self) -> int:
        """Of the process; 0 while there is none."""
        return self._process.pid if self._process is not None and self._pipe is not None else 0

    def fileno(self) -> int:
        """The pipe's descriptor; -1 while there is no process."""
        return self._pipe.stream.fileno() if self._pipe is not None else -1

    def started(self) -> None:
        """Start the process, where no question has started it already."""
        if self._pipe is None:
            self._spawn()

    def send(self, message: Msg) -> None:
        """Hand a question over."""
        if self._pipe is None and not self._started_ns:
            self._spawn()
        if self._pipe is None:
            self._lost.append(FeedLost("the process that asks the terminal has ended; it is started again"))
            return
        if isinstance(message, FeedAsk):
            self._asked_ns = monotonic_ns()
        try:
            self._pipe.send(message)
        except OSError as error:
            self._end(f"its pipe broke: {error}")

    def receive(self) -> list[Msg]:
        """What the process said; its death, once; a new one where it is time."""
        found: list[Msg] = []
        if self._pipe is not None:
            found = self._received(self._pipe)
        elif monotonic_ns() >= self._start_at_ns:
            self._spawn()
        lost, self._lost = self._lost, []
        return found + lost

    def _received(self, pipe: Pipe) -> list[Msg]:
        try:
            found = pipe.receive()
        except BadFrame as error:
            self._end(f"it wrote what is no message: {error}")
            return []
        if found is None:
            self._end("it ended")
            return []
        if any(isinstance(message, FeedTold | FeedLost) for message in found):
            self._asked_ns = 0
        elif self._asked_ns and monotonic_ns() - self._asked_ns > self._answer_ns_max:
            self._end(f"the terminal did not answer for {self._answer_ns_max // SECOND_NS} s, so it was killed")
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

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nodes.io.feedworker", str(self._settings), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent,
            )
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._pipe = Pipe(ours)
        self._started_ns = monotonic_ns()
        self._asked_ns = 0

    def _end(self, reason: str) -> None:
        """The process is gone: kill what is left of it, tell the market, start again after a pause that grows."""
        assert self._pipe is not None
        self._pipe.stream.close()
        self._pipe = None
        code: int | None = None
        if self._process is not None:
            self._process.kill()
            code = self._process.wait()
        now_ns = monotonic_ns()
        is_steady = now_ns - self._started_ns >= STEADY_NS
        self._wait_ns = RESTART_NS if is_steady else min(2 * self._wait_ns, RESTART_NS_MAX)
        self._start_at_ns = now_ns + self._wait_ns
        self._lost.append(FeedLost(f"the process that asks the terminal: {reason} (exit {code})"))


def work(spec: LiveSpec, config: Config, stream: socket.socket) -> int:
    """Answer questions until the pipe ends; the exit code."""
    from nodes.io.terminalticks import TerminalTicks

    ticks = TerminalTicks(spec, config, package_of(spec), wall_ns)
    pipe = Pipe(stream)
    try:
        while (messages := pipe.receive()) is not None:
            for message in messages:
                if isinstance(message, FeedAsk):
                    for part in ticks.answer(message):
                        pipe.send(part)
    except OSError:
        return 0
    return 0


def package_of(spec: LiveSpec) -> object:
    """The MetaTrader5 package, or ours with its exact surface for a simulated terminal."""
    if spec.is_simulated:
        from nodes.io import mt5

        return mt5
    import MetaTrader5

    package: object = MetaTrader5
    return package


def main() -> int:
    """Entry of the process: SETTINGS DESCRIPTOR."""
    die_with_parent()
    settings, descriptor = sys.argv[1:3]
    try:
        config = parse_effective(Path(settings).read_text(encoding="utf-8"))
        spec = live_spec(config)
        assert spec is not None, "only a live market starts this"
        with socket.socket(fileno=int(descriptor)) as stream:
            return work(spec, config, stream)
    except MeshError as error:
        sys.stderr.write(f"mesh: feed: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
