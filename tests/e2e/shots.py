"""Pictures of the console's pages for the README, from a demo that really runs: ``python -m tests.e2e.shots FOLDER``.

The demo trades until orders have filled; each page is taken, then one signal's chain, and the control page after Ctrl+X twice.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from mesh.units import SECOND_NS
from nodes.io.cli.console import console_of
from nodes.io.cli.hands import MeshHands
from nodes.io.keyfiles import operator_signer
from tests.e2e.meshrig import Rig
from tui.app import Console
from tui.screens import PAGES
from tui.screens.chain import Chain

SIZE = (130, 36)
TRADED_S, ANSWERED_S = 90, 30
FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""The picture's own fonts come from another host: whoever looks has one of his own."""


async def until(pilot: Pilot[None], done: Callable[[], bool], seconds: float) -> None:
    """Wait for something to be seen. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not done():
            await pilot.pause()


async def drawn(app: Console, pilot: Pilot[None]) -> None:
    """Until what came last has been drawn for a while, answers of the mesh included."""
    end_ns = app.now_ns() + 3 * SECOND_NS
    await until(pilot, lambda: app.now_ns() >= end_ns, 30)


def save(app: Console, folder: Path, name: str) -> None:
    """The screen as it is."""
    picture = FONT.sub("", app.export_screenshot(title=f"mesh console: {name}"))
    path = folder / f"{name}.svg"
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size:,} bytes")


async def take(app: Console, folder: Path) -> None:
    """All pictures."""
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: len(app.state.view.outcomes) >= 12 and app.state.ladder() == "ACTIVE", TRADED_S)
        for page in PAGES:
            await pilot.press(page.KEY)
            await drawn(app, pilot)
            save(app, folder, page.NAME)
        app.push_screen(Chain("the newest signal", list, "last"))
        await drawn(app, pilot)
        save(app, folder, "chain")
        await pilot.press("ctrl+x", "ctrl+x")
        await until(pilot, lambda: any(run.progress is not None and run.progress.is_over for run in app.state.runs.values()), ANSWERED_S)
        await drawn(app, pilot)
        save(app, folder, "stopped")


def main() -> None:
    """The command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        rig = Rig(Path(place))
        with rig.started("demo"):
            rig.wait_ready("demo")
            hands = MeshHands(rig.config, operator_signer(rig.config, rig.folder / "demo", None))
            try:
                asyncio.run(take(console_of(rig.config, rig.config.nodes_of("router"), hands), folder))
            finally:
                hands.leave()


if __name__ == "__main__":
    main()
