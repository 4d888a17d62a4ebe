"""A local's worker: the process in which its account's terminal is called, and how the local's shell reaches it.

The worker holds the account's lock. When it dies, or has not answered a call within ``timers.venue_call_ms`` and is killed, what was in
the call is UNKNOWN, and a new one is started.
"""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mesh.config import Config
from mesh.errors import MeshError
from mesh.io.clock import monotonic_ns
from mesh.io.failpoint import failpoints_of
from mesh.io.lock import FileLock
from mesh.messages.base import Msg
from mesh.messages.venue import VenueAttach, VenueFind, VenueLatch, VenueLost, VenueRead, VenueSend
from mesh.terminalword import BROKER, kind_of
from nodes.io.childprocess import ChildProcess, run_child
from nodes.io.latchword import LatchWord
from nodes.io.pipe import Pipe
from nodes.io.secret import Secret
from nodes.io.venuelimits import readable

NAME = "the worker"
ATTACH_MORE_MS = 20_000
"""An attach may take this much longer than any other call: the process starts, its predecessor's lock, the terminal's log-in."""
LOCK_TRIES = 50
LOCK_WAIT_S = 0.1
"""The lock of a worker that was killed is free when the system has reaped it."""
LOST_CODE = 69
"""Exit code of a worker that has lost its terminal."""


class WorkerAttachment:
    """The local's end. Raises BadConfig where the account's stored password cannot be had."""

    def __init__(self, account: str, config: Config, state: Path) -> None:
        from nodes.io.secretbox import opened_box  # the worker, which imports this file too, has no use for keys

        words = ("nodes.io.worker", account, str(state))
        box = opened_box(config, account, state)
        secret = box.open if box is not None else None
        self._child = ChildProcess(NAME, words, config, state / "run" / f"worker-{account}.json", VenueLost, secret)
        self._word = LatchWord(latch_path(state, account))
        self._call_ms = config.settings.timers.venue_call_ms

    def fileno(self) -> int:
        """The pipe's descriptor; -1 while there is no worker."""
        return self._child.fileno()

    def started(self) -> None:
        """Start the worker."""
        self._child.start()

    def send(self, message: Msg) -> None:
        """Hand a message over; the latch word goes by shared memory and overtakes a call in hand."""
        if isinstance(message, VenueLatch):
            self._word.set(message.latch_count)
        elif isinstance(message, VenueAttach | VenueSend | VenueRead | VenueFind):
            more_ms = ATTACH_MORE_MS if isinstance(message, VenueAttach) else 0
            self._child.send(message, _words(message), self._call_ms + more_ms)
        else:
            self._child.send(message)

    def receive(self) -> list[Msg]:
        """What the worker said; its death, or that it had to be killed, once; a new one where it is time."""
        return self._child.receive()

    def close(self) -> None:
        """End the worker."""
        self._child.close()
        self._word.close()


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


def work(config: Config, words: list[str], pipe: Pipe, password: Secret | None = None) -> int:
    """Answer requests until the pipe ends or the terminal is lost; the exit code. ``words``: the account and the state."""
    from nodes.io.venue import Venue

    account, state = words[0], Path(words[1])
    section = config.account[account]
    if kind_of(section.terminal) == BROKER and not config.settings.mesh.plain:
        from nodes.io.doorfiles import client_door  # keys take memory, and real terminals have none
        from nodes.io.mt5backend import BrokerDoor  # with numpy, which the local, whose end is in this file too, does without

        door = client_door(config, state, config.local_of(account))
        BrokerDoor.way = door.way(config.nodes_of("broker")[0]) if door is not None else None
    lock = _lock(lock_path(state, section.login, section.server), section.login)
    word = LatchWord(latch_path(state, account))
    try:
        points = failpoints_of(f"worker-{account}")
        venue = Venue(account, config, None, word.get, monotonic_ns, password)
        return _answer(venue.handle if points is None else points.around(venue.handle), pipe)
    finally:
        word.close()
        lock.close()


def _answer(handle: Callable[[Msg], Msg | None], pipe: Pipe) -> int:
    try:
        while (messages := pipe.receive()) is not None:
            for message in messages:
                answer = handle(message)
                if answer is not None:
                    answer = readable(answer)
                    pipe.send(answer)
                if isinstance(answer, VenueLost):
                    return LOST_CODE
    except OSError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(run_child(f"worker of {sys.argv[2]}", VenueLost, work))
