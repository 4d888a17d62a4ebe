"""What a check found: how bad, where, what was seen, what it costs, and the command that mends it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

Level = Literal["ok", "warn", "bad", "unknown"]
OK: Level = "ok"
WARN: Level = "warn"
BAD: Level = "bad"
UNKNOWN: Level = "unknown"
"""It could not be looked at: said, and no failure."""


class Finding(msgspec.Struct, frozen=True):
    """One thing. ``costs``: why it matters, with a number where there is one; ``do``: the command that mends it."""

    level: Level
    area: str
    what: str
    value: str
    costs: str = ""
    do: str = ""


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where something is bad, 3 where something is only worth a warning, else 0."""
    levels = {finding.level for finding in findings}
    return 1 if BAD in levels else 3 if WARN in levels else 0


def text_in(path: Path) -> str:
    """What a small file of the system says; empty where there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
