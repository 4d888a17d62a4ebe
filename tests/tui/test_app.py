"""The console's frame: pages by their keys, the head, the freeze chord, a terminal that is too small."""

import pytest
from textual.pilot import Pilot

from tests.tui.consolerig import Rig, quiet
from tui.screens import PAGES

pytestmark = pytest.mark.slow


def test_each_page_comes_by_its_key() -> None:
    """And by the palette's command."""

    async def play(rig: Rig, pilot: Pilot[None]) -> None:
        for page in PAGES:
            await pilot.press(page.KEY)
            assert rig.app.page.NAME == page.NAME
        commands = [command.title for command in rig.app.get_system_commands(rig.app.screen)]
        assert [f"Page: {page.TITLE}" for page in PAGES] == [title for title in commands if title.startswith("Page: ")]

    Rig(*quiet()).run(play)
