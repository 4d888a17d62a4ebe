"""Strategies: which signals they want, and what they want done: positions of one side closed, one of a side opened.

- **reversion** buys when the CCI comes back up through −level and sells when it comes back down through +level. The
  opposite signal closes, and opens the other way where ``reverse`` is set.
- **breakout** buys when the CCI goes up through +level and is out when it comes back down through it; sells when it goes
  down through −level and is out when it comes back up through it.
- **manual** does what a hand says: buy, sell, or close everything of ours in the symbol. Without a section of this kind in
  the configuration the defaults below stand.

A signal says ``level_e8`` with its sign, so a rule is found by (kind, timeframe, period, level).
"""

import msgspec

from mesh.config import Config
from mesh.messages.accounts import SymbolSpec
from mesh.messages.signals import CCI_DOWN, CCI_UP, MANUAL, Signal
from mesh.settings import StrategySection
from mesh.units import E8, round_step
from nodes.patterns import mask_of, pattern_names
from nodes.sizing import e8_of

BUY, SELL = 1, -1
EVERY_STRATEGY = ""
"""In a wish of a hand: positions of all strategies."""
HAND_STRATEGY = "manual"
HAND_SL_PERMILLE = 5
"""SL of a signal by hand that no points are set for: 0.5 % of the price, as far as the price collar reaches."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's section, ready to be applied. ``masks``: pattern bits that confirm a buy and a sell; 0: none needed."""

    name: str
    section: StrategySection
    targets: list[str]
    needs_candle: bool
    buy_mask: int
    sell_mask: int
    sl_atr_e8: int
    tp_atr_e8: int


class Wish(msgspec.Struct, frozen=True):
    """What a strategy wants: holdings of ``close_side`` closed (0: none, 2: both sides), one of ``open_side`` opened (0: none).

    ``reverses``: it opens also where something was closed. ``closes_of``: whose positions, EVERY_STRATEGY for all of ours.
    ``lacks``: why it does not open although the signal says so; empty where nothing is missing.
    """

    rule: Rule
    close_side: int
    open_side: int
    reverses: bool
    closes_of: str
    targets: list[str]
    volume_e8: int = 0
    lacks: str = ""


BOTH_SIDES = 2


def rule_of(name: str, section: StrategySection, targets: list[str]) -> Rule:
    """A section made ready. Raises BadConfig for a candle pattern that does not exist."""
    return Rule(
        name=name,
        section=section,
        targets=targets,
        needs_candle=bool(section.candles),
        buy_mask=mask_of(section.candles, BUY),
        sell_mask=mask_of(section.candles, SELL),
        sl_atr_e8=e8_of(section.sl_atr),
        tp_atr_e8=e8_of(section.tp_atr),
    )


class Strategies:
    """All strategies of a configuration, found by what a signal says."""

    def __init__(self, config: Config) -> None:
        self._hands: list[Rule] = []
        self._found: dict[tuple[str, int, int], list[tuple[Rule, int, int]]] = {}
        """(kind, period, level) → (rule, side to close, side to open), in the file's order."""
        for name, section in config.strategy.items():
            rule = rule_of(name, section, config.targets_of(name))
            if section.kind == "manual":
                self._hands.append(rule)
            for kind, level_sign, close_side, open_side in _MOVES[section.kind]:
                key = (kind, section.period, level_sign * e8_of(section.level))
                self._found.setdefault(key, []).append((rule, close_side, open_side))
        self._hand = rule_of(HAND_STRATEGY, StrategySection(kind="manual"), list(config.account))

    def wishes(self, signal: Signal, feed_timeframe: str) -> list[Wish]:
        """What the strategies want of a signal; ``feed_timeframe``: that of the symbol's feed (empty: not known)."""
        if signal.kind == MANUAL:
            return [self._hand_wish(signal)]
        key = (signal.kind, signal.period, signal.level_e8)
        found: list[Wish] = []
        for rule, close_side, open_side in self._found.get(key, ()):
            section = rule.section
            timeframe = section.timeframe if section.timeframe != "feed" else feed_timeframe
            if (section.symbols and signal.symbol not in section.symbols) or timeframe not in ("", signal.timeframe):
                continue
            lacks = _missing_candle(rule, open_side, signal.patterns) if open_side else ""
            found.append(Wish(rule, close_side, open_side, section.reverse, rule.name, rule.targets, lacks=lacks))
        return found

    def _hand_wish(self, signal: Signal) -> Wish:
        fitting = [rule for rule in self._hands if not rule.section.symbols or signal.symbol in rule.section.symbols]
        rule = fitting[0] if fitting else self._hand
        accounts = list(dict.fromkeys(signal.accounts))  # twice the same would be two lines of one oid and account
        if signal.side == 0:
            return Wish(rule, BOTH_SIDES, 0, False, EVERY_STRATEGY, accounts)
        return Wish(rule, 0, signal.side, False, rule.name, accounts, signal.volume_e8)


_MOVES: dict[str, tuple[tuple[str, int, int, int], ...]] = {
    "reversion": ((CCI_UP, -1, SELL, BUY), (CCI_DOWN, 1, BUY, SELL)),
    "breakout": ((CCI_UP, 1, SELL, BUY), (CCI_DOWN, 1, BUY, 0), (CCI_DOWN, -1, BUY, SELL), (CCI_UP, -1, SELL, 0)),
    "manual": (),
}
"""Strategy kind → (signal kind, sign of its level, side to close, side to open)."""


def _missing_candle(rule: Rule, side: int, patterns: int) -> str:
    """Why the candles of a signal's bar do not confirm an opening; empty where they do, or where none is asked for."""
    wanted = rule.buy_mask if side > 0 else rule.sell_mask
    if not rule.needs_candle or patterns & wanted:
        return ""
    found, asked = (",".join(pattern_names(mask)) or "none" for mask in (patterns, wanted))
    return f"NO_CANDLE found={found} wanted={asked}"


class Distances(msgspec.Struct, frozen=True, gc=False):
    """SL and TP as distances from the opening price (0: none). ``needs_atr``: one is by ATR and the signal has none."""

    sl_e8: int
    tp_e8: int
    needs_atr: bool


def distances_of(rule: Rule, signal: Signal, spec: SymbolSpec, price_e8: int) -> Distances:
    """SL and TP of an opening at ``price_e8``, in whole ticks of the symbol."""
    section = rule.section
    atr_e8 = _atr_e8(signal, section.atr_period) if signal.atr_periods else 0
    by_hand = signal.kind == MANUAL and atr_e8 == 0
    sl_e8, tp_e8, needs_atr = section.sl_points * spec.point_e8, section.tp_points * spec.point_e8, False
    if sl_e8 == 0 and rule.sl_atr_e8:
        sl_e8 = price_e8 * HAND_SL_PERMILLE // 1_000 if by_hand else atr_e8 * rule.sl_atr_e8 // E8
        needs_atr = sl_e8 == 0
    if tp_e8 == 0 and rule.tp_atr_e8 and not by_hand:
        tp_e8 = atr_e8 * rule.tp_atr_e8 // E8
        needs_atr = needs_atr or tp_e8 == 0
    return Distances(_whole_ticks_e8(sl_e8, spec), _whole_ticks_e8(tp_e8, spec), needs_atr)


def _atr_e8(signal: Signal, period: int) -> int:
    """The signal's average true range of ``period``; 0 where it carries none."""
    for known, atr_e8 in zip(signal.atr_periods, signal.atr_e8, strict=False):
        if known == period:
            return max(0, atr_e8)
    return 0


def _whole_ticks_e8(distance_e8: int, spec: SymbolSpec) -> int:
    """The nearest whole number of ticks, at least one for a distance that is set."""
    tick_size_e8 = spec.tick_size_e8
    if distance_e8 <= 0 or tick_size_e8 <= 0:
        return 0
    return max(round_step(distance_e8, tick_size_e8), tick_size_e8)
