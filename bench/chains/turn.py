"""A segment as a source is told of it, and the two ways to send it: from a thread that blocks, and on an event loop.

Both sleep until a message is due (``bench/pace.py``); the loop sleeps with it, for it has nothing else to do, and is turned after each
message, so that what its transports hold back leaves at once. A loop's own timers count whole milliseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, NoReturn

from bench.chains.payload import maker
from bench.pace import due_ns
from mesh.io.clock import monotonic_ns
from mesh.units import MS_NS

if TYPE_CHECKING:
    from bench.chains.control import Control

LEAD_NS = 10 * MS_NS
"""So long after it is told a segment begins."""


class Turn:
    """``rate`` a second, ``count`` messages, ``first`` the number of the first one."""

    def __init__(self, rate: float, count: int, first: int) -> None:
        self._rate = rate
        self._count = count
        self._first = first
        self._begin_ns = 0

    def dues(self) -> Iterator[tuple[int, int]]:
        """(number, due in ns) of each message, when it is due."""
        self._begin_ns = monotonic_ns() + LEAD_NS
        return enumerate(due_ns(self._begin_ns, self._rate, self._count), self._first)

    def took_ns(self) -> int:
        """Since the first one was due."""
        return monotonic_ns() - self._begin_ns


def send_blocking(control: "Control", payload_bytes: int, send: Callable[[bytes], None]) -> NoReturn:
    """A source without a loop, until the process is ended."""
    turns: SimpleQueue[Turn] = SimpleQueue()
    make = maker(payload_bytes)
    control.up(turns.put)
    while True:
        turn = turns.get()
        for number, due in turn.dues():
            send(make(number, due))
        control.sent(turn)


async def send_on_loop(control: "Control", payload_bytes: int, send: Callable[[bytes], Awaitable[None]]) -> NoReturn:
    """A source on an event loop, which goes on between segments, until the process is ended."""
    loop = asyncio.get_running_loop()
    turns: asyncio.Queue[Turn] = asyncio.Queue()
    make = maker(payload_bytes)
    control.up(lambda turn: loop.call_soon_threadsafe(turns.put_nowait, turn))
    while True:
        turn = await turns.get()
        for number, due in turn.dues():
            await send(make(number, due))
            await asyncio.sleep(0)
        control.sent(turn)
