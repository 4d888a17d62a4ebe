"""The dashboard as it is seen: golden screens of each state, and the alerts by keys and mouse."""

from collections.abc import Awaitable, Callable

import pytest
from rich.style import Style
from textual.pilot import Pilot

from mesh.messages.base import Msg
from tests.tui.consolerig import CONFIG, Rig, busy, latched, quiet, seen, state, stop, undo
from tests.tui.goldens import check
from tui.screens.dashboard import Dashboard
from tui.widgets.alertlist import AlertList, subject_of

pytestmark = pytest.mark.slow

Play = Callable[[Rig, Pilot[None]], Awaitable[None]]
SIZES = [(80, 24), (200, 60)]
KILL = stop()


def killed() -> list[Msg]:
    """A busy mesh that was frozen; one account has not said so."""
    return [*busy(), KILL, *(latched(f"demo-{number}", KILL) for number in (1, 2, 4))]


def undone() -> list[Msg]:
    """The same, and the freeze was ended; two accounts hold it still."""
    return [*killed(), latched("demo-4"), undo(KILL)]


async def settled(rig: Rig, pilot: Pilot[None]) -> None:
    """A size that is new takes a turn to be drawn."""
    await pilot.pause()
    await rig.turn(pilot)


@pytest.mark.parametrize("size", SIZES, ids=["80", "200"])
@pytest.mark.parametrize(("name", "items"), [("quiet", quiet), ("busy", busy), ("killed", killed), ("undo_pending", undone)])
def test_the_dashboard_looks_as_it_did(name: str, items: Callable[[], list[Msg]], size: tuple[int, int]) -> None:
    """In each state, at the least size and a large one."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        check(f"dashboard_{name}_{size[0]}", rig.text())

    Rig(*items()).run(play, size)


@pytest.mark.parametrize("size", SIZES, ids=["80", "200"])
def test_with_both_routers_lost_every_number_is_old(size: tuple[int, int]) -> None:
    """Nothing that was told 5 s ago looks like news."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        rig.feed.is_seeing = False
        await rig.turn(pilot, ms=5_000)
        await settled(rig, pilot)
        check(f"dashboard_router_lost_{size[0]}", rig.text())

    Rig(*busy()).run(play, size)


def styles(rig: Rig, words: str) -> list[Style]:
    """How the line is drawn that holds these words: of each piece of text."""
    strips = rig.app.screen._compositor.render_strips()
    strip = next(strip for strip in strips if words in strip.text)
    return [segment.style or Style.null() for segment in strip if segment.text.strip()]


def test_old_numbers_are_drawn_grey_and_the_cursor_is_seen() -> None:
    """Not only said to be so."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        fresh = styles(rig, "39,998.00")[0]
        rig.feed.is_seeing = False
        await rig.turn(pilot, ms=5_000)
        await settled(rig, pilot)
        assert styles(rig, "39,998.00")[0] != fresh
        assert len({str(style.color) for style in styles(rig, "39,998.00")}) == 1
        assert styles(rig, "> ✗ router-1")[0].reverse or styles(rig, "> ✗ router-1")[0] != styles(rig, "  ✗ router-2")[0]

    Rig(*busy()).run(play)


def troubled() -> list[Msg]:
    """Six accounts' worth of trouble: orders of unknown result, a terminal cut off, a freeze that nobody confirmed."""
    unknown = state("demo-2", unknown_count=2)
    cut_off = state("demo-3", connected=False)
    return [*quiet(), unknown, cut_off, KILL, stop("CANCEL", "account:demo-1", nonce=2), *map(seen, CONFIG.account)]


def alert_list(rig: Rig) -> AlertList:
    """The widget."""
    return rig.app.query_one(AlertList)


def test_what_has_to_be_decided_is_on_top_and_enter_goes_there() -> None:
    """The first alert is under the cursor from the start."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        line = rig.text().splitlines()[4]
        assert line.startswith("> ‼ demo-2: 2 of UNKNOWN result")
        assert line.endswith("→ trades")
        await pilot.press("enter")
        await pilot.pause()
        assert rig.app.page.NAME == "trades"

    Rig(*troubled()).run(play)


def test_the_cursor_stays_on_its_alert_while_others_come_and_ages_grow() -> None:
    """One that was placed; one that was not stays on the first."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        await pilot.press("down")
        placed = alert_list(rig).alert
        assert placed is not None
        rig.feed.tell(state("demo-1", unknown_count=1, number=2))
        await rig.turn(pilot)
        assert alert_list(rig).alert == placed
        await pilot.press("home")
        rig.feed.tell(state("demo-1", number=3))
        await rig.turn(pilot)
        first = alert_list(rig).alert
        assert first is not None
        assert first.words.startswith("demo-2: 2 of")

    Rig(*troubled()).run(play)


def test_more_alerts_than_lines_can_be_gone_through() -> None:
    """Each comes into view under the cursor, and the title says how many are below."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        assert "↓ 2 more" in rig.text()
        words = []
        for _ in range(6):
            line = next(line for line in rig.text().splitlines() if line.startswith("> "))
            words.append(line[2:].split("→")[0].strip())
            await pilot.press("down")
            await pilot.pause()
        assert len(dict.fromkeys(words)) == 6
        assert "Enter goes there" in rig.text()
        await pilot.press("end", "pageup", "pagedown", "home")
        await pilot.pause()
        assert rig.text().splitlines()[4].startswith("> ‼")

    Rig(*troubled()).run(play)


def test_a_click_takes_the_cursor_to_an_alert_and_a_second_one_goes_there() -> None:
    """The wheel moves it too."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        await pilot.click(AlertList, offset=(10, 2))
        assert rig.text().splitlines()[5].startswith("> ✗")
        alert_list(rig).on_mouse_scroll_down()
        await pilot.pause()
        assert rig.text().splitlines()[6].startswith("> ")
        alert_list(rig).on_mouse_scroll_up()
        await pilot.click(AlertList, offset=(10, 2))
        await pilot.pause()
        assert rig.app.page.NAME != Dashboard.NAME

    Rig(*troubled()).run(play)


def test_an_alert_is_known_again_when_its_age_has_grown() -> None:
    """Its words but for how long it is so."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.feed.is_seeing = False
        await rig.turn(pilot, ms=5_000)
        await pilot.press("down", "down")
        before = alert_list(rig).alert
        await rig.turn(pilot, ms=7_000)
        after = alert_list(rig).alert
        assert before is not None
        assert after is not None
        assert before.words != after.words
        assert subject_of(before) == subject_of(after)

    Rig(*busy()).run(play)


def test_a_new_size_is_laid_out_at_once() -> None:
    """Beside each other where there is room, below each other where not."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        assert not any("MONEY" in line and "EXPOSURE" in line for line in rig.text().splitlines())
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert any("MONEY" in line and "EXPOSURE" in line for line in rig.text().splitlines())

    Rig(*busy()).run(play)


def test_of_many_accounts_the_sums_are_drawn_four_times_a_second() -> None:
    """And show all that came meanwhile."""
    names = [f"a{number}" for number in range(201)]

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        rig.feed.tell(state("a0", 20_000, number=2))
        await rig.turn(pilot, ms=100)
        assert "2,010,000.00" in rig.text()
        await rig.turn(pilot, ms=200)
        assert "2,020,000.00" in rig.text()

    Rig(*map(state, names)).run(play)


def test_before_a_router_is_heard_there_are_no_numbers() -> None:
    """But what is missing, and why."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await settled(rig, pilot)
        assert "UNKNOWN: no router was heard yet" in rig.text()
        assert "4 accounts not seen yet" in rig.text()
        assert "orders/min -" in rig.text()

    Rig().run(play)
