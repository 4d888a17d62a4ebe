"""The last guard lets through what the master's rules allow up to twice, and nothing beyond."""

import itertools
from typing import Any

import msgspec
import pytest

from mesh.messages.accounts import AccountState, Position, SymbolSpec
from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.dayloss import Marks
from nodes.limits import limits_of
from nodes.local.attempts import OrderRecord
from nodes.local.guard import PASSED, Guard, widened
from nodes.local.openings import OpeningRecord, Openings
from nodes.zones import Zone
from tests.nodes.local.fakevenue import MARKET_NS, POINT_E8, PRICE_E8, SPEC
from tests.nodes.local.localrig import make_config

OIDS = itertools.count(1)


def state(equity_e8: int = 10_000 * E8, positions: int = 0, margin_e8: int = 0, symbol: str = "EURUSD", **changes: Any) -> AccountState:
    """An account."""
    held = [Position(n, n, symbol, 1, E8 // 100, PRICE_E8, PRICE_E8, 0, 0, 0, 0, 0, False) for n in range(1, positions + 1)]
    plain = AccountState(
        "one", 1, 1, 0, 0, MARKET_NS, 0, 1, "USD", True, 100, 10_000 * E8, equity_e8, margin_e8, 0, 0, 10_000 * E8, True, True, False,
        "ACTIVE", held, [],
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def order(volume_e8: int = E8 // 10, sl_points: int = 200, market_ns: int = MARKET_NS, side: int = 1, **changes: Any) -> OrderRecord:
    """An open as the master decided it, each another one."""
    plain = OrderRecord(
        next(OIDS).to_bytes(16, "big"), "ORDER", 1, 1, 1, "sid", "swing", "open", "open", "OPEN", "EURUSD", side, volume_e8,
        sl_distance_e8=sl_points * POINT_E8, deviation_points=20, seen_price_e8=PRICE_E8, decided_market_ns=market_ns,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def word(
    record: OrderRecord,
    account: AccountState | None = None,
    rails: str = "",
    openings: Openings | None = None,
    symbols: dict[str, SymbolSpec] | None = None,
    guard: Guard | None = None,
) -> str:
    """The first word of the objection; empty where there is none."""
    guard = guard or Guard("one", make_config(rails=rails))
    found = guard.objection(record, account or state(), symbols or {"EURUSD": SPEC}, openings or Openings(), Marks())
    assert found is None or " at=local " in found
    return (found or "").partition(" ")[0]


def test_limits_are_twice_as_wide_and_off_stays_off() -> None:
    """What may be at most is doubled, what must be at least halved."""
    plain = limits_of(make_config(rails="").rails_of("one"), "UTC")
    wide = widened(plain)
    assert (plain.risk_percent_e8, wide.risk_percent_e8) == (E8 // 2, E8)
    assert (wide.positions_count, wide.orders_per_minute_count, wide.deviation_points) == (10, 20, 40)
    assert (wide.margin_level_percent_e8, wide.duplicate_window_ns) == (150 * E8, 5 * SECOND_NS)
    off = limits_of(make_config(rails='positions_count = "off"\nrisk_percent = "off"').rails_of("one"), "UTC")
    assert (widened(off).positions_count, widened(off).risk_percent_e8) == (None, None)


@pytest.mark.parametrize(
    ("changes", "account", "expected"),
    [
        ({}, {}, ""),
        # SL of 200 points on 0.5 lots is 100 of 10,000: 1 %, twice the rail; one step more is too much
        ({"volume_e8": E8 // 2}, {}, ""),
        ({"volume_e8": E8 // 2 + E8 // 100}, {}, "RISK"),
        ({"sl_points": 0}, {}, "RISK"),
        ({"volume_e8": 0}, {}, "VOLUME"),
        ({"deviation_points": 40}, {}, ""),
        ({"deviation_points": 41}, {}, "DEVIATION"),
        ({}, {"positions": 1}, ""),
        ({}, {"positions": 2}, "POSITIONS_SYMBOL"),
        ({}, {"positions": 10, "symbol": "GBPUSD"}, "POSITIONS"),
        ({"sl_points": 10, "volume_e8": E8}, {}, "EXPOSURE"),
        ({}, {"margin_e8": 6_600 * E8}, "MARGIN_LEVEL"),
        ({}, {"equity_e8": 9_300 * E8}, "DAILY_LOSS"),
        ({}, {"trade_allowed": False}, "TRADE_DISABLED"),
        ({"symbol": "GBPUSD"}, {}, "NO_SPEC"),
        ({"decided_market_ns": MARKET_NS - 21 * SECOND_NS}, {}, "SIGNAL_AGE"),
        ({"decided_market_ns": MARKET_NS - 20 * SECOND_NS}, {}, ""),
    ],
)
def test_rule_objects_beyond_twice_its_limit(changes: dict[str, Any], account: dict[str, Any], expected: str) -> None:
    """Each rule lets the last allowed value pass and names itself at the next."""
    # exposure of 0.5 lots is 55,000 (5.5 times) and stays below ten times
    assert word(order(**changes), state(**account), "" if not account.get("positions") else 'exposure_times = "off"') == expected


def test_daily_loss_counts_from_the_days_base() -> None:
    """6 % below the balance the day began with, nothing is opened any more, also after a recovery."""
    guard = Guard("one", make_config(rails='drawdown_percent = "off"'))
    marks = guard.moved(Marks(), state(), MARKET_NS)
    marks = guard.moved(marks, state(equity_e8=9_400 * E8), MARKET_NS + SECOND_NS)
    found = guard.objection(order(), state(), {"EURUSD": SPEC}, Openings(), marks)
    assert found is not None
    assert found.startswith("DAILY_LOSS at=local")


def test_rates_count_what_was_let_through_in_market_time() -> None:
    """Twenty opens a minute pass, the next waits for the minute to move on."""
    guard = Guard("one", make_config(rails='duplicate_window_ms = "off"'))
    for number in range(20):
        guard.passed(order(market_ns=MARKET_NS + number))
    assert word(order(market_ns=MARKET_NS + 20), guard=guard) == "ORDERS_MINUTE"
    assert word(order(market_ns=MARKET_NS + MINUTE_NS + 20), guard=guard) == ""


def test_a_hundred_and_twenty_opens_an_hour_pass() -> None:
    """The hour's limit doubled, whatever the minutes say."""
    guard = Guard("one", make_config(rails='duplicate_window_ms = "off"\norders_per_minute_count = "off"\nsignal_age_ms = "off"'))
    for number in range(120):
        assert word(order(market_ns=MARKET_NS + number), guard=guard) == ""
        guard.passed(order(market_ns=MARKET_NS + number))
    assert word(order(market_ns=MARKET_NS + 120), guard=guard) == "ORDERS_HOUR"
    assert word(order(market_ns=MARKET_NS + HOUR_NS + 119), guard=guard) == ""


def test_attempts_of_one_open_count_once() -> None:
    """What an earlier attempt counts for is not held against the next one, nor counted again; another open meets it."""
    guard = Guard("one", make_config(rails="orders_per_minute_count = 1\norders_per_hour_count = 1"))
    record = order()
    for _ in range(3):
        assert word(record, guard=guard) == ""
        guard.passed(record)
    guard.passed(order(side=-1))
    assert word(order(side=-1, symbol="EURUSD"), guard=guard) in ("DUPLICATE_WINDOW", "ORDERS_MINUTE")
    assert word(record, guard=guard) == ""


def test_what_was_let_through_outlives_the_process() -> None:
    """The rows of one life make the next count on; those older than an hour are taken away."""
    first, rows = Guard("one", make_config(rails="")), {}
    for number, market_ns in enumerate((MARKET_NS - HOUR_NS, MARKET_NS - SECOND_NS, MARKET_NS)):
        record = order(market_ns=market_ns, oid=bytes([number]) * 16)
        first.passed(record)
        for put in first.kept(record):
            assert put.kind == PASSED
            rows[put.key] = put.record
    kept = {key: record for key, record in rows.items() if record is not None}
    assert list(kept) == [bytes([1]) * 16, bytes([2]) * 16]
    second = Guard("one", make_config(rails="orders_per_minute_count = 1"))
    for key, record in kept.items():
        second.restore(key, record)
    assert word(order(side=-1, market_ns=MARKET_NS + SECOND_NS), guard=second) == "ORDERS_MINUTE"
    third = Guard("one", make_config(rails=""))
    for key, record in kept.items():
        third.restore(key, record)
    assert word(order(market_ns=MARKET_NS + SECOND_NS), guard=third) == "DUPLICATE_WINDOW"


def test_drawdown_is_twice_the_rail() -> None:
    """16 % below the high-water mark nothing is opened any more; a little less is let through."""
    guard = Guard("one", make_config(rails='daily_loss_percent = "off"'))
    high = guard.moved(Marks(), state(), MARKET_NS)
    for equity_e8, wanted in ((8_401 * E8, None), (8_400 * E8, "DRAWDOWN")):
        account = state(equity_e8=equity_e8)
        found = guard.objection(order(volume_e8=E8 // 100), account, {"EURUSD": SPEC}, Openings(), high)
        assert (found or "None").startswith(wanted or "None"), found


def test_no_opens_in_the_brokers_closed_hours() -> None:
    """23:50 to 00:10 of the broker's clock, here as at the master."""
    guard = Guard("one", make_config(rails=""))
    offset_ns = Zone.parse("New York + 7 h").offset_ns_at(MARKET_NS)
    midnight_ns = (MARKET_NS + offset_ns) // DAY_NS * DAY_NS - offset_ns
    edges = ((-10 * MINUTE_NS - 1, ""), (-10 * MINUTE_NS, "CLOSED_HOURS"), (10 * MINUTE_NS - 1, "CLOSED_HOURS"), (10 * MINUTE_NS, ""))
    for after_ns, wanted in edges:
        market_ns = midnight_ns + after_ns
        assert word(order(market_ns=market_ns), state(market_ns=market_ns), guard=guard) == wanted


def test_a_netting_account_gets_no_opposite_open() -> None:
    """Where positions are netted an opposite open would close what is held, another's merge with it: denied here too."""
    rails = 'positions_per_symbol_count = "off"\nexposure_times = "off"'
    assert word(order(side=-1), state(positions=1, hedging=False), rails) == "NETTING"
    assert word(order(side=1), state(positions=1, hedging=False), rails) == "NETTING"
    assert word(order(side=-1), state(positions=1), rails) == ""
    assert word(order(side=-1), state(hedging=False), rails) == ""


def test_an_accounts_own_rails_stand_instead_of_the_fleets() -> None:
    """[account.one.rails] is doubled, not [rails]."""
    config = make_config(account="rails = {orders_per_minute_count = 1, orders_per_hour_count = 1}")
    guard = Guard("one", config)
    for number in range(2):
        guard.passed(order(market_ns=MARKET_NS - MINUTE_NS // 2 + number, side=-1))
    assert word(order(), guard=guard) == "ORDERS_MINUTE"
    assert word(order(), guard=Guard("two", config)) == ""


def test_equal_opens_keep_half_the_window_apart() -> None:
    """The same strategy, symbol and side within 5 s is denied; the other side is not the same."""
    guard = Guard("one", make_config(rails=""))
    guard.passed(order())
    assert word(order(market_ns=MARKET_NS + 5 * SECOND_NS - 1), guard=guard) == "DUPLICATE_WINDOW"
    assert word(order(market_ns=MARKET_NS + 5 * SECOND_NS), guard=guard) == ""
    assert word(order(side=-1), guard=guard) == ""


def test_fill_the_venue_does_not_show_yet_counts() -> None:
    """Two openings executed and not seen are two positions."""
    openings = Openings()
    for number in (1, 2):
        record = OpeningRecord(bytes([number]) * 16, number, "sid", "swing", "open", "EURUSD", 1, E8 // 100, PRICE_E8, number, 1)
        openings.add(record, 0)
    assert word(order(), openings=openings) == "POSITIONS_SYMBOL"


def test_collar_is_twice_the_rail_of_the_decisions_price() -> None:
    """0.5 % doubled is 1 % of the price; without a price or a rail there is none."""
    guard = Guard("one", make_config(rails=""))
    assert guard.collar_e8(PRICE_E8) == PRICE_E8 // 100
    assert guard.collar_e8(0) == 0
    assert Guard("one", make_config(rails='price_collar_percent = "off"')).collar_e8(PRICE_E8) == 0
