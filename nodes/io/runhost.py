"""A node of one host of a fleet: as ``nodes.io.run`` starts it, with the hard caps that the host's own file draws closer.

``python -m nodes.io.runhost NAME… --folder DIR`` is what a host's supervisord, or on Windows its start script, starts.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mesh.errors import BadConfig, MeshError
from mesh.io.system import ignore_freeze_signals
from nodes.io.hosts.hostfile import HOST_FILE, STATE, read_host
from nodes.io.lifeline import die_with_parent, is_orphan_of_supervisord
from nodes.io.run import run_nodes


def main(words: Sequence[str] | None = None) -> int:
    """What supervisord starts; the exit code."""
    ignore_freeze_signals()  # as in nodes.io.run: until the shell takes them as a stop
    die_with_parent()
    if is_orphan_of_supervisord():
        return 0
    parser = argparse.ArgumentParser(prog="python -m nodes.io.runhost", description="Run nodes of this host in this process.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="nodes of the host's own file; several share this process")
    parser.add_argument("--folder", type=Path, required=True, help="the host's folder, as `mesh hosts build` wrote it")
    chosen = parser.parse_args(words)
    folder = chosen.folder.absolute()
    try:
        host, config = read_host(folder)
        for name in chosen.names:
            if name not in host.nodes:
                raise BadConfig(f"{folder / HOST_FILE}: {name} is none of its nodes ({', '.join(host.nodes) or 'there are none'})")
    except MeshError as error:
        sys.stderr.write(f"mesh: {', '.join(chosen.names)}: {error}\n")
        return error.exit_code
    return run_nodes(chosen.names, config, folder / STATE)


if __name__ == "__main__":
    sys.exit(main())
