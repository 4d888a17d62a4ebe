"""Market, indicator, broker and signals node joined in virtual time: the same result at any pace and after any restart."""

import itertools

import pytest

from mesh.config import Config
from mesh.units import MS_NS, SECOND_NS
from nodes.market.core import Market
from nodes.market.sources import RecordedSource, SyntheticSource
from nodes.ticks import TickColumns, concatenated
from tests.nodes.flow_rig import Rig, config_of, flow, lines_of

SMALL = {"minutes": 40}
LATENCIES = (0, 400, 20_000)
BOTH = '"EURUSD", "USDJPY"'


def is_done(rig: Rig) -> bool:
    return rig.cores["market-1"].phase() == "DONE" or bool(rig.halts)


def played(config: Config, seed: int = 1) -> Rig:
    """A whole run."""
    rig = flow(config, seed)
    assert rig.run(lambda: is_done(rig)), "the market stood still"
    assert rig.halts == {}
    assert rig.cores["market-1"].facts()["comparable"] == "yes"
    return rig


def interrupted(config: Config, names: tuple[str, ...], at_step: int, seed: int = 1) -> Rig:
    """A whole run in which nodes are killed at a step and started again a hundredth of a second later."""
    rig = flow(config, seed)
    rig.run(lambda: rig.step_count >= at_step)
    if "broker-1" in names:
        # a call that dies with the broker before it is durable was never sent: that is another story
        rig.run(lambda: rig.is_quiet_at("broker-1"))
    for name in names:
        rig.crash(name)
    back_ns = rig.now_ns + SECOND_NS // 100
    rig.run(lambda: rig.now_ns >= back_ns)
    for name in names:
        rig.start(name)
    assert rig.run(lambda: is_done(rig)), "the market stood still"
    assert rig.halts == {}
    return rig


def test_flow_trades_and_its_numbers_agree() -> None:
    """Signals become deals, stops are hit between them, every minute has its bar, and nobody counts anything odd."""
    rig = played(config_of())
    lines = lines_of(rig)
    filled = [line for line in lines if line[3] == 10009]
    deals = [key for key in rig.stores["broker-1"] if key[0] == "deal"]
    assert len(filled) > 20
    # each filled line is a deal; so are the deposits, and the positions that a stop closed
    assert len(deals) > len(filled) + 2
    assert len(rig.bars) == 91
    sids = {line[0] for line in lines}
    assert rig.cores["cci-1"].counters.totals["signal_count"] == len(sids)
    odd = ("unhandled_count", "stranger_count", "bad_chunk_count", "given_up_wait_count", "refused_signal_count")
    assert [(name, odd_one) for name, core in rig.cores.items() for odd_one in odd if odd_one in core.counters.totals] == []


@pytest.mark.parametrize("latency_ms", LATENCIES)
def test_flow_gives_the_same_lines_at_every_pace(latency_ms: int) -> None:
    """At once, at a thousand, sixty and one times the recorded pace: the same lines, volumes, prices and bars."""
    runs = [played(config_of(speed=speed, latency_ms=latency_ms, **SMALL)) for speed in ('"max"', "1000", "60", "1")]
    assert all(lines_of(run) == lines_of(runs[0]) for run in runs)
    assert all(run.bars == runs[0].bars for run in runs)
    assert len(lines_of(runs[0])) > 20


def test_flow_of_two_symbols_gives_the_same_lines_at_every_pace() -> None:
    """Ticks of several symbols interleave; the lines do not depend on how they were cut into blocks."""
    runs = [played(config_of(symbols=BOTH, speed=speed, minutes=30)) for speed in ('"max"', "300")]
    assert lines_of(runs[0]) == lines_of(runs[1])
    assert {line[0].split("/")[1] for line in lines_of(runs[0])} == {"EURUSD", "USDJPY"}


@pytest.mark.parametrize("seed", range(2, 8))
def test_flow_does_not_depend_on_how_long_messages_take(seed: int) -> None:
    """Other hop times, and so another order of arrival between nodes, change nothing."""
    config = config_of(**SMALL)
    assert lines_of(played(config, seed)) == lines_of(played(config))


@pytest.mark.parametrize("name", ["market-1", "cci-1", "broker-1"])
@pytest.mark.parametrize("at_step", [40, 150, 290, 431, 560, 700])
def test_restart_of_one_node_changes_nothing(name: str, at_step: int) -> None:
    """Killed and started again at any point: the same lines, and every bar told, with the same CCI."""
    config = config_of(**SMALL)
    whole, again = played(config), interrupted(config, (name,), at_step, seed=at_step)
    assert lines_of(again) == lines_of(whole)
    assert again.bars == whole.bars


@pytest.mark.parametrize("at_step", [120, 345, 520, 666])
def test_restart_of_all_three_at_once_changes_nothing(at_step: int) -> None:
    """A whole mesh that is stopped hard goes on from its stores where it stood."""
    config = config_of(latency_ms=5_000, **SMALL)
    whole = played(config)
    again = interrupted(config, ("market-1", "cci-1", "broker-1"), at_step, seed=3)
    assert lines_of(again) == lines_of(whole)
    assert again.bars == whole.bars


@pytest.mark.slow
def test_any_restarts_change_nothing() -> None:
    """A sweep over victims, moments, latencies and hop times: always the lines and bars of the whole run."""
    for latency_ms, speed in itertools.product(LATENCIES, ('"max"', "600")):
        config = config_of(latency_ms=latency_ms, speed=speed, **SMALL)
        whole = played(config)
        # a refused order leaves no deal to be found by: where calls wait for long, the broker is left alone
        names = ("market-1", "cci-1", "broker-1") if latency_ms < SECOND_NS // MS_NS else ("market-1", "cci-1")
        for number in range(18):
            name, at_step = names[number % len(names)], 20 + number * 37 % (whole.step_count - 20)
            again = interrupted(config, (name,), at_step, seed=number)
            assert lines_of(again) == lines_of(whole), (latency_ms, speed, name, at_step)
            assert again.bars == whole.bars, (latency_ms, speed, name, at_step)


def test_recorded_ticks_give_what_the_same_synthetic_ticks_give() -> None:
    """Where the ticks come from makes no difference; a recording ends by itself, with its last bar."""
    config = config_of(backfill=0, **SMALL)
    source = SyntheticSource(config)
    parts: list[TickColumns] = []
    while len(part := source.more()):
        parts.append(part)
    columns = concatenated(parts)
    recorded = flow(config, source=lambda: RecordedSource(columns, {"EURUSD": "M1"}, source.end_ns))
    assert recorded.run(lambda: is_done(recorded))
    synthetic = played(config)
    assert lines_of(recorded) == lines_of(synthetic)
    assert recorded.bars == synthetic.bars
    assert len(recorded.bars) == SMALL["minutes"]
    market = recorded.cores["market-1"]
    assert isinstance(market, Market)
    assert market.facts()["total"] == str(len(columns))
