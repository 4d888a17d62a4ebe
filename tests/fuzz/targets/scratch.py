"""A folder in memory for readers of files: they are written some ten thousand times."""

import tempfile
from functools import cache
from pathlib import Path

MEMORY = Path("/dev/shm")
_KEPT: list["tempfile.TemporaryDirectory[str]"] = []
"""Gone when the process ends; what a fuzzer that is killed leaves lies in the folder its parent gave it."""


@cache
def scratch(name: str) -> Path:
    """The folder of a target in this process; whoever is started with a folder for such things (``TMPDIR``) has it there."""
    inherited = tempfile.gettempdir()
    place = MEMORY if MEMORY.is_dir() and not inherited.startswith(str(MEMORY)) else Path(inherited)
    _KEPT.append(tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-", dir=place))
    return Path(_KEPT[-1].name)


def written(name: str, file: str, raw: bytes) -> Path:
    """A file with this content."""
    path = scratch(name) / file
    path.write_bytes(raw)
    return path
