"""Which configuration this host ran before the one it runs now: kept beside its stores, so that changes can go host by host.

Two lines: the fingerprint of what runs, and of what ran before it. Every node of a host writes the same when it starts; a file that is
damaged or missing says that nothing ran before.
"""

import os
import re
from pathlib import Path

NAME = "configuration"
_LINES = re.compile(r"([0-9a-f]{16})\n([0-9a-f]{16})?\n?")


def ran_before(state: Path, fingerprint: str) -> str:
    """The configuration before ``fingerprint``, which runs from now on; empty where there was none. Raises OSError."""
    path = state / NAME
    current, before = _read(path)
    if current == fingerprint:
        return before
    state.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{NAME}.{os.getpid()}")
    scratch.write_text(f"{fingerprint}\n{current}\n", encoding="ascii")
    scratch.replace(path)  # another node of this host may do the same now: whoever comes last writes the same
    return current


def _read(path: Path) -> tuple[str, str]:
    try:
        found = _LINES.fullmatch(path.read_text(encoding="ascii"))
    except (FileNotFoundError, UnicodeDecodeError):
        return "", ""
    return (found[1], found[2] or "") if found else ("", "")
