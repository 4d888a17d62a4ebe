"""A thread that sends stops and nothing else: its sockets are connected before one is asked for, and who is told holds it up nowhere.

ZeroMQ sockets are one thread's alone. While nothing is asked, what comes is dropped unread, so that nothing waits in front of a stop.
"""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple, Self

from mesh.config import Config
from mesh.keyring import Signer
from mesh.messages.base import Msg
from mesh.messages.control import StopItem
from nodes.io.cli.client import Client
from nodes.io.cli.stoprun import StopEnd, StopRun

IDLE_S = 0.05
"""How often the sockets are looked after while no stop is on its way; a stop that is asked for does not wait for that."""
BUSY_MS = 5
"""While one is on its way answers are waited for, so long that the next one asked for does not wait for long."""
ALIVE_S = 0.25
"""Whoever waits for a stop looks this often whether the thread still is."""
CLOSE_S = 1.0


class Wanted(NamedTuple):
    """What is to be sent, how far accounts have to come (``stage``), how long it is waited for, and where it is told how far it is."""

    item: StopItem
    accounts: tuple[str, ...]
    stage: str | None
    limit_s: float
    states: SimpleQueue[StopEnd]


class StopThread:
    """The thread. Any other one may ask it; stops do not wait for each other. Raises BadConfig for an address that is none."""

    def __init__(self, config: Config, signer: Signer) -> None:
        self._client = Client(config)  # its thread's, once that has begun
        self._signer = signer
        self._wanted: SimpleQueue[Wanted | None] = SimpleQueue()
        self._running: list[tuple[Wanted, StopRun]] = []
        self._is_over = Event()
        self._thread = Thread(target=self._work, name="stops", daemon=True)
        self._thread.start()

    def run(
        self, item: StopItem, accounts: Sequence[str], stage: str | None, limit_s: float, told: Callable[[StopEnd], None]
    ) -> StopEnd | None:
        """Send it, at once, and wait until all have it, for ``limit_s`` at most. ``told``: gets how far it is whenever that changes.

        None where this thread has ended before it was over.
        """
        wanted = Wanted(item, tuple(accounts), stage, limit_s, SimpleQueue())
        self._wanted.put(wanted)
        while True:
            is_alive = self._thread.is_alive()  # asked first: what it said last is still heard
            try:
                stands = wanted.states.get(timeout=ALIVE_S if is_alive else 0)
            except Empty:
                if is_alive:
                    continue
                return None
            told(stands)
            if stands.is_over:
                return stands

    def close(self) -> None:
        """End it, within a second; what is on its way then is over."""
        self._is_over.set()
        self._wanted.put(None)
        self._thread.join(CLOSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # in the thread

    def _work(self) -> None:
        with self._client as client:
            client.listener = self._hear
            client.dial()
            while not self._is_over.is_set():
                self._begin(0 if self._running else IDLE_S)
                if self._running:
                    self._go_on()
                else:
                    self._rest()
            for wanted, run in self._running:
                stands = run.step(0)
                if stands is not None:
                    wanted.states.put(stands)

    def _begin(self, wait_s: float) -> None:
        """Take what is asked next, if that is soon."""
        try:
            wanted = self._wanted.get(timeout=wait_s)
        except Empty:
            return
        if wanted is not None:
            run = StopRun(self._client, self._signer, wanted.item, wanted.accounts, wanted.stage, is_for_all=True)
            self._running.append((wanted, run))

    def _rest(self) -> None:
        """Take away what came: it would lie before the answers to the next stop."""
        while self._client.drop() and self._wanted.empty():
            pass

    def _go_on(self) -> None:
        """Send what is due, tell what is new, and take what came."""
        for wanted, run in list(self._running):
            stands = run.step(wanted.limit_s)
            if stands is None:
                continue
            wanted.states.put(stands)
            if stands.is_over:
                self._running.remove((wanted, run))
        for node, message in self._client.pump(BUSY_MS):
            for _, run in self._running:
                run.take(node, message)

    def _hear(self, router: str, item: Msg) -> None:
        for _, run in self._running:
            run.hear(router, item)
