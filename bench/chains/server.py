"""The server that NATS and Redis chains go through: a Debian package's program, on a loopback port, that keeps nothing on disk."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.chain import NotInstalled
from bench.chains.place import HOST
from nodes.io.lifeline import die_with_parent

SYSTEM_FOLDER = "/usr/sbin"
"""Where Debian puts nats-server, and where a user's PATH does not lead."""
UP_S = 10.0
LOOK_S = 0.02
END_S = 5.0
SAID_CHARACTERS = 1_000

ARGUMENTS: dict[str, Callable[[int, Path], list[str]]] = {
    "nats-server": lambda port, folder: ["--addr", HOST, "--port", str(port)],
    "redis-server": lambda port, folder: [
        "--bind", HOST, "--port", str(port), "--dir", str(folder), "--save", "", "--appendonly", "no", "--daemonize", "no",
    ],
}  # fmt: skip


class Server:
    """One process of ``program``. It ends with ``stop``, and with the bench however that ends."""

    def __init__(self, program: str) -> None:
        self.program = program
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process; 0 where there is none."""
        return self._process.pid if self._process is not None else 0

    def path(self) -> str:
        """Of the program. Raises NotInstalled."""
        found = shutil.which(self.program, path=os.pathsep.join((os.environ.get("PATH", ""), SYSTEM_FOLDER)))
        if found is None:
            raise NotInstalled(f"not installed: {self.program} (apt-get install -y {self.program})")
        return found

    def start(self, port: int) -> None:
        """Have it listen. Raises NotInstalled; RuntimeError, with what it said, where it does not come up.

        Linux ends it with the thread that calls this, so let that be one that lives as long.
        """
        path = self.path()
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        folder = Path(self._folder.name)
        with (folder / "said.txt").open("wb") as said:
            self._process = subprocess.Popen(
                [path, *ARGUMENTS[self.program](port, folder)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        give_up_s = time.monotonic() + UP_S
        while not _listens(port):
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                said_text = (folder / "said.txt").read_text("utf-8", errors="replace").strip()[-SAID_CHARACTERS:]
                raise RuntimeError(f"{self.program} does not listen on port {port}: {said_text or 'it said nothing'}")
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """End it, also after a start that failed."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), LOOK_S).close()
    except OSError:
        return False
    return True
