"""A position goes on while its dialog is open: what is shown of it, and what was looked at, follow it."""

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mesh.messages.accounts import AccountState
from mesh.units import E8
from tests.tui.consolerig import NOW_NS, Rig, busy, position, state
from tests.tui.traderig import acts, answer, on_trades, press, typed
from tui.screens.acting import CHANGED
from tui.screens.touch import GONE, ClosePosition, ModifyPosition

pytestmark = pytest.mark.slow

TICKET = 4


async def becomes(rig: Rig, pilot: Pilot[None], **changes: object) -> None:
    """The account tells another state of its position; with no change given, that it has none any more."""
    rig.at_ns += 1
    positions = (position(TICKET, profit_e8=6 * E8, symbol="USDJPY", **changes),) if changes else ()
    now: AccountState = state("demo-1", number=2 + rig.at_ns - NOW_NS, positions=positions)
    rig.feed.tell(now, age_ms=0, now_ns=rig.at_ns)
    await rig.turn(pilot)


async def opened(rig: Rig, pilot: Pilot[None], key: str, kind: type[ClosePosition | ModifyPosition]) -> None:
    """The dialog of the position that is ours, looked at."""
    rig.hands.answers = [answer("PREVIEW", "would close at the market")]
    await press(rig, pilot, "down", key)
    assert isinstance(rig.app.screen, kind)
    assert f"ticket {TICKET}" in rig.text()


def test_a_position_that_is_to_be_closed_is_shown_as_it_is() -> None:
    """Its price, its profit, its levels: none stands still."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await opened(rig, pilot, "c", ClosePosition)
        await becomes(rig, pilot, sl_e8=108_500_000, price_now_e8=110_777_000)
        assert "SL 1.085" in rig.text()
        assert "now 1.108" in rig.text()
        assert GONE not in rig.text()

    Rig(*busy()).run(on_trades(play))


def test_a_position_that_is_gone_is_not_closed() -> None:
    """It says so, and its account's name closes nothing; looking again asks nobody."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await opened(rig, pilot, "c", ClosePosition)
        asked = acts(rig)
        await press(rig, pilot, "enter")
        assert isinstance(rig.app.focused, Input)
        assert rig.app.focused.id == "typed"
        await becomes(rig, pilot)
        assert GONE in rig.text()
        assert ", as told" not in rig.text()
        assert rig.app.screen.query_one("#typed", Input).disabled
        await pilot.press("tab")
        rig.app.screen.query_one("#reason").focus()
        await press(rig, pilot, "enter")
        assert f"nothing was sent: demo-1:{TICKET} is not open any more" in rig.text()
        assert acts(rig) == asked

    Rig(*busy()).run(on_trades(play))


def test_a_position_that_has_become_another_is_looked_at_again() -> None:
    """More would be closed than what was looked at."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await opened(rig, pilot, "c", ClosePosition)
        await press(rig, pilot, "enter")
        await becomes(rig, pilot, volume_e8=E8)
        assert CHANGED in rig.text()
        rig.app.screen.query_one("#reason").focus()
        await press(rig, pilot, "enter")
        rig.hands.answers = [answer("CLOSED")]
        await typed(rig, pilot, "demo-1", "enter")
        looks = [call[-1] for call in acts(rig)]
        assert looks == [True, True, False]

    Rig(*busy()).run(on_trades(play))


def test_levels_are_shown_as_they_are_and_not_changed_where_it_is_gone() -> None:
    """Somebody else may move them meanwhile."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await opened(rig, pilot, "m", ModifyPosition)
        await becomes(rig, pilot, sl_e8=108_500_000, tp_e8=0)
        assert rig.app.screen.query_one("#sl", Input).placeholder == "1.085 now"
        assert rig.app.screen.query_one("#tp", Input).placeholder == "none now"
        await becomes(rig, pilot)
        assert GONE in rig.text()
        await typed(rig, pilot, "108", "enter")
        assert f"nothing was sent: demo-1:{TICKET} is not open any more" in rig.text()
        assert acts(rig) == []

    Rig(*busy()).run(on_trades(play))
