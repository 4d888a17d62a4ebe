"""The nodes page as an operator uses it: states, groups, filter, one node opened, what a large terminal shows."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from mesh.messages.base import Msg
from mesh.units import MS_NS
from tests.tui.consolerig import CONFIG, NOW_NS, Rig, busy, health, note, seen, state
from tests.tui.goldens import check
from tests.tui.pagestates import STATES, Play, routers_lost
from tui.screens.node import NodeScreen
from tui.screens.nodes import Nodes
from tui.widgets.nodeparts import NodeParts
from tui.widgets.table import Table

pytestmark = pytest.mark.slow

SMALL, LARGE = (80, 24), (200, 60)
HOMES = {"local-1": "router-1", "local-2": "router-2", "local-3": "router-1", "local-4": "router-2"}


def told_late(node: str, second: int) -> Msg:
    """A node's word that many seconds later."""
    counters = {"outcome_count": 24 + second * second // 9, "order_count": 12 + second // 2, "tick_count": 54_666 + 3_000 * second}
    changes = {"home": HOMES[node]} if node in HOMES else {}
    notes = [note(1), note(2, "error", "lost", "oid=07… why=timeout")]
    return health(
        node, 9_000 + 1_000 * second, facts=changes, counters=counters, loop_lag_us=400 + second * second * 37 % 900 * 3,
        cpu_percent=second * 7 % 11, rss_bytes=(60 + second // 10) * 2**20, notes=notes,
    )  # fmt: skip


async def worked(rig: Rig, pilot: Pilot[None]) -> None:
    """A minute and a half of work, each local at its own router."""
    for router in ("router-1", "router-2"):
        views = [seen(name, homed=HOMES[CONFIG.local_of(name)] == router) for name in CONFIG.account]
        rig.feed.tell(*views, router=router)
    for second in range(1, 91):
        rig.at_ns = NOW_NS + second * 1_000 * MS_NS
        rig.feed.tell(*(told_late(name, second) for name in CONFIG.node), router="router-1", now_ns=rig.at_ns)
        rig.app.state.take(rig.feed.take(), rig.at_ns, rig.app.wall_ns())  # without drawing each
    for router in ("router-1", "router-2"):
        views = [seen(name, homed=HOMES[CONFIG.local_of(name)] == router) for name in CONFIG.account]
        rig.feed.tell(*views, *(state(name, number=2) for name in CONFIG.account), router=router, now_ns=rig.at_ns)
    await rig.turn(pilot, 100)


async def troubled(rig: Rig, pilot: Pilot[None]) -> None:
    """Five seconds later a router and a local are silent, a terminal is not connected, one node runs something else."""
    rig.at_ns += 5_000 * MS_NS
    nodes = [health(name, 14_000) for name in CONFIG.node if name not in ("router-1", "local-3", "cci-1")]
    odd = [health("cci-1", 14_000, phase="STARTING", version="0.2.0")]
    accounts = [state(name, number=2, connected=name != "demo-4") for name in CONFIG.account]
    views = [seen(name, homed=name != "demo-1") for name in CONFIG.account]
    rig.feed.tell(*nodes, *odd, *accounts, *views, router="router-2", now_ns=rig.at_ns)
    rig.feed.tell(seen("demo-1", homed=False), router="router-1")
    await rig.turn(pilot, 100)


GROUPED = {"worked": worked, "trouble": troubled}


def on_nodes(*plays: Play) -> Play:
    """These one after the other, with the page in front and laid out."""

    async def played(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await rig.turn(pilot)
        for play in plays:
            await play(rig, pilot)

    return played


def pressing(*keys: str) -> Play:
    async def pressed(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press(*keys)
        await rig.turn(pilot)

    return pressed


def golden(name: str) -> Play:
    async def checked(rig: Rig, pilot: Pilot[None]) -> None:
        await rig.turn(pilot)
        check(f"{name}_{rig.app.size.width}", rig.text())

    return checked


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("name", STATES)
def test_the_page_looks_as_it_did(name: str, size: tuple[int, int]) -> None:
    """Every state that matters, on a small and on a large terminal."""
    items, play = STATES[name]
    Rig(*items).run(on_nodes(play, golden(f"nodes_{name}")), size)


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("name", GROUPED)
def test_groups_look_as_they_did(name: str, size: tuple[int, int]) -> None:
    """None, by router, by layer: when all is well, and with what needs a person on top."""
    by_router = [pressing("g"), golden(f"nodes_{name}_by_router")]
    by_layer = [pressing("g"), golden(f"nodes_{name}_by_layer")]
    Rig(*busy()).run(on_nodes(GROUPED[name], golden(f"nodes_{name}"), *by_router, *by_layer), size)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_opened_nodes_look_as_they_did(size: tuple[int, int]) -> None:
    """The master, a router with its locals, a local with its account."""
    plays = [worked, pressing("home")]
    for step_count, name in ((4, "master-1"), (1, "router-1"), (2, "local-1")):
        plays += [pressing(*["down"] * step_count, "enter"), golden(f"node_{name}"), pressing("escape")]
    Rig(*busy()).run(on_nodes(*plays), size)


def test_the_rest_of_an_opened_node_is_below() -> None:
    """On a small terminal it scrolls; when everybody is silent all of it is old."""
    Rig(*busy()).run(
        on_nodes(
            worked, pressing(*["down"] * 7, "enter"), pressing("pagedown"), golden("node_local-1_below"), pressing("end"),
            golden("node_local-1_end"), pressing("home"), routers_lost, golden("node_local-1_lost"),
        )
    )  # fmt: skip


def test_an_opened_node_is_live_and_escape_closes_it() -> None:
    """Its numbers go on while it is open; the page below has its cursor where it was."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("down", "enter")
        assert isinstance(rig.app.screen, NodeScreen)
        assert "broker-1  ● fresh" in rig.text()
        rig.feed.tell(health("broker-1", 34_000, pid=777))
        await rig.turn(pilot)
        assert "pid 777" in rig.text()
        await rig.turn(pilot, 5_000)
        assert "broker-1  ○ dead" in rig.text()
        await pilot.press("escape")
        assert not isinstance(rig.app.screen, NodeScreen)
        assert "> broker-1   ○ dead    5 s" in rig.text()

    Rig(*busy()).run(on_nodes(play))


def test_two_clicks_open_a_node() -> None:
    """One puts the cursor there, or sorts where it is a title."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.click(Table, offset=(5, 4))
        assert "> signals-1" in rig.text()
        assert len(rig.app.screen_stack) == 1
        await pilot.click(Table, offset=(5, 0))
        assert "node▲" in rig.text()
        await pilot.click(Table, offset=(5, 1), times=2)
        assert "broker-1  ● fresh 0 s" in rig.text()

    Rig(*busy()).run(on_nodes(play))


def test_a_heading_is_not_opened() -> None:
    """Enter on it does nothing."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.press("home", "enter")
        assert len(rig.app.screen_stack) == 1
        assert "> ── signal generation" in rig.text()
        await pilot.press("down", "enter")
        assert len(rig.app.screen_stack) == 2

    Rig(*busy()).run(on_nodes(pressing("g", "g"), play))


def test_a_filter_leaves_what_it_says() -> None:
    """By state, role, terminal, version …: what a column says, shown or not."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for words, left in (("dead", ["router-1", "local-3"]), ("fresh broker", ["broker-1"]), ("not", ["local-4"])):
            await pilot.press("slash", *("space" if sign == " " else sign for sign in words), "enter")
            await rig.turn(pilot)
            assert [row.name for row in rig.app.query_one(Nodes)._model.visible] == left
            await pilot.press("escape")

    Rig(*busy()).run(on_nodes(troubled, play))


def test_the_node_under_the_cursor_is_below_where_there_is_room() -> None:
    """It follows the cursor, and goes where the terminal becomes small."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        parts = rig.app.query_one(Nodes).query_one(NodeParts)
        assert parts.display
        await pilot.press("end")
        await rig.turn(pilot)
        assert "local-4  ● fresh" in rig.text()
        assert "its account demo-4" in rig.text()
        await pilot.resize_terminal(*SMALL)
        await rig.turn(pilot)
        assert not parts.display

    Rig(*busy()).run(on_nodes(play), LARGE)


def test_the_page_can_be_drawn(tmp_path: Path) -> None:
    """As a picture, in light and dark."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for _ in range(2):
            await pilot.press("d")
            await rig.turn(pilot)
            picture = rig.app.export_screenshot()
            (tmp_path / "nodes.svg").write_text(picture)
            assert "local-3" in picture

    Rig(*busy()).run(on_nodes(troubled, pressing("g"), play), LARGE)
