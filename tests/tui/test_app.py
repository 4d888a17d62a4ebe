"""The console's frame: pages by their keys, silence within two seconds, leaving, a terminal that is too small, one that only watches."""

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from mesh.units import MS_NS
from mesh.view import FRESH_NS
from tests.tui.consolerig import Rig, busy, progress, quiet
from tests.tui.screens.controlplay import settled
from tui.app import TURN_S
from tui.screens import PAGES
from tui.screens.leave import Leave
from tui.state import UNKNOWN, State
from tui.widgets.top import ARMED, ARMED_WATCHING, Top

pytestmark = pytest.mark.slow

TURN_MS = round(TURN_S * 1_000)
TOLD_MS = 2_000
"""A silent router is shown as such within this."""


def test_each_page_comes_by_its_key() -> None:
    """And by the palette's command."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for page in PAGES:
            await pilot.press(page.KEY)
            assert rig.app.page.NAME == page.NAME
        commands = [command.title for command in rig.app.get_system_commands(rig.app.screen)]
        assert [f"Page: {page.TITLE}" for page in PAGES] == [title for title in commands if title.startswith("Page: ")]
        assert "FREEZE everything" in commands

    Rig(*quiet()).run(play)


# silence


def slow_to_draw(rig: Rig, ms: int) -> Callable[[State, int], None]:
    """What a page's drawing is on a console that takes so long for it."""
    show = rig.app.page.show

    def shown(state: State, now_ns: int) -> None:
        show(state, now_ns)
        rig.at_ns += ms * MS_NS

    return shown


@pytest.mark.parametrize("phase_ms", [0, 10, 50, 90])
@pytest.mark.parametrize("draw_ms", [0, 20, 80])
def test_the_head_says_that_both_routers_are_silent_within_two_seconds(draw_ms: int, phase_ms: int) -> None:
    """Whenever its turns fall, and however long a page of many accounts takes to be drawn: the head does not rest with it."""
    assert FRESH_NS // MS_NS + TURN_MS < TOLD_MS

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.app.page.show = slow_to_draw(rig, draw_ms)  # type: ignore[method-assign]
        heard_ns = rig.at_ns
        for router in rig.feed.links:
            rig.feed.tell(*quiet(), router=router, now_ns=heard_ns)
        turn_ns = heard_ns + phase_ms * MS_NS
        head = ""
        while UNKNOWN not in head:
            rig.at_ns = began_ns = max(rig.at_ns, turn_ns)
            rig.feed.is_seeing = began_ns - heard_ns <= FRESH_NS
            rig.app.turn()
            head = str(rig.app.query_one(Top).content)
            turn_ns += TURN_MS * MS_NS
            assert began_ns - heard_ns <= TOLD_MS * MS_NS, head
        assert "router-1 late: silent 1 s  ◐ router-2 late: silent 1 s" in head

    Rig(*quiet()).run(play, (120, 30))


# leaving


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_leaving_a_mesh_that_goes_on_asks_nothing(key: str) -> None:
    """It changes nothing there."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        assert rig.app.return_code == 0

    Rig(*quiet()).run(play)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_a_run_is_ended_by_the_same_key_twice(key: str) -> None:
    """The first says what ends, Escape stays, the second ends it; the mesh is shown and can be frozen meanwhile."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await rig.turn(pilot)
        assert isinstance(rig.app.screen, Leave)
        shown = rig.text()
        assert "End the run?" in shown
        assert "every node stops" in shown
        assert "q again (or Ctrl+C) ends it, Esc stays" in shown
        assert "^X ^X: FREEZE all" in shown.splitlines()[0]
        await pilot.press("escape")
        assert len(rig.app.screen_stack) == 1
        assert rig.app.return_code is None
        await pilot.press(key)
        assert rig.app.return_code is None
        await pilot.press(key)
        assert rig.app.return_code == 0

    rig = Rig(*quiet())
    rig.app.ends = "every node stops"
    rig.run(play)


def test_whoever_started_it_ends_it_without_a_question() -> None:
    """A signal, or the end of the feed."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.app.leave()
        await rig.turn(pilot)
        assert rig.app.return_code == 0

    rig = Rig(*quiet())
    rig.app.ends = "every node stops"
    rig.run(play)


# too small, watching only


def test_a_terminal_too_small_says_so_and_what_still_works() -> None:
    """The chord does, and how it took is shown, in what little there is."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        words = " ".join(rig.text().split())
        assert "this terminal has 40x12 characters, the console needs 80x24" in words
        assert "Ctrl+X twice still freezes everything" in words
        await pilot.press("ctrl+x")
        assert ARMED.strip() in " ".join(rig.text().split())
        rig.hands.progress = [progress(confirmed=3)]
        await pilot.press("ctrl+x")
        await settled(rig, pilot)
        assert "✗ FREEZE all: 3 of 4 confirmed" in " ".join(rig.text().split())

    Rig(*busy()).run(play, (40, 12))


def test_a_terminal_too_small_that_only_watches_promises_nothing() -> None:
    """Neither before the first key of the chord nor after it."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        words = " ".join(rig.text().split())
        assert "make it larger; it only watches" in words
        await pilot.press("ctrl+x")
        words = " ".join(rig.text().split())
        assert ARMED_WATCHING.strip() in words
        assert "freezes everything" not in words

    Rig(*busy(), why_not="no key").run(play, (60, 12))


def test_a_console_that_only_watches_promises_the_chord_nowhere() -> None:
    """Not in the head, not after the first key, not on the control page, in the help or among the commands."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for page in PAGES:
            await pilot.press(page.KEY)
            await rig.turn(pilot)
            assert rig.text().splitlines()[0].endswith("watch only")
            assert "FREEZE all" not in rig.text()
        await pilot.press("4", "ctrl+x")
        assert ARMED_WATCHING.strip() in rig.text()
        assert "FREEZE everything" not in rig.text()
        await rig.turn(pilot, 1_100)
        assert "This console only watches: it can stop nothing" in " ".join(rig.text().split())
        rig.feed.is_seeing = False
        await rig.turn(pilot, 9_000)
        assert "no router was heard for" in rig.text()
        assert "You can still stop" not in rig.text()
        await pilot.press("question_mark")
        assert "freezes nothing here" in rig.text()
        assert "at once, no question" not in rig.text()
        commands = [command.title for command in rig.app.get_system_commands(rig.app.screen)]
        assert "FREEZE everything" not in commands

    Rig(*quiet(), why_not="no key").run(play, (200, 60))
