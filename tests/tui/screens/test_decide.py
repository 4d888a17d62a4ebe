"""What an operator decides on the page Trades: orders of unknown result, and positions closed or changed by hand."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mesh.errors import NoMesh
from mesh.messages.control import CommandAnswer
from mesh.units import SECOND_NS
from tests.tui.consolerig import Rig, busy
from tests.tui.goldens import check
from tests.tui.test_lostrows import ORDER, changed, of
from tests.tui.traderig import LOST, SIZES, acts, answer, on_trades, page_of, press, settled, typed, unknown
from tui.screens.decide import DecideDialog
from tui.screens.touch import ClosePosition, ModifyPosition
from tui.widgets.fields import Choice

pytestmark = pytest.mark.slow

EXECUTED = ("resolve", "demo-1", ORDER.oid, 4, "seen in MetaTrader")
PREVIEW = "attempt=1 would_be=FILLED order=7 deal=8 position=4 price=1.10001"


async def decide(rig: Rig, pilot: Pilot[None], *keys: str) -> None:
    """Open the list's first row, or another one."""
    await press(rig, pilot, "u", *keys, "enter")
    assert isinstance(rig.app.screen, DecideDialog)


async def look(rig: Rig, pilot: Pilot[None]) -> None:
    """Say that it was executed, and look what that would be."""
    rig.hands.answers = [answer("PREVIEW", PREVIEW)]
    await decide(rig, pilot)
    await press(rig, pilot, "tab", "4", "enter")
    await typed(rig, pilot, "seen in MetaTrader", "enter")


def field(rig: Rig, name: str) -> Input:
    return rig.app.screen.query_one(f"#{name}", Input)


@pytest.mark.parametrize("size", SIZES)
def test_an_unknown_order_is_executed_by_word(size: tuple[int, int]) -> None:
    """A ticket, a reason, the dry run, the ticket typed; then the list is asked for again."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await look(rig, pilot)
        check(f"trades_decide_{size[0]}", rig.text())
        assert acts(rig) == [(*EXECUTED, True)]
        await typed(rig, pilot, "5", "enter")
        assert "nothing was sent: 4 has to be typed, not 5" in rig.text()
        rig.hands.answers = [answer("FILLED", "found=by_ticket ticket=4")]
        await press(rig, pilot, "backspace", "4", "enter")
        assert acts(rig) == [(*EXECUTED, True), (*EXECUTED, False)]
        assert "✓ done:" in rig.text()
        assert page_of(rig).decisions.is_due(rig.app.state, rig.at_ns + 3 * SECOND_NS)
        await press(rig, pilot, "escape")
        assert page_of(rig).lost.has_focus

    Rig(*unknown()).run(on_trades(play, LOST), size)


def test_it_is_not_executed_by_word() -> None:
    """Then it has no ticket, and the word to type says what it is."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("PREVIEW", "attempt=1 would_be=NOT_FOUND frees=EURUSD")]
        await decide(rig, pilot)
        await press(rig, pilot, "space")
        assert field(rig, "ticket").disabled
        await press(rig, pilot, "tab")
        await typed(rig, pilot, "asked the broker", "enter")
        rig.hands.answers = [answer("NOT_FOUND", "resolved_by=ann@desk")]
        await typed(rig, pilot, "not-executed", "enter")
        call = ("resolve", "demo-1", ORDER.oid, 0, "asked the broker")
        assert acts(rig) == [(*call, True), (*call, False)]
        assert "✓ done:" in rig.text()

    Rig(*unknown()).run(on_trades(play, LOST))


def test_a_decision_needs_a_ticket_and_a_reason() -> None:
    """What is missing is said, and nobody is asked."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await decide(rig, pilot)
        await press(rig, pilot, "tab", "tab", "enter")
        assert "the ticket of its position, order or deal is needed" in rig.text()
        await press(rig, pilot, "4", "enter", "enter")
        assert "a reason is needed: say how you know" in rig.text()
        assert acts(rig) == []

    Rig(*unknown()).run(on_trades(play, LOST))


def test_what_was_not_looked_at_is_not_done() -> None:
    """Another ticket after the look needs another look."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await look(rig, pilot)
        field(rig, "ticket").focus()
        await press(rig, pilot, "9")
        assert "changed: Enter looks again" in rig.text()
        assert field(rig, "typed").disabled
        assert acts(rig) == [(*EXECUTED, True)]

    Rig(*unknown()).run(on_trades(play, LOST))


def test_a_refusal_is_shown_and_nothing_can_be_typed() -> None:
    """With its code and its reason."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("NOT_PROVEN", "no position, order or deal has ticket 4", ticket=0, symbol="", volume_e8=0, price_e8=0)]
        await decide(rig, pilot)
        await press(rig, pilot, "tab", "4", "enter")
        await typed(rig, pilot, "seen", "enter")
        assert "✗ it is not done:" in rig.text()
        assert "NOT_PROVEN" in rig.text()
        assert field(rig, "typed").disabled

    Rig(*unknown()).run(on_trades(play, LOST))


def test_what_was_done_before_is_no_failure() -> None:
    """Somebody else may have said the same a moment ago."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("FILLED", "found=by_ticket ticket=4")]
        await decide(rig, pilot)
        await press(rig, pilot, "tab", "4", "enter")
        await typed(rig, pilot, "seen", "enter")
        assert "· nothing is left to do:" in rig.text()

    Rig(*unknown()).run(on_trades(play, LOST))


def test_what_settles_by_itself_is_not_asked() -> None:
    """It says so, and its account can be reconciled: what that found is shown."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await decide(rig, pilot, "down")
        assert "It settles by itself once demo-1 is heard again" in rig.text()
        assert not rig.app.screen.query(Choice)
        await press(rig, pilot, "ctrl+r")
        assert acts(rig) == [("reconcile", "demo-1")]
        assert "reconcile demo-1 found:" in rig.text()
        assert "demo-1: nothing differs" in rig.text()

    Rig(*unknown()).run(on_trades(play, LOST))


def test_an_account_that_is_silent_says_why() -> None:
    """And can be reconciled with Enter."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await decide(rig, pilot, "end")
        assert "✗ NO ANSWER  demo-3: local-3 last seen 5.0 s ago, READY" in rig.text()
        await press(rig, pilot, "enter")
        assert acts(rig) == [("reconcile", "demo-3")]

    Rig(*unknown()).run(on_trades(play, LOST))


def test_who_only_watches_is_told_why() -> None:
    """The order is shown; nothing of it is sent."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await decide(rig, pilot)
        assert "this console only watches: no key here" in rig.text()
        await press(rig, pilot, "tab", "4", "enter", "x", "enter", "ctrl+r")
        assert acts(rig) == []
        await press(rig, pilot, "escape")
        page_of(rig).table.focus()
        await press(rig, pilot, "c")
        assert "this console only watches: no key here" in rig.text()
        assert acts(rig) == []

    Rig(*unknown(), why_not="no key here").run(on_trades(play, LOST))


def test_an_answer_after_the_dialog_was_left_is_told() -> None:
    """What was sent is done, whoever still looks."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await look(rig, pilot)
        rig.hands.answers = [answer("FILLED", "found=by_ticket")]
        await pilot.press("4", "enter", "escape")
        await settled(rig, pilot)
        assert not isinstance(rig.app.screen, DecideDialog)
        assert acts(rig)[-1] == (*EXECUTED, False)

    Rig(*unknown()).run(on_trades(play, LOST))


def test_an_order_that_can_no_longer_be_asked_for_says_so() -> None:
    """The words of the mesh stand in the dialog."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        def resolve(*_: object) -> CommandAnswer:
            raise NoMesh("no router answers")

        await decide(rig, pilot)
        rig.hands.resolve = resolve  # type: ignore[method-assign]
        await press(rig, pilot, "tab", "4", "enter", "x", "enter")
        assert "✗ no router answers" in rig.text()

    Rig(*unknown()).run(on_trades(play, [of("demo-1", changed(action="CLOSE"))]))


@pytest.mark.parametrize("size", SIZES)
def test_a_position_is_closed(size: tuple[int, int]) -> None:
    """What it would close is shown at once; its account's name does it; what is not ours is closed as such."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("PREVIEW", "would close at the market", ticket=9)]
        await press(rig, pilot, "c")
        await settled(rig, pilot)
        assert isinstance(rig.app.screen, ClosePosition)
        check(f"trades_close_{size[0]}", rig.text())
        call = ("close", "demo-1:9", True)
        assert acts(rig) == [(*call, "", True)]
        await typed(rig, pilot, "asked to", "enter")
        assert acts(rig) == [(*call, "", True)]
        rig.hands.answers = [answer("CLOSED", ticket=9)]
        await typed(rig, pilot, "demo-1", "enter")
        assert acts(rig) == [(*call, "", True), (*call, "asked to", False)]
        assert "✓ done:" in rig.text()

    Rig(*busy()).run(on_trades(play), size)


def test_what_is_ours_is_closed_as_ours() -> None:
    """And what a broker refuses is not called done."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("PREVIEW")]
        await press(rig, pilot, "down", "c")
        await press(rig, pilot, "enter")
        rig.hands.answers = [answer("REJECTED", "retcode=10018 market closed")]
        await typed(rig, pilot, "demo-1", "enter")
        assert acts(rig)[-1] == ("close", "demo-1:4", False, "", False)
        assert "✗ NOT done:" in rig.text()
        assert "retcode=10018" in rig.text()

    Rig(*busy()).run(on_trades(play))


@pytest.mark.parametrize("size", SIZES)
def test_levels_are_changed(size: tuple[int, int]) -> None:
    """One of them, or both; what is no number is said before anybody is asked."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.answers = [answer("PREVIEW", "sl=1.095")]
        await press(rig, pilot, "down", "m")
        assert isinstance(rig.app.screen, ModifyPosition)
        await press(rig, pilot, "enter")
        assert "nothing to change: give SL, TP or both" in rig.text()
        await typed(rig, pilot, "1.x", "enter")
        assert "SL: '1.x' is not a number" in rig.text()
        await typed(rig, pilot, "1.095", "enter")
        check(f"trades_modify_{size[0]}", rig.text())
        rig.hands.answers = [answer("MODIFIED")]
        await typed(rig, pilot, "demo-1", "enter")
        call = ("modify", "demo-1:4", "1.095", "")
        assert acts(rig) == [(*call, True), (*call, False)]
        assert "✓ done:" in rig.text()

    Rig(*busy()).run(on_trades(play), size)


def test_keys_of_positions_do_nothing_elsewhere() -> None:
    """Neither in front of orders, nor where the list of decisions has the keys."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, "u", "c", "m", "o", "c", "m")
        assert len(rig.app.screen_stack) == 1
        assert acts(rig) == []

    Rig(*unknown()).run(on_trades(play, LOST))
