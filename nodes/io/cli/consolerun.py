"""``mesh up --console``: the run is shown on the console instead of a table, and lasts as long as the console does.

The console has the main thread, as Textual wants it; the run is watched in another one, which ends the console when the run is over.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mesh.config import Config
from nodes.io.cli.console import console_of
from nodes.io.cli.hands import MeshHands
from nodes.io.cli.plaintext import say
from nodes.io.cli.watching import CONSOLE_LEFT, Ending, Run
from nodes.io.keyfiles import operator_signer

if TYPE_CHECKING:
    from tui.app import Console

ENDS = "the run ends with its console: what is in flight comes home, every node stops, and it is summed up"


class ConsoleScreen:
    """The console as what a run is shown on: it draws itself, and is only told what stays."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self.told: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def update(self, elapsed_s: float) -> None:
        """Nothing: it looks for itself."""

    def tell(self, words: str) -> None:
        """On the console while it is there, and after it."""
        self.told.append(words)
        self._console.warn(words)


def run_on_console(run: Run, ending: Ending, config: Config, state: Path, for_s: float | None) -> None:
    """Show a run on a console until it ends or the console is left, which ends it. ``state``: where its operator's key is."""
    hands = MeshHands(config, operator_signer(config, state, None), "")
    try:
        watch_on_console(run, ending, console_of(config, config.nodes_of("router"), hands, ENDS), for_s)
    finally:
        hands.leave()


def watch_on_console(run: Run, ending: Ending, console: "Console", for_s: float | None) -> None:
    """Show a run on this console, whose end is the end of the other."""
    shown_on = ConsoleScreen(console)
    with ThreadPoolExecutor(1, "watch") as pool:
        watched = pool.submit(run.watch, for_s, shown_on)
        watched.add_done_callback(lambda _: console.leave())
        try:
            console.run()
        finally:
            is_left = console.return_code == 0
            ending.ask(CONSOLE_LEFT if is_left else "a crash of the console", 0 if is_left else 1)
    for words in shown_on.told:
        say(words)
    watched.result()
