"""``mesh hosts run``: the supervisord of this host, in the place of this process, so that systemd has it as its own."""

import os
import sys
from pathlib import Path

from mesh.errors import BadConfig, BadUsage
from nodes.io.fleet import SOCKET_PATH_BYTES_MAX
from nodes.io.hosts.folder import SUPERVISOR_CONF
from nodes.io.hosts.hostfile import STATE, read_host
from nodes.io.secretkeys import child_environment

STATE_FOLDERS = ("log", "events", "run", "cache")


def run_host(folder: Path) -> None:
    """Become supervisord. Raises BadConfig, BadUsage; returns never."""
    words = prepared(folder)
    os.execve(words[0], words, child_environment())


def prepared(folder: Path) -> list[str]:
    """The words of its command, once everything it needs is there. Raises BadConfig, BadUsage."""
    if sys.platform == "win32":
        raise BadUsage("supervisord runs on Linux and its kind; on Windows each node has its own start script, start-NODE.cmd")
    host, config = read_host(folder)
    if not host.nodes:
        raise BadUsage(f"{folder}: no node runs here, it is an operator's: `./mesh status`, `./mesh kill` …")
    missing = [name for name, node in config.node.items() if node.host == host.host and name not in host.nodes]
    if missing:
        sys.stderr.write(f"mesh: {', '.join(missing)}: in mesh.toml, not in this host's own file: not started\n")
    state = folder / STATE
    length = len(str(state / "run" / "supervisor.sock").encode())
    if length > SOCKET_PATH_BYTES_MAX:
        what = f"{folder}: supervisord's socket in it would have a path of {length} bytes, {SOCKET_PATH_BYTES_MAX} are allowed"
        raise BadConfig(f"{what}; put the folder where its name is shorter")
    try:
        for name in STATE_FOLDERS:
            (state / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(f"{state}: cannot be written: {error.strerror}; it has to belong to the user this runs as") from None
    conf = folder / SUPERVISOR_CONF
    if not conf.exists():
        raise BadConfig(f"{conf}: is not there; bring the folder anew: `mesh hosts build {host.host}`")
    return [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(conf)]
