"""The console as an operator has it: in a real terminal, on the running demo that it was opened with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.meshrig import Rig
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def terminal(tmp_path: Path, needs: Callable[[str, str], str]) -> Terminal:
    """`mesh up --console` of a demo of its own."""
    needs("tmux", "tmux")
    rig = Rig(tmp_path)
    words = rig.command(*rig.up_words("run", "--console"))
    return Terminal(tmp_path, words, rig.environment, (160, 45))


def test_operator_watches_an_order_freezes_sees_it_confirmed_undoes_it_and_leaves(terminal: Terminal) -> None:
    """From the first order's chain to the summary, by keys alone."""
    try:
        terminal.shows("● router-1", 120)
        terminal.press("3")
        terminal.press("o")
        terminal.shows("FILLED", 120)
        terminal.press("Enter")
        chain = terminal.shows("answered +")
        assert "reversion open on demo-" in chain
        terminal.press("Escape")
        terminal.press("C-x")
        terminal.press("C-x")
        terminal.shows("FREEZE all: 4 of 4 confirmed")
        assert "FREEZE all by" in terminal.text().splitlines()[0]
        terminal.press("Enter")
        terminal.shows("why it may trade again")
        terminal.type("calm again")
        terminal.press("Enter")
        terminal.shows("calm again")
        terminal.type("all")
        terminal.shows("type it all")
        terminal.press("Enter")
        terminal.shows("4 of 4 confirmed")
        terminal.until(lambda shown: "ACTIVE" in shown.splitlines()[0], "ACTIVE in the head")
        terminal.press("q")
        summary = terminal.shows("ended by the console")
        assert "adds up" in summary
    finally:
        terminal.close()
