"""Which mesh a command means: notes of what was started, by configuration and the last one."""

from pathlib import Path

import msgspec
import pytest

from nodes.io.locate import demo_text, find, recall, remember, running_now


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def started(tmp_path: Path, name: str, state: str = "") -> Path:
    """A configuration, with the note that this process started it."""
    given = tmp_path / f"{name}.toml"
    given.write_text(demo_text().replace('id = "demo"', f'id = "{name}"'))
    effective = tmp_path / f"{name}-effective.toml"
    effective.write_text(given.read_text())
    remember(running_now(effective, given, name, tmp_path / (state or name)))
    return given


def test_configuration_finds_its_own_mesh_and_no_other(tmp_path: Path) -> None:
    """Two meshes run; each configuration leads to its state, none to the last one's."""
    first, second = started(tmp_path, "one"), started(tmp_path, "two")
    for path in (first, second):
        config, running = find(path)
        assert running is not None
        assert (running.mesh, running.state) == (config.settings.mesh.id, str(tmp_path / path.stem))
    other = tmp_path / "three.toml"
    other.write_text(demo_text())
    assert find(other)[1] is None


def test_state_that_another_has_taken_over_leads_to_nobody(tmp_path: Path) -> None:
    """Two configurations on the one default state: a command for the first must not stop the second."""
    first, second = started(tmp_path, "one", "shared"), started(tmp_path, "two", "shared")
    assert find(first)[1] is None
    assert find(second)[1] is not None


def test_mesh_is_known_by_any_name_of_its_file_and_by_its_id(tmp_path: Path) -> None:
    """A link to the file is the file; a file that speaks of another mesh by now is not the one that runs."""
    path = started(tmp_path, "one")
    (tmp_path / "link.toml").symlink_to(path)
    (tmp_path / "sub").mkdir()
    for name in (tmp_path / "link.toml", tmp_path / "sub" / ".." / "one.toml", Path("one.toml"), tmp_path / "one-effective.toml"):
        assert find(name)[1] is not None, name
    path.write_text(path.read_text().replace('id = "one"', 'id = "two"'))
    assert find(path)[1] is None


def test_without_a_configuration_the_last_one_is_meant(tmp_path: Path) -> None:
    """As DESIGN §9 says."""
    started(tmp_path, "one")
    started(tmp_path, "two")
    config, running = find(None)
    assert config.settings.mesh.id == "two"
    assert running == recall()


def test_a_pid_given_to_somebody_else_is_not_our_mesh_up(tmp_path: Path) -> None:
    """The time at which the process began tells."""
    running = running_now(tmp_path / "x", None, "one", tmp_path)
    assert running.is_alive()
    assert not msgspec.structs.replace(running, created_s=running.created_s - 1).is_alive()
    assert not msgspec.structs.replace(running, pid=2**22 + 1).is_alive()
