"""Taking a new configuration node by node: in which order, what is kept, and the way back where a node does not come."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig
from nodes.io.cli import configapply
from nodes.io.cli.configapply import VERSIONS, apply_config, diff_config
from nodes.io.locate import load, write_effective
from tests.smallmesh import small_mesh

HEAD = '[strategy.rev]\nkind = "reversion"\nlevel = 100\n'
MORE = f"{HEAD}[rails]\npositions_count = 9\n"


class PlayedFleet:
    """Processes that run with whatever lies in the state when they are started; ``broken``: one that does not come with a new file."""

    def __init__(self, config: Config, state: Path, broken: str = "") -> None:
        self.config = config
        self._state = state
        self._broken = broken
        self.started: list[str] = []
        self.stopped_at = ""
        """Ctrl-C comes while this one is started."""
        self.runs = dict.fromkeys(config.node, config.fingerprint)

    def processes(self) -> dict[str, list[str]]:
        return {name: [name] for name in self.config.node} | ({"alerts": []} if self.config.settings.alerts else {})

    def restart(self, process: str) -> None:
        self.started.append(process)
        if process == self.stopped_at and self.started.count(process) == 1:
            raise KeyboardInterrupt
        found = load(self._state / "effective.json").fingerprint
        self.runs[process] = "" if process == self._broken and found != self.config.fingerprint else found


class PlayedClient:
    """Sees at once what runs."""

    def __init__(self, fleet: PlayedFleet) -> None:
        self._fleet = fleet

    def __enter__(self) -> "PlayedClient":
        return self

    def __exit__(self, *_args: object) -> None:
        """Nothing is held."""

    def health_of(self, node: str) -> Any:
        return SimpleNamespace(config_hash=self._fleet.runs[node], phase="READY")

    def pump(self, _limit_ms: int) -> None:
        """Nothing comes."""


class Played:
    """A running mesh, and a new file beside it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, broken: str = "", head: str = HEAD) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.before = parse(small_mesh(head))
        write_effective(self.before, self.state)
        self.fleet = PlayedFleet(self.before, self.state, broken)
        running = SimpleNamespace(state=str(self.state))
        monkeypatch.setattr(configapply, "running_fleet", lambda path: (self.fleet, running))
        monkeypatch.setattr(configapply, "Client", lambda config, state: PlayedClient(self.fleet))
        monkeypatch.setattr(configapply, "READY_S", 0.0)
        self.file = folder / "new.toml"

    def apply(self, text: str) -> int:
        """``mesh config apply`` of a file with this text."""
        self.file.write_text(text, encoding="utf-8")
        return apply_config(self.file, None, dry_run=False, yes=True)


def test_nodes_take_it_one_by_one_locals_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The market last; both configurations are kept, and the older one is the way back."""
    played = Played(tmp_path, monkeypatch)
    assert played.apply(small_mesh(MORE)) == 0
    assert played.fleet.started == ["local-1", "router-1", "cci-1", "signals-1", "master-1", "broker-1", "market-1"]
    after = parse(small_mesh(MORE)).fingerprint
    assert set(played.fleet.runs.values()) == {after}
    kept = [load(path).fingerprint for path in sorted((played.state / VERSIONS).iterdir())]
    assert kept == [played.before.fingerprint, after]
    assert f"the way back: mesh config apply {played.state / VERSIONS / '0001.json'}" in capsys.readouterr().out
    assert {path.name for path in played.state.iterdir()} == {"effective.json", VERSIONS}


def test_node_that_does_not_come_takes_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It and those before it are started again with what ran before; those behind it were never touched."""
    played = Played(tmp_path, monkeypatch, broken="cci-1")
    assert played.apply(small_mesh(MORE)) == 3
    assert played.fleet.started == ["local-1", "router-1", "cci-1", "cci-1", "router-1", "local-1"]
    assert set(played.fleet.runs.values()) == {played.before.fingerprint}
    assert "cci-1: cci-1 did not come within 0 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (small_mesh(f"{HEAD}[timers]\nstate_ms = 400"), r"timers.state_ms: these have to be taken by all at once"),
        (small_mesh(f'{HEAD}[mesh]\nid = "other"'), r"mesh.id: these make another mesh"),
        (small_mesh(HEAD, {"one": "", "two": ""}), r"account.two.*all at once"),
        ("[mesh", r"new.toml: this is not TOML"),
    ],
)
def test_what_cannot_be_taken_one_by_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str) -> None:
    """Before anything is touched, with what to do instead."""
    played = Played(tmp_path, monkeypatch)
    with pytest.raises(BadConfig, match=says):
        played.apply(text)
    assert (played.fleet.started, [path.name for path in played.state.iterdir()]) == ([], ["effective.json"])


def test_same_file_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And what ``mesh up`` was told by its options is no change either."""
    played = Played(tmp_path, monkeypatch)
    assert played.apply(small_mesh(f"{HEAD}[market]\nspeed = 7")) == 0
    assert (played.fleet.started, capsys.readouterr().out.strip()) == ([], "nothing changes")


def test_diff_is_told_as_json_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs; nothing is touched."""
    played = Played(tmp_path, monkeypatch)
    played.file.write_text(small_mesh(MORE), encoding="utf-8")
    assert diff_config(played.file, None, as_json=True) == 0
    assert '"key": "rails.positions_count"' in capsys.readouterr().out
    assert played.fleet.started == []


def test_ctrl_c_in_the_middle_takes_all_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesh is not left half changed: a further change would then be two apart."""
    played = Played(tmp_path, monkeypatch)
    played.fleet.stopped_at = "router-1"
    assert played.apply(small_mesh(MORE)) == 3
    assert played.fleet.started == ["local-1", "router-1", "router-1", "local-1"]
    assert set(played.fleet.runs.values()) == {played.before.fingerprint}
    assert load(played.state / "effective.json").fingerprint == played.before.fingerprint


def test_who_tells_of_alerts_takes_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Last of all, for it is no node; where it comes or goes supervisord has to know of it first."""
    alerts = '[alerts]\ncommand = ["/bin/true"]\n'
    played = Played(tmp_path, monkeypatch, head=HEAD + alerts)
    assert played.apply(small_mesh(f"{MORE}{alerts}")) == 0
    assert played.fleet.started[-2:] == ["market-1", "alerts"]
    with pytest.raises(BadConfig, match=r"alerts.*all at once"):
        played.apply(small_mesh(HEAD))
