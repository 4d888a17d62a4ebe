"""What tests of the control page share: a mesh that was frozen, waiting for the hands, typing, the page in front."""

import threading

from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.consolerig import Rig
from tests.tui.pagestates import Play, on_page


async def settled(rig: Rig, pilot: Pilot[None]) -> None:
    """Everything that was asked of the hands has come back, and is drawn."""
    for thread in threading.enumerate():
        if thread.name == "ask" or thread.name.startswith("stop-"):
            thread.join()
    await pilot.pause()
    await rig.turn(pilot)


async def typed(pilot: Pilot[None], text: str, *keys: str) -> None:
    """Put a text into the field that has the keys, as a paste does, then press keys."""
    assert isinstance(pilot.app.focused, Input)
    pilot.app.focused.post_message(events.Paste(text))
    await pilot.pause()
    await pilot.press(*keys)


def on_control(play: Play) -> Play:
    """The same, with the page in front."""
    return on_page("4", play)


def part(rig: Rig, start: str, end: str = "") -> str:
    """What stands on the screen from a word on, up to another."""
    text = rig.text()
    begin = text.index(start)
    return text[begin : text.index(end, begin) if end else None]


async def undone(pilot: Pilot[None], reason: str, word: str) -> None:
    """The undo's fields, from the first one on."""
    await typed(pilot, reason, "enter")
    await typed(pilot, word, "enter")
