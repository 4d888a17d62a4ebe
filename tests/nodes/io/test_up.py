"""``mesh up`` beside the mesh itself: which dead node ends the run, and files that cannot be written."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from mesh.messages.health import NodeHealth
from nodes.io.cli.up import Ending, Wishes, check_outputs, look_for_dead, written
from nodes.io.fleet import Fleet, FleetDown, ProcessState
from nodes.io.locate import demo_text

CONFIG = parse(demo_text())


class StillFleet(Fleet):
    """A fleet whose processes are said to be in given states."""

    def __init__(self, state: Path) -> None:
        super().__init__(CONFIG, state)
        self.said: list[ProcessState] | None = []

    def states(self) -> list[ProcessState]:
        if self.said is None:
            raise FleetDown("supervisord does not answer")
        return self.said

    def exits(self, name: str, code: int, words: str = "") -> None:
        (self.state / "log").mkdir(exist_ok=True)
        (self.state / "log" / f"{name}.out").write_text(words)
        self.said = [ProcessState(name, "EXITED", 0, code, 0)]


class Watch:
    """What ``look_for_dead`` needs of a run."""

    def __init__(self, state: Path, market_phase: str) -> None:
        self.fleet = StillFleet(state)
        self.ending = Ending()
        self.told: list[str] = []
        self._client: Any = SimpleNamespace(view=SimpleNamespace(nodes={}))
        if market_phase:
            fields = msgspec.structs.fields(NodeHealth)
            market = SimpleNamespace(**{field.name: None for field in fields} | {"phase": market_phase})
            self._client.view.nodes[CONFIG.nodes_of("market")[0]] = (0, market)

    def look(self) -> None:
        show: Any = SimpleNamespace(tell=self.told.append)
        look_for_dead(CONFIG, self.fleet, self._client, self.ending, show)


@pytest.mark.parametrize(
    ("phase", "name", "is_end"),
    [("", "master-1", True), ("STARTING", "cci-1", True), ("", "local-1", False), ("READY", "master-1", False), ("", "router-1", False)],
)
def test_dead_node_ends_a_mesh_that_could_never_begin(tmp_path: Path, phase: str, name: str, is_end: bool) -> None:
    """One that all need, before the market has opened; any other leaves the rest to its work, and is told once."""
    watch = Watch(tmp_path, phase)
    watch.fleet.exits(name, 78, "Traceback\nmesh: store is damaged\n")
    watch.look()
    watch.look()
    words = f"{name} exited 78 and stays down: mesh: store is damaged"
    assert watch.told == [words]
    assert watch.ending.down == {name: words}
    assert (watch.ending.reason, watch.ending.exit_code) == ((words, 78) if is_end else ("", 0))


def test_node_that_comes_back_is_down_no_longer(tmp_path: Path) -> None:
    """`mesh restart` after a repair: nothing is left to complain of. A supervisord that is silent proves nothing."""
    watch = Watch(tmp_path, "READY")
    watch.fleet.exits("local-1", 78)
    watch.look()
    watch.fleet.said = None
    watch.look()
    assert list(watch.ending.down) == ["local-1"]
    watch.fleet.said = [ProcessState("local-1", "RUNNING", 1, 0, 0)]
    watch.look()
    assert watch.ending.down == {}


def test_exit_that_supervisord_mends_is_nothing(tmp_path: Path) -> None:
    """A crash is started again; what was stopped was meant to be."""
    watch = Watch(tmp_path, "")
    for code in (0, 1, 71, 75):
        watch.fleet.exits("master-1", code)
        watch.look()
    assert (watch.told, watch.ending.down) == ([], {})


@pytest.mark.parametrize("option", ["summary", "events"])
def test_output_that_cannot_be_written_is_told_before_the_start(tmp_path: Path, option: str) -> None:
    """The option, the path and what to do; a missing folder is made."""
    check_outputs(Wishes(**{option: tmp_path / "made" / "out.json"}))
    assert (tmp_path / "made").is_dir()
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file" / "out.json", tmp_path / "made"):
        with pytest.raises(BadConfig, match=f"--{option} {bad}: cannot be written: .*; name another file"):
            check_outputs(Wishes(**{option: bad}))


def test_file_of_the_end_that_fails_is_told_and_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disk that is full by then must not cost the summary on the screen."""

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    assert written(None, full) is None
    assert written(tmp_path / "a.json", lambda path: None) == tmp_path / "a.json"
    assert written(tmp_path / "a.json", full) is None
    assert "a.json cannot be written: No space left on device" in capsys.readouterr().err
