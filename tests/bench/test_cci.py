"""A smoke pass of the CCI's bench: every way runs, values agree, what is missing says so. No time is judged."""

import gzip
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from bench import ccipeers
from bench.ccipeers import Peer, Prices
from bench.scenario import Options, Silent
from bench.scenarios import cci

SMOKE = Options(is_smoke=True)
AGREE = 1e-6


class Steps(Silent):
    """A bar that counts."""

    asked = done = 0

    def begin(self, what: str, steps: int) -> None:
        self.asked += steps

    def advance(self) -> None:
        self.done += 1


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of HistData's layout instead of the real one."""
    rows = [f"20180101 17{at // 60:02}{at % 60:02};1.1;{1.1 + at % 7 / 1e4:.5f};1.099;{1.1 - at % 5 / 1e4:.5f};0\n" for at in range(900)]
    with gzip.open(tmp_path / cci.FILE, "wt") as file:
        file.writelines(rows)
    monkeypatch.setenv(cci.DATA_VARIABLE, str(tmp_path))
    return tmp_path


def test_every_way_gives_a_row_a_round_and_the_values_of_talib(data: Path) -> None:
    """Batch on made and on real prices, streams, many at once: ours and TA-Lib's rounds alike, their values within 1e-6."""
    steps = Steps()
    found = cci.run(SMOKE, steps)
    assert steps.asked == steps.done > 0
    ran = [one for one in found if not one.not_run]
    for variant in (cci.OURS, cci.TALIB):
        rows = {(one.settings["way"], one.settings["data"], one.settings["period"]) for one in ran if one.variant == variant}
        expected = {("batch", cci.SYNTHETIC, period) for period in cci.SMOKE_CURVE}
        expected |= {("batch", cci.FILE, period) for period in cci.PERIODS} | {("stream", cci.SYNTHETIC, period) for period in (20, 200)}
        assert rows == expected | ({("at once", cci.SYNTHETIC, 20)} if variant == cci.OURS else set())
        assert sum(one.variant == variant for one in ran) == cci.SMOKE_ROUNDS * len(rows)
    assert all(one.values["ns_a_bar"] > 0 for one in ran)
    assert all(one.values["worst_difference"] < AGREE for one in ran)
    assert all(one.values["worst_difference"] == 0 for one in ran if one.variant == cci.OURS)


def test_what_is_missing_has_a_row_that_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is not installed, one that breaks, a file that is not there: a row without numbers."""
    (tmp_path / "broken_cci.py").write_text("import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(cci.DATA_VARIABLE, str(tmp_path))
    peers = [
        Peer("none", "no_cci_here.part", "no-cci", ccipeers.PEERS[0].batch),
        Peer("broken", "broken_cci", "b", ccipeers.PEERS[0].batch),
    ]
    monkeypatch.setattr(cci, "PEERS", peers)
    found = {one.variant: one for one in cci.run(SMOKE, Silent()) if one.not_run}
    assert {name: one.not_run for name, one in found.items()} == {
        "none": "not installed: pip install no-cci",
        "broken": "cannot be imported: No module named 'nothing_of_this_name'",
        cci.OURS: f"no {cci.FILE} in {tmp_path}: put it there, or set {cci.DATA_VARIABLE} to its folder",
    }
    assert not any(one.values for one in found.values())


def test_the_figures_are_those_of_the_issue() -> None:
    """Each has its limit, and as many repetitions as rounds."""
    steps = Steps()
    found = {one.id: one for one in cci.figures(SMOKE, steps)}
    assert {id: one.limit for id, one in found.items()} == {
        "cci_talib_14": 0.4, "cci_talib_20": 0.4, "cci_talib_200": 0.1, "cci_stream_us": 0.3, "cci_stream_1000_ns": 15.0,
    }  # fmt: skip
    assert all(one.spread[0] <= one.value <= one.spread[1] and one.repeats == cci.SMOKE_ROUNDS for one in found.values())
    assert steps.asked == steps.done


def test_a_slow_library_gets_the_first_bars_only() -> None:
    """Its values are held against ours of just those bars, and where it may have none it has no turn."""
    given: list[int] = []

    def batch(module: ModuleType, prices: Prices, period: int) -> np.ndarray:
        given.append(len(prices[0]))
        values = ccipeers.PEERS[0].batch(ccipeers.PEERS[0].load(), prices, period)
        return np.asarray(values[period - 1 :] + 0.5)

    slow = Peer("slow", "bench", "-", batch, is_slow=True)
    bars_e8 = cci.synthetic(500)
    ways = cci.batch_ways(bars_e8, 14, [(slow, ccipeers)], 120)
    rows = [one for one in cci.compared({}, ways, 3, Silent()) if one.variant == "slow"]
    assert given == [120] * 4
    assert [one.values["worst_difference"] for one in rows] == [pytest.approx(0.5, abs=AGREE)] * 3
    assert [way.variant for way in cci.batch_ways(bars_e8, 14, [(slow, ccipeers)], 0)] == [cci.OURS]


def test_variants_take_turns_and_each_begins() -> None:
    """Round by round another one is first, and all have as many rounds."""
    called: list[str] = []
    ways = [cci.Way(name, lambda name=name: called.append(name), 10) for name in "abc"]  # type: ignore[misc]
    taken_ns = cci.by_turns(ways, 4, Silent())
    assert "".join(called) == "abcbcacababc"
    assert {name: len(values) for name, values in taken_ns.items()} == {"a": 4, "b": 4, "c": 4}


def test_differences_count_where_both_have_a_value() -> None:
    """From the last bar back; NaN and infinity are no value."""
    ours = np.array([np.nan, 1.0, 2.0, 3.0])
    assert cci.worst_difference(ours, np.array([5.0, 2.5, 3.25])) == 4.0
    assert cci.worst_difference(ours, np.array([9.0, np.inf, 2.5, np.nan])) == 0.5
    assert cci.worst_difference(ours, np.array([])) == 0.0


def test_synthetic_bars_are_bars() -> None:
    """High and low hold the close; five digits; the same every time."""
    high, low, close = cci.synthetic(400)
    assert (high >= close).all()
    assert (low <= close).all()
    assert not (np.array([high, low, close]) % 1_000).any()
    assert cci.synthetic(400).tobytes() == np.array([high, low, close]).tobytes()
