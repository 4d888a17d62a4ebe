"""The console as an operator has it: in a real terminal, on the running demo that it was opened with."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.meshrig import Rig
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A demo of its own."""
    return Rig(tmp_path)


@pytest.fixture
def terminal(rig: Rig, needs: Callable[[str, str], str]) -> Terminal:
    """`mesh up --console` of it."""
    needs("tmux", "tmux")
    return Terminal(rig.folder, rig.command(*rig.up_words("run", "--console")), rig.environment, (160, 45))


def test_operator_watches_an_order_freezes_sees_it_confirmed_undoes_it_and_leaves(terminal: Terminal) -> None:
    """From the first order's chain to the summary, by keys alone."""
    try:
        terminal.shows("● router-1", 120)
        terminal.press("3")
        terminal.shows("[positions")
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
        terminal.shows("q again (or Ctrl+C) ends it, Esc stays")
        terminal.press("q")
        summary = terminal.shows("ended by the console")
        assert "adds up" in summary
    finally:
        terminal.close()


def test_a_closed_terminal_ends_the_run_with_its_drain_and_its_summary(rig: Rig, terminal: Terminal) -> None:
    """Nobody reads it any more; the file that was asked for says by what it ended, and that all of it adds up."""
    try:
        terminal.shows("● router-1", 120)
        terminal.press("3")
        terminal.shows("[positions")
        terminal.press("o")
        terminal.shows("FILLED", 120)
        run = psutil.Process(int(terminal._tmux("display-message", "-p", "#{pane_pid}")))
    finally:
        terminal.close()
    run.wait(120)
    document = rig.summary("run")
    assert document["ended_by"] == "SIGHUP (its terminal was closed)"
    assert document["adds_up"]
    assert not document["down"]
