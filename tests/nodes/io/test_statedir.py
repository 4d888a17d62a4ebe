"""The state directory: one ``mesh up`` at a time, and what becomes of the last run's."""

from pathlib import Path

import pytest

from mesh.errors import BadConfig, StoreInUse
from nodes.io.statedir import StateDirectory


def test_second_one_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    """Nothing of the first is touched; once it has ended the next may come."""
    first = StateDirectory(tmp_path / "state", is_fresh=False)
    with pytest.raises(StoreInUse, match=r"in use by pid \d+"):
        StateDirectory(tmp_path / "state", is_fresh=True)
    first.close()
    StateDirectory(tmp_path / "state", is_fresh=False).close()


def test_fresh_one_puts_the_last_run_aside_and_stays_locked(tmp_path: Path) -> None:
    """The stores of the last run lie beside it; those of the run before are gone."""
    path = tmp_path / "state"
    for content in ("older", "newer"):
        state = StateDirectory(path, is_fresh=True)
        (path / "master-1.db").write_text(content)
        state.close()
    third = StateDirectory(path, is_fresh=True)
    assert not (path / "master-1.db").exists()
    assert (tmp_path / "state.last" / "master-1.db").read_text() == "newer"
    with pytest.raises(StoreInUse):
        StateDirectory(path, is_fresh=True)
    third.close()


def test_last_run_that_somebody_resumed_is_not_removed(tmp_path: Path) -> None:
    """`mesh up --state X.last` goes on; a fresh run in X has to wait for its end."""
    path, last = tmp_path / "state", tmp_path / "state.last"
    for folder in (path, last):
        folder.mkdir()
        (folder / "master-1.db").write_text(folder.name)
    resumed = StateDirectory(last, is_fresh=False)
    with pytest.raises(StoreInUse, match=r"state\.last is in use"):
        StateDirectory(path, is_fresh=True)
    assert (last / "master-1.db").read_text() == "state.last"
    resumed.close()
    StateDirectory(path, is_fresh=True).close()
    assert (last / "master-1.db").read_text() == "state"


def test_resumed_one_keeps_everything(tmp_path: Path) -> None:
    """A named state goes on where it stood."""
    (tmp_path / "master-1.db").write_text("here")
    state = StateDirectory(tmp_path, is_fresh=False)
    assert (tmp_path / "master-1.db").read_text() == "here"
    state.close()


def test_place_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BadConfig, match=r"--state .*file/state: cannot be made"):
        StateDirectory(tmp_path / "file" / "state", is_fresh=False)
