"""Kept ticks and bars: bounded, in order, aggregated as MetaTrader aligns them."""

from itertools import pairwise

import numpy as np
import pytest

from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.terminal import names
from nodes.terminal.history import BAR_COLUMNS, History, grouped, tick_flags
from nodes.terminal.service import TerminalService
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, Rig, e8


def columns(count: int, step_ns: int = 7 * SECOND_NS, start_ns: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(count)
    times = start_ns + np.arange(count, dtype=np.int64) * step_ns
    bids = 1_000 + np.cumsum(draw.integers(-3, 4, count))
    return times, bids, bids + draw.integers(0, 5, count)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 20, 21, 95])
def test_history_keeps_the_newest_ticks_one_by_one_or_in_columns(count: int) -> None:
    """A history of ten ticks holds the last ten, however they came."""
    times, bids, asks = columns(count)
    single, bulk = History(10, 100), History(10, 100)
    for row in zip(times, bids, asks, strict=True):
        single.append(*map(int, row))
    for part in np.array_split(np.arange(count), 3):
        bulk.extend(times[part], bids[part], asks[part])
    expected = np.stack([times, bids, asks])[:, -10:]
    assert np.array_equal(single.ticks()[:, -10:], expected)
    assert np.array_equal(bulk.ticks()[:, -10:], expected)


def test_bars_are_those_of_all_ticks_whenever_they_are_read() -> None:
    """M1 bars of 5,000 ticks through a buffer of 50 equal those worked out from all of them at once."""
    times, bids, asks = columns(5_000)
    history = History(50, 10_000)
    for at in range(0, 5_000, 37):
        history.extend(times[at : at + 37], bids[at : at + 37], asks[at : at + 37])
        if at % 5 == 0:
            history.bars()
    bars = history.bars()
    for number, minute in enumerate(sorted(dict.fromkeys((times // MINUTE_NS * MINUTE_NS).tolist()))):
        mine = times // MINUTE_NS * MINUTE_NS == minute
        expected = [
            minute,
            bids[mine][0],
            bids[mine].max(),
            bids[mine].min(),
            bids[mine][-1],
            mine.sum(),
            (asks - bids)[mine].min(),
            asks[mine].max(),
            asks[mine].min(),
        ]
        assert bars[:, number].tolist() == expected


@pytest.mark.parametrize("kept", [7, 100, 3_000])
def test_bars_are_bounded(kept: int) -> None:
    """The newest bars stay, the array never grows past twice what is kept and what one call brings."""
    history = History(200, kept)
    for start in range(0, 4_000, 100):
        history.extend(*columns(100, MINUTE_NS, start * MINUTE_NS))
        history.bars()
    bars = history.bars()
    assert bars.shape == (len(BAR_COLUMNS), min(kept, 4_000))
    assert bars[0, -1] == 3_999 * MINUTE_NS
    assert np.all(np.diff(bars[0]) == MINUTE_NS)


def test_grouping_keeps_open_extremes_close_and_sums() -> None:
    """Five bars in two groups."""
    bars = np.array([[1, 2, 3, 4, 5], [10, 11, 12, 13, 14], [20, 25, 21, 22, 23], [9, 8, 7, 6, 5], [11, 12, 13, 14, 15], *[[1] * 5] * 4])
    made = grouped(bars, np.array([0, 0, 0, 100, 100]))
    assert made[:6].T.tolist() == [[0, 10, 25, 7, 13, 3], [100, 13, 23, 5, 15, 2]]


def test_flags_tell_which_side_changed() -> None:
    """Bid 2, ask 4, both 6; the first tick shows both, an unchanged one none."""
    ticks = np.array([[1, 2, 3, 4, 5], [10, 11, 11, 12, 12], [20, 20, 21, 22, 22]])
    assert tick_flags(ticks).tolist() == [6, 2, 4, 6, 0]
    history = History(10, 10)
    assert history.last_flags() == 6
    seen = []
    for row in ticks.T.tolist():
        history.append(*row)
        seen.append(history.last_flags())
    assert seen == [6, 2, 4, 6, 0]


def rates(rig: Rig, name: str, *args: object) -> list[list[int]]:
    answer = TerminalService(rig.terminal).call(LOGIN, name, ["EURUSD", *args], rig.now_ns)
    assert answer.value is not None, answer.error
    count, *packed = answer.value
    read = [np.frombuffer(column, "<i8").tolist() for column in packed]
    assert all(len(column) == count for column in read)
    return [list(row) for row in zip(*read, strict=True)]


@pytest.fixture
def rig() -> Rig:
    """A week of a quote each ten minutes, on a server seven hours ahead of New York."""
    rig = Rig(config=TerminalConfig(server_zone="New York + 7 h"))
    for number in range(7 * 144):
        rig.quote(f"1.1{number % 7:04}", f"1.1{number % 7 + 12:04}", after_ns=10 * MINUTE_NS)
    return rig


def test_bars_are_aligned_to_the_servers_clock(rig: Rig) -> None:
    """H4 and D1 bars begin at server hours and midnights; positions count back from the unfinished one."""
    days = rates(rig, "copy_rates_from_pos", names.TIMEFRAME_D1, 0, 3)
    assert all(row[0] % 86_400 == 0 for row in days)
    assert [second[0] - first[0] for first, second in pairwise(days)] == [86_400] * 2
    hours = rates(rig, "copy_rates_from_pos", names.TIMEFRAME_H4, 0, 50)
    assert all(row[0] % 14_400 == 0 for row in hours)
    assert sum(row[5] for row in hours if row[0] // 86_400 == days[1][0] // 86_400) == days[1][5] == 144
    assert rates(rig, "copy_rates_from_pos", names.TIMEFRAME_H4, 5, 7) == hours[-12:-5]
    weeks = rates(rig, "copy_rates_from_pos", names.TIMEFRAME_W1, 0, 5)
    assert [(row[0] // 86_400 + 4) % 7 for row in weeks] == [0] * len(weeks)
    [month] = rates(rig, "copy_rates_from_pos", names.TIMEFRAME_MN1, 0, 1)
    assert month[0] == 1_525_132_800
    assert days[0][6] == 12


def test_rates_by_date_and_range(rig: Rig) -> None:
    """By date: bars that began then or before; by range: both ends included."""
    hours = rates(rig, "copy_rates_from_pos", names.TIMEFRAME_H1, 0, 20)
    assert rates(rig, "copy_rates_from", names.TIMEFRAME_H1, hours[10][0], 4) == hours[7:11]
    assert rates(rig, "copy_rates_from", names.TIMEFRAME_H1, hours[10][0] - 1, 4) == hours[6:10]
    assert rates(rig, "copy_rates_range", names.TIMEFRAME_H1, hours[3][0], hours[6][0]) == hours[3:7]


def test_ticks_by_date_and_range(rig: Rig) -> None:
    """From a second on, a number of them; in a range, both ends included; trade ticks there are none."""
    all_ticks = rates(rig, "copy_ticks_from", 1, 10_000, names.COPY_TICKS_ALL)
    assert len(all_ticks) == 7 * 144 + 1
    second = all_ticks[500][0] // 1_000
    assert rates(rig, "copy_ticks_from", second, 3, names.COPY_TICKS_INFO) == all_ticks[500:503]
    assert rates(rig, "copy_ticks_range", second, second + 1_200, 2**32 - 1) == all_ticks[500:503]
    assert rates(rig, "copy_ticks_range", 5, 6, names.COPY_TICKS_ALL) == []
    assert rates(rig, "copy_ticks_from", 1, 10, names.COPY_TICKS_TRADE) == []


CHANGE_NS = 1_541_311_200 * SECOND_NS
"""2018-11-04 06:00 UTC: New York turns back, 02:00 becomes 01:00."""
CHANGE_S = CHANGE_NS // SECOND_NS - 4 * 3_600
"""The same as the clock shows it before it is turned back."""


@pytest.fixture
def doubled() -> Rig:
    """A quote a minute for three hours, from 00:30 on New York's clock; a deal at 01:30, and one at 01:35 of the second pass."""
    rig = Rig(config=TerminalConfig(server_zone="America/New_York"))
    rig.quote("1.1", "1.1001", after_ns=CHANGE_NS - 90 * MINUTE_NS - rig.now_ns)
    for minute in range(1, 181):
        rig.quote(f"1.1{minute:03}", f"1.2{minute:03}", after_ns=MINUTE_NS)
        if minute in (60, 125):
            rig.opened(BUY, magic=minute)
    return rig


@pytest.mark.parametrize(("timeframe", "step_s"), [(names.TIMEFRAME_M1, 60), (names.TIMEFRAME_H1, 3_600)])
def test_bars_stand_still_while_the_clock_shows_an_hour_again(doubled: Rig, timeframe: int, step_s: int) -> None:
    """Each start once and none before the last; no tick is lost, the last bar is the newest, however many are asked for."""
    bars = rates(doubled, "copy_rates_from_pos", timeframe, 0, 1_000)
    assert all(second[0] - first[0] >= step_s for first, second in pairwise(bars))
    assert sum(row[5] for row in bars) == 182
    assert bars[-1][4] == e8("1.1180")
    for minutes in (20, 40, 70):
        count = len(rates(doubled, "copy_rates_from_pos", timeframe, 0, minutes))
        assert rates(doubled, "copy_rates_from_pos", timeframe, 0, minutes) == bars[-count:]


def test_ticks_of_an_hour_the_clock_shows_twice_are_all_found(doubled: Rig) -> None:
    """By what each shows: from 01:30 to 01:40 there are eleven of either pass, and none before the start that was asked for."""
    from_s = CHANGE_S - 1_800
    found = rates(doubled, "copy_ticks_range", from_s, from_s + 600, names.COPY_TICKS_ALL)
    assert len(found) == 22
    assert {row[0] // 1_000 for row in found} == set(range(from_s, from_s + 601, 60))
    later = rates(doubled, "copy_ticks_from", from_s, 1_000, names.COPY_TICKS_ALL)
    assert min(row[0] for row in later) == from_s * 1_000
    assert later[-1][1] == e8("1.1180")


def test_history_of_an_hour_the_clock_shows_twice(doubled: Rig) -> None:
    """Each deal and order is found where its own time says it is, in either pass, and nowhere else."""
    service = TerminalService(doubled.terminal)

    def found(name: str, from_s: int, to_s: int) -> int:
        value = service.call(LOGIN, name, [from_s, to_s], doubled.now_ns).value
        assert isinstance(value, int)
        return value

    for deal in doubled.deals:
        shown_s = doubled.terminal.clock.server_ns(deal.time_ns) // SECOND_NS
        for name in ("history_deals_total", "history_orders_total"):
            assert found(name, shown_s, shown_s) == 1
            assert found(name, shown_s - 60, shown_s - 1) == found(name, shown_s + 1, shown_s + 60) == 0
    assert found("history_orders_total", CHANGE_S - 3_600, CHANGE_S) == 2
    assert doubled.terminal.clock.spans_ns(0, 2**62) == [(5 * HOUR_NS, 2**62 + 5 * HOUR_NS - 1)]
