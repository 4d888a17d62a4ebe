"""The one door: whoever loads a configuration gets every check, and the file named in the error."""

from pathlib import Path

import pytest

from mesh.config import parse
from mesh.errors import BadConfig, BadUsage, NoMesh
from nodes.io.cli.operate import check_config, init_directory, run_one
from nodes.io.cli.up import Wishes, run_up
from nodes.io.locate import demo_text, find, load, write_effective
from nodes.io.preflight import checked


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, old: str = "", new: str = "") -> Path:
    assert old in demo_text()
    path = tmp_path / "fleet.toml"
    path.write_text(demo_text().replace(old, new, 1) if old else demo_text(), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("speed = 60", "sped = 60", "market.sped = 60: there is no such key (did you mean speed?)"),
        ("[mesh]", '[broker]\nzone = "Mars"\n[mesh]', "broker.zone: time zone 'Mars' is not known; allowed is"),
        ("speed = 60", 'feeds = ["EURUSD.csv,tz=Mars"]', "market.feeds: feed EURUSD.csv: tz=Mars: "),
        ("speed = 60", 'feeds = ["ACME.csv,symbol=ACME"]', 'market.feeds: symbol = "ACME": no contract data is known'),
        ("login = 5003", 'login = 5003\nsymbol_names = {EURUSD = "GBPUSD"}', "two symbols go by one name"),
        ("login = 5003\n", 'login = 5001\nserver = "other"\n', "account.demo-3.login = 5001: account.demo-1 has it too"),
    ],
)
def test_every_load_makes_every_check(tmp_path: Path, old: str, new: str, says: str) -> None:
    """What a parser, the vocabulary, the feeds or the simulated broker would refuse: one error, file first, exit 78."""
    path = written(tmp_path, old, new)
    for read in (load, find, check_config):
        with pytest.raises(BadConfig) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert says in str(caught.value)
    assert caught.value.exit_code == 78


def test_effective_configuration_goes_through_the_same_door(tmp_path: Path) -> None:
    """The JSON that nodes read is checked as the TOML is."""
    path = write_effective(parse(demo_text()), tmp_path)
    assert load(path).fingerprint == parse(demo_text()).fingerprint
    path.write_text(path.read_text().replace("New York + 7 h", "Mars"))
    with pytest.raises(BadConfig, match=r"effective\.json: broker\.zone"):
        load(path)


def test_missing_feed_file_is_found_by_who_plays_it(tmp_path: Path) -> None:
    """`mesh config check` and `mesh up` need the file; a command on another host does not."""
    path = written(tmp_path, "speed = 60", 'feeds = ["EURUSD_M1.csv,ask=ask.csv"]')
    assert load(path).settings.market.feeds
    with pytest.raises(BadConfig, match=r'fleet.toml: market.feeds = "EURUSD_M1.csv": cannot be read: No such file'):
        check_config(path)
    (tmp_path / "EURUSD_M1.csv").write_text("any")
    with pytest.raises(BadConfig, match=r'market.feeds = "ask.csv": cannot be read'):
        load(path, plays_feeds=True)
    (tmp_path / "ask.csv").write_text("any")
    assert check_config(path) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read: No such file or directory; correct the path"),
        ("[account.a]\nlogin = 1\nlevrage = 5\n", "account.a.levrage = 5: there is no such key (did you mean leverage?)"),
        ("clock.kind = 'step'\n[account.a]\nlogin = 1\n", 'clock.kind = "step": nobody moves that market on; allowed here: wall, replay'),
    ],
)
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("speed = 60", 'feeds = ["mt5,terminal=my.toml"]', "market.feeds: terminal"),
        ("login = 5003", 'login = 5003\nterminal = "my.toml"', "account.demo-3.terminal"),
    ],
)
def test_simulated_terminal_is_read_before_the_start(tmp_path: Path, text: str | None, says: str, old: str, new: str, key: str) -> None:
    """Of the live market and of an account: a file that is not there, or is none, and a market that would stand still."""
    if text is not None:
        (tmp_path / "my.toml").write_text(text)
    path = written(tmp_path, old, new)
    assert load(path).node, "a command on another host does not need it"
    for read in (check_config, lambda path: load(path, plays_feeds=True)):
        with pytest.raises(BadConfig) as caught:
            read(path)
        assert str(caught.value).startswith(f'{path}: {key} = "my.toml": {says}')
    (tmp_path / "my.toml").write_text("[account.a]\nlogin = 1\n")
    assert check_config(path) == 0


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("speed = 60", 'feeds = ["mt5,terminal=/opt/mt5"]', "market.feeds: terminal"),
        ("login = 5003", 'login = 5003\nterminal = "/opt/mt5"', "account.demo-3.terminal"),
    ],
)
def test_real_terminal_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, key: str) -> None:
    """Where there is none `mesh up` starts nothing, and says which key names that terminal."""
    path = written(tmp_path, old, new)
    monkeypatch.setattr("nodes.io.package.find_spec", lambda _name: None)
    with pytest.raises(BadConfig) as caught:
        run_up(Wishes(config=path, state=tmp_path / "state"))
    assert str(caught.value).startswith(f'{path}: {key} = "/opt/mt5": a real terminal needs the package MetaTrader5')
    assert [entry.name for entry in tmp_path.iterdir()] == ["fleet.toml"]
    monkeypatch.setattr("nodes.io.package.find_spec", lambda name: name)
    assert check_config(path) == 0


def test_mesh_up_starts_nothing_with_a_word_that_only_nodes_know(tmp_path: Path) -> None:
    """A zone that would take the broker down again and again ends the command before there is any state."""
    path = written(tmp_path, "[mesh]", '[broker]\nzone = "Mars"\n[mesh]')
    with pytest.raises(BadConfig, match=r"fleet\.toml: broker\.zone"):
        run_up(Wishes(config=path, state=tmp_path / "state"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["fleet.toml"]


def test_demo_passes() -> None:
    """The embedded default needs no door: it is checked here."""
    assert checked(parse(demo_text())).node


def test_words_of_the_command_line_are_usage(tmp_path: Path) -> None:
    """Exit 2 for what was typed wrong, 69 where no mesh is known, 78 for a file that cannot be read."""
    for call in (lambda: check_config(None), lambda: run_one(written(tmp_path), "nobody", None)):
        with pytest.raises(BadUsage):
            call()
    (tmp_path / "full").mkdir()
    assert init_directory(tmp_path / "full") == 0
    with pytest.raises(BadUsage, match="is there already"):
        init_directory(tmp_path / "full")
    with pytest.raises(BadUsage, match="cannot be written"):
        init_directory(tmp_path / "fleet.toml" / "below")
    with pytest.raises(NoMesh, match="no mesh is known"):
        find(None)
    with pytest.raises(BadConfig, match=r"gone\.toml: cannot be read: No such file"):
        load(tmp_path / "gone.toml")
