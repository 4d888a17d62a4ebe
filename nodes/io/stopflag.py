"""The last resort without any network: a file on a host that stops what runs there.

``STATE/STOP``: its first word is the level (FREEZE, CANCEL, FLATTEN); empty, or anything else, is FREEZE. A local stops its account, a
master everything. It binds as long as the file is there, so a person who resumes takes the file away first. On POSIX a node takes SIGUSR1
as FREEZE, too.
"""

from collections.abc import Callable
from pathlib import Path

from mesh.messages.control import FREEZE, LADDER

NAME = "STOP"
LOOK_MS = 250
WORD_BYTES_MAX = 64

WhenFound = Callable[[str, str], None]
"""Takes the level and the words of why."""


def level_in(path: Path) -> str:
    """The level a flag file asks for; empty where there is none. What cannot be read or understood is FREEZE: it is there."""
    try:
        with path.open("rb") as file:
            raw = file.read(WORD_BYTES_MAX)
    except FileNotFoundError:
        return ""
    except OSError:
        return FREEZE
    word = raw.decode("utf-8", "replace").split()[:1]
    return word[0].upper() if word and word[0].upper() in LADDER[1:] else FREEZE


def flag_watch(state: Path, when_found: WhenFound) -> Callable[[], None]:
    """What to call each ``LOOK_MS``: it calls ``when_found`` as long as the file is there."""
    path = state / NAME

    def look() -> None:
        level = level_in(path)
        if level:
            when_found(level, f"flag file {NAME}")

    return look
