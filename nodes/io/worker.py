"""A local's worker: the process in which the terminal is called, and the end of its pipe that a local's shell holds.

MetaTrader's package holds the interpreter's lock during every call and has no time-out, so it lives in a process of its own. There is
no queue: one request at a time. The worker holds the account's lock and dies with its local (parent-death signal, end of the
pipe); when it dies, or has not answered a call within ``timers.venue_call_ms`` and is killed, what was in the call is UNKNOWN, and a
new one is started.
"""

import re
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from mesh.codec import decode_untrusted, encode
from mesh.config import Config, parse_effective
from mesh.errors import BadFrame, MeshError
from mesh.io.clock import monotonic_ns
from mesh.io.lock import FileLock
from mesh.messages.base import Msg
from mesh.messages.venue import VenueAttach, VenueFind, VenueLatch, VenueLost, VenueRead, VenueSend
from mesh.units import MS_NS, SECOND_NS
from nodes.io.latchword import LatchWord
from nodes.io.lifeline import die_with_parent
from nodes.io.venuelimits import PIPE_BYTES_MAX, cut, readable

HEAD = struct.Struct("<I")
RESTART_NS = 200 * MS_NS
RESTART_NS_MAX = 5 * SECOND_NS
STEADY_NS = 10 * SECOND_NS
"""A worker that lived this long is started again at once when it dies."""
ATTACH_MORE_MS = 20_000
"""An attach may take this much longer than any other call: the process starts, its predecessor's lock, the terminal's log-in."""
CLOSE_S = 2.0
LOCK_TRIES = 50
LOCK_WAIT_S = 0.1
"""The lock of a worker that was killed is free when the system has reaped it."""


class Pipe:
    """Messages over a stream socket, each behind its length."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._buffer = bytearray()

    def send(self, message: Msg) -> None:
        """Hand a message over. Raises OSError where the other end is gone."""
        frame = encode(message)
        self.stream.sendall(HEAD.pack(len(frame)) + frame)

    def receive(self) -> list[Msg] | None:
        """What has come, waiting only on a blocking stream; None at the end of the pipe. Raises BadFrame."""
        try:
            data = self.stream.recv(1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._buffer += data
        return self._messages()

    def _messages(self) -> list[Msg]:
        found: list[Msg] = []
        while len(self._buffer) >= HEAD.size:
            (length,) = HEAD.unpack_from(self._buffer)
            if length > PIPE_BYTES_MAX:
                raise BadFrame(f"a pipe message of {length} bytes; the limit is {PIPE_BYTES_MAX}")
            end = HEAD.size + length
            if len(self._buffer) < end:
                break
            found.append(decode_untrusted(bytes(self._buffer[HEAD.size : end]), PIPE_BYTES_MAX))
            del self._buffer[:end]
        return found


class WorkerAttachment:
    """The local's end: starts the worker, watches it, starts it again. Looks after it in ``receive``, called each 100 ms at least."""

    def __init__(self, account: str, config: Config, state: Path) -> None:
        self._account = account
        self._state = state
        run = state / "run"
        run.mkdir(parents=True, exist_ok=True)
        self._settings = run / f"worker-{account}.json"
        self._settings.write_bytes(config.effective())
        self._word = LatchWord(latch_path(state, account))
        self._call_ms = config.settings.timers.venue_call_ms
        self._call: Msg | None = None
        """What was handed over and is not answered."""
        self._called_ns = 0
        self._pipe: Pipe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_ns = 0
        self._wait_ns = RESTART_NS
        self._start_at_ns = 0
        self._lost: list[Msg] = []

    def fileno(self) -> int:
        """The pipe's descriptor; -1 while there is no worker."""
        return self._pipe.stream.fileno() if self._pipe is not None else -1

    def started(self) -> None:
        """Start the worker."""
        self._spawn()

    def send(self, message: Msg) -> None:
        """Hand a message over; the latch word goes by shared memory and overtakes a call in hand."""
        if isinstance(message, VenueLatch):
            self._word.set(message.latch_count)
            return
        if self._pipe is None:
            self._lost.append(VenueLost("no worker runs"))
            return
        if isinstance(message, VenueAttach | VenueSend | VenueRead | VenueFind):
            self._call, self._called_ns = message, monotonic_ns()
        try:
            self._pipe.send(message)
        except OSError as error:
            self._end(f"the pipe broke: {error}")

    def receive(self) -> list[Msg]:
        """What the worker said; its death, or that it had to be killed, once; a new one where it is time."""
        found: list[Msg] = []
        if self._pipe is not None:
            try:
                came = self._pipe.receive()
            except BadFrame as error:
                came = None
                self._lost.append(VenueLost(cut(f"the worker wrote what is no message: {error}")))
            if came is None:
                self._end("the worker ended")
            else:
                found = came
                if found:
                    self._call = None  # one request at a time: whatever it says is the answer
                self._end_late_call()
        elif monotonic_ns() >= self._start_at_ns:
            self._spawn()
        lost, self._lost = self._lost, []
        return found + lost

    def close(self) -> None:
        """End the worker: the end of its pipe tells it; a call in hand gets two seconds."""
        if self._pipe is not None:
            self._pipe.stream.close()
            self._pipe = None
        if self._process is not None:
            try:
                self._process.wait(CLOSE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._word.close()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nodes.io.worker", self._account, str(self._settings), str(self._state), str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent,
            )
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._pipe = Pipe(ours)
        self._started_ns = monotonic_ns()

    def _end_late_call(self) -> None:
        """A terminal that does not answer is not waited for: only the end of its process ends a call."""
        if self._call is None:
            return
        limit_ms = self._call_ms + (ATTACH_MORE_MS if isinstance(self._call, VenueAttach) else 0)
        if monotonic_ns() - self._called_ns >= limit_ms * MS_NS:
            self._end(f"{_words(self._call)} was not answered in {limit_ms} ms, so the worker was killed")

    def _end(self, reason: str) -> None:
        """The worker is gone: kill what is left of it, tell the local, start again after a pause that grows."""
        assert self._pipe is not None
        self._pipe.stream.close()
        self._pipe = self._call = None
        code: int | None = None
        if self._process is not None:
            self._process.kill()
            code = self._process.wait()
        now_ns = monotonic_ns()
        steady = now_ns - self._started_ns >= STEADY_NS
        self._wait_ns = RESTART_NS if steady else min(2 * self._wait_ns, RESTART_NS_MAX)
        self._start_at_ns = now_ns + self._wait_ns
        self._lost.append(VenueLost(cut(f"{reason} (exit {code})")))


def _words(call: Msg) -> str:
    """A call as people read it."""
    if isinstance(call, VenueSend):
        return f"VenueSend {call.action} {call.symbol} oid={call.oid.hex()} attempt={call.attempt}"
    return type(call).__name__


def latch_path(state: Path, account: str) -> Path:
    """Where an account's latch word lies."""
    return state / "run" / f"latch-{account}.bin"


def lock_path(state: Path, login: int, server: str) -> Path:
    """Where the lock of an account lies: a login is somebody else's at another server."""
    return state / f"account-{login}-{re.sub(r'[^A-Za-z0-9.-]', '_', server)}.lock"


def _lock(path: Path, login: int) -> FileLock:
    """The account's lock; waits for a predecessor that is just dying. Raises StoreInUse."""
    for _ in range(LOCK_TRIES - 1):
        try:
            return FileLock(path, f"account {login}")
        except MeshError:
            time.sleep(LOCK_WAIT_S)
    return FileLock(path, f"account {login}")


def work(account: str, config: Config, state: Path, stream: socket.socket) -> int:
    """Answer requests until the pipe ends or the terminal is lost; the exit code."""
    from nodes.io.venue import Venue

    section = config.account[account]
    lock = _lock(lock_path(state, section.login, section.server), section.login)
    word = LatchWord(latch_path(state, account))
    venue = Venue(account, config, package_of(config, account), word.get, monotonic_ns)
    pipe = Pipe(stream)
    try:
        while (messages := pipe.receive()) is not None:
            for message in messages:
                answer = venue.handle(message)
                if answer is not None:
                    answer = readable(answer)
                    pipe.send(answer)
                if isinstance(answer, VenueLost):
                    return 69
    except OSError:
        return 0
    finally:
        word.close()
        lock.close()
    return 0


def package_of(config: Config, account: str) -> object:
    """The MetaTrader5 package, or ours with its exact surface for a simulated account."""
    if config.account[account].terminal == "sim":
        from nodes.io import mt5

        return mt5
    import MetaTrader5

    package: object = MetaTrader5
    return package


def main() -> int:
    """Entry of the process: ACCOUNT SETTINGS STATE DESCRIPTOR."""
    die_with_parent()
    account, settings, state, descriptor = sys.argv[1:5]
    config = parse_effective(Path(settings).read_text(encoding="utf-8"))
    try:
        with socket.socket(fileno=int(descriptor)) as stream:
            return work(account, config, Path(state), stream)
    except MeshError as error:
        sys.stderr.write(f"mesh: worker of {account}: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
