"""The page Trades as an operator uses it: what it shows, what a row opens, what becomes a file."""

from pathlib import Path

import pytest
from rich.text import Text
from textual.pilot import Pilot

from mesh.errors import BadUsage, NoMesh
from mesh.messages.base import Msg
from mesh.units import E8
from tests.tui.consolerig import Rig, busy, deal, position, quiet, state, undo
from tests.tui.goldens import check
from tests.tui.traderig import KILL, LOST, SIZES, acts, killed, on_trades, page_of, press, settled, story, typed, unknown
from tui.hands import LostList
from tui.screens.chain import Chain

pytestmark = pytest.mark.slow

# what it shows


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "items"),
    [("quiet", quiet()), ("busy", busy()), ("killed", killed()), ("undone", [*killed(), undo(KILL)])],
)
def test_it_looks_as_it_did(name: str, items: list[Msg], size: tuple[int, int]) -> None:
    """Quiet, busy, stopped, and with the end of a stop on its way."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        check(f"trades_{name}_{size[0]}", rig.text())

    Rig(*items).run(on_trades(play), size)


@pytest.mark.parametrize("size", SIZES)
def test_old_numbers_are_marked(size: tuple[int, int]) -> None:
    """Without a router every row is grey and says how old it is, and the sum says so, too."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.feed.is_seeing = False
        await rig.turn(pilot, 5_000)
        await settled(rig, pilot)
        check(f"trades_lost_{size[0]}", rig.text())
        assert rig.text().count("○ 5 s") >= 9
        assert "○ 20 of them old" in rig.text()

    Rig(*busy()).run(on_trades(play), size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "key"), [("orders", "o"), ("deals", "l")])
def test_orders_and_deals_look_as_they_did(name: str, key: str, size: tuple[int, int]) -> None:
    """Each with its totals, and what of the row under the cursor has no room."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, key)
        check(f"trades_{name}_{size[0]}", rig.text())

    Rig(*busy(), deal(7, kind="BALANCE", profit_e8=10_000 * E8, volume_e8=0, price_e8=0, cause="", symbol="")).run(on_trades(play), size)


@pytest.mark.parametrize("size", SIZES)
def test_what_needs_a_decision_is_on_top(size: tuple[int, int]) -> None:
    """With who did not answer; nothing of it is there where nothing needs one."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        check(f"trades_unknown_{size[0]}", rig.text())
        rig.hands.lists = []
        await rig.turn(pilot, 3_000)
        await press(rig, pilot, "u", "r")
        await settled(rig, pilot)
        assert not page_of(rig).lost.display
        assert page_of(rig).table.has_focus

    Rig(*unknown()).run(on_trades(play, LOST), size)


def test_it_filters_sorts_and_sums_what_is_shown() -> None:
    """Totals are of the rows that match; the title tells both counts; the filter of one table is not another's."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, "slash")
        await typed(rig, pilot, "not ours", "enter")
        assert "[positions 4 of 20]" in rig.text()
        assert "4 positions  0.40 lots  profit -4.00 USD  * 4 not ours" in rig.text()
        await press(rig, pilot, "o")
        assert "p positions 20  [orders 33]" in rig.text()
        await press(rig, pilot, "p", "escape")
        await press(rig, pilot, *["s"] * 10)
        profits = [row.position.profit_e8 for row in page_of(rig).table.model.visible]
        assert profits == sorted(profits)

    Rig(*busy()).run(on_trades(play))


def test_a_click_on_a_name_brings_its_table() -> None:
    """As its key does."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await pilot.click("#tab-deals")
        await settled(rig, pilot)
        assert "[deals 2]" in rig.text()
        assert page_of(rig).table.has_focus

    Rig(*busy()).run(on_trades(play))


def test_it_is_live() -> None:
    """Another state of an account is there at the next look."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.feed.tell(state("demo-1", positions=(position(4, profit_e8=-77 * E8),), number=2))
        await rig.turn(pilot, 100)
        assert "-77.00" in rig.text()
        assert "[positions 16]" in rig.text()

    Rig(*busy()).run(on_trades(play))


def test_a_mesh_that_cannot_be_asked_says_so() -> None:
    """Nobody is told that nothing is UNKNOWN where nobody could be asked."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        def lost() -> list[LostList]:
            raise NoMesh("no router answers at tcp://127.0.0.1:7440")

        rig.hands.lost = lost  # type: ignore[method-assign]
        page_of(rig).decisions.want()
        await rig.turn(pilot, 3_000)
        await settled(rig, pilot)
        assert "✗ not asked: no router answers at tcp://127.0.0.1:7440" in rig.text()

    Rig(*busy()).run(on_trades(play))


# files and the clipboard


def notices(rig: Rig) -> list[str]:
    return [notice.message for notice in rig.app._notifications]


def test_what_is_shown_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All columns of the rows that match, into a file of its own; where that cannot be, it is told."""
    monkeypatch.chdir(tmp_path)

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, "slash")
        await typed(rig, pilot, "not ours", "enter")
        await press(rig, pilot, "e")
        (path,) = tmp_path.iterdir()
        assert path.name == "trademesh-positions-20260105T080000Z.csv"
        lines = path.read_text().splitlines()
        assert len(lines) == 5
        assert lines[0].startswith("account,ticket,symbol,side,lots,open,now,SL,TP,profit,ccy,swap,strategy,age,opened (UTC)")
        assert notices(rig) == [f"4 rows: {path}"]
        path.unlink()
        tmp_path.rmdir()
        await press(rig, pilot, "e")
        assert notices(rig)[1].startswith("not written: ")

    Rig(*busy()).run(on_trades(play), (200, 60))


def test_a_row_is_copied() -> None:
    """With all its columns, those too that have no room."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, "y")
        assert rig.app.clipboard.startswith("account: demo-1\nticket: 9\n")
        assert "\nTP: 1.12000\n" in rig.app.clipboard

    Rig(*busy()).run(on_trades(play))


# chains


@pytest.mark.parametrize("size", SIZES)
def test_an_order_opens_its_chain(size: tuple[int, int]) -> None:
    """The row, then its story; r asks again, Esc goes back."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        rig.hands.story = story()
        await press(rig, pilot, "o", "enter")
        await settled(rig, pilot)
        check(f"trades_chain_{size[0]}", rig.text())
        oid = (bytes([8]) * 16).hex()
        assert acts(rig) == [("why", oid)]
        rig.hands.story = Text("another story")
        await press(rig, pilot, "r")
        assert "another story" in rig.text()
        assert acts(rig) == [("why", oid)] * 2
        await press(rig, pilot, "escape")
        assert not isinstance(rig.app.screen, Chain)

    Rig(*busy()).run(on_trades(play), size)


def test_a_position_opens_its_chain_and_lives() -> None:
    """It is asked for by account and ticket; its numbers are those of now, and that it was closed is said."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, "down", "enter")
        assert acts(rig) == [("why", "demo-1:4")]
        assert "profit +6.00" in rig.text()
        rig.feed.tell(state("demo-1", positions=(position(4, profit_e8=5 * E8),), number=2))
        await rig.turn(pilot, 100)
        assert "profit +5.00" in rig.text()
        rig.feed.tell(state("demo-1", number=3))
        await rig.turn(pilot, 100)
        assert "it is not open any more" in rig.text()
        assert "as told" not in rig.text()

    Rig(*busy()).run(on_trades(play))


def test_what_is_not_ours_has_no_chain() -> None:
    """Its fields are shown, and nobody is asked."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        await press(rig, pilot, "enter", "r")
        assert "nothing of it is known here" in rig.text()
        assert "buy 0.10 lots EURUSD on demo-1, ticket 9" in rig.text()
        assert acts(rig) == []

    Rig(*busy()).run(on_trades(play))


def test_a_chain_that_cannot_be_told_says_why() -> None:
    """In the words of the mesh, with what to do; what comes after it was left is dropped."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        def why(query: str, view: object) -> Text:
            raise BadUsage("what is asked is no query")

        rig.hands.why = why  # type: ignore[assignment]
        await press(rig, pilot, "o", "enter")
        assert "✗ what is asked is no query" in rig.text()
        await pilot.press("r", "escape")
        await settled(rig, pilot)
        assert rig.app.page.NAME == "trades"

    Rig(*busy()).run(on_trades(play))
