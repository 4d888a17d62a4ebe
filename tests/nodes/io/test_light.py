"""What a node does not need it does not load: numpy alone is 13 MB in each of hundreds of processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from mesh.config import parse
from nodes.io.locate import demo_text

LOADED = """
import importlib, pathlib, sys
import nodes.io.run, nodes.io.worker
from nodes.io.locate import load
importlib.import_module(f"nodes.{sys.argv[1]}.core")
load(pathlib.Path(sys.argv[2]), is_node=True)
print(*(name for name in ("numpy", "numba", "pandas", "textual", "typer", "rich", "importlib.metadata") if name in sys.modules))
"""


@pytest.mark.parametrize("role", ["router", "signals", "local", "master"])
def test_a_node_loads_no_more_than_it_needs(role: str, tmp_path: Path) -> None:
    """Its core, the composition root and the configuration that ``mesh up`` wrote."""
    effective = tmp_path / "effective.json"
    effective.write_bytes(parse(demo_text()).effective())
    found = subprocess.run(
        [sys.executable, "-c", LOADED, role, str(effective)], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.split() == []
