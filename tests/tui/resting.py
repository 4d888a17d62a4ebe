"""A console at rest: what was set going has ended, by the event loop's own word and not by how busy the processor is.

Textual's pilot waits until the process has used little time for a while, twice for each key: on a busy machine that takes long, and is no
proof. Here nothing is ready to run any more, what was changed is laid out, and that has set nothing going again. Pictures that nobody
looks at are not painted: a test paints one when it asks for the screen's text.
"""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

ROUNDS_MAX = 1_000


class Turn:
    """Lets everybody else have a turn of the loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def rest(app: App[Any]) -> None:
    """Wait until it is at rest; what waits for a time or for a thread is not waited for."""
    loop: Any = asyncio.get_running_loop()
    for _ in range(ROUNDS_MAX):
        await Turn()
        if loop._ready:
            continue
        if app._resize_event is not None:
            app._check_resize()  # what the app does a moment after its terminal's size has changed
        app.screen._on_timer_update()  # what the screen does sixty times a second: layout, and what waits for it
        await Turn()
        if not loop._ready:
            return
    raise AssertionError(f"the console was not at rest after {ROUNDS_MAX} rounds")


@contextmanager
def resting(app: App[Any], paints: bool = False) -> Iterator[None]:
    """Pilots of this app wait until it rests, and no longer. ``paints``: every picture is painted, as on a terminal."""

    async def rested(*_: object, **__: object) -> bool:
        await rest(app)
        return True

    with (
        patch("textual.app.wait_for_idle", rested),
        patch("textual.pilot.wait_for_idle", rested),
        patch.object(Pilot, "_wait_for_screen", rested),
        nullcontext() if paints else patch.object(Screen, "_compositor_refresh", lambda screen: None),
    ):
        yield
