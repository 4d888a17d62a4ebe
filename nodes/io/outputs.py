"""What a process printed, as supervisord keeps it: its last words are all there is of one that ended before it had a log."""

from pathlib import Path

LAST_BYTES = 4_096
"""Of a longer last line only so much of its end is read."""


def last_words(path: Path) -> str:
    """Its last words for people, and where the rest is."""
    return f"{last_line(path) or 'no output'} (log: {path})"


def last_line(path: Path) -> str:
    """The last line in such a file that is not empty; empty where there is none, or no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LAST_BYTES))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
