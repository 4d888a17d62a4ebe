"""As on Windows, as far as Linux can show it: what is imported there, and how a worker is given its end of the pipe."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nodes.io.childend import start_with_end

CHECKOUT = Path(__file__).resolve().parents[3]
FIRST = """
asyncio concurrent.futures ctypes getpass http.client http.server importlib.metadata importlib.resources logging.handlers multiprocessing
shutil sqlite3 ssl subprocess tempfile webbrowser xmlrpc.client zipfile aiohttp cryptography.hazmat.primitives.asymmetric.ed25519
hdrh.histogram msgpack msgspec numba numpy prometheus_client psutil rich.console rich.live rich.progress rich.prompt structlog
textual.app textual.drivers.linux_driver textual.widgets textual_serve.server typer zmq zmq.backend
"""
"""Python's own and other people's: how they fare on Windows is not ours to show."""
SAYS = "import socket, sys; socket.socket(fileno=int(sys.argv[-1])).sendall(b'here')"


@pytest.mark.slow
def test_every_module_can_be_imported_there() -> None:
    """Without fcntl, pwd, resource, uvloop, supervisor, SIGUSR1 and their kind: `mesh` and a node start, whatever they cannot do there."""
    names = [
        ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
        for top in ("mesh", "nodes", "tui")
        for path in sorted((CHECKOUT / top).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    words = [sys.executable, str(Path(__file__).with_name("aswindows.py")), *FIRST.split(), "--", *names]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_worker_is_given_its_end() -> None:
    """By inheritance here: what it writes arrives, and when it is gone the pipe has ended."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = start_with_end([sys.executable, "-c", SAYS], theirs, dict(os.environ))
        with process:
            assert ours.makefile("rb").read() == b"here"


def test_worker_on_windows_inherits_its_end_and_no_other_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pass_fds nor preexec_fn, which subprocess refuses there."""
    asked: dict[str, Any] = {}
    inheritable: list[tuple[int, bool]] = []
    monkeypatch.setattr(subprocess, "STARTUPINFO", lambda **options: options, raising=False)
    monkeypatch.setattr(os, "set_handle_inheritable", lambda handle, is_so: inheritable.append((handle, is_so)), raising=False)
    monkeypatch.setattr(subprocess, "Popen", lambda words, **options: asked.update(words=words, **options))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        monkeypatch.setattr(sys, "platform", "win32")
        start_with_end(["python", "-m", "worker"], theirs, {"A": "b"})
        monkeypatch.undo()
        number = theirs.fileno()
        assert inheritable == [(number, True)]
        assert asked == {
            "words": ["python", "-m", "worker", str(number)],
            "stdin": subprocess.DEVNULL,
            "env": {"A": "b"},
            "startupinfo": {"lpAttributeList": {"handle_list": [number]}},
        }
