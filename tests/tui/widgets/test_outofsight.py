"""A table on a page that is not in front."""

import pytest
from textual.pilot import Pilot

from tests.tui.widgets.test_table import Host, items, names, run

pytestmark = pytest.mark.slow


def test_out_of_sight_it_is_made_ready_for_when_it_comes() -> None:
    """Its first picture has the rows of now, and nobody lays it out once more for them."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.display = False
        await pilot.pause()
        assert not host.table.size
        before = host.table.virtual_size
        host.table.show(items(100, first=500))
        assert "row500" in str(host.table._lines)
        assert host.table.virtual_size == before
        host.table.display = True
        await pilot.pause()
        assert names(host)[0] == "> row500"

    run(play)


def test_a_table_that_comes_back_shows_what_came_meanwhile() -> None:
    """However little it has become."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.display = False
        await pilot.pause()
        host.table.show(items(3, first=40))
        await pilot.pause()
        host.table.display = True
        await pilot.pause()
        assert names(host) == ["> row40", "  row41", "  row42"]

    run(play)


def test_in_another_size_it_is_laid_out_for_that() -> None:
    """What it was made ready for is not what there is room for."""

    async def play(host: Host, pilot: Pilot[None]) -> None:
        host.table.display = False
        await pilot.resize_terminal(80, 12)
        host.table.show(items(100, first=500))
        host.table.display = True
        await pilot.pause()
        assert len(names(host)) == host.table.size.height - 2
        assert names(host)[0] == "> row500"

    run(play)
