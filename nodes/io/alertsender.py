"""Takes notices to their hooks, from a thread for each: one that hangs holds up no other, and what nobody took is told and counted."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, Thread

import msgspec

from nodes.io.alerthooks import Hook, HookFailed

WAITING_MAX = 100
"""Notices that wait for a hook; one more is not delivered."""
FIRST_WAIT_S = 1.0
"""Before the second try; doubles up to …"""
WAIT_S_MAX = 60.0
END = b""


class Delivery(msgspec.Struct, frozen=True):
    """What became of one notice at one hook; ``why`` is empty where it was taken."""

    hook: str
    tries_count: int
    why: str
    body: bytes


class AlertSender:
    """All hooks. ``wait``: rests so many seconds between two tries, or until the end; tests rest for less."""

    def __init__(self, hooks: list[Hook], retry_count: int, wait: Callable[[float], object] | None = None) -> None:
        self._retry_count = retry_count
        self._is_over = Event()
        self._wait = wait or self._is_over.wait
        self._results: SimpleQueue[Delivery] = SimpleQueue()
        self._queues: dict[str, SimpleQueue[bytes]] = {hook.name: SimpleQueue() for hook in hooks}
        self._threads = [Thread(target=self._run, args=(hook,), name=f"alerts {hook.name}", daemon=True) for hook in hooks]
        for thread in self._threads:
            thread.start()

    def send(self, body: bytes) -> None:
        """Have it delivered by each hook, as soon as those before it are."""
        for name, queue in self._queues.items():
            if queue.qsize() < WAITING_MAX:
                queue.put(body)
            else:
                self._results.put(Delivery(name, 0, f"{WAITING_MAX} notices wait already", body))

    def results(self) -> list[Delivery]:
        """What has become of notices since this was asked last."""
        found: list[Delivery] = []
        while True:
            try:
                found.append(self._results.get_nowait())
            except Empty:
                return found

    def close(self, limit_s: float) -> None:
        """Deliver what waits, once more each, for so long at most, however many hooks there are."""
        end_s = time.monotonic() + limit_s
        self._is_over.set()
        for queue in self._queues.values():
            queue.put(END)
        for thread in self._threads:
            thread.join(max(0.0, end_s - time.monotonic()))

    def _run(self, hook: Hook) -> None:
        queue = self._queues[hook.name]
        while body := queue.get():
            self._results.put(self._deliver(hook, body))

    def _deliver(self, hook: Hook, body: bytes) -> Delivery:
        """Try until it is taken, or as often as is allowed."""
        why = ""
        for number in range(self._retry_count + 1):
            if number:
                if self._is_over.is_set():
                    return Delivery(hook.name, number, f"{why}; not tried again: this process ends", body)
                self._wait(min(WAIT_S_MAX, FIRST_WAIT_S * 2 ** (number - 1)))
            try:
                hook.send(body)
            except HookFailed as error:
                why = str(error)
                if error.is_final:
                    return Delivery(hook.name, number + 1, why, body)
            else:
                return Delivery(hook.name, number + 1, "", body)
        return Delivery(hook.name, self._retry_count + 1, why, body)
