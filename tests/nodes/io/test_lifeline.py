"""Nodes notice that whoever started them is gone. What the kernel does of it is in tests/wire/test_run.py."""

import os
import sys
from types import SimpleNamespace

import pytest

from nodes.io import lifeline
from nodes.io.lifeline import LOOK_MS, End, is_orphan_of_supervisord, parent_watch


def test_parent_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens while the parent stays; once it is another, the node is told to stop."""
    told: list[str] = []
    look = parent_watch(lambda: told.append("gone"))
    look()
    assert told == []
    monkeypatch.setattr(os, "getppid", lambda: 1)
    look()
    assert told == ["gone"]


def test_process_without_nodes_ends_when_it_is_told_or_its_parent_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent is looked for once a second, on a clock that only the test moves."""
    now_s = 100.0
    monkeypatch.setattr(lifeline, "time", SimpleNamespace(monotonic=lambda: now_s))
    told, orphaned = End(), End()
    assert not told.look()
    told.ask()
    assert told.look()
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert not orphaned.look()
    now_s += LOOK_MS / 1_000
    assert orphaned.look()


@pytest.mark.skipif(sys.platform != "linux", reason="platform: looks into /proc")
def test_orphan_of_supervisord_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that supervisord started, and whose parent is not supervisord, came too late."""
    monkeypatch.delenv("SUPERVISOR_ENABLED", raising=False)
    assert not is_orphan_of_supervisord()
    monkeypatch.setenv("SUPERVISOR_ENABLED", "1")
    monkeypatch.setattr(os, "getppid", lambda: 2**22 + 1)
    assert is_orphan_of_supervisord()
