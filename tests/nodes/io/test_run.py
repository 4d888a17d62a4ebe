"""Nodes of one process: why they ended is their last word."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh.config import parse
from mesh.core import Halt
from nodes.io import run
from nodes.io.locate import demo_text
from nodes.io.run import phase_watch
from tests.wire.rig import Told, free_base_port

pytestmark = pytest.mark.wire


def test_node_that_halts_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`mesh up` shows the last line of a process that stays down: it must hold the reason."""
    monkeypatch.setattr(run, "core_of", lambda *_: Told(at_start=(Halt(70, "epoch 8 is another master's"),)))
    config = parse(demo_text().replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}", 1))
    assert run.run_nodes(["signals-1"], config, tmp_path) == 70
    assert capsys.readouterr().err == "mesh: signals-1: epoch 8 is another master's\n"


def test_phases_of_a_node_are_told_as_they_come() -> None:
    """`mesh node NAME` says when it is READY: each phase once."""
    node: Any = SimpleNamespace(shown_phase="")
    told: list[str] = []
    look = phase_watch({"local-1": node}, told.append)
    for phase in ("", "STARTING", "STARTING", "READY", "READY"):
        node.shown_phase = phase
        look()
    assert told == ["local-1 STARTING", "local-1 READY"]
