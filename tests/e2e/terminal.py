"""A real terminal of our own to type into and to look at: a tmux server on a socket of its own, gone with the test."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

LOOK_S = 0.2


class Terminal:
    """One pane of tmux that runs a command. What it shows is waited for, never for how long it takes."""

    def __init__(self, folder: Path, command: list[str], environment: dict[str, str], size: tuple[int, int] = (120, 40)) -> None:
        self._socket = folder / "tmux.sock"
        width, height = size
        given = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        told = [f"{name}={value}" for name, value in given.items() if os.environ.get(name) != value]
        fresh = ["env", "-u", "COLUMNS", "-u", "LINES", "-u", "MESH_CONFIG", *told]  # the size is the terminal's own
        self._tmux("new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(folder), *fresh, *command)
        self._tmux("set-option", "-g", "remain-on-exit", "on")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def text(self) -> str:
        """What it shows now."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: ``C-x``, ``Enter``, ``Escape``, or the character."""
        self._tmux("send-keys", *keys)

    def type(self, words: str) -> None:
        """Characters as they are."""
        self._tmux("send-keys", "-l", words)

    def until(self, done: Callable[[str], bool], what: str, limit_s: float = 60.0) -> str:
        """Look until it shows something; what it shows then."""
        end_s = time.monotonic() + limit_s
        while not done(shown := self.text()):
            assert time.monotonic() < end_s, f"no {what} within {limit_s:.0f} s:\n{shown}"
            self._pause()
        return shown

    def shows(self, words: str, limit_s: float = 60.0) -> str:
        """Look until it shows these words."""
        return self.until(lambda shown: words in shown, repr(words), limit_s)

    def _pause(self) -> None:
        """Between two looks: tmux itself waits, as nothing tells of a changed screen."""
        self._tmux("run-shell", f"sleep {LOOK_S}")

    def close(self) -> None:
        """End it, with all that runs in it."""
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, timeout=30, check=False)
