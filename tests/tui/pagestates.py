"""The states each page is looked at in, and how it comes to the front: what the tests of all pages share."""

from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from mesh.messages.base import Msg
from tests.tui.consolerig import Rig, busy, latched, quiet, stop, undo
from tests.tui.goldens import check

KILL = stop()
Play = Callable[[Rig, Pilot[None]], Awaitable[None]]


def killed() -> list[Msg]:
    """A busy mesh in which everything is frozen; half of it says so."""
    return [*busy(), KILL, latched("demo-1", KILL), latched("demo-2", KILL)]


async def nothing(rig: Rig, pilot: Pilot[None]) -> None:
    """It is left as it is."""


async def routers_lost(rig: Rig, pilot: Pilot[None]) -> None:
    """Both routers are silent."""
    rig.feed.is_seeing = False
    await rig.turn(pilot, 5_000)


async def ending(rig: Rig, pilot: Pilot[None]) -> None:
    """The stop was ended; who held it holds it still."""
    rig.feed.tell(undo(KILL))
    await rig.turn(pilot)


STATES: dict[str, tuple[list[Msg], Play]] = {
    "quiet": (quiet(), nothing),
    "busy": (busy(), nothing),
    "lost": (busy(), routers_lost),
    "killed": (killed(), nothing),
    "undone": (killed(), ending),
}


def on_page(key: str, play: Play) -> Play:
    """The same, with the page of this key in front and laid out."""

    async def played(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await rig.turn(pilot)
        await play(rig, pilot)

    return played


def looks(page: str, name: str, size: tuple[int, int], happens: Play) -> Play:
    """What happens, and then the screen against ``golden/PAGE_NAME_WIDTH.txt``."""

    async def played(rig: Rig, pilot: Pilot[None]) -> None:
        await happens(rig, pilot)
        await rig.turn(pilot)
        check(f"{page}_{name}_{size[0]}", rig.text())

    return played
