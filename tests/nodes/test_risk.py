"""Every risk rule: allowed, denied, at its boundary, switched off; and the order in which they speak."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from mesh.messages.base import NO_OID
from mesh.settings import RailsSection
from mesh.units import DAY_NS, E8, MINUTE_NS, SECOND_NS
from nodes.dayloss import BROKEN, WARNED, Marks, day_rule_of
from nodes.limits import Limits, limits_of
from nodes.moneyrails import exposure_e8
from nodes.openask import OpenAsk
from nodes.positions import Holding
from nodes.quote import Quote
from nodes.risk import LIMIT_OF, RULES, objection, rules_of
from tests.nodes.master.masterrig import NOON_NS, first_state, spec_of

BASE = first_state("a1")
SPEC = spec_of()


def limits(**changes: Any) -> Limits:
    return limits_of(msgspec.structs.replace(RailsSection(), **changes), "UTC")


def holding(**changes: Any) -> Holding:
    held = Holding("GBPUSD", 1, E8 // 100, 130_000_000, True, "rev", b"x" * 16, 1, False)
    return msgspec.structs.replace(held, **changes)


FINE = OpenAsk(
    limits=limits(),
    day_rule=day_rule_of(RailsSection(), "UTC"),
    marks=Marks(day=1, base_e8=10_000 * E8, base_deposit_e8=10_000 * E8, high_net_e8=0),
    state=BASE,
    spec=SPEC,
    specs={"EURUSD": SPEC, "GBPUSD": spec_of("GBPUSD")},
    quote=Quote(110_000_000, 110_010_000, 1),
    median_spread_e8=10_000,
    holdings=[],
    order_counts=(0, 0),
    mismatch="",
    waits_for="",
    is_rolled_back=False,
    level="ACTIVE",
    has_unknown=False,
    is_connected=True,
    is_trade_allowed=True,
    state_age_ns=0,
    stale_ns=2 * SECOND_NS,
    market_ns=NOON_NS,
    signal_age_ns=0,
    since_same_ns=None,
    symbol="EURUSD",
    strategy="rev",
    side=1,
    volume_e8=E8 // 10,
    sl_distance_e8=100_000,
    needs_atr=False,
    reference_e8=110_000_000,
)
"""0.1 lots of EURUSD with an SL of 100 points on 10,000 dollars: nothing to object to."""

LATE: dict[str, Any] = {"quote": Quote(110_000_000, 110_010_000, NOON_NS), "quote_stale_ns": MINUTE_NS}

OBJECTED: list[tuple[str, str, dict[str, Any], str]] = [
    ("MISMATCH", "DENIED", {"mismatch": "clock=+9s limit=5000ms"}, "clock=+9s limit=5000ms"),
    ("NO_STATE", "DENIED", {"waits_for": "grant"}, "waits_for=grant"),
    ("NO_STATE", "DENIED", {"state": None}, "waits_for=state"),
    ("ROLLBACK", "DENIED", {"is_rolled_back": True}, "outcomes=lost"),
    ("STALE_ACCOUNT", "DENIED", {"state_age_ns": 2 * SECOND_NS + 1}, "age_ms=2000 limit_ms=2000"),
    ("DISCONNECTED", "DENIED", {"is_connected": False}, "terminal=disconnected"),
    ("TRADE_DISABLED", "DENIED", {"is_trade_allowed": False}, "account=off"),
    ("TRADE_DISABLED", "DENIED", {"spec": spec_of(trade_mode=0)}, "symbol=EURUSD trade_mode=0"),
    ("TRADE_DISABLED", "DENIED", {"spec": spec_of(trade_mode=2)}, "symbol=EURUSD trade_mode=2"),
    ("TRADE_DISABLED", "DENIED", {"spec": spec_of(trade_mode=1), "side": -1}, "symbol=EURUSD trade_mode=1"),
    ("TRADE_DISABLED", "DENIED", {"spec": spec_of(trade_mode=3)}, "symbol=EURUSD trade_mode=3"),
    ("NO_SPEC", "DENIED", {"spec": None}, "symbol=EURUSD"),
    ("NO_SPEC", "DENIED", {"spec": spec_of(tick_value_e8=0)}, "symbol=EURUSD"),
    ("LADDER", "KILLED", {"level": "FREEZE"}, "level=FREEZE"),
    ("LADDER", "KILLED", {"level": "FLATTEN"}, "level=FLATTEN"),
    ("UNKNOWN", "DENIED", {"has_unknown": True}, "symbol=EURUSD result=unknown"),
    ("SIGNAL_AGE", "DENIED", {"signal_age_ns": 10 * SECOND_NS + 1}, "age_ms=10000 limit_ms=10000"),
    ("DUPLICATE_WINDOW", "SKIPPED", {"since_same_ns": 10 * SECOND_NS - 1}, "since_ms=9999 window_ms=10000"),
    ("CLOSED_HOURS", "DENIED", {"market_ns": NOON_NS + 12 * 60 * MINUTE_NS - 10 * MINUTE_NS}, "broker_time=23:50"),
    ("CLOSED_HOURS", "DENIED", {"market_ns": NOON_NS + DAY_NS // 2 + 10 * MINUTE_NS - 1}, "broker_time=00:09"),
    ("DAILY_LOSS", "DENIED", {"marks": msgspec.structs.replace(FINE.marks, level=BROKEN)}, "used=0.00 limit=300.00"),
    ("DRAWDOWN", "DENIED", {"marks": msgspec.structs.replace(FINE.marks, high_net_e8=870 * E8)}, "used=8.00% limit=8.00%"),
    ("ORDERS_MINUTE", "DENIED", {"order_counts": (10, 10)}, "count=10 limit=10"),
    ("ORDERS_HOUR", "DENIED", {"order_counts": (0, 60)}, "count=60 limit=60"),
    ("NO_QUOTE", "DENIED", {"quote": None}, "symbol=EURUSD"),
    ("STALE_QUOTE", "DENIED", LATE | {"market_ns": NOON_NS + 61 * SECOND_NS}, "age_ms=61000 limit_ms=60000"),
    ("SPREAD", "DENIED", {"quote": Quote(110_000_000, 110_030_001, 1)}, "spread=0.00030001 median=0.00010000 limit=3.00x"),
    ("COLLAR", "DENIED", {"reference_e8": 109_400_000}, "moved=0.55% limit=0.50%"),
    ("COLLAR", "DENIED", {"reference_e8": 110_600_000}, "moved=0.54% limit=0.50%"),
    ("POSITIONS_SYMBOL", "DENIED", {"holdings": [holding(symbol="EURUSD")]}, "count=1 limit=1"),
    ("POSITIONS", "DENIED", {"holdings": [holding(ticket=n) for n in range(5)]}, "count=5 limit=5"),
    ("NO_ATR", "DENIED", {"needs_atr": True}, "atr=none"),
    ("STOPS", "DENIED", {"spec": spec_of(stops_level_points=90)}, "sl_distance=0.00100000 least=0.00101000"),
    ("VOLUME", "SKIPPED", {"volume_e8": 0}, "below_min=0.01"),
    ("RISK", "DENIED", {"sl_distance_e8": 510_000}, "loss=51.00 used=0.51% limit=0.50%"),
    ("RISK", "DENIED", {"sl_distance_e8": 0}, "sl=none limit=0.50%"),
    ("EXPOSURE", "DENIED", {"volume_e8": 46 * E8 // 100}, "notional=50604.60 used=5.06x limit=5.00x"),
    ("EXPOSURE", "DENIED", {"holdings": [holding(symbol="XAUUSD", ours=False)]}, "unpriced=XAUUSD limit=5.00x"),
    ("MARGIN_LEVEL", "DENIED", {"spec": spec_of(margin_per_lot_e8=33_334 * E8)}, "level=299.99% limit=300.00%"),
]
"""(rule, code, what differs from FINE, the numbers it gives)."""

AT_THE_LIMIT: list[tuple[str, dict[str, Any]]] = [
    ("STALE_ACCOUNT", {"state_age_ns": 2 * SECOND_NS}),
    ("TRADE_DISABLED", {"spec": spec_of(trade_mode=1)}),
    ("TRADE_DISABLED", {"spec": spec_of(trade_mode=2), "side": -1}),
    ("SIGNAL_AGE", {"signal_age_ns": 10 * SECOND_NS}),
    ("DUPLICATE_WINDOW", {"since_same_ns": 10 * SECOND_NS}),
    ("CLOSED_HOURS", {"market_ns": NOON_NS + DAY_NS // 2 - 10 * MINUTE_NS - 1}),
    ("CLOSED_HOURS", {"market_ns": NOON_NS + DAY_NS // 2 + 10 * MINUTE_NS}),
    ("DAILY_LOSS", {"marks": msgspec.structs.replace(FINE.marks, level=WARNED)}),
    ("DRAWDOWN", {"marks": msgspec.structs.replace(FINE.marks, high_net_e8=869 * E8)}),
    ("ORDERS_MINUTE", {"order_counts": (9, 9)}),
    ("ORDERS_HOUR", {"order_counts": (9, 59)}),
    ("STALE_QUOTE", LATE | {"market_ns": NOON_NS + MINUTE_NS}),
    ("STALE_QUOTE", {"quote": Quote(110_000_000, 110_010_000, 1)}),
    ("SPREAD", {"quote": Quote(110_000_000, 110_030_000, 1)}),
    ("SPREAD", {"median_spread_e8": None, "quote": Quote(110_000_000, 110_090_000, 1)}),
    ("COLLAR", {"reference_e8": 109_453_000}),
    ("COLLAR", {"reference_e8": 0}),
    ("POSITIONS_SYMBOL", {"holdings": [holding()]}),
    ("POSITIONS_SYMBOL", {"holdings": [holding(symbol="EURUSD", closing=True)]}),
    ("POSITIONS", {"holdings": [holding(ticket=n) for n in range(4)]}),
    ("STOPS", {"spec": spec_of(stops_level_points=89)}),
    ("RISK", {"sl_distance_e8": 500_000}),
    ("EXPOSURE", {"volume_e8": 45 * E8 // 100}),
    ("MARGIN_LEVEL", {"spec": spec_of(margin_per_lot_e8=33_333 * E8)}),
]

OFF: list[tuple[str, dict[str, Any]]] = [
    ("SIGNAL_AGE", {"signal_age_ms": None}),
    ("DUPLICATE_WINDOW", {"duplicate_window_ms": None}),
    ("CLOSED_HOURS", {"closed_from": None}),
    ("DRAWDOWN", {"drawdown_percent": None}),
    ("ORDERS_MINUTE", {"orders_per_minute_count": None}),
    ("ORDERS_HOUR", {"orders_per_hour_count": None}),
    ("SPREAD", {"spread_times": None}),
    ("COLLAR", {"price_collar_percent": None}),
    ("POSITIONS_SYMBOL", {"positions_per_symbol_count": None}),
    ("POSITIONS", {"positions_count": None}),
    ("RISK", {"risk_percent": None}),
    ("EXPOSURE", {"exposure_times": None}),
    ("MARGIN_LEVEL", {"margin_level_percent": None}),
]


def test_a_sound_opening_passes_every_rule() -> None:
    """The opening all tables start from is allowed."""
    assert objection(FINE) is None


@pytest.mark.parametrize(("word", "code", "changes", "numbers"), OBJECTED)
def test_a_rule_objects_with_its_code_and_numbers(word: str, code: str, changes: dict[str, Any], numbers: str) -> None:
    """Each rule speaks for itself alone, with the values it looked at."""
    assert objection(msgspec.structs.replace(FINE, **changes)) == (code, f"{word} {numbers}")


@pytest.mark.parametrize(("word", "changes"), AT_THE_LIMIT)
def test_a_limit_is_the_last_value_allowed(word: str, changes: dict[str, Any]) -> None:
    """Exactly at its limit a rule does not object."""
    assert objection(msgspec.structs.replace(FINE, **changes)) is None


@pytest.mark.parametrize(("word", "off"), OFF)
def test_a_rule_switched_off_is_passed_over(word: str, off: dict[str, Any]) -> None:
    """With its rail off the same opening that it denies goes through."""
    for name, _, changes, _ in OBJECTED:
        if name == word and changes.get("holdings", [holding()])[0].symbol != "XAUUSD":
            assert objection(msgspec.structs.replace(FINE, **changes)) is not None
            assert objection(msgspec.structs.replace(FINE, limits=limits(**off), **changes)) is None


def test_a_daily_loss_switched_off_never_denies() -> None:
    """Without a daily limit a broken day of before does not bind."""
    rule = day_rule_of(msgspec.structs.replace(RailsSection(), daily_loss_percent=None), "UTC")
    marks = msgspec.structs.replace(FINE.marks, level=BROKEN)
    assert objection(msgspec.structs.replace(FINE, day_rule=rule, marks=marks)) is None


@pytest.mark.parametrize(("word", "off"), [*OFF, ("DAILY_LOSS", {"daily_loss_percent": None})])
def test_the_rules_that_are_on_are_all_but_those_switched_off(word: str, off: dict[str, Any]) -> None:
    """With one rail off its rule is left out, and no other; what is left decides as all of them would."""
    rails = msgspec.structs.replace(RailsSection(), **off)
    rule = day_rule_of(rails, "UTC")
    on = rules_of(limits(**off), rule)
    assert on == tuple(rule for name, _, rule in RULES if name != word)
    for _, _, changes, _ in OBJECTED:
        ask = msgspec.structs.replace(FINE, limits=limits(**off), day_rule=rule, **changes)
        assert objection(ask, on) == objection(ask)


def test_every_limit_that_may_be_off_belongs_to_a_rule() -> None:
    """A rail that a new release can switch off is one that ``rules_of`` knows of."""
    may_be_off = [field.name for field in msgspec.structs.fields(Limits) if field.type == int | None]
    assert sorted(LIMIT_OF.values()) == sorted(may_be_off)
    assert dict.fromkeys(word for word, _ in OFF) == dict.fromkeys(LIMIT_OF)


def test_the_table_covers_every_rule() -> None:
    """No rule without a row that makes it speak."""
    covered = {word for word, _, _, _ in OBJECTED} | {"NETTING"}
    assert covered == {word for word, _, _ in RULES}


@pytest.mark.parametrize(
    ("held", "spoken"),
    [
        ({"symbol": "EURUSD", "side": -1}, "NETTING position=1 side=-1 strategy=rev"),
        ({"symbol": "EURUSD", "strategy": "other"}, "NETTING position=1 side=1 strategy=other"),
        ({"symbol": "EURUSD", "strategy": "", "ours": False, "oid": NO_OID}, "NETTING position=1 side=1 strategy=-"),
        ({"symbol": "EURUSD"}, ""),
        ({"symbol": "EURUSD", "side": -1, "closing": True}, ""),
        ({"symbol": "GBPUSD", "side": -1}, ""),
    ],
)
def test_netting_conflicts(held: dict[str, Any], spoken: str) -> None:
    """On a netting account an opening must not reduce, reverse or merge into a position that is not its own."""
    many = limits(positions_per_symbol_count=3)
    ask = msgspec.structs.replace(
        FINE, limits=many, holdings=[holding(**held)], state=msgspec.structs.replace(BASE, hedging=False)
    )
    found = objection(ask)
    assert (found[1] if found else "") == spoken
    hedging = msgspec.structs.replace(ask, state=BASE)
    assert objection(hedging) is None


def test_openings_in_flight_count_for_margin_and_exposure() -> None:
    """What is on its way takes room as if it were there."""
    flying = holding(ticket=0, volume_e8=40 * E8 // 100)
    found = objection(msgspec.structs.replace(FINE, holdings=[flying]))
    assert found == ("DENIED", "EXPOSURE notional=63001.00 used=6.30x limit=5.00x")
    free = limits(exposure_times=None, margin_level_percent=Decimal(2_000))
    found = objection(msgspec.structs.replace(FINE, holdings=[flying], limits=free))
    assert found == ("DENIED", "MARGIN_LEVEL level=1818.18% limit=2000.00%")


def test_exposure_is_summed_over_symbols_in_any_order() -> None:
    """Each holding is worth what its own symbol is worth, whichever came before it."""
    euro, pound = holding(symbol="EURUSD", price_e8=110_000_000), holding(price_e8=130_000_000)
    specs = {"EURUSD": SPEC, "GBPUSD": spec_of("GBPUSD", tick_value_e8=2 * E8)}
    found = [exposure_e8(held, specs) for held in ([euro, pound, euro, pound], [euro, euro, pound, pound])]
    assert found == [(2 * (1_100 + 2_600) * E8, "")] * 2


def test_closing_holdings_take_no_room() -> None:
    """A reversal is measured without the position it closes."""
    leaving = holding(symbol="EURUSD", side=-1, volume_e8=45 * E8 // 100, closing=True)
    assert objection(msgspec.structs.replace(FINE, holdings=[leaving])) is None


def test_the_first_rule_that_objects_speaks() -> None:
    """With everything wrong at once the order of the rules decides, and it is stable."""
    words = []
    wrong = {"spec": SPEC, "quote": FINE.quote}
    for _, _, changes, _ in OBJECTED:
        if not changes.keys() & wrong.keys() and changes != {"state": None}:
            wrong |= changes
    ask = msgspec.structs.replace(FINE, **wrong)
    while (found := objection(ask)) is not None:
        word = found[1].split()[0]
        words.append(word)
        mended = {key: getattr(FINE, key) for name, _, changes, _ in OBJECTED if name == word for key in changes}
        ask = msgspec.structs.replace(ask, **mended)
    order = [word for word, _, _ in RULES]
    assert words == sorted(words, key=order.index)
    assert words[:2] == ["MISMATCH", "NO_STATE"]
    assert len(words) > 10
