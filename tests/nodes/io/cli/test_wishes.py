"""The options of ``mesh up``: a wrong one is usage, said before anything starts; the rest makes the configuration."""

from pathlib import Path

import pytest

from mesh.errors import BadUsage
from nodes.io.cli.wishes import Wishes, check_wishes, effective_config


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("for_s", [-5.0, 0.0, float("nan"), float("inf")])
def test_time_that_is_none_is_usage(for_s: float) -> None:
    """Exit 2, naming the option and what is allowed."""
    with pytest.raises(BadUsage, match=r"--for .*: a number of seconds above 0 is allowed"):
        check_wishes(Wishes(for_s=for_s))


@pytest.mark.parametrize("word", ["abc", "-3", "0", "nan"])
def test_speed_that_is_none_is_usage(word: str) -> None:
    """The same for the pace."""
    with pytest.raises(BadUsage, match=rf"--speed {word}: a number of times above 0, or max, is allowed"):
        effective_config(Wishes(speed=word))


def test_feed_that_says_nonsense_is_usage() -> None:
    """A word of the command line, unlike the same in a configuration."""
    with pytest.raises(BadUsage, match=r"--feed: feed EURUSD\.csv: tz=Mars"):
        effective_config(Wishes(feeds=("EURUSD.csv,tz=Mars",)))


@pytest.mark.parametrize("option", ["summary", "events"])
def test_output_that_cannot_be_written_is_told_before_the_start(tmp_path: Path, option: str) -> None:
    """No directory is made, no empty file is left, and what is there is not touched."""
    (tmp_path / "kept.json").write_text("kept")
    check_wishes(Wishes(**{option: tmp_path / "kept.json"}))
    check_wishes(Wishes(**{option: tmp_path / "new.json"}))
    with pytest.raises(BadUsage, match=rf"--{option} {tmp_path}/no/out.json: the directory {tmp_path}/no does not exist; make it"):
        check_wishes(Wishes(**{option: tmp_path / "no" / "out.json"}))
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadUsage, match=f"--{option} {tmp_path}/folder: cannot be written: .*; name another file"):
        check_wishes(Wishes(**{option: tmp_path / "folder"}))
    assert (tmp_path / "kept.json").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "kept.json"]


def test_symbol_guessed_from_a_name_stays_a_guess(tmp_path: Path) -> None:
    """What was not said must not look as if it had been: the reader of the file tells it."""
    config, is_named = effective_config(Wishes(feeds=("EURUSD_M1.csv", "x.csv,symbol=GBPUSD"), speed="max"))
    assert config.settings.market.feeds == [f"{tmp_path}/EURUSD_M1.csv", f"{tmp_path}/x.csv,symbol=GBPUSD"]
    assert (config.settings.market.symbols, config.settings.market.speed, is_named) == (("EURUSD", "GBPUSD"), None, False)
