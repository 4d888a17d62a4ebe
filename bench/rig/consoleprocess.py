"""A console on the terminal it is started on, that only watches: ``python -m bench.rig.consoleprocess ENDPOINT CONFIG``."""

import sys
from pathlib import Path

from mesh.config import parse_effective
from mesh.io.clock import monotonic_ns
from nodes.io.cli.hands import MeshHands
from tui.app import Console


def main() -> None:
    """The command line."""
    endpoint, config_path = sys.argv[1:3]
    config = parse_effective(Path(config_path).read_text(encoding="utf-8"))
    hands = MeshHands(config, None, "measured")
    try:
        Console(config, {config.nodes_of("router")[0]: endpoint}, hands, now_ns=monotonic_ns).run()
    finally:
        hands.leave()


if __name__ == "__main__":
    main()
