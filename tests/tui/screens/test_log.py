"""The log page as an operator uses it: it follows, stays where the cursor is, searches, jumps, shows all of a line."""

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from mesh.messages.base import Msg
from mesh.units import MS_NS
from tests.tui.consolerig import WALL_NS, Rig, health, note
from tests.tui.pagestates import KILL, STATES, Play, looks, nothing, on_page
from tui.screens.log import LineScreen

pytestmark = pytest.mark.slow

SMALL, LARGE = (80, 24), (200, 60)
LONG = "account=demo-1 oid=07070707070707070707070707070707 code=REJECTED detail=retcode=10019 there is not enough money; lots=25.00"


def many(count: int = 40, uptime_ms: int = 9_000, first: int = 1) -> list[Msg]:
    """Healths of a local that noted so many things, each tenth of them worth a warning, the last one more."""
    found: list[Msg] = []
    for number in range(first, first + count):
        level, name, text = ("warning", "late_tick", LONG) if number % 10 == 0 else ("info", "order_done", f"oid={number:032x} code=FILLED")
        said = msgspec.structs.replace(note(number, level, name, text), wall_ns=WALL_NS + number * 137 * MS_NS, count=1 + number % 3)
        found.append(health("local-1", uptime_ms + number, notes=[said]))
    error = msgspec.structs.replace(note(1, "error", "store_failed", "disk full"), wall_ns=WALL_NS)
    return [*found, health("local-2", uptime_ms, notes=[error])]


def on_log(play: Play) -> Play:
    """The same, with the page in front."""
    return on_page("6", play)


LOOKS = STATES | {"many": (many(), nothing)}


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_was_found_good(name: str, size: tuple[int, int]) -> None:
    """In each state, in a small and in a large terminal."""
    items, happens = LOOKS[name]
    Rig(*items, is_whole=True).run(on_log(looks("log", name, size, happens)), size)


def cursor_line(rig: Rig) -> str:
    """The line of the table that the cursor is on."""
    return next(line for line in rig.text().splitlines() if line.startswith(">"))


def test_it_follows_until_the_cursor_leaves_the_last_line() -> None:
    """Then it stays and counts what is new; End follows again."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert "follows the newest line" in rig.text()
        rig.feed.tell(*many(3, 20_000, 41))
        await rig.turn(pilot)
        assert "00000000000000000000002b" in rig.text()  # the 43rd
        await pilot.press("up", "up")
        await rig.turn(pilot)
        stays = cursor_line(rig)
        rig.feed.tell(*many(12, 30_000, 44))
        await rig.turn(pilot)
        assert cursor_line(rig) == stays
        assert "+12 new: End follows again" in rig.text()
        await pilot.press("end")
        await rig.turn(pilot)
        assert "follows the newest line" in rig.text()
        rig.feed.tell(*many(1, 40_000, 56))
        await rig.turn(pilot)
        assert "oid=00000000000000000000000000000038" in rig.text()

    Rig(*many()).run(on_log(play))


def test_a_page_that_comes_to_the_front_shows_the_newest() -> None:
    """What came while another one was there is at its bottom."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("1")
        rig.feed.tell(*many(1, 40_000, 41))
        await rig.turn(pilot)
        await pilot.press("6")
        await rig.turn(pilot)
        assert "oid=00000000000000000000000000000029" in rig.text()
        assert "follows the newest line" in rig.text()

    Rig(*many()).run(on_log(play))


def test_v_leaves_out_what_is_worth_less() -> None:
    """All lines, warnings and worse, what operators did, and all again."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("v")
        await rig.turn(pilot)
        assert "5 of 44 lines" in rig.text()
        assert "shown: warning and worse (v)" in rig.text()
        await pilot.press("v")
        await rig.turn(pilot)
        assert "1 of 44 lines" in rig.text()
        assert "freeze" in cursor_line(rig)
        assert "scope=all reason=news" in rig.text()
        await pilot.press("v")
        await rig.turn(pilot)
        assert "44 lines" in rig.text()
        assert "shown: all (v)" in rig.text()

    Rig(*many(), KILL).run(on_log(play))


def test_typing_searches() -> None:
    """In all words of a line, those that were cut, too; the keys of the page are letters then; Escape shows all again."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"enough", "space", *"money")
        await rig.turn(pilot)
        assert "4 of 43 lines" in rig.text()
        await pilot.press("enter", "n")
        await rig.turn(pilot)
        assert "4 of 43 lines" in rig.text()
        await pilot.press("escape")
        await rig.turn(pilot)
        assert "Log 43 lines" in rig.text()
        assert "follows the newest line" in rig.text()

    Rig(*many()).run(on_log(play))


def test_n_jumps_to_what_is_bad() -> None:
    """Up with N, down with n; at the end that is said."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("N")
        await rig.turn(pilot)
        assert "✗ error" in cursor_line(rig)
        await pilot.press("N")
        await rig.turn(pilot)
        assert "! warning" in cursor_line(rig)
        assert "+0 new" in rig.text()
        await pilot.press("n", "n")
        await rig.turn(pilot)
        assert "✗ error" in cursor_line(rig)
        assert [each.message for each in rig.app._notifications] == ["no warning or worse below this line"]

    Rig(*many()).run(on_log(play))


def test_enter_shows_all_of_a_line() -> None:
    """Each of its words in a line of its own; Escape goes back; y copies it."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("N", "N", "enter")
        await rig.turn(pilot)
        assert isinstance(rig.app.screen, LineScreen)
        words = [line.split("│")[1].strip() for line in rig.text().splitlines() if "│" in line]
        assert [word for word in words if word] == [
            "time    2026-01-05 08:00:05.480000 UTC, by the clock of local-1", "level   ! warning", "source  local-1", "event   late_tick",
            "times   2 within a second", "account=demo-1", "oid=07070707070707070707070707070707", "code=REJECTED", "detail=retcode=10019 "
            "there is not enough money;", "lots=25.00", "Esc back   y copy the line",
        ]  # fmt: skip
        await pilot.press("y", "escape")
        assert rig.app.clipboard == f"2026-01-05 08:00:05.480000 UTC  ! warning  local-1  late_tick 2 times within a second: {LONG}"
        assert len(rig.app.screen_stack) == 1

    Rig(*many()).run(on_log(play))


def test_all_of_the_line_under_the_cursor_stands_at_the_bottom() -> None:
    """What the table had to cut is read there."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("N", "N")
        await rig.turn(pilot)
        assert "lots=25.00" not in cursor_line(rig)
        assert "lots=25.00" in rig.text()

    Rig(*many()).run(on_log(play))


def test_what_was_lost_is_counted_in_the_head() -> None:
    """Bad frames, which are a line, too; and a sorted log says that it follows nothing."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.feed.bad_frame_count = 3
        await rig.turn(pilot)
        assert "bad frames 3   events missed 0" in rig.text()
        assert "bad_frame" in cursor_line(rig)
        await pilot.press("s")
        await rig.turn(pilot)
        assert "sorted: the newest line is not followed" in rig.text()

    Rig(*many()).run(on_log(play))


def test_what_is_shown_is_exported_and_a_line_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all words of each line and its date."""
    monkeypatch.chdir(tmp_path)

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("v", "e", "N", "y")
        await rig.turn(pilot)
        (path,) = tmp_path.iterdir()
        lines = path.read_text("utf-8").splitlines()
        assert lines[0] == "date,time UTC,level,source,event,times,text"
        assert lines[1] == f"2026-01-05,08:00:01.370,! warning,local-1,late_tick,2x,{LONG}"
        assert len(lines) == 6
        assert rig.app.clipboard.startswith("2026-01-05 08:00:05.480000 UTC  ! warning  local-1")

    Rig(*many()).run(on_log(play))


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends nothing."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await rig.turn(pilot)
        assert [each.message for each in rig.app._notifications] == ["no CSV: No such file or directory"]

    Rig(*many()).run(on_log(play))


def test_a_line_that_tries_to_be_more_than_text_is_text() -> None:
    """Control characters and markup of a note reach no terminal."""
    nasty = note(1, "error", "[red]x[/red]", "a\x1b[2Jb [link=x]c[/link]\nd")

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert "[red]x[/red]" in rig.text()
        assert "\x1b" not in rig.text()
        await pilot.press("N", "N", "enter")
        await rig.turn(pilot)
        assert "[link=x]c[/link]" in rig.text()
        assert "\x1b" not in rig.text()

    Rig(health("local-1", notes=[nasty]), health("local-2", notes=[note(1)])).run(on_log(play))
