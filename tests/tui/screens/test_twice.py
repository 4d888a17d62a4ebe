"""Keys that are hit twice before the screen has followed, and answers that come when the question is another one."""

import threading

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mesh.messages.control import CommandAnswer
from tests.tui.consolerig import Rig, busy
from tests.tui.pagestates import killed
from tests.tui.screens.controlplay import on_control, settled, typed
from tui.widgets.fields import SendKey

pytestmark = pytest.mark.slow


def test_a_freeze_whose_key_is_hit_twice_is_sent_once() -> None:
    """The second one finds the dialog gone: nothing is sent again, and the console stays."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("f")
        dialog = rig.app.screen
        for _ in range(2):
            dialog.post_message(SendKey.Pressed())
        await settled(rig, pilot)
        assert rig.hands.calls == [("stop", "FREEZE", "all", "")]
        assert rig.app.is_running

    Rig(*busy()).run(on_control(play))


def test_an_undo_whose_enter_is_hit_twice_is_sent_once() -> None:
    """The dialog is gone by the second one, which sends nothing."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await typed(pilot, "calm again", "enter")
        field = rig.app.screen.query_one("#typed", Input)
        field.value = "all"
        for _ in range(2):
            field.post_message(Input.Submitted(field, "all"))
        await settled(rig, pilot)
        assert [call[0] for call in rig.hands.calls] == ["resume"]
        assert rig.app.is_running

    Rig(*killed()).run(on_control(play))


def test_what_was_looked_at_is_what_is_closed() -> None:
    """The answer to a look comes when the scope is another one by then: it counts for nothing."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        may_answer = threading.Event()

        def close(scope: str, foreign: bool, reason: str, dry_run: bool) -> list[CommandAnswer]:
            rig.hands.calls.append((scope, dry_run))
            may_answer.wait(10)
            return [CommandAnswer(bytes(16), "demo-1", "PREVIEW", "", 1, "EURUSD", 1, 0, True)]

        rig.hands.close = close  # type: ignore[method-assign]
        await pilot.press("p", "home", "shift+end", "delete")
        await typed(pilot, "account:demo-1", "enter")
        rig.app.screen.query_one("#scope", Input).value = "all"
        await pilot.pause()
        may_answer.set()
        await settled(rig, pilot)
        field = rig.app.screen.query_one("#typed", Input)
        field.post_message(Input.Submitted(field, "all"))
        await settled(rig, pilot)
        assert rig.hands.calls == [("account:demo-1", True)]
        assert "press Enter in the scope first" in rig.text()

    Rig(*busy()).run(on_control(play))


def test_an_error_that_nobody_foresaw_is_told() -> None:
    """A stop that failed so is told as failed, not as one that is on its way."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        def broken(*_: object) -> None:
            raise OSError("too many open files")

        rig.hands.freeze_all = broken  # type: ignore[assignment, method-assign]
        await pilot.press("ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        assert "OSError: too many open files" in rig.text()

    Rig(*busy()).run(on_control(play), (120, 30))
