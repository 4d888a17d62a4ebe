"""Which configuration this host ran before the one it runs now: kept beside its stores, so that changes can go host by host.

Two lines: the fingerprint of what runs, and of what ran before it. Every node of a host writes the same when it starts; a file that is
damaged or missing says that nothing ran before. Live changes (``mesh reload``) make several of what runs: those who take them run what
the last one led to, all others what they were started with. So a line can have several words, what the deciding nodes run first, and
a node that starts with the next configuration follows them all.
"""

import os
import re
from pathlib import Path

NAME = "configuration"
WORDS_MAX = 8
"""Configurations on a line: a hello has room for two lines."""
_WORDS = f"[0-9a-f]{{16}}(?: [0-9a-f]{{16}}){{0,{WORDS_MAX - 1}}}"
_LINES = re.compile(rf"({_WORDS})\n({_WORDS})?\n?")


def ran_before(state: Path, fingerprint: str) -> str:
    """What ran before ``fingerprint``, which runs from now on, and what else runs here now; empty where there was none. Raises OSError."""
    runs, before = _read(state / NAME)
    if fingerprint in runs:
        return " ".join(each for each in dict.fromkeys((*runs, *before)) if each != fingerprint)
    _write(state / NAME, [fingerprint], runs)
    return " ".join(runs)


def changed_live(state: Path, fingerprint: str, base: str) -> None:
    """Live changes have made ``fingerprint`` of ``base``, the configuration that nodes here were started with. Raises OSError."""
    runs, before = _read(state / NAME)
    if fingerprint not in runs[:1]:
        _write(state / NAME, list(dict.fromkeys((fingerprint, base, *runs)))[:WORDS_MAX], before)


def _write(path: Path, runs: list[str], before: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{NAME}.{os.getpid()}")
    scratch.write_text(f"{' '.join(runs)}\n{' '.join(before)}\n", encoding="ascii")
    scratch.replace(path)  # another node of this host may do the same now: whoever comes last writes the same


def _read(path: Path) -> tuple[list[str], list[str]]:
    try:
        found = _LINES.fullmatch(path.read_text(encoding="ascii"))
    except (FileNotFoundError, UnicodeDecodeError):
        return [], []
    return (found[1].split(), (found[2] or "").split()) if found else ([], [])
