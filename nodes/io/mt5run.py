"""``python -m nodes.io.mt5 [--sim sim.toml] script.py …``: runs a script whose ``import MetaTrader5`` stays as it is."""

import argparse
import os
import runpy
import sys
from pathlib import Path

from nodes.io import mt5
from nodes.io.mt5backend import ENVIRONMENT

BUILT_IN = Path(__file__).with_name("sim.toml")
"""A demo account on a synthetic market: what runs where nothing is named."""


def main() -> None:
    """Entry of the command; the script sees its own name and arguments, and ends it as it ends."""
    parser = argparse.ArgumentParser(
        prog="python -m nodes.io.mt5", allow_abbrev=False, description="Run a script that imports MetaTrader5 on a simulated terminal."
    )
    named = os.environ.get(ENVIRONMENT) or str(BUILT_IN)
    parser.add_argument("--sim", default=named, help=f"a sim.toml, or a broker's tcp://host:port; default: ${ENVIRONMENT}, else {BUILT_IN}")
    parser.add_argument("script", help="the script")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    asked = parser.parse_args()
    if not Path(asked.script).is_file():
        parser.error(f"{asked.script}: there is no such script")
    os.environ[ENVIRONMENT] = asked.sim
    sys.modules["MetaTrader5"] = mt5
    sys.argv = [asked.script, *asked.words]
    sys.path.insert(0, str(Path(asked.script).resolve().parent))
    runpy.run_path(asked.script, run_name="__main__")
