"""An endless seeded market: any minute of any symbol is a pure function of (seed, symbol, minute).

The mid price is a sum of waves of random knots, from twenty seconds to two weeks apart and as high as the root of that
distance, joined smoothly: near to it looks like a random walk, far off it stays where it belongs for ever. Quiet and
busy hours follow one another (a slow wave scales the fast ones). Six to twelve ticks a minute come at irregular times,
with a spread that breathes and sometimes widens. There are no weekends.

All randomness is the raw output of Philox, whose counter is the position, so that nothing needs to be remembered: the
raw stream of a bit generator is what numpy promises to keep (NEP 19), its distributions are not. All arithmetic is on
integers.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mesh.errors import BadConfig
from mesh.units import E8, MINUTE_NS, MS_NS
from nodes.contracts import ClassName, Contract, contract_of
from nodes.ticks import NO_TICKS, TickColumns, merged

Int64s: TypeAlias = npt.NDArray[np.int64]

DEFAULT_SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
DEFAULT_START_NS = 1_767_571_200_000_000_000
"""Monday 2026-01-05 00:00 UTC."""

TICKS_PER_MINUTE_MIN, TICKS_PER_MINUTE_MAX = 6, 12

_MINUTE_MS = 60_000
_WAVE_MS = (20_000, 60_000, 150_000, 420_000, 1_200_000, 3_600_000, 14_400_000, 86_400_000, 1_209_600_000)
"""Distances between the knots of each wave."""
_WAVE_HEIGHT_PERCENT = (45, 80, 130, 330, 420, 700, 1_400, 3_500, 14_000)
"""Height of each wave against the symbol's movement in a minute. Up to a day they are about a random walk's, the
slowest is lower, so that the price comes home. CCI(14) on M1 then comes back through +-100 every 8.5 bars, as it does on
EURUSD and XAUUSD of 2018 (8.3 and 8.5)."""
_FAST_WAVE_COUNT = 5
"""Waves that are higher in busy hours."""
_BUSY_WAVES_MS = (2_400_000, 21_600_000)

_MINUTE_PPM: dict[ClassName, int] = {"forex": 150, "metal": 275, "index": 275, "energy": 450, "crypto": 900}
"""Typical movement in a minute, in millionths of the price."""
_OTHER_PRICES_E8: dict[str, int] = {"BTCUSD": 60_000 * E8, "ETHUSD": 3_000 * E8}
_NAMELESS_PRICE_E8 = 100 * E8

_BLOCKS_PER_MINUTE = 10
"""Philox gives four numbers a block: forty a minute, of which 1 + 3 x 12 are used."""
_DRAWS_CHANNEL, _FIRST_WAVE_CHANNEL, _FIRST_BUSY_CHANNEL = 0, 1, 100
_WIDE_ONE_IN = 60
"""One minute in so many has a wide spread."""

_ONE = 1 << 16
_FINE = 1 << 10
"""Heights are computed in 1/1024 points."""


def _symbol_key(symbol: str) -> int:
    return int.from_bytes(hashlib.blake2b(symbol.encode(), digest_size=8).digest(), "little")


class _SymbolMarket:
    """One symbol of the market."""

    __slots__ = ("_key", "_minute_fine", "_point_e8", "_price_points", "_spread_points", "symbol")

    def __init__(self, seed: int, contract: Contract) -> None:
        price_e8 = contract.typical_price_e8 or _OTHER_PRICES_E8.get(contract.known_as, _NAMELESS_PRICE_E8)
        self.symbol = contract.symbol
        self._key = np.array([seed % 2**64, _symbol_key(contract.symbol)], dtype=np.uint64)
        self._point_e8 = contract.tick_size_e8
        self._price_points = price_e8 // contract.tick_size_e8
        self._minute_fine = max(2 * _FINE, self._price_points * _MINUTE_PPM[contract.class_name] * _FINE // 1_000_000)
        self._spread_points = max(1, contract.spread_points * contract.point_e8 // contract.tick_size_e8)

    def _draws(self, channel: int, first_block: int, block_count: int) -> npt.NDArray[np.uint64]:
        """Four raw numbers for each block, in rows."""
        counter = np.array([first_block, channel, 0, 0], dtype=np.uint64)
        raw = np.random.Philox(key=self._key, counter=counter).random_raw(4 * block_count)
        return np.asarray(raw, dtype=np.uint64).reshape(block_count, 4)

    def _wave(self, channel: int, knot_ms: int, time_ms: Int64s) -> Int64s:
        """A smooth wave through random knots, in 1/65536 of its height: about normal, within +-2."""
        knot = time_ms // knot_ms
        first = int(knot.min())
        draws = self._draws(channel, first, int(knot.max()) - first + 2)
        # The sum of four uniform numbers is nearly normal (Irwin-Hall); 48 bits of each go so that nothing overflows.
        knots: Int64s = (draws >> np.uint64(48)).astype(np.int64).sum(axis=1) - 2 * _ONE
        part = time_ms % knot_ms * _ONE // knot_ms
        smooth = (part * part >> 16) * (3 * _ONE - 2 * part) >> 16
        left = knots[knot - first]
        return left + ((knots[knot - first + 1] - left) * smooth >> 16)

    def _mid_points(self, time_ms: Int64s) -> Int64s:
        """The mid price in points at each time."""
        busy = np.full(len(time_ms), _ONE, dtype=np.int64)
        for number, knot_ms in enumerate(_BUSY_WAVES_MS):
            busy += self._wave(_FIRST_BUSY_CHANNEL + number, knot_ms, time_ms) // 2
        busy = np.clip(busy, _ONE * 2 // 5, _ONE * 5 // 2)
        height_fine = np.zeros(len(time_ms), dtype=np.int64)
        for number, (knot_ms, percent) in enumerate(zip(_WAVE_MS, _WAVE_HEIGHT_PERCENT, strict=True)):
            wave = self._wave(_FIRST_WAVE_CHANNEL + number, knot_ms, time_ms)
            if number < _FAST_WAVE_COUNT:
                wave = wave * busy >> 16
            height_fine += (wave * (self._minute_fine * percent // 100)) >> 16
        # A year's extremes stay within a few percent; the floor only guards symbols of very few points.
        return np.maximum(self._price_points + height_fine // _FINE, self._price_points // 4 + 1)

    def minutes(self, first_minute: int, count: int) -> TickColumns:
        """All ticks of ``count`` minutes since 1970."""
        draws = self._draws(_DRAWS_CHANNEL, first_minute * _BLOCKS_PER_MINUTE, count * _BLOCKS_PER_MINUTE)
        draws = (draws >> np.uint64(1)).reshape(count, 4 * _BLOCKS_PER_MINUTE)
        numbers = draws.astype(np.int64)
        of_minute = numbers[:, 0]
        tick_count = TICKS_PER_MINUTE_MIN + of_minute % (TICKS_PER_MINUTE_MAX - TICKS_PER_MINUTE_MIN + 1)
        is_used = np.arange(TICKS_PER_MINUTE_MAX) < tick_count[:, None]
        columns = numbers[:, 1 : 1 + 3 * TICKS_PER_MINUTE_MAX].reshape(count, 3, TICKS_PER_MINUTE_MAX)
        inside_ms = np.sort(np.where(is_used, columns[:, 0] % _MINUTE_MS, _MINUTE_MS), axis=1)
        minute_ms = (first_minute + np.arange(count, dtype=np.int64)) * _MINUTE_MS
        time_ms = (minute_ms[:, None] + inside_ms)[is_used]
        jitter = columns[:, 1][is_used] % (2 * self._minute_fine) - self._minute_fine
        mid_points = self._mid_points(time_ms) + jitter // (8 * _FINE)
        is_wide = of_minute // 1_000 % _WIDE_ONE_IN == 0
        times_wide = np.where(is_wide, 2 + of_minute // 1_000_000 % 4, 1)
        percent = 70 + columns[:, 2] % 61
        spread = np.maximum(1, (self._spread_points * percent * times_wide[:, None] + 50) // 100)[is_used]
        bid_points = np.maximum(mid_points - spread // 2, 1)
        return TickColumns.of_symbol(
            self.symbol,
            time_ms * MS_NS,
            bid_points * self._point_e8,
            (bid_points + spread) * self._point_e8,
        )


class SyntheticMarket:
    """Ticks of several symbols on one clock; a minute's number is all there is to resume from."""

    __slots__ = ("_markets", "start_ns", "symbols")

    def __init__(
        self,
        seed: int,
        symbols: Sequence[str] = DEFAULT_SYMBOLS,
        start_ns: int = DEFAULT_START_NS,
        contracts: Mapping[str, Contract] | None = None,
    ) -> None:
        """``start_ns`` is where minute 0 begins (UTC). ``contracts`` go before those known by class.

        Raises BadConfig for a symbol without contract and for a start that is no full minute.
        """
        if start_ns % MINUTE_NS or start_ns < 0:
            raise BadConfig(f"market start {start_ns} ns is no full minute since 1970")
        self.symbols = tuple(symbols)
        self.start_ns = start_ns
        self._markets = [_SymbolMarket(seed, _contract(symbol, contracts or {})) for symbol in self.symbols]

    def minutes(self, first_minute: int, count: int) -> TickColumns:
        """The ticks of ``count`` minutes from ``first_minute`` (0 is the start), merged by time.

        The same minute has the same ticks, whatever it is asked together with. Raises ValueError for negative numbers.
        """
        if first_minute < 0 or count < 0:
            raise ValueError(f"minutes {first_minute} and {count} must not be negative")
        if not count:
            return NO_TICKS
        first = self.start_ns // MINUTE_NS + first_minute
        return merged([market.minutes(first, count) for market in self._markets])


def _contract(symbol: str, contracts: Mapping[str, Contract]) -> Contract:
    contract = contracts.get(symbol) or contract_of(symbol)
    if contract is None:
        raise BadConfig(f"symbol {symbol}: no contract data is known, so there is no price to make up for it")
    return contract
