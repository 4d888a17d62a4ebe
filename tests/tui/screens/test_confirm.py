"""The dialogs of the control page: stops by their key or word, undos by reason and scope, closing by what was looked at."""

import threading

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mesh.errors import BadUsage
from mesh.messages.control import GENESIS, CommandAnswer, Entry
from mesh.stopset import UNKNOWN_LEVEL
from mesh.view import View
from tests.tui.consolerig import WALL_NS, Rig, busy, key_of, quiet, stop, undo
from tests.tui.pagestates import KILL, killed
from tests.tui.screens.controlplay import on_control, part, settled, typed, undone
from tui.screens.confirm import StopDialog, UndoDialog
from tui.screens.control import StepBox
from tui.widgets.fields import Offered
from tui.widgets.table import Table

pytestmark = pytest.mark.slow

# stops


def test_a_freeze_goes_with_one_key_that_is_not_enter() -> None:
    """Enter goes from field to field and sends nothing; f does not either; F does, once."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("f", "enter", "enter", "enter", "f")
        assert rig.hands.calls == []
        await pilot.press("F")
        await settled(rig, pilot)
        assert rig.hands.calls == [("stop", "FREEZE", "all", "")]
        assert "✓ FREEZE all: 4 of 4 confirmed" in rig.text()

    Rig(*busy()).run(on_control(play))


def test_a_scope_completes_itself_and_takes_a_reason() -> None:
    """Tab takes the suggestion; a name alone stands for its scope."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("f", "home", "shift+end", "delete")
        await typed(pilot, "sy", "tab", "enter")
        await typed(pilot, "news", "enter", "F")
        await pilot.press("f", "home", "shift+end", "delete")
        await typed(pilot, "demo-2", "enter", "enter", "F")
        await settled(rig, pilot)
        assert sorted(rig.hands.calls) == [("stop", "FREEZE", "account:demo-2", ""), ("stop", "FREEZE", "symbol:EURUSD", "news")]

    Rig(*busy()).run(on_control(play))


@pytest.mark.parametrize(("key", "level"), [("c", "CANCEL"), ("x", "FLATTEN")])
def test_a_stop_that_cannot_be_taken_back_needs_its_scopes_name(key: str, level: str) -> None:
    """Neither Enter nor F nor a wrong word sends it; what was wrong is said."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(key, "enter", "enter", "enter", "F", "enter")
        await typed(pilot, "demo-2", "enter")
        assert rig.hands.calls == []
        assert "nothing was sent: all has to be typed, not Fdemo-2" in rig.text()
        await pilot.press("home", "shift+end", "delete")
        await typed(pilot, "all", "enter")
        await settled(rig, pilot)
        assert rig.hands.calls == [("stop", level, "all", "")]

    Rig(*busy()).run(on_control(play))


def test_flatten_says_that_it_closes_what_is_not_ours() -> None:
    """Before it is sent, and as things are while it is asked."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("x")
        await rig.turn(pilot)
        assert "‼ closes what is not ours too: 0 positions" in rig.text()
        rig.feed.tell(*busy(), age_ms=0)
        await rig.turn(pilot)
        assert "‼ closes what is not ours too: 4 positions" in rig.text()

    Rig(*quiet()).run(on_control(play))


def test_a_stop_begins_with_the_account_under_the_cursor() -> None:
    """Where the keys are in a table of accounts."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "down", "x")
        assert isinstance(rig.app.screen, StopDialog)
        assert rig.app.screen.query_one("#scope", Input).value == "account:demo-2"

    Rig(*busy()).run(on_control(play))


def test_escape_leaves_a_question_with_nothing_done() -> None:
    """Of every dialog."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for key in ("f", "c", "x", "enter", "U", "p", "r"):
            await pilot.press(key)
            assert len(rig.app.screen_stack) == 2
            await pilot.press("escape")
            assert len(rig.app.screen_stack) == 1
        assert rig.hands.calls == []

    Rig(*killed()).run(on_control(play))


def test_the_mouse_does_it_too() -> None:
    """A step of the ladder, a scope that is offered, and a key's own word can be clicked; the sending line cannot."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        (step,) = [box for box in rig.app.query(StepBox) if box.level == "FREEZE"]
        await pilot.click(step)
        await rig.turn(pilot)
        await pilot.click(Offered, offset=(14, 0))
        await rig.turn(pilot)
        assert "FREEZE account:demo-1" in rig.text()
        await pilot.click("#send")
        await settled(rig, pilot)
        assert rig.hands.calls == []
        await pilot.press("F")
        await settled(rig, pilot)
        assert rig.hands.calls == [("stop", "FREEZE", "account:demo-1", "")]
        await pilot.click("#keys", offset=(3, 0))
        await rig.turn(pilot)
        assert isinstance(rig.app.screen, UndoDialog)

    Rig(*killed()).run(on_control(play))


def test_a_scope_there_is_not_is_not_sent() -> None:
    """The words of the preview's error are shown."""

    def refused(level: str, scope: str, view: View) -> list[str]:
        raise BadUsage(f"scope {scope!r}: there is no account 'x'")

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("f", "enter", "enter")
        rig.hands.preview = refused  # type: ignore[method-assign]
        await pilot.press("F")
        await settled(rig, pilot)
        assert rig.hands.calls == []
        assert "✗ nothing was sent: scope 'all': there is no account 'x'" in rig.text()

    Rig(*busy()).run(on_control(play))


# the way back


def test_an_undo_needs_a_reason_and_the_scope() -> None:
    """Without either nothing is sent, and it says what lacks."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await undone(pilot, "", "all")
        assert "a reason is needed" in rig.text()
        await undone(pilot, "calm", "x")
        assert "nothing was sent: all has to be typed, not x" in rig.text()
        assert rig.hands.calls == []
        await typed(pilot, "", "home", "shift+end", "delete")
        await typed(pilot, "all", "enter")
        await settled(rig, pilot)
        assert rig.hands.calls == [("resume", (key_of(KILL),), "calm")]
        assert "SENT FROM HERE 1 of 1: resume all" in rig.text()

    Rig(*killed()).run(on_control(play))


TWICE = stop(scope="account:demo-2", nonce=2)
AGAIN = msgspec.structs.replace(stop("CANCEL", "account:demo-2", nonce=3), issued_ns=WALL_NS + 1)


@pytest.mark.parametrize(("key", "ends"), [("enter", (TWICE, AGAIN)), ("U", (AGAIN,))])
def test_all_of_a_scope_or_one_stop_is_ended(key: str, ends: tuple[Entry, ...]) -> None:
    """Enter ends all stops of exactly the scope, U the one under the cursor; others stay, and are listed."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await rig.turn(pilot)
        assert "stays   FREEZE all by ann@desk" in rig.text()
        await undone(pilot, "calm", "account:demo-2")
        await settled(rig, pilot)
        assert rig.hands.calls == [("resume", tuple(key_of(entry) for entry in ends), "calm")]

    older = msgspec.structs.replace(KILL, issued_ns=WALL_NS - 1)
    Rig(*quiet(), older, TWICE, AGAIN).run(on_control(play))


def test_the_choice_between_one_and_all_can_be_turned() -> None:
    """With Shift+Tab and Space."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("enter", "shift+tab", "space", "tab")
        await undone(pilot, "calm", "account:demo-2")
        await settled(rig, pilot)
        assert rig.hands.calls == [("resume", (key_of(AGAIN),), "calm")]

    Rig(*quiet(), TWICE, AGAIN).run(on_control(play))


def test_a_stop_that_came_while_it_was_asked_is_not_ended() -> None:
    """What nobody has seen yet stays, and is listed so."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        rig.feed.tell(AGAIN)
        await rig.turn(pilot)
        assert "stays   CANCEL account:demo-2" in rig.text()
        await undone(pilot, "calm", "account:demo-2")
        await settled(rig, pilot)
        assert rig.hands.calls == [("resume", (key_of(TWICE),), "calm")]

    Rig(*quiet(), TWICE).run(on_control(play))


def test_a_stop_that_was_ended_while_it_was_asked_is_not_ended_again() -> None:
    """The dialog says so, and sends nothing."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        rig.feed.tell(undo(KILL))
        await rig.turn(pilot)
        assert "ends    nothing: it has been ended already" in rig.text()
        await undone(pilot, "calm", "all")
        await settled(rig, pilot)
        assert rig.hands.calls == []
        assert "nothing was sent: it has been ended already" in rig.text()

    Rig(*killed()).run(on_control(play))


def test_a_stop_of_a_level_nobody_here_knows_is_not_ended_from_here() -> None:
    """Neither by itself nor with all of its scope; it is listed as what stays."""
    newer = stop("HALF", nonce=3)

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert UNKNOWN_LEVEL in rig.text()
        rig.app.query_one("#stops", Table).go_to(key_of(newer))
        for key in ("enter", "U"):
            await pilot.press(key)
            assert len(rig.app.screen_stack) == 1
        assert all(notice.title == "not ended: nobody here knows how much it stops" for notice in rig.app._notifications)
        assert len(rig.app._notifications) == 2
        rig.app.query_one("#stops", Table).go_to(key_of(KILL))
        await pilot.press("enter")
        await rig.turn(pilot)
        assert f"stays   {UNKNOWN_LEVEL} all by ann@desk" in rig.text()
        await undone(pilot, "calm", "all")
        await settled(rig, pilot)
        assert rig.hands.calls == [("resume", (key_of(KILL),), "calm")]

    Rig(*quiet(), KILL, newer).run(on_control(play), (120, 30))


def test_a_new_real_account_is_armed() -> None:
    """Its own stop is called so, and its name is typed."""
    genesis = Entry("local-2", 5, WALL_NS, "FREEZE", "account:demo-2", f"{GENESIS} new account", "")

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert "to arm" in rig.text()
        await pilot.press("enter")
        await rig.turn(pilot)
        assert "Arm demo-2: let it trade" in rig.text()
        await undone(pilot, "checked", "demo-2")
        await settled(rig, pilot)
        assert rig.hands.calls == [("resume", (key_of(genesis),), "checked")]
        assert "arm demo-2" in part(rig, "SENT FROM HERE")

    Rig(*quiet(), genesis).run(on_control(play))


def test_ended_stops_are_shown_where_asked_for() -> None:
    """With who ended them, and why; they cannot be ended again."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert "no stop binds" in rig.text()
        await pilot.press("a")
        assert "ended by ann@desk" in rig.text()
        await pilot.press("enter")
        assert not isinstance(rig.app.screen, UndoDialog)
        (notice,) = rig.app._notifications
        assert notice.title == "ended already"
        assert "reason: ended by ann@desk: calm again; was: news" in notice.message
        await pilot.press("a")
        assert "no stop binds" in rig.text()

    Rig(*quiet(), KILL, undo(KILL)).run(on_control(play), (200, 60))


# other commands


def answer(code: str) -> CommandAnswer:
    """What an account says of one position."""
    return CommandAnswer(bytes(16), "demo-1", code, "", 17, "EURUSD", 10**7, 110_000_000, True)


def test_only_what_was_looked_at_is_closed() -> None:
    """A scope that was changed since has to be looked at again; the word closes it once."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("PREVIEW")]
        await pilot.press("p")
        await typed(pilot, "demo-1", "tab", "tab", "tab", "tab")
        await typed(pilot, "demo-1", "enter")
        assert "press Enter in the scope first" in rig.text()
        await pilot.press("enter")
        await settled(rig, pilot)
        assert "1 PREVIEW" in rig.text()
        assert "17  EURUSD  0.1 lots  1.10000" in rig.text()
        rig.hands.answers = [answer("CLOSED")]
        await pilot.press("enter", "enter")
        await settled(rig, pilot)
        look, close = ("close", "account:demo-1", False, "", True), ("close", "account:demo-1", False, "", False)
        assert rig.hands.calls == [look, close]
        assert "1 CLOSED" in rig.text()
        await typed(pilot, "demo-1", "enter")
        await settled(rig, pilot)
        assert rig.hands.calls == [look, close]

    Rig(*busy()).run(on_control(play))


def test_what_is_not_ours_is_closed_only_where_it_was_chosen() -> None:
    """Turning the choice looks again."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("PREVIEW")]
        await pilot.press("p")
        await typed(pilot, "all", "tab", "space")
        await settled(rig, pilot)
        assert rig.hands.calls == [("close", "all", True, "", True)]
        assert "would close of all, what is not ours too" in rig.text()

    Rig(*busy()).run(on_control(play))


def test_an_account_is_reconciled() -> None:
    """What was found is shown, line by line."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("r", "enter")
        await settled(rig, pilot)
        assert rig.hands.calls == [("reconcile", "demo-1")]
        assert "demo-1: nothing differs" in rig.text()

    Rig(*busy()).run(on_control(play))


def test_an_answer_that_comes_after_its_dialog_was_left_is_told_all_the_same() -> None:
    """As a notice on whatever is in front."""

    is_left = threading.Event()

    def slow(account: str) -> list[str]:
        assert is_left.wait(10)
        return [f"{account}: nothing differs"]

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.reconcile = slow  # type: ignore[method-assign]
        await pilot.press("r", "enter", "escape")
        is_left.set()
        await settled(rig, pilot)
        assert len(rig.app.screen_stack) == 1
        assert [notice.message for notice in rig.app._notifications] == ["demo-1: nothing differs"]

    Rig(*busy()).run(on_control(play))
