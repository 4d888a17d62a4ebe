"""What ``mesh up --feed`` tells of the files it plays: every guess, every row it did not take, every quote that is crossed."""

from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from mesh.config import configured, parse
from mesh.errors import BadConfig
from nodes.io.cli.wishes import Wishes, effective_config
from nodes.io.recording import read_recording

ROWS = """time,bid,ask
2026-01-05T00:00:00,110000,110008
2026-01-05T00:00:01,110010,110007
2026-01-05T00:00:02,oops,110009
2026-01-05T00:00:03,110012,110020
"""


def lines_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str = "") -> str:
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EURUSD_ticks.csv").write_text(ROWS)
    config, _ = effective_config(Wishes(feeds=(f"EURUSD_ticks.csv{options}",), speed="max"))
    return "\n".join(read_recording(config).about.lines)


def test_all_that_was_guessed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symbol, zone, scale and timeframe; beside them what was wrong with rows."""
    told = lines_of(tmp_path, monkeypatch)
    assert "symbol EURUSD, from the file's name" in told
    assert "time zone UTC, nothing in the file says otherwise" in told
    assert "prices are whole points, scale 100000" in told
    assert "timeframe M1, as the file holds ticks" in told
    assert "1 of 4 rows skipped (number 1)" in told
    assert "EURUSD_ticks.csv: 1 of 3 quotes are crossed (bid above ask) and kept" in told


def test_what_was_said_is_no_guess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the user did not say is told as guessed; what became of crossed quotes is told as said."""
    told = lines_of(tmp_path, monkeypatch, ",symbol=EURUSD,tz=UTC,scale=100000,crossed=skip,timeframe=M1")
    assert not any(word in told for word in ("symbol=", "time zone", "scale ", "timeframe"))
    assert "1 of 3 quotes are crossed (bid above ask) and skipped" in told


def test_two_files_of_one_symbol_that_overlap_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their prices alternate: whoever meant them to follow each other reads it."""
    for name, minutes in (("EURUSD_a.csv", range(0, 20)), ("EURUSD_b.csv", range(10, 30)), ("EURUSD_c.csv", range(40, 50))):
        (tmp_path / name).write_text("\n".join(["time,bid,ask", *(f"2026-01-05T00:{at:02}:00,1.1,1.1001" for at in minutes)]))
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    config, _ = effective_config(Wishes(feeds=("EURUSD_a.csv", "EURUSD_b.csv", "EURUSD_c.csv"), speed="max"))
    lines = [line for line in read_recording(config).about.lines if "two files" in line]
    assert lines == ["EURUSD: two files have quotes from 2026-01-05T00:10:00 to 2026-01-05T00:19:00 (UTC); both are played, merged by time"]


def test_prices_beyond_what_a_cci_computes_exactly_are_refused_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The indicator would die of them again and again; the error names strategy, period, both prices and what to do."""
    (tmp_path / "BTCUSD.csv").write_text("\n".join(["time,bid,ask", *(f"2026-01-05T00:0{at}:00,2e7,20000001" for at in range(9))]))
    config = parse(files("nodes.io").joinpath("demo.toml").read_text().replace("period = 14", "period = 1000"))
    market = msgspec.structs.replace(config.settings.market, feeds=[str(tmp_path / "BTCUSD.csv")])
    said = r"strategy\.reversion\.period = 1000: .* up to a price of 15372286\.73, BTCUSD reaches 20000001\.00"
    with pytest.raises(BadConfig, match=said):
        read_recording(configured(msgspec.structs.replace(config.settings, market=market)))
