"""Sizing: the three kinds, the symbol's limits, rounding down, and what lots are worth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.settings import SizingSection
from mesh.units import E8
from nodes.sizing import capped_e8, fitted_e8, is_tradable, sizing_of, wished_e8, worth_e8
from tests.nodes.master.masterrig import spec_of

LOT = E8
SPEC = spec_of()


def wished(kind: str, sl_distance_e8: int = 100_000, equity: int = 10_000, balance: int = 10_000, **changes: str) -> int:
    section = SizingSection(kind=kind, **{key: Decimal(value) for key, value in changes.items()})  # type: ignore[arg-type]
    return wished_e8(sizing_of(section), SPEC, balance * E8, equity * E8, sl_distance_e8)


@pytest.mark.parametrize(
    ("kind", "changes", "volume_e8"),
    [
        ("lots", {"lots": "0.07"}, 7 * LOT // 100),
        ("per_1000", {"lots": "0.01"}, LOT // 10),
        ("per_1000", {"lots": "0.015"}, 15 * LOT // 100),
        ("risk", {"risk_percent": "0.5"}, LOT // 2),
        ("risk", {"risk_percent": "2"}, 2 * LOT),
    ],
)
def test_each_kind(kind: str, changes: dict[str, str], volume_e8: int) -> None:
    """10,000 dollars: fixed lots; lots for each 1,000; 0.5 % is 50 dollars, which 100 points lose on half a lot."""
    assert wished(kind, **changes) == volume_e8


def test_risk_needs_a_stop() -> None:
    """Without an SL there is no loss to size by, and so no volume."""
    assert wished("risk", sl_distance_e8=0) == 0


def test_nothing_is_sized_from_a_loss() -> None:
    """Negative equity or balance gives no volume, never a negative one."""
    assert wished("risk", equity=-5) == 0
    assert wished("per_1000", balance=-5) == 0


@pytest.mark.parametrize(
    ("wished_volume_e8", "volume_e8"),
    [
        (LOT // 100, LOT // 100),
        (LOT // 100 - 1, 0),
        (199 * LOT // 10_000, LOT // 100),
        (500 * LOT, 100 * LOT),
        (0, 0),
    ],
)
def test_the_symbol_limits_a_volume(wished_volume_e8: int, volume_e8: int) -> None:
    """Down to the step, at most the maximum, nothing below the minimum."""
    assert fitted_e8(SPEC, wished_volume_e8) == volume_e8


def test_a_cap_leaves_the_minimum() -> None:
    """A volume is capped by what it is worth, but not below the least that can be traded: a rule says no to that."""
    price_e8 = 110_000_000
    assert worth_e8(SPEC, price_e8, LOT) == 110_000 * E8
    assert capped_e8(SPEC, LOT, price_e8, 11_000 * E8) == LOT // 10
    assert capped_e8(SPEC, LOT // 20, price_e8, 11_000 * E8) == LOT // 20
    assert capped_e8(SPEC, LOT, price_e8, 0) == LOT // 100


def test_a_symbol_without_numbers_is_not_tradable() -> None:
    """Tick size, tick value and step are divided by: without one of them nothing is sized."""
    assert is_tradable(SPEC)
    for field in ("tick_size_e8", "tick_value_e8", "volume_step_e8"):
        assert not is_tradable(spec_of(**{field: 0}))


@given(st.integers(1, 10**6), st.integers(1, 10**13), st.integers(1, 10**10))
def test_the_loss_of_a_sized_volume_is_within_the_risk(points: int, equity_e8: int, tick_value_e8: int) -> None:
    """Whatever the numbers, the SL of a volume sized by 0.5 % loses at most 0.5 % (and the ceiling of one unit)."""
    spec = spec_of(tick_value_e8=tick_value_e8)
    distance_e8 = points * 1_000
    volume_e8 = fitted_e8(spec, wished_e8(sizing_of(SizingSection()), spec, 0, equity_e8, distance_e8))
    assert worth_e8(spec, distance_e8, volume_e8) <= equity_e8 // 200 + 1
