"""The parts every measurement stands on: histograms, ratios of neighbours, what became of messages, files."""

import math
from pathlib import Path

import numpy as np
import pytest

from bench.chain import Ratio, Segment, interleaved, ratio_of, told
from bench.commits import commit_times
from bench.figures import _value
from bench.latencies import HIGHEST_NS, Latencies
from bench.machine import machine
from bench.pace import due_ns, rate_warning
from bench.results import FAILS, FORMAT, HOLDS, UNDECIDED, Counted, Figure, Measured, Run, load, save
from bench.rig.layout import layout, symbols_of
from bench.rig.market import SteadyMarket
from bench.rig.meshchain import segment_of
from bench.scenario import Silent
from mesh import links
from mesh.core import Envelope, Send
from mesh.io.clock import monotonic_ns
from mesh.messages.market import MarketHello, Ticks


def segment(*values_ns: int) -> Segment:
    """A segment with these latencies."""
    return Segment(np.array(values_ns, dtype=np.int64), Counted(sent=len(values_ns), received=len(values_ns)), 100.0)


# histograms


def test_histogram_goes_through_its_encoding() -> None:
    """Percentiles within three digits, and the same after V2 and back."""
    found = Latencies(range(1_000, 1_001_000, 10))
    assert found.count == 100_000
    assert math.isclose(found.at(50), 501_000, rel_tol=0.001)
    assert math.isclose(found.at(99.99), 1_000_900, rel_tol=0.001)
    assert Latencies.decoded(found.encoded()).summary() == found.summary()
    assert found.curve()[-1][0] == 100.0


def test_histogram_is_bounded() -> None:
    """Longer than a minute is a minute; less than nothing is a bug."""
    assert math.isclose(Latencies([HIGHEST_NS * 3]).max_ns, HIGHEST_NS, rel_tol=0.001)
    with pytest.raises(AssertionError, match="a duration of -1 ns"):
        Latencies([-1])
    assert Latencies().summary()["max"] == 0


@pytest.mark.parametrize("text", ["", "abc", "HISTFAAA", "é", Latencies([5]).encoded()[:-9]])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    """One error for all of it."""
    with pytest.raises(ValueError, match="no HDR histogram"):
        Latencies.decoded(text)


def test_interval_log_has_the_histogram() -> None:
    """As plotters read it: a legend, then one line with the encoding."""
    found = Latencies([5, 6, 7])
    lines = found.log("flow mesh", 1.5, 2.5).splitlines()
    assert lines[-1].startswith("Tag=flow_mesh,")
    assert found.encoded() in lines[-1]


# pace


def test_pace_is_an_open_loop() -> None:
    """What is due is due, however late the sender is: a stall moves no later message."""
    begin_ns = monotonic_ns() - 1_000_000_000
    dues = list(due_ns(begin_ns, 1_000.0, 5))
    assert dues == [begin_ns + number * 1_000_000 for number in range(5)]


def test_rate_that_was_missed_is_warned_of() -> None:
    """By more than a hundredth."""
    assert rate_warning(1_000, 995) == []
    assert "900/s reached, 1000/s asked" in rate_warning(1_000, 900)[0]


# ratios


def test_ratio_is_of_neighbours() -> None:
    """A minute in which all are slow changes nothing."""
    ours, theirs = [segment(100), segment(1_000), segment(110)], [segment(50), segment(500), segment(50)]
    found = ratio_of(ours, theirs, 50)
    assert (found.median, found.count) == (2.0, 3)
    assert (found.holds(2.0), found.holds(1.9)) == (HOLDS, FAILS)


def test_ratio_may_be_undecided() -> None:
    """While the limit lies within the middle half, where that is asked for."""
    ratio = Ratio(1.2, 1.0, 1.5, 15)
    assert [ratio.holds(limit, by_spread=True) for limit in (0.9, 1.1, 1.3, 1.5)] == [FAILS, UNDECIDED, UNDECIDED, HOLDS]
    assert ratio.holds(1.3) == HOLDS


class Counting:
    """A chain that notes its turns."""

    def __init__(self, name: str, turns: list[str]) -> None:
        self.name = name
        self._turns = turns

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to end."""

    def segment(self, rate: float, count: int, warmup_count: int) -> Segment:
        """Note it."""
        self._turns.append(self.name)
        return segment(rate, count, warmup_count)  # type: ignore[arg-type]


def test_chains_take_turns_and_each_begins_once() -> None:
    """Who is first is last in the next round but one."""
    turns: list[str] = []
    found = interleaved([Counting(name, turns) for name in "abc"], 1, 2, 3, 3, Silent())
    assert "".join(turns) == "abcbcacab"
    assert {name: len(segments) for name, segments in found.items()} == {"a": 3, "b": 3, "c": 3}


def test_what_was_lost_is_said_in_a_row() -> None:
    """Beside a rate that was missed."""
    lossy = Segment(np.array([5]), Counted(sent=3, received=1, lost=2), 50.0)
    row = told("flow", "mesh", lossy, 100.0, 1, {"hops": 4})
    assert [warning.split()[0:2] for warning in row.warnings] == [["rate", "50/s"], ["2", "messages"]]


def test_orders_are_matched_with_their_signals() -> None:
    """The warm-up counts nowhere; one that never came is lost, one that came twice doubled."""
    numbers = np.array([0, 2, 1, 3, 3], dtype=np.int64)
    stamps = {name: numbers * 1_000 + step for step, name in enumerate(("signal_ns", "master_in_ns", "master_out_ns", "router_out_ns"))}
    stamps |= {name: numbers * 1_000 + step for step, name in enumerate(("local_in_ns", "durable_ns", "called_ns"), 4)}
    found = segment_of({"number": numbers, **stamps}, np.array([990, 1_990, 2_990, 3_990]), 1, 1, 10.0)
    assert (found.counted.sent, found.counted.received, found.counted.lost, found.counted.doubled) == (4, 4, 1, 1)
    assert found.whole_ns.tolist() == [16, 16, 16, 16]
    assert found.stages_ns["mesh"].tolist() == [6, 6, 6, 6]
    assert found.stages_ns["decide"].tolist() == [1, 1, 1, 1]


# what a figure says


def test_figure_holds_by_its_median() -> None:
    """At most, or at least."""
    assert _value("x", [1, 2, 9], "ms", "", 2.0, "").holds == HOLDS
    assert _value("x", [1, 3, 9], "ms", "", 2.0, "").holds == FAILS
    assert _value("x", [10, 30, 90], "/s", "", 30.0, "", is_least=True).holds == HOLDS


def test_commits_are_measured_by_turns(tmp_path: Path) -> None:
    """As many of each, all of them durable: both files are there."""
    ours_ns, bare_ns = commit_times(tmp_path, 3)
    assert (len(ours_ns), len(bare_ns)) == (3, 3)
    assert (tmp_path / "ours.db").stat().st_size > 0


# files, machine, layout


def test_run_goes_through_its_file(tmp_path: Path) -> None:
    """And another format is refused, with the path."""
    figure = Figure("f", 1.0, "x", "other", 2.0, HOLDS, (0.9, 1.1), 15, "how")
    run = Run(FORMAT, "bench flow", "2026-01-01T00:00:00Z", 1.0, "abc", machine(), [Measured("flow", "mesh")], [figure])
    path = tmp_path / "run.json"
    save(run, path)
    assert load(path) == run
    path.write_text(path.read_text().replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(ValueError, match=r"run\.json: format 99"):
        load(path)
    with pytest.raises(ValueError, match="no bench run"):
        load(tmp_path / "none.json")


def test_machine_is_described_without_its_name() -> None:
    """What figures depend on."""
    found = machine()
    assert found.cpu_count >= 1
    assert found.clock_read_ns > 0
    assert "pyzmq" in found.packages


def test_layout_is_a_mesh_that_refuses_nothing() -> None:
    """Each local has its account; symbols are real ones."""
    config = layout(3, 5)
    assert config.nodes_of("local") == ["local-1", "local-2", "local-3"]
    assert list(config.settings.market.symbols) == symbols_of(5)
    with pytest.raises(ValueError, match="at most"):
        symbols_of(10_000)


def test_steady_market_tells_again_what_was_lost() -> None:
    """Whoever lacks ticks names the first one he lacks, and gets all from there, not only the newest."""
    market = SteadyMarket(["EURUSD", "GBPUSD"])
    market.start(0)
    for number in range(1, 4):
        market.on_deadline(number)
    hello = MarketHello("master-1", "master", 1, 1, "", 2)
    effects = market.handle(Envelope(links.MARKET, 1, hello), 4)
    (ticks,) = [effect.message for effect in effects if isinstance(effect, Send) and isinstance(effect.message, Ticks)]
    assert (ticks.first_seq, len(ticks.time_ns) // 8, list(np.frombuffer(ticks.symbol_index, "<u2"))) == (2, 4, [0, 1, 0, 1])
