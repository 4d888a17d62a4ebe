"""The control page: how it looks, how what was sent took, what locals say, and a console that may only watch."""

from collections.abc import Callable

import msgspec
import pytest
from textual.pilot import Pilot

from mesh.confirmations import Verdict
from mesh.errors import BadUsage
from tests.tui.consolerig import Rig, busy, key_of, progress
from tests.tui.goldens import check
from tests.tui.pagestates import KILL, STATES, ending, killed, looks, routers_lost
from tests.tui.screens.controlplay import on_control, part, settled, typed, undone
from tui.hands import Progress
from tui.tablemodel import R
from tui.widgets.table import Table

pytestmark = pytest.mark.slow

SIZES = [(80, 24), (200, 60)]


# as it looks


async def freeze_told(rig: Rig, pilot: Pilot[None]) -> None:
    """A FREEZE of everything was sent from here; one account has not confirmed it."""
    rig.hands.progress = [msgspec.structs.replace(progress(confirmed=3, is_over=False), lacking=("router-2",), id=key_of(KILL))]
    await pilot.press("ctrl+x", "ctrl+x")
    await settled(rig, pilot)


async def ending_told(rig: Rig, pilot: Pilot[None]) -> None:
    """The stop was ended; who held it holds it still."""
    await freeze_told(rig, pilot)
    await ending(rig, pilot)


LOOKS = STATES | {
    "lost": (killed(), routers_lost),
    "killed": (killed(), freeze_told),
    "undone": (killed(), ending_told),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_was_found_good(name: str, size: tuple[int, int]) -> None:
    """In each state, in a small and in a large terminal."""
    items, happens = LOOKS[name]
    Rig(*items).run(on_control(looks("control", name, size, happens)), size)


@pytest.mark.parametrize(("name", "keys"), [("stop", "x"), ("freeze", "f"), ("undo", "enter"), ("close", "p")])
def test_a_dialog_looks_as_it_was_found_good(name: str, keys: str) -> None:
    """It fits into the smallest terminal, below the head."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(keys)
        await rig.turn(pilot)
        check(f"control_{name}_dialog_80", rig.text())

    Rig(*killed()).run(on_control(play))


# how it takes


def test_not_confirmed_is_on_top_with_its_reason() -> None:
    """And the line above says who is waited for, and which node has not said that it has it."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await freeze_told(rig, pilot)
        shown = part(rig, "SENT FROM HERE 1 of 1: FREEZE all")
        lines = shown.splitlines()
        assert "✗ FREEZE all: 3 of 4 confirmed, waiting for demo-4: no LATCHED" in lines[1]
        assert "not heard that they have it: router-2" in lines[2]
        assert "demo-4" in lines[4]
        assert "✗ NOT CONFIRMED" in lines[4]
        assert "no LATCHED" in lines[4]
        assert sum("✓ CONFIRMED" in line for line in lines) == 3

    Rig(*busy()).run(on_control(play))


def test_the_error_of_a_stop_that_could_not_be_sent_is_shown() -> None:
    """As the hands told it."""

    def broken(level: str, scope: str, reason: str, told: Callable[[Progress], None]) -> Progress:
        raise BadUsage("no key: [keys]/operator.key is missing")

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.stop = broken  # type: ignore[method-assign]
        await pilot.press("f", "enter", "enter", "F")
        await settled(rig, pilot)
        assert "✗ NOT SENT: no key: [keys]/operator.key is missing" in rig.text()

    Rig(*busy()).run(on_control(play))


def test_older_runs_can_be_looked_at() -> None:
    """With [ and ]; a new one comes to the front by itself."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.progress = [progress("FREEZE all", confirmed=2)]
        await pilot.press("ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        rig.hands.progress = [progress("CANCEL all")]
        await pilot.press("c", "enter", "enter")
        await typed(pilot, "all", "enter")
        await settled(rig, pilot)
        assert "SENT FROM HERE 2 of 2: CANCEL all" in rig.text()
        await pilot.press("left_square_bracket")
        assert "SENT FROM HERE 1 of 2: FREEZE all" in rig.text()
        assert "no longer waited for: demo-3: no LATCHED, and 1 more account" in " ".join(rig.text().split())
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert "SENT FROM HERE 2 of 2: CANCEL all" in rig.text()

    Rig(*busy()).run(on_control(play))


def test_what_locals_say_is_never_called_confirmed() -> None:
    """It is headed as their word, and the proof's word stands nowhere in it."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        shown = part(rig, "WHAT LOCALS SAY of FREEZE all by ann@desk")
        assert "✓ LATCHED" in shown
        assert "said nothing yet" in shown
        assert "CONFIRMED" not in shown
        await freeze_told(rig, pilot)
        assert "WHAT LOCALS SAY" not in rig.text()
        await pilot.press("l")
        assert "WHAT LOCALS SAY" in rig.text()

    Rig(*killed()).run(on_control(play))


# who may only watch


def test_a_console_that_only_watches_sees_everything_and_says_why_it_does_not_act() -> None:
    """Previews are there; what would act tells why not, and nothing is asked of the hands."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await rig.turn(pilot)
        assert "now: 4 accounts, 20 positions" in rig.text()
        assert "✗ this console only watches: no key" in rig.text()
        await pilot.press("enter", "enter", "F")
        assert "nothing was sent: this console only watches: no key" in rig.text()
        await pilot.press("escape", "enter")
        await undone(pilot, "calm", "all")
        assert "nothing was sent: this console only watches: no key" in rig.text()
        await pilot.press("escape", "r", "enter", "escape", "p")
        await typed(pilot, "all", "enter")
        await settled(rig, pilot)
        assert rig.hands.calls == []
        await pilot.press("ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        assert "✗ NOT SENT: no key" in rig.text()

    Rig(*killed(), why_not="no key").run(on_control(play))


def test_many_accounts_are_drawn_as_far_as_they_are_seen() -> None:
    """A run over a thousand accounts has all of them in the table, the doubtful one first."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        verdicts = tuple(Verdict(f"acc-{number:04}", number != 777, "" if number != 777 else "no LATCHED") for number in range(1_000))
        rig.hands.progress = [Progress(bytes(16), "FREEZE all", verdicts, (), {}, False)]
        await pilot.press("ctrl+x", "ctrl+x")
        await settled(rig, pilot)
        table: Table[R] = rig.app.query_one("#verdicts", Table)
        assert table.model.counts == (1_000, 1_000)
        assert table.model.visible[0] is verdicts[777]
        assert "999 of 1000 confirmed, waiting for acc-0777" in rig.text()

    Rig(*busy()).run(on_control(play))
