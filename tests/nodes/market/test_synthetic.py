"""The synthetic market: a pure function of (seed, symbol, minute), and one that moves like a market."""

import hashlib

import numpy as np
import pytest

from mesh.errors import BadConfig
from mesh.units import DAY_NS, MINUTE_NS
from nodes.contracts import contract_of
from nodes.market.synthetic import DEFAULT_START_NS, DEFAULT_SYMBOLS, SyntheticMarket
from nodes.ticks import TickColumns, concatenated
from nodes.timeframes import WEEK_NS
from tests.nodes.tickrows import same


@pytest.fixture(scope="module")
def day() -> TickColumns:
    """A day of the default symbols."""
    return SyntheticMarket(7).minutes(0, 1_440)


def digest(ticks: TickColumns) -> str:
    columns = (ticks.symbol_index, ticks.time_ns, ticks.bid_e8, ticks.ask_e8)
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()[:16]


def test_synthetic_market_is_the_same_for_ever() -> None:
    """Seed 7 gives these bytes on every machine and numpy; a change of the market is a decision, not an accident."""
    assert digest(SyntheticMarket(7).minutes(0, 60)) == "6ee0696da0bf0569"


@pytest.mark.parametrize("cuts", [[1] * 30, [7, 23], [29, 1], [30]])
def test_synthetic_minutes_do_not_depend_on_slicing(cuts: list[int]) -> None:
    """Asked by the minute or all at once, from the start or not, the ticks are the same."""
    market = SyntheticMarket(11)
    parts, first = [], 1_400
    for count in cuts:
        parts.append(SyntheticMarket(11).minutes(first, count))
        first += count
    assert same(concatenated(parts), market.minutes(1_400, 30))


def test_synthetic_symbol_does_not_depend_on_its_company(day: TickColumns) -> None:
    """A symbol's ticks are the same alone and beside others, in any order of symbols."""
    alone = SyntheticMarket(7, ("USDJPY",)).minutes(0, 1_440)
    assert same(alone, day.of("USDJPY"))
    assert same(SyntheticMarket(7, ("XAUUSD", "USDJPY")).minutes(0, 1_440).of("USDJPY"), alone)


def test_synthetic_minute_is_of_the_clock_not_of_the_start() -> None:
    """Another start only shifts the numbers of the minutes."""
    later = SyntheticMarket(7, start_ns=DEFAULT_START_NS + DAY_NS).minutes(0, 5)
    assert same(later, SyntheticMarket(7).minutes(1_440, 5))


def test_synthetic_seeds_differ() -> None:
    """Another seed is another market, also the largest the configuration allows."""
    digests = [digest(SyntheticMarket(seed).minutes(0, 10)) for seed in (0, 1, 7, 2**63 - 1)]
    assert len(set(digests)) == 4


def test_synthetic_ticks_are_in_order_and_on_the_grid(day: TickColumns) -> None:
    """Times rise, lie in the minutes asked for, and prices are multiples of the tick size with bid < ask."""
    assert np.all(np.diff(day.time_ns) >= 0)
    assert day.time_ns[0] >= DEFAULT_START_NS
    assert day.time_ns[-1] < DEFAULT_START_NS + DAY_NS
    assert day.symbols == DEFAULT_SYMBOLS
    assert np.all(day.bid_e8 < day.ask_e8)
    for symbol in day.symbols:
        contract = contract_of(symbol)
        assert contract is not None
        ticks = day.of(symbol)
        assert not np.any(ticks.bid_e8 % contract.tick_size_e8)
        assert not np.any(ticks.ask_e8 % contract.tick_size_e8)


def test_synthetic_minute_has_six_to_twelve_ticks_at_irregular_times(day: TickColumns) -> None:
    """Every minute of every symbol has 6 to 12 ticks, all those counts occur, and the steps between them vary."""
    for symbol in day.symbols:
        ticks = day.of(symbol)
        counts = np.bincount((ticks.time_ns - DEFAULT_START_NS) // MINUTE_NS, minlength=1_440)
        assert np.unique(counts).tolist() == [6, 7, 8, 9, 10, 11, 12]
        assert len(np.unique(np.diff(ticks.time_ns))) > 5_000


def test_synthetic_spread_is_typical_and_sometimes_wide(day: TickColumns) -> None:
    """The median spread is the contract's; about one minute in sixty is at least 1.4 times as wide."""
    for symbol in day.symbols:
        contract = contract_of(symbol)
        assert contract is not None
        ticks = day.of(symbol)
        spread_points = (ticks.ask_e8 - ticks.bid_e8) // contract.point_e8
        assert np.median(spread_points) == contract.spread_points
        wide = np.count_nonzero(spread_points > contract.spread_points * 14 // 10)
        assert len(ticks) // 200 < wide < len(ticks) // 20


def closes_and_ranges(ticks: TickColumns, minute_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """High, low and close of the bid in each minute."""
    minute = (ticks.time_ns - DEFAULT_START_NS) // MINUTE_NS
    starts = np.searchsorted(minute, np.arange(minute_count))
    close_e8 = ticks.bid_e8[np.append(starts[1:], len(minute)) - 1]
    return np.maximum.reduceat(ticks.bid_e8, starts), np.minimum.reduceat(ticks.bid_e8, starts), close_e8


def test_synthetic_cci_signals_come_as_often_as_on_real_data(day: TickColumns) -> None:
    """CCI(14) of M1 comes back through +-100 every 8 to 15 bars or nearly so (EURUSD of 2018: 8.3)."""
    for symbol in day.symbols:
        high_e8, low_e8, close_e8 = closes_and_ranges(day.of(symbol), 1_440)
        typical = (high_e8 + low_e8 + close_e8) / 3
        windows = np.lib.stride_tricks.sliding_window_view(typical, 14)
        mean = windows.mean(axis=1)
        deviation = np.abs(windows - mean[:, None]).mean(axis=1)
        cci = (typical[13:] - mean) / (0.015 * deviation)
        signal_count = np.count_nonzero((cci[:-1] < -100) & (cci[1:] >= -100))
        signal_count += np.count_nonzero((cci[:-1] > 100) & (cci[1:] <= 100))
        assert 7 < 1_440 / signal_count < 15


def test_synthetic_price_moves_and_stays_near_home() -> None:
    """Sampled over ten years a price keeps within 5 % of home and still moves by over 1 %."""
    market = SyntheticMarket(3, ("EURUSD",))
    bids_e8 = np.array([market.minutes(day * 1_440, 1).bid_e8[0] for day in range(0, 3_650, 30)])
    home_e8 = 112_000_000
    assert np.all(np.abs(bids_e8 - home_e8) < home_e8 // 20)
    assert bids_e8.max() - bids_e8.min() > home_e8 // 100


def test_synthetic_market_starts_on_a_monday() -> None:
    """1970-01-05 was a Monday, and so is the default start."""
    assert (DEFAULT_START_NS - 4 * DAY_NS) % WEEK_NS == 0


def test_synthetic_market_takes_contracts_of_the_configuration() -> None:
    """A symbol of the user's own has ticks on its own grid; one without contract is refused by name."""
    euro = contract_of("EURUSD")
    assert euro is not None
    own = SyntheticMarket(7, ("EURUSD",), contracts={"EURUSD": euro.with_digits(3)}).minutes(0, 5)
    assert not np.any(own.bid_e8 % 100_000)
    with pytest.raises(BadConfig, match="NOSUCH"):
        SyntheticMarket(7, ("NOSUCH",))


def test_synthetic_market_refuses_broken_minutes() -> None:
    """A start inside a minute and negative minutes are refused; no minutes are no ticks."""
    with pytest.raises(BadConfig, match="no full minute"):
        SyntheticMarket(7, start_ns=1)
    with pytest.raises(ValueError, match="-1"):
        SyntheticMarket(7).minutes(-1, 5)
    assert len(SyntheticMarket(7).minutes(5, 0)) == 0
