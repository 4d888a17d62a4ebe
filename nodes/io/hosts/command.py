"""``./mesh`` of a host's folder: the command ``mesh``, with the folder's configuration, keys and state wherever one stands.

What other commands ask of a ``mesh up`` on this host (where its state is, what it runs) is a note; here it lies in the folder's own state.
"""

import os
import sys
from pathlib import Path

import nodes
from mesh.errors import MeshError
from nodes.io.doorfiles import FOLDER_VARIABLE, NAME_VARIABLE
from nodes.io.hosts.hostfile import MESH_FILE, STATE, read_host
from nodes.io.keyfiles import folder_of
from nodes.io.locate import Running, recall, remember

PACKAGE = Path(nodes.__file__).parent
NOBODY_PID = 1
"""Of a note whose ``mesh up`` there is not: a host has a supervisord, which answers at its socket."""


def stand_in(folder: Path) -> None:
    """Have the commands of this process mean this folder. Raises BadConfig."""
    host, config = read_host(folder)
    path, state = folder / MESH_FILE, folder / STATE
    os.environ |= {
        "MESH_CONFIG": str(path),
        FOLDER_VARIABLE: str(folder_of(state)),
        NAME_VARIABLE: host.client,
        "XDG_STATE_HOME": str(state / "notes"),
    }
    if not os.access(PACKAGE, os.W_OK):
        os.environ["NUMBA_CACHE_DIR"] = str(state / "cache")  # compiled indicators lie beside their source where that can be written
    note = Running(str(path), str(path), config.settings.mesh.id, str(state), NOBODY_PID, 0.0)
    if recall(path) != note:
        try:
            remember(note)
        except OSError as error:
            sys.stderr.write(f"mesh: {state} cannot be written ({error.strerror}): commands of another user than its own may not find it\n")


def main() -> None:
    """``python -m nodes.io.hosts.command FOLDER WORD…``."""
    folder = Path(sys.argv[1]).absolute()
    try:
        stand_in(folder)
    except MeshError as error:
        sys.stderr.write(f"mesh: {error}\n")
        sys.exit(error.exit_code)
    sys.argv = ["mesh", *sys.argv[2:]]
    from nodes.io.cli import main as command

    command()


if __name__ == "__main__":
    main()
