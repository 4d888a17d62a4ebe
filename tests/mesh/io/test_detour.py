"""Links go straight, unless a file says where else each dialler goes."""

import json
from pathlib import Path

import pytest

from mesh.errors import BadConfig
from mesh.io.detour import VARIABLE, detour, is_set

STRAIGHT = "tcp://127.0.0.1:7410"


def test_without_a_file_links_go_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint itself."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert detour("local-1", STRAIGHT) == STRAIGHT
    assert not is_set()


def test_a_file_turns_the_links_it_names_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By who dials and where it would have gone."""
    path = tmp_path / "detours.json"
    path.write_text(json.dumps({"local-1": {STRAIGHT: "tcp://127.0.0.1:9000"}}))
    monkeypatch.setenv(VARIABLE, str(path))
    assert is_set()
    assert detour("local-1", STRAIGHT) == "tcp://127.0.0.1:9000"
    assert detour("local-2", STRAIGHT) == STRAIGHT
    assert detour("local-1", "tcp://127.0.0.1:7411") == "tcp://127.0.0.1:7411"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes straight by mistake."""
    path = tmp_path / "bad.json"
    path.write_text("[]")
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(BadConfig, match=r"bad\.json"):
        detour("local-1", STRAIGHT)
