"""Screens as they were when somebody last looked at them and found them good: one file a screen, state and width."""

import difflib
import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"
WRITE = "TRADEMESH_GOLDEN"
HOW = f"{WRITE}=write python -m pytest tests/tui writes it: read what it wrote before you keep it"


def check(name: str, text: str) -> None:
    """The screen is that of ``golden/name.txt``."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get(WRITE) == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        return
    assert path.exists(), f"{path} is missing: {HOW}"
    wanted = path.read_text(encoding="utf-8")
    if wanted != text + "\n":
        found = difflib.unified_diff(wanted.splitlines(), text.splitlines(), "golden", "now", lineterm="")
        raise AssertionError(f"{name} looks otherwise; {HOW}\n" + "\n".join(found))
