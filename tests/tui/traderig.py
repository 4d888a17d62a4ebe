"""The page Trades in a console without a mesh: brought to the front, with what it asks answered."""

import threading
from collections.abc import Awaitable, Callable

import msgspec
from rich.tree import Tree
from textual.pilot import Pilot
from textual.widgets import Input

from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.messages.control import CommandAnswer
from mesh.units import E8
from tests.tui.consolerig import Rig, busy, latched, stop
from tests.tui.test_lostrows import ORDER, changed, of
from tui.hands import LostList
from tui.screens.trades import Trades

SIZES = [(80, 24), (200, 60)]
KILL = stop()
Play = Callable[[Rig, Pilot[None]], Awaitable[None]]
LOST = [
    of("demo-1", ORDER, changed(oid=bytes(16), action="CLOSE", side=-1, code="UNCONFIRMED", detail=""), changed(code="NOT_FOUND")),
    of("demo-3", why="local-3 last seen 5.0 s ago, READY; as master-1 believes it"),
]


def answer(code: str, detail: str = "", **changes: object) -> CommandAnswer:
    found = CommandAnswer(bytes(16), "demo-1", code, detail, 4, "EURUSD", E8 // 10, 110_001_000, True)
    return msgspec.structs.replace(found, **changes)


def killed() -> list[Msg]:
    return [*busy(), KILL, latched("demo-1", KILL), latched("demo-2", KILL)]


def unknown() -> list[Msg]:
    """A mesh in which an account knows of an order that it does not know the end of."""
    held = next(item for item in busy() if isinstance(item, AccountState))
    return [*busy(), msgspec.structs.replace(held, unknown_count=1, number=2)]


def story() -> Tree:
    tree = Tree("demo/cci/EURUSD/8  ACCEPTED")
    line = tree.add("reversion open on demo-1: FILLED")
    line.add(
        "steps, each from the one before: master_in +300 µs  master_out +300 µs  called +300 µs; total 4,800 µs (mesh 1,800, broker 3,000)"
    )
    return tree


async def settled(rig: Rig, pilot: Pilot[None]) -> None:
    """Everything that was asked has come back, and is drawn."""
    for thread in threading.enumerate():
        if thread.name == "ask":
            thread.join()
    await pilot.pause()
    await rig.turn(pilot)


async def press(rig: Rig, pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and let what they asked come back."""
    await pilot.press(*keys)
    await settled(rig, pilot)


async def typed(rig: Rig, pilot: Pilot[None], text: str, *keys: str) -> None:
    """Have a text in the field that has the focus, as if it were typed at once; then press keys."""
    focused = rig.app.focused
    assert isinstance(focused, Input), f"nothing can be typed into {focused}"
    focused.value = text
    await pilot.pause()
    await press(rig, pilot, *keys)


def on_trades(play: Play, lists: list[LostList] | None = None) -> Play:
    """The same, with the page in front."""

    async def played(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.lists = lists or []
        await press(rig, pilot, "3")
        await settled(rig, pilot)
        await play(rig, pilot)

    return played


def page_of(rig: Rig) -> Trades:
    found = rig.app.page
    assert isinstance(found, Trades)
    return found


def acts(rig: Rig) -> list[tuple[object, ...]]:
    """What was asked of the hands besides the list."""
    return [call for call in rig.hands.calls if call != ("lost",)]
