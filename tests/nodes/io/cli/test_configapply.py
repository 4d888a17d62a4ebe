"""Taking a new configuration node by node: in which order, what is kept, and the way back where a node does not come."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig, NoMesh
from mesh.revisions import FOLLOWING_ROLES
from mesh.view import View
from nodes.io.cli import configapply
from nodes.io.cli.configapply import apply_config, diff_config
from nodes.io.cli.configchanges import with_live
from nodes.io.cli.configversions import VERSIONS
from nodes.io.locate import load, write_effective
from tests.nodes.io.cli.fakeclient import renamed
from tests.revisionitems import change, id_of, in_force
from tests.smallmesh import small_mesh

HEAD = '[strategy.rev]\nkind = "reversion"\nlevel = 100\n'
MORE = f"{HEAD}[rails]\npositions_count = 9\n"
LESS = f"{HEAD}[rails]\npositions_count = 2\n"


class PlayedFleet:
    """Processes that run with whatever lies in the state when they are started; ``broken``: one that does not come with a new file."""

    def __init__(self, config: Config, state: Path, broken: str = "") -> None:
        self.config = config
        self.view = View()
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
        file = load(self._state / "effective.json")
        is_deciding = process in [node for role in FOLLOWING_ROLES for node in self.config.nodes_of(role)]
        found = with_live(file, self.view).current if is_deciding else file
        self.runs[process] = "" if process == self._broken and file.fingerprint != self.config.fingerprint else found.fingerprint


class PlayedClient:
    """Sees at once what runs."""

    def __init__(self, fleet: PlayedFleet) -> None:
        self._fleet = fleet
        self.config = fleet.config
        self.view = fleet.view
        self.is_seeing = True

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
        monkeypatch.setattr(configapply, "attached_to", self.attached_to)
        monkeypatch.setattr(configapply, "READY_S", 0.0)
        self.file = folder / "new.toml"

    @contextmanager
    def attached_to(self, config: Config, state: Path) -> Iterator[PlayedClient]:
        """A client of the mesh that runs here."""
        assert (config.fingerprint, state) == (self.before.fingerprint, self.state)
        yield PlayedClient(self.fleet)

    def changed(self, after: Config) -> None:
        """A live change of what lies in the state is in force."""
        made = change(self.before, after)
        self.fleet.view.live_changes |= {id_of(made): made, id_of(made)[::-1]: in_force(made)}
        self.fleet.runs |= {node: after.fingerprint for role in FOLLOWING_ROLES for node in self.before.nodes_of(role)}

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


def test_what_runs_is_the_file_with_its_live_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file is held against that, and that is the way back; a limit in a file takes hold as nodes start again."""
    played = Played(tmp_path, monkeypatch)
    played.changed(parse(small_mesh(MORE)))
    assert played.apply(small_mesh(LESS.replace("100", "90"))) == 0
    told = capsys.readouterr().out
    assert "rails.positions_count  9       2      live" in told
    assert "strategy.rev.level     100     90     one by one" in told
    kept = [load(path).fingerprint for path in sorted((played.state / VERSIONS).iterdir())]
    after = parse(small_mesh(LESS.replace("100", "90"))).fingerprint
    assert kept == [parse(small_mesh(MORE)).fingerprint, after]
    assert set(played.fleet.runs.values()) == {after}


def test_what_is_put_back_is_the_file_and_its_live_changes_hold_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that take no live changes go on agreeing with those that were not touched."""
    played = Played(tmp_path, monkeypatch, broken="signals-1")
    played.changed(parse(small_mesh(MORE)))
    before = dict(played.fleet.runs)
    assert played.apply(small_mesh(LESS)) == 3
    assert played.fleet.started[:4] == ["local-1", "router-1", "cci-1", "signals-1"]
    assert played.fleet.runs == before
    assert load(played.state / "effective.json").fingerprint == played.before.fingerprint


def test_file_that_live_changes_would_change_again_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not be what was asked for; and so is one that a change cannot be made to, for its nodes would open nothing."""
    played = Played(tmp_path, monkeypatch)
    played.changed(parse(small_mesh(MORE)))
    with pytest.raises(BadConfig, match=r"live change 1 leads on from this .*: have what changes live taken by `mesh reload` first"):
        played.apply(small_mesh(HEAD))
    damaged = renamed(change(parse(small_mesh(LESS)), parse(small_mesh(MORE)), 2), patch=b"[")
    played.fleet.view.live_changes |= {id_of(damaged): damaged, b"x" * 32: in_force(damaged)}
    with pytest.raises(BadConfig, match=r"nodes that start with it would open nothing: live change 2: its patch is damaged"):
        played.apply(small_mesh(LESS))
    assert played.fleet.started == []


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (LESS, "`mesh reload {file} --reason …` has it taken while all nodes run"),
        (LESS.replace("100", "90"), "`mesh config apply {file}` does it one by one"),
        (f"{LESS}[timers]\nstate_ms = 400\n", "these have to be taken by all at once"),
    ],
)
def test_diff_says_which_verb_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], head: str, says: str
) -> None:
    """The one that takes all of it, the least there is; against what runs now."""
    played = Played(tmp_path, monkeypatch)
    played.changed(parse(small_mesh(MORE)))
    played.file.write_text(small_mesh(head), encoding="utf-8")
    assert diff_config(played.file, None, as_json=False) == 0
    told = capsys.readouterr().out
    assert "rails.positions_count  9       2      live" in told
    assert says.format(file=played.file) in told.splitlines()[-1]


def test_diff_of_a_mesh_that_does_not_answer_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told what the file changes of the other file; nothing is applied then."""
    played = Played(tmp_path, monkeypatch)

    @contextmanager
    def nobody(_config: Config, _state: Path) -> Iterator[PlayedClient]:
        raise NoMesh("no router answers")
        yield

    monkeypatch.setattr(configapply, "attached_to", nobody)
    played.file.write_text(small_mesh(MORE), encoding="utf-8")
    assert diff_config(played.file, None, as_json=True) == 0
    told = capsys.readouterr()
    assert '"before": "5"' in told.out
    assert "no router tells which live changes are in force" in told.err
    with pytest.raises(NoMesh):
        played.apply(small_mesh(MORE))
    assert played.fleet.started == []
