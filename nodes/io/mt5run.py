"""``python -m nodes.io.mt5 [--sim sim.toml] script.py …``: runs a script whose ``import MetaTrader5`` stays as it is."""

import os
import runpy
import sys
from pathlib import Path

from nodes.io import mt5
from nodes.io.mt5backend import ENVIRONMENT

BUILT_IN = Path(__file__).with_name("sim.toml")
"""A demo account on a synthetic market: what runs where nothing is named."""
USAGE = "usage: python -m nodes.io.mt5 [--sim sim.toml | --sim tcp://host:port] script.py [its arguments]"


def main() -> None:
    """Entry of the command; the script sees its own name and arguments, and ends it as it ends."""
    words = sys.argv[1:]
    sim = os.environ.get(ENVIRONMENT) or str(BUILT_IN)
    if len(words) >= 2 and words[0] == "--sim":
        sim, words = words[1], words[2:]
    if not words or words[0].startswith("-"):
        sys.stderr.write(f"{USAGE}\nwithout --sim and ${ENVIRONMENT}: {BUILT_IN}\n")
        sys.exit(0 if words in (["-h"], ["--help"]) else 2)
    if not Path(words[0]).is_file():
        sys.stderr.write(f"{words[0]}: there is no such script\n{USAGE}\n")
        sys.exit(2)
    os.environ[ENVIRONMENT] = sim
    sys.modules["MetaTrader5"] = mt5
    sys.argv = words
    sys.path.insert(0, str(Path(words[0]).resolve().parent))
    runpy.run_path(words[0], run_name="__main__")
