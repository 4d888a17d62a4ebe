"""Real market data through the whole mesh: the feed's bars, the CCI others can check, lines that add up."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import talib

from tests.e2e.meshrig import Rig

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
PERIOD = 14
TICKS = "ticks_EURUSD_histdata_20200101.csv.gz"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Rig:
    """A night of real EURUSD ticks at max, on the demo's accounts."""
    rig = Rig(tmp_path_factory.mktemp("feed"))
    rig.up("real", "--feed", str(data_dir / TICKS), "--speed", "max")
    return rig


def test_real_ticks_end_by_themselves_and_add_up(run: Rig) -> None:
    """Lines decided = outcomes + states, none left open, and something was traded."""
    summary = run.summary("real")
    lines = summary["lines"]
    assert summary["adds_up"]
    assert lines["states"] == {}
    assert lines["decided"] == sum(lines["by_code"].values())
    assert lines["by_code"].get("FILLED", 0) > 0
    assert summary["comparable"]


def test_cci_in_the_events_equals_talib(run: Rig) -> None:
    """Every bar line's CCI is TA-Lib's over the same bars, within 1e-6 · max(1, |CCI|)."""
    bars = run.events("real", "bar")
    high, low, close = (np.array([float(bar[key]) for bar in bars]) for key in ("high", "low", "close"))
    expected = talib.CCI(high, low, close, timeperiod=PERIOD)
    assert len(bars) > 300
    assert [bar["cci"] for bar in bars[: PERIOD - 1]] == [None] * (PERIOD - 1)
    # exact by whole points: 3 · typical price of each bar; on the mean of its window the CCI is 0, where TA-Lib's floats may stray
    totals = [round(float(bar["high"]) * 1e5) + round(float(bar["low"]) * 1e5) + round(float(bar["close"]) * 1e5) for bar in bars]
    for at, (bar, value) in enumerate(zip(bars, expected, strict=True)):
        if at >= PERIOD - 1:
            is_on_mean = PERIOD * totals[at] == sum(totals[at - PERIOD + 1 : at + 1])
            assert bar["cci"] == 0.0 if is_on_mean else abs(bar["cci"] - value) <= 1e-6 * max(1.0, abs(value)), bar


def test_no_bar_without_a_tick_and_prices_keep_their_digits(run: Rig) -> None:
    """Bars come in order, each once; prices are the file's, with its five digits."""
    text = (run.folder / "real.jsonl").read_text(encoding="utf-8").splitlines()
    bars = [json.loads(line, parse_float=Decimal) for line in text if '"kind":"bar"' in line.replace(" ", "")]
    starts = [bar["ts"] for bar in bars]
    assert starts == sorted(set(starts))
    assert all(-bar[key].as_tuple().exponent <= 5 for bar in bars for key in ("open", "high", "low", "close"))
    assert all(bar["low"] <= min(bar["open"], bar["close"]) <= max(bar["open"], bar["close"]) <= bar["high"] for bar in bars)


def test_guesses_are_told(tmp_path: Path, data_dir: Path) -> None:
    """What the file did not say (its zone, its symbol) is printed."""
    rig = Rig(tmp_path)
    done = rig.run("cci", str(data_dir / TICKS), "--csv")
    assert done.returncode == 0
    assert "America/New_York" in done.stderr
    assert len(done.stdout.splitlines()) > 300


def test_strict_stops_at_a_bad_row_before_anything_starts(tmp_path: Path) -> None:
    """A malformed row under --strict: file and line named, exit 65, no mesh."""
    feed = tmp_path / "EURUSD.csv"
    feed.write_text("time,bid,ask\n2026-01-05T00:00:00Z,1.1,1.1001\n2026-01-05T00:00:01Z,oops,1.1001\n", encoding="utf-8")
    rig = Rig(tmp_path)
    done = rig.run(*rig.up_words("strict", "--feed", str(feed), "--strict"))
    assert done.returncode == 65, done.stdout + done.stderr
    assert "EURUSD.csv" in done.stderr
    assert "3" in done.stderr
    assert not (tmp_path / "strict").exists()
