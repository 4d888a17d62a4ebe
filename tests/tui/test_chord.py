"""Ctrl+X twice within a second freezes everything: from every page, over every dialog, in every field, and by no accident."""

import threading

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.consolerig import Rig, busy, stop
from tui.screens import PAGES
from tui.widgets.top import ARMED

pytestmark = pytest.mark.slow

CALL = ("freeze_all",)


async def settled(rig: Rig, pilot: Pilot[None]) -> None:
    """What was sent has come back."""
    for thread in threading.enumerate():
        if thread.name.startswith("stop-"):
            thread.join()
    await pilot.pause()
    await rig.turn(pilot)


@pytest.mark.parametrize("page", [page.KEY for page in PAGES])
def test_it_freezes_from_every_page(page: str) -> None:
    """And shows on the control page how it takes."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(page, "ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        assert rig.hands.calls.count(CALL) == 1
        assert rig.app.page.NAME == "control"
        assert "FREEZE all: 4 of 4 confirmed" in rig.text()

    Rig(*busy(), is_whole=True).run(play)


@pytest.mark.parametrize("keys", [("question_mark",), ("4", "x"), ("4", "enter"), ("4", "p"), ("4", "r"), ("4", "f", "enter", "enter")])
def test_it_freezes_with_a_dialog_open(keys: tuple[str, ...]) -> None:
    """The dialog goes, whatever has the focus in it."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        assert len(rig.app.screen_stack) == 2
        await pilot.press("ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        assert rig.hands.calls == [CALL]
        assert len(rig.app.screen_stack) == 1
        assert rig.app.page.NAME == "control"

    Rig(*busy(), stop()).run(play)


def test_it_freezes_while_something_is_typed() -> None:
    """A field does not take Ctrl+X for cutting, and what was typed does not matter."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("4", "c", "tab", "n", "o")
        assert isinstance(rig.app.focused, Input)
        await pilot.press("ctrl+x")
        assert rig.app.focused.value == "no"
        await pilot.press("ctrl+x")
        await settled(rig, pilot)
        assert rig.hands.calls == [CALL]

    Rig(*busy(), is_whole=True).run(play)


@pytest.mark.parametrize("keys", [("4",), ("4", "x")])
def test_one_ctrl_x_alone_does_nothing_but_say_what_a_second_does(keys: tuple[str, ...]) -> None:
    """The word stands in the head, over a dialog too, and goes after a second."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        assert ARMED.strip() not in rig.text()
        await pilot.press("ctrl+x")
        await rig.turn(pilot, 900)
        assert ARMED.strip() in rig.text()
        await rig.turn(pilot, 200)
        assert ARMED.strip() not in rig.text()
        await settled(rig, pilot)
        assert rig.hands.calls == []

    Rig(*busy(), is_whole=True).run(play)


@pytest.mark.parametrize(("ms", "calls"), [(1_000, [CALL]), (1_100, [])])
def test_the_second_has_to_come_within_a_second(ms: int, calls: list[tuple[str]]) -> None:
    """Later it is a first one again, even where no turn came between."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+x")
        rig.at_ns += ms * 1_000_000
        await pilot.press("ctrl+x")
        await settled(rig, pilot)
        assert rig.hands.calls == calls
        if not calls:
            await pilot.press("ctrl+x")
            await settled(rig, pilot)
            assert rig.hands.calls == [CALL]

    Rig(*busy(), is_whole=True).run(play)


def test_a_third_does_not_send_it_again() -> None:
    """It takes two for each."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+x", "ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        assert rig.hands.calls == [CALL]

    Rig(*busy(), is_whole=True).run(play)


def test_the_chord_stands_in_the_head_of_every_page_and_dialog() -> None:
    """Nobody has to look it up."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for page in PAGES:
            await pilot.press(page.KEY)
            await rig.turn(pilot)
            assert "^X ^X: FREEZE all" in rig.text().splitlines()[0]
        await pilot.press("4", "x")
        await rig.turn(pilot)
        assert "^X ^X: FREEZE all" in rig.text().splitlines()[0]

    Rig(*busy(), is_whole=True).run(play)
