"""Hard caps are plain numbers: what is at one passes, the next is refused; whose they are; calls are never taken for older than that."""

from typing import Any

import msgspec
import pytest

from mesh.codec import decode_record_untrusted, encode
from mesh.config import NO_CAPS, Config, parse
from mesh.errors import BadConfig
from mesh.messages.orders import CLOSE, MODIFY, OPEN
from mesh.settings import CapsSection
from mesh.units import E8, MINUTE_NS, MS_NS, SECOND_NS
from nodes.local.attempts import OrderRecord
from nodes.local.caps import CALLS, CallsRecord, Caps
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8
from tests.nodes.local.localrig import make_config
from tests.smallmesh import small_mesh

RAILS_OFF = """
duplicate_window_ms = "off"
orders_per_minute_count = "off"
orders_per_hour_count = "off"
positions_per_symbol_count = "off"
positions_count = "off"
exposure_times = "off"
signal_age_ms = "off"
margin_level_percent = "off"
"""
"""A master and a guard that would let anything through."""
OFF = {name: '"off"' for name in CapsSection.__struct_fields__ if name != "breach_window_ms"}
WALL_NS = MARKET_NS


def capped(**caps: object) -> Config:
    """A configuration whose first account has these caps and no other."""
    lines = "\n".join(f"{name} = {value}" for name, value in {**OFF, **caps}.items())
    return make_config(account=f"[account.one.caps]\n{lines}", rails=RAILS_OFF)


def order(**changes: Any) -> OrderRecord:
    """An open as a master may say it."""
    plain = OrderRecord(
        bytes(16), "ORDER", 1, 1, 1, "sid", "swing", "open", "open", OPEN, "EURUSD", 1, E8 // 10,
        seen_price_e8=PRICE_E8, decided_market_ns=MARKET_NS,
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def objection(caps: Caps, record: OrderRecord | None = None, positions: int = 0, now_ns: int = 0) -> str:
    return caps.objection(record or order(), lambda: positions, now_ns) or ""


# each cap

@pytest.mark.parametrize(
    ("caps", "changes", "positions", "said"),
    [
        ({"lots": "0.1"}, {"volume_e8": E8 // 10}, 0, ""),
        ({"lots": "0.1"}, {"volume_e8": E8 // 10 + 1_000_000}, 0, "CAP_LOTS used=0.11 limit=0.1"),
        ({"positions_count": "2"}, {}, 1, ""),
        ({"positions_count": "2"}, {}, 2, "CAP_POSITIONS used=2 limit=2"),
        ({"symbols": '["EURUSD"]'}, {}, 0, ""),
        ({"symbols": '["GBPUSD", "USDJPY"]'}, {}, 0, "CAP_SYMBOL used=EURUSD limit=GBPUSD,USDJPY"),
        ({"symbols": "[]"}, {}, 0, ""),
        ({"symbols": "[]"}, {"symbol": "XAUUSD"}, 0, "CAP_SYMBOL used=XAUUSD limit=EURUSD"),
        ({"price_collar_percent": "1.5"}, {}, 0, ""),
        ({"price_collar_percent": "1.5"}, {"seen_price_e8": 0}, 0, "CAP_COLLAR used=no_price limit=1.50%"),
        ({"price_collar_percent": "1.5"}, {"seen_price_e8": -1}, 0, "CAP_COLLAR used=no_price limit=1.50%"),
        ({}, {"volume_e8": 100 * E8, "symbol": "XAUUSD", "seen_price_e8": 0}, 100, ""),
    ],
)
def test_cap_lets_the_last_allowed_value_pass(caps: dict[str, str], changes: dict[str, Any], positions: int, said: str) -> None:
    """What is at the cap passes, the next is refused with both numbers; what is off refuses nothing."""
    assert objection(Caps("one", capped(**caps)), order(**changes), positions) == said


def test_symbols_are_ours_and_compared_by_the_brokers_names() -> None:
    """The list is of our names; an order comes with the broker's, and our name of it is none of the broker's."""
    account = 'symbol_suffix = "m"\n[account.one.symbol_names]\nGBPUSD = "CABLE"\n[account.one.caps]\nsymbols = ["EURUSD", "GBPUSD"]'
    caps = Caps("one", make_config(account=account))
    assert [objection(caps, order(symbol=symbol)).partition(" ")[0] for symbol in ("EURUSDm", "CABLE", "EURUSD", "GBPUSDm")] == [
        "", "", "CAP_SYMBOL", "CAP_SYMBOL",
    ]  # fmt: skip


def test_calls_of_the_last_second_and_minute_count_whatever_they_open_or_close() -> None:
    """The oldest of so many has to be a whole second, and a whole minute, ago; a changed SL is no order of the rate."""
    caps = Caps("one", capped(orders_per_second_count="2", orders_per_minute_count="3"))
    for action, now_ns in ((OPEN, 0), (MODIFY, 0), (MODIFY, 1), (CLOSE, 100 * MS_NS)):
        caps.called(action, now_ns, WALL_NS)
    assert objection(caps, now_ns=SECOND_NS - 1) == "CAP_RATE used=2 limit=2 in_ms=1000"
    assert objection(caps, now_ns=SECOND_NS) == ""
    caps.called(OPEN, SECOND_NS, WALL_NS)
    assert objection(caps, now_ns=3 * SECOND_NS) == "CAP_RATE used=3 limit=3 in_ms=60000"
    assert objection(caps, now_ns=MINUTE_NS - 1) != ""
    assert objection(caps, now_ns=MINUTE_NS) == ""


@pytest.mark.parametrize(
    ("percent", "guards_e8", "narrower_e8", "said"),
    [
        ("1", 0, PRICE_E8 // 100, "CAP_COLLAR price=2 seen=1 most=0 limit=1.00%"),
        ("1", PRICE_E8 // 50, PRICE_E8 // 100, "CAP_COLLAR price=2 seen=1 most=0 limit=1.00%"),
        ("1", PRICE_E8 // 100, PRICE_E8 // 100, "CAP_COLLAR price=2 seen=1 most=0 limit=1.00%"),
        ("1", PRICE_E8 // 200, PRICE_E8 // 200, "COLLAR price=2 seen=1 most=0"),
        ('"off"', PRICE_E8 // 200, PRICE_E8 // 200, "COLLAR price=2 seen=1 most=0"),
        ('"off"', 0, 0, "COLLAR price=2 seen=1 most=0"),
        # so narrow that no price would do is not the same as none
        ("0.0000001", 0, 1, "CAP_COLLAR price=2 seen=1 most=0 limit=0.00%"),
    ],
)
def test_narrower_collar_holds_and_gives_its_word(percent: str, guards_e8: int, narrower_e8: int, said: str) -> None:
    """0 of the guard is none; where both are the same it is the cap that was broken."""
    caps = Caps("one", capped(price_collar_percent=percent))
    assert caps.collar_e8(PRICE_E8, guards_e8) == narrower_e8
    assert caps.collar_detail("COLLAR price=2 seen=1 most=0", PRICE_E8, guards_e8) == said


# whose caps

REAL = 'terminal = "C:/mt5/terminal64.exe"'


@pytest.mark.parametrize(
    ("head", "account", "expected"),
    [
        ("", "", NO_CAPS),
        ("", 'terminal = "sim.toml"', NO_CAPS),
        ("", 'terminal = "tcp://broker:7440"', NO_CAPS),
        ("", REAL, CapsSection()),
        ("", 'mode = "live"', CapsSection()),
        ("[caps]\npositions_count = 3", "", CapsSection(positions_count=3)),
        ("[caps]\npositions_count = 3", REAL, CapsSection(positions_count=3)),
        ("[caps]\npositions_count = 3", REAL + "\n[account.one.caps]\norders_per_second_count = 2", CapsSection(orders_per_second_count=2)),
        ("", "[account.one.caps]", CapsSection()),
    ],
)
def test_real_accounts_are_capped_where_the_file_is_silent(head: str, account: str, expected: CapsSection) -> None:
    """Simulated ones are not, for a replay is many times as fast as life; what the file says holds for both, an account's own alone."""
    assert parse(small_mesh(f"{head}\n[strategy.swing]", {"one": account, "two": ""})).caps_of("one") == expected


def test_cap_that_is_off_is_shown_and_one_that_is_left_out_is_not() -> None:
    """Off is said on purpose, in each section by its name."""
    said = '[account.one.caps]\nsymbols = "off"\nlots = "off"\n'
    config = parse(small_mesh('[caps]\nbreach_count = "off"\n[strategy.swing]', {"one": said, "two": ""}))
    assert config.switched_off() == ["caps.breach_count", "account.one.caps.lots", "account.one.caps.symbols"]
    assert parse(small_mesh()).switched_off() == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("orders_per_second_count = 0", 'caps.orders_per_second_count = 0; allowed: a whole number from 1 to 1_000, or "off"'),
        ("positions_count = 501", 'caps.positions_count = 501; allowed: a whole number from 1 to 500, or "off"'),
        ("lots = 0", 'caps.lots = 0; allowed: a number above 0, 90_000_000_000 at most, or "off"'),
        ('symbols = ["EUR USD"]', "caps.symbols = [\"EUR USD\"]; allowed: a list of names of 32 letters"),
        ('breach_window_ms = "off"', 'caps.breach_window_ms = "off"; allowed: a whole number from 1 to 86_400_000'),
        ("lot = 1", "caps.lot = 1: there is no such key (did you mean lots?)"),
    ],
)
def test_wrong_cap_names_key_value_and_what_is_allowed(line: str, says: str) -> None:
    """A cap nobody can mean is refused before anything starts."""
    with pytest.raises(BadConfig) as caught:
        parse(small_mesh(f"[caps]\n{line}\n[strategy.swing]"))
    assert says in str(caught.value)


# what is kept

def restored(record: CallsRecord, now_ns: int, wall_ns: int) -> list[int]:
    """How long ago the calls of a row were, for a life that begins then."""
    caps = Caps("one", capped(orders_per_minute_count=5))
    caps.restore(encode(record), now_ns, wall_ns)
    return [now_ns - at_ns for at_ns in caps._calls_ns]


@pytest.mark.parametrize(
    ("now_ns", "wall_ns", "ages_ns"),
    [
        pytest.param(110 * SECOND_NS, WALL_NS + 10 * SECOND_NS, [40, 10], id="restarted"),
        pytest.param(5 * SECOND_NS, WALL_NS + 25 * SECOND_NS, [30, 0], id="the host began anew"),
        pytest.param(900_000 * SECOND_NS, WALL_NS + 15 * SECOND_NS, [45, 15], id="on another host"),
        pytest.param(110 * SECOND_NS, WALL_NS + 3_600 * SECOND_NS, [40, 10], id="the wall clock was set forward"),
        pytest.param(110 * SECOND_NS, WALL_NS - 3_600 * SECOND_NS, [30, 0], id="the wall clock was set back"),
    ],
)
def test_calls_of_an_earlier_life_are_never_taken_for_older_than_they_are(now_ns: int, wall_ns: int, ages_ns: list[int]) -> None:
    """Of two clocks the one that says less has passed is believed."""
    record = CallsRecord([70 * SECOND_NS, 100 * SECOND_NS], WALL_NS)
    assert restored(record, now_ns, wall_ns) == [age * SECOND_NS for age in ages_ns]


def test_row_holds_the_last_minute_alone_and_is_written_once_for_each_change() -> None:
    """It grows with the calls of a minute and no further; a life on a young host writes times before its start, and reads them again."""
    caps = Caps("one", capped(orders_per_minute_count=1_000))
    assert caps.rows() == []
    for at_s in range(200):
        caps.called(OPEN, at_s * SECOND_NS, WALL_NS)
    (put,) = caps.rows()
    assert (put.kind, put.key, caps.rows()) == (CALLS, b"", [])
    assert put.record is not None
    assert len(decode_record_untrusted(put.record, CallsRecord).times_ns) == 60
    young, again = Caps("one", capped(orders_per_minute_count=1_000)), Caps("one", capped(orders_per_minute_count=59))
    young.restore(put.record, SECOND_NS, WALL_NS)
    young.called(CLOSE, 2 * SECOND_NS, WALL_NS + SECOND_NS)
    (put,) = young.rows()
    assert put.record is not None
    again.restore(put.record, 2 * SECOND_NS, WALL_NS + SECOND_NS)
    assert objection(again, now_ns=2 * SECOND_NS) == "CAP_RATE used=59 limit=59 in_ms=60000"
    uncapped = Caps("one", capped())
    uncapped.called(OPEN, 0, WALL_NS)
    uncapped.restore(put.record, 0, WALL_NS)
    assert (uncapped.rows(), objection(uncapped)) == ([], "")
