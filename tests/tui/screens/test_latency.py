"""The latency page as an operator uses it: its parts, the histogram of a step, the slowest orders, what a large terminal shows."""

from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot

from mesh.messages.base import Msg
from mesh.messages.outcomes import Stamps
from tests.tui.consolerig import Rig, busy, health, outcome, quiet, stage, stamps
from tests.tui.goldens import check
from tests.tui.pagestates import STATES, Play, looks, nothing, on_page
from tui.screens.chain import Chain
from tui.screens.latency import Latency

pytestmark = pytest.mark.slow

SMALL, LARGE = (80, 24), (200, 60)


def spread() -> list[Msg]:
    """One in which no two orders took the same, and locals neither."""
    locals_ = [health(f"local-{n}", stages=[stage("intent", 200 * n), stage("broker", 3_000 * n)]) for n in (1, 2, 3, 4)]
    sids = {f: f"cci-1/EURUSD/M1/{1_767_571_200 + 60 * f}/cross/long" for f in range(1, 101)}
    orders = [outcome(f, sid=sid, stamps=stamps(step_us=f * f // 7)) for f, sid in sids.items()]
    return [*quiet(), *locals_, *orders]


def on_latency(play: Play) -> Play:
    """The same, with the page in front."""
    return on_page("5", play)


LOOKS = STATES | {"spread": (spread(), nothing)}


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_was_found_good(name: str, size: tuple[int, int]) -> None:
    """In each state, in a small and in a large terminal."""
    items, happens = LOOKS[name]
    Rig(*items, is_whole=True).run(on_latency(looks("latency", name, size, happens)), size)


@pytest.mark.parametrize(("part", "keys"), [("steps", "v"), ("slow", "tab tab tab"), ("clocks", "shift+tab")])
def test_each_part_looks_as_it_was_found_good(part: str, keys: str) -> None:
    """In a small terminal one at a time, by Tab."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(*keys.split())
        await rig.turn(pilot)
        check(f"latency_{part}_part_80", rig.text())

    Rig(*spread(), is_whole=True).run(on_latency(play))


def test_v_chooses_the_step() -> None:
    """Forward and back, from whichever part has the keys; the last one is followed by the first."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("v")
        await rig.turn(pilot)
        assert "signal → master in, signals to master: 100 orders" in rig.text()
        await pilot.press("V", "V")
        await rig.turn(pilot)
        assert "called → answered, the broker alone: 100 orders" in rig.text()
        await pilot.press("down", "v")
        await rig.turn(pilot)
        assert "signal → called, all of the mesh: 100 orders" in rig.text()

    Rig(*spread(), is_whole=True).run(on_latency(play))


def test_a_step_is_also_chosen_in_its_table() -> None:
    """By cursor or mouse, and the histogram follows."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab", "down", "down")
        await rig.turn(pilot)
        assert "master in → master out, decided and published" in rig.text()
        await pilot.click("#table-steps", offset=(10, 8))
        await rig.turn(pilot)
        assert "called → answered, the broker alone" in rig.text()

    Rig(*spread(), is_whole=True).run(on_latency(play))


def test_parts_are_clicked() -> None:
    """Their names stand in the second line."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.click("#name-slow")
        await rig.turn(pilot)
        assert "[Slowest orders]" in rig.text()
        assert rig.app.focused is not None
        assert rig.app.focused.id == "table-slow"

    Rig(*spread(), is_whole=True).run(on_latency(play))


def test_a_wide_and_low_terminal_shows_two_parts() -> None:
    """Those of a row; Tab goes on to the other row."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert "[Stages]  [Steps]" in rig.text()
        assert "signal → called, all of the mesh: 100 orders" in rig.text()
        await pilot.press("shift+tab")
        await rig.turn(pilot)
        assert "[Slowest orders]  [Clocks]" in rig.text()
        assert "cci-1/EURUSD/M1/1767577200/cross/" in rig.text()

    Rig(*spread(), is_whole=True).run(on_latency(play), (160, 24))


def test_enter_opens_the_chain_of_a_slow_order() -> None:
    """That of the slowest, which is on top."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab", "tab", "enter")
        await rig.turn(pilot)
        assert isinstance(rig.app.screen, Chain)
        assert ("why", "cci-1/EURUSD/M1/1767577200/cross/long") in rig.hands.calls
        assert "mesh 8.57 ms, broker 14.28 ms; 1.43 ms of the mesh's in signal → master in" in rig.text()

    Rig(*spread(), is_whole=True).run(on_latency(play))


def test_new_orders_are_drawn_at_once() -> None:
    """In the histogram and in the head."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("V", "v")
        await rig.turn(pilot)
        assert "no order of the last hour was heard yet" in rig.text()
        assert "0 orders of the last hour" in rig.text()
        rig.feed.tell(outcome(1), outcome(2))
        await rig.turn(pilot)
        assert "1 orders" not in rig.text()
        assert "2 orders, newest 0 s ago" in rig.text()
        assert "signal → called, all of the mesh: 2 orders of the last hour" in rig.text()

    Rig(*quiet(), is_whole=True).run(on_latency(play))


def test_orders_that_cannot_be_measured_are_told() -> None:
    """Their steps are none, and no time below zero is shown."""
    back = msgspec.structs.replace(stamps(), called_ns=1)

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("V", "v")
        await rig.turn(pilot)
        assert "1 orders left out" in rig.text()

    Rig(*quiet(), outcome(1, stamps=back), outcome(2, stamps=Stamps()), is_whole=True).run(on_latency(play))


def test_a_table_is_exported_and_a_row_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that has the keys, with the columns there was no room for."""
    monkeypatch.chdir(tmp_path)

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("e", "y")
        await rig.turn(pilot)
        (path,) = tmp_path.iterdir()
        lines = path.read_text("utf-8").splitlines()
        assert lines[0] == "stage,node,of,count,p50,p90,p99,p99.9,max,in s,age"
        assert lines[1] == "to_master,signals-1,signals → master,12,300,600,900,\"1,200\",\"1,500\",10.0,0 s"
        assert rig.app.clipboard.startswith("stage: to_master\nnode: signals-1\n")

    Rig(*busy(), is_whole=True).run(on_latency(play))


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends nothing."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("e")
        await rig.turn(pilot)
        assert [note.message for note in rig.app._notifications] == ["no CSV: No such file or directory"]

    Rig(*busy(), is_whole=True).run(on_latency(play))


def test_many_rows_leave_the_broker_in_view() -> None:
    """Of a thousand locals as many are shown as there is room for; the page comes back to the table that had the keys."""
    many = [health(f"x-{number}", role="local", stages=[stage("intent"), stage("broker", 5 * number + 1)]) for number in range(1_000)]

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        assert "broker time in µs" in rig.text()
        assert "broker     x-999" in rig.text()
        await pilot.press("tab", "6", "5")
        await rig.turn(pilot)
        assert rig.app.focused is not None
        assert rig.app.focused.id == "table-broker"
        assert isinstance(rig.app.page, Latency)

    Rig(*many, is_whole=True).run(on_latency(play))
