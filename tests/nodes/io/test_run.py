"""Nodes of one process: why they ended is their last word."""

from pathlib import Path

import pytest

from mesh.config import parse
from mesh.core import Halt
from nodes.io import run
from nodes.io.locate import demo_text
from tests.wire.rig import Told, free_base_port

pytestmark = pytest.mark.wire


def test_node_that_halts_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`mesh up` shows the last line of a process that stays down: it must hold the reason."""
    monkeypatch.setattr(run, "core_of", lambda *_: Told(at_start=(Halt(70, "epoch 8 is another master's"),)))
    config = parse(demo_text().replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}", 1))
    assert run.run_nodes(["signals-1"], config, tmp_path) == 70
    assert capsys.readouterr().err == "mesh: signals-1: epoch 8 is another master's\n"
