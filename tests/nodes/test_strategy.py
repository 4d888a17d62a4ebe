"""Strategies: which signals they want, what they close and open, candle confirmation, SL and TP distances."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mesh.errors import BadConfig
from mesh.messages.signals import CCI_DOWN, CCI_UP, MANUAL, PATTERN
from mesh.settings import StrategySection
from mesh.units import E8
from nodes.patterns import Pattern
from nodes.strategy import BOTH_SIDES, BUY, EVERY_STRATEGY, SELL, Distances, Strategies, distances_of, rule_of
from tests.nodes.master.masterrig import config_of, first_signal, spec_of

LEVEL = 100 * E8
BREAKOUT = '[strategy.out]\nkind = "breakout"\nlevel = 100\n'
REVERSION = '[strategy.rev]\nkind = "reversion"\nlevel = 100\n'


def wishes(strategy: str, feed: str = "M1", **changes: Any) -> list[tuple[str, int, int]]:
    """(strategy, side to close, side to open) of each wish."""
    found = Strategies(config_of(2, strategy)).wishes(msgspec.structs.replace(first_signal(), **changes), feed)
    return [(wish.rule.name, wish.close_side, wish.open_side) for wish in found]


@pytest.mark.parametrize(
    ("kind", "level_e8", "wanted"),
    [
        (CCI_UP, -LEVEL, [("rev", SELL, BUY)]),
        (CCI_DOWN, LEVEL, [("rev", BUY, SELL)]),
        (CCI_UP, LEVEL, []),
        (CCI_DOWN, -LEVEL, []),
    ],
)
def test_reversion_buys_the_way_back_up_and_sells_the_way_back_down(kind: str, level_e8: int, wanted: list[Any]) -> None:
    """Long when the CCI crosses up through −level, short when down through +level, nothing else."""
    assert wishes(REVERSION, kind=kind, level_e8=level_e8) == wanted


@pytest.mark.parametrize(
    ("kind", "level_e8", "wanted"),
    [
        (CCI_UP, LEVEL, [("out", SELL, BUY)]),
        (CCI_DOWN, LEVEL, [("out", BUY, 0)]),
        (CCI_DOWN, -LEVEL, [("out", BUY, SELL)]),
        (CCI_UP, -LEVEL, [("out", SELL, 0)]),
    ],
)
def test_breakout_goes_with_the_move_and_leaves_when_it_comes_back(kind: str, level_e8: int, wanted: list[Any]) -> None:
    """Long up through +level and out back down through it; short mirrored."""
    assert wishes(BREAKOUT, kind=kind, level_e8=level_e8) == wanted


@pytest.mark.parametrize(
    ("changes", "is_wanted"),
    [
        ({}, True),
        ({"period": 20}, False),
        ({"level_e8": -50 * E8}, False),
        ({"timeframe": "M5"}, False),
        ({"kind": PATTERN, "name": "doji"}, False),
        ({"symbol": "USDJPY"}, True),
    ],
)
def test_a_signal_must_be_the_one_a_strategy_asked_for(changes: dict[str, Any], is_wanted: bool) -> None:
    """Kind, period, level and timeframe (that of the feed) must be the strategy's; no symbols means all."""
    assert bool(wishes(REVERSION, **changes)) == is_wanted


def test_a_strategy_may_name_symbols_and_timeframe() -> None:
    """Named symbols and a named timeframe bind whatever the feed's are."""
    named = REVERSION + 'symbols = ["GBPUSD"]\ntimeframe = "H1"\n'
    assert wishes(named, symbol="GBPUSD", timeframe="H1") != []
    assert wishes(named, symbol="EURUSD", timeframe="H1") == []
    assert wishes(named, symbol="GBPUSD", timeframe="M1") == []


def test_two_strategies_may_want_one_signal() -> None:
    """Each answers for itself, in the order of the file."""
    both = REVERSION + BREAKOUT
    assert wishes(both) == [("rev", SELL, BUY), ("out", SELL, 0)]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [(0, "none"), (Pattern.HAMMER, ""), (Pattern.BEARISH_ENGULFING, "bearish_engulfing"), (Pattern.HAMMER | Pattern.DOJI, ""),
     (Pattern.DOJI, "doji")],
)  # fmt: skip
def test_candles_confirm_openings_and_nothing_else(patterns: int, found: str) -> None:
    """Without one of its patterns for the side a strategy says why it does not open; it closes all the same."""
    confirmed = REVERSION + 'candles = ["hammer", "bearish_engulfing"]\n'
    signal = msgspec.structs.replace(first_signal(), patterns=int(patterns))
    (wish,) = Strategies(config_of(2, confirmed)).wishes(signal, "M1")
    assert (wish.close_side, wish.open_side) == (SELL, BUY)
    assert wish.lacks == (f"NO_CANDLE found={found} wanted=hammer" if found else "")


def test_a_pattern_nobody_knows_is_a_wrong_configuration() -> None:
    """The error names what is allowed."""
    with pytest.raises(BadConfig, match="hammer"):
        Strategies(config_of(1, REVERSION + 'candles = ["hamer"]\n'))


@pytest.mark.parametrize(("side", "wanted"), [(1, ("manual", 0, BUY)), (-1, ("manual", 0, SELL)), (0, ("manual", BOTH_SIDES, 0))])
def test_a_hand_buys_sells_and_closes(side: int, wanted: tuple[str, int, int]) -> None:
    """Without a section for it a hand's signal has a strategy of its own, for the accounts it names."""
    assert wishes(REVERSION, kind=MANUAL, side=side, accounts=["a2"]) == [wanted]


def test_a_hand_has_the_first_manual_section_that_fits() -> None:
    """The section's symbols decide; a close means positions of every strategy."""
    text = REVERSION + '[strategy.hand]\nkind = "manual"\nsymbols = ["GBPUSD"]\n'
    strategies = Strategies(config_of(2, text))
    signal = msgspec.structs.replace(first_signal(), kind=MANUAL, side=0, accounts=["a2"])
    assert strategies.wishes(signal, "M1")[0].rule.name == "manual"
    wish = strategies.wishes(msgspec.structs.replace(signal, symbol="GBPUSD"), "M1")[0]
    assert (wish.rule.name, wish.closes_of, wish.targets) == ("hand", EVERY_STRATEGY, ["a2"])


@pytest.mark.parametrize(
    ("section", "changes", "expected"),
    [
        ({}, {}, Distances(100_000, 150_000, False)),
        ({"sl_points": 70, "tp_points": 30}, {}, Distances(70_000, 30_000, False)),
        ({"tp_points": 30}, {}, Distances(100_000, 30_000, False)),
        ({"sl_atr": Decimal(0), "tp_atr": Decimal(0)}, {}, Distances(0, 0, False)),
        ({}, {"atr_periods": [10]}, Distances(0, 0, True)),
        ({}, {"atr_e8": [0]}, Distances(0, 0, True)),
        ({"sl_points": 70}, {"atr_e8": [0]}, Distances(70_000, 0, True)),
        ({"sl_points": 70, "tp_points": 30}, {"atr_e8": [0]}, Distances(70_000, 30_000, False)),
        ({"sl_atr": Decimal("0.001")}, {}, Distances(1_000, 150_000, False)),
        ({}, {"atr_e8": [50_260]}, Distances(101_000, 151_000, False)),
    ],
)
def test_distances(section: dict[str, Any], changes: dict[str, Any], expected: Distances) -> None:
    """Points go before ATR multiples; in whole ticks; without the ATR that is asked for nothing can be opened."""
    rule = rule_of("rev", StrategySection(**section), ["a1"])
    signal = msgspec.structs.replace(first_signal(), **changes)
    assert distances_of(rule, signal, spec_of(), 110_000_000) == expected


def test_a_hand_without_points_gets_half_a_percent() -> None:
    """A signal by hand carries no ATR: its SL is 0.5 % of the price unless points are set."""
    signal = msgspec.structs.replace(first_signal(), kind=MANUAL, atr_periods=[], atr_e8=[])
    rule = rule_of("manual", StrategySection(kind="manual"), ["a1"])
    assert distances_of(rule, signal, spec_of(), 110_000_000) == Distances(550_000, 0, False)
    set_rule = rule_of("manual", StrategySection(kind="manual", sl_points=80, tp_points=90), ["a1"])
    assert distances_of(set_rule, signal, spec_of(), 110_000_000) == Distances(80_000, 90_000, False)


def test_an_account_named_twice_is_one_account() -> None:
    """Two lines of one oid and account could not both be told."""
    signal = msgspec.structs.replace(first_signal(), kind=MANUAL, side=BUY, accounts=["a1", "a2", "a1"])
    (wish,) = Strategies(config_of(2, REVERSION)).wishes(signal, "M1")
    assert wish.targets == ["a1", "a2"]
    (close,) = Strategies(config_of(2, REVERSION)).wishes(msgspec.structs.replace(signal, side=0), "M1")
    assert close.targets == ["a1", "a2"]
