"""What of a local does not fit observes only: its openings are denied with both values, its closes go, and it ends by itself."""

from mesh.links import REPLAY
from mesh.messages.accounts import AccountSymbols
from mesh.messages.orders import Grant, GrantAsk, LocalHello
from mesh.messages.signals import CCI_DOWN
from mesh.units import E8, SECOND_NS
from nodes.master.core import Master
from tests.nodes.master.masterrig import ROUTER, WALL_NS, Rig, config_of, spec_of

CLOSING = {"kind": CCI_DOWN, "level_e8": 100 * E8}


def hello(rig: Rig, config_hash: str) -> None:
    """The same life says hello again, with another configuration."""
    rig.give(REPLAY, LocalHello("a1", "local", 1, b"s", 0, 0, rig.f.get("a1", 0), b"", 1, config_hash), ROUTER)


def ask(rig: Rig, ahead_s: int, life: int = 1) -> None:
    """A question for leave from a local whose wall clock is ahead of the master's; it gets leave, whatever does not fit."""
    wall_ns = rig.master._state.wall.at(rig.now_ns) + ahead_s * SECOND_NS
    rig.give(REPLAY, GrantAsk("a1", life, b"s", 5, 1, wall_ns), ROUTER)
    grant = rig.take(Grant)[-1].message
    assert isinstance(grant, Grant)
    assert (grant.refused != "") is (life != 1)


def opened(rig: Rig, sid: str) -> list[str]:
    """What an opening signal becomes: orders' actions, or how its line ended."""
    rig.signal(sid=sid)
    return [order.body.action for order in rig.orders()] or rig.outcomes()


def test_local_of_another_configuration_opens_nothing_until_it_has_ours() -> None:
    """Its hello is answered, what it holds is closed, the reason has both fingerprints, and the master's facts have it."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    hello(rig, "feedfeedfeedfeed")
    rig.outcomes()
    words = f"config=feedfeedfeedfeed master={rig.config.fingerprint}"
    assert opened(rig, "s2") == [f"a1 open DENIED MISMATCH {words}"]
    assert rig.master.facts()["mismatched"] == f"a1: {words}"
    rig.signal(sid="s3", **CLOSING)
    assert [each.body.action for each in rig.orders()] == ["CLOSE"]
    hello(rig, f"{rig.config.fingerprint} feedfeedfeedfeed")
    assert rig.master.facts()["mismatched"] == ""
    said = [note.name for note in rig.notes]
    assert [name for name in said if name in ("account_mismatch", "account_fits")] == ["account_mismatch", "account_fits"]


def test_the_configuration_before_fits_as_well() -> None:
    """Changes go host by host, locals first: one that already runs the next one names ours as its last."""
    rig = Rig(config_of(1)).ready()
    hello(rig, f"feedfeedfeedfeed {rig.config.fingerprint}")
    assert opened(rig, "s1") == ["OPEN"]
    older = config_of(1).follows("feedfeedfeedfeed")
    rig = Rig(older).ready()
    hello(rig, "feedfeedfeedfeed")
    assert opened(rig, "s1") == ["OPEN"]


def test_leave_is_given_though_something_does_not_fit() -> None:
    """What looks for lost orders needs it, and closes may wait for that."""
    rig = Rig(config_of(1)).ready()
    hello(rig, "feedfeedfeedfeed")
    ask(rig, 0)
    ask(rig, 9_000)


def test_clock_that_is_far_off_opens_nothing_until_it_is_right() -> None:
    """Ahead or behind, said twice in a row: one question that was held up on its way shows a clock behind, and is none."""
    rig = Rig(config_of(1)).ready()
    for seconds in (4, -4, -9, 0, 9):
        ask(rig, seconds)
        assert rig.master.facts()["mismatched"] == ""
    ask(rig, 9)
    assert opened(rig, "s1") == ["a1 open DENIED MISMATCH clock=+9s limit=5000ms"]
    ask(rig, -3_600)
    assert rig.master.facts()["mismatched"] == "a1: clock=-3600s limit=5000ms"
    ask(rig, 1)
    assert opened(rig, "s2") == ["OPEN"]


def test_what_another_life_says_of_its_clock_is_nothing_to_this_one() -> None:
    """Nor does a life inherit what was said of the one before, nor is a clock compared that is not told."""
    rig = Rig(config_of(1)).ready()
    ask(rig, 9)
    ask(rig, 9)
    assert rig.master.facts()["mismatched"] != ""
    rig.give(REPLAY, GrantAsk("a1", 1, b"s", 6, 1), ROUTER)
    assert rig.master.facts()["mismatched"] == ""
    ask(rig, 9)
    ask(rig, 9)
    rig.local_up("a1", life=2)
    assert rig.master.facts()["mismatched"] == ""
    ask(rig, 9, life=1_000)
    ask(rig, 9, life=1_000)
    assert rig.master.facts()["mismatched"] == ""


def test_clock_of_a_master_that_takes_long_to_come_up_is_right() -> None:
    """Seconds pass between the moment a node reads the wall clock and its recovery, as where it shares a process: that is no difference."""
    rig = Rig(config_of(1))
    master = Master("master-1", rig.config, 1, WALL_NS, rig.keys.of("master-1"), rig.now_ns)
    late_ns = rig.now_ns + 6 * SECOND_NS
    master.recover([], late_ns)
    assert master._state.wall.at(late_ns) == WALL_NS + 6 * SECOND_NS


def test_clocks_are_compared_by_nobody_where_that_is_off() -> None:
    """Said on purpose in the file."""
    rig = Rig(config_of(1, extra='[timers]\nclock_apart_ms = "off"')).ready()
    for _ in range(3):
        ask(rig, 9_000)
    assert opened(rig, "s1") == ["OPEN"]


def test_symbol_of_other_terms_is_not_opened_and_others_are() -> None:
    """A contract ten times smaller than the file says would make every order ten times what was meant, or a tenth."""
    section = '[symbol.EURUSD]\ndigits = 5\ncontract_size = 100_000\nbase = "EUR"\nprofit = "USD"'
    rig = Rig(config_of(1, extra=section)).ready()
    assert opened(rig, "s1") == ["OPEN"]
    rig.give(REPLAY, AccountSymbols("a1", 1, [spec_of(contract_size_e8=10_000 * E8)], 1), ROUTER)
    assert opened(rig, "s2") == ["a1 open DENIED MISMATCH contract_size=10000.00000000 configured=100000.00000000"]
    rig.give(REPLAY, AccountSymbols("a1", 1, [spec_of()], 2), ROUTER)
    rig.outcomes()
    assert not [line for line in opened(rig, "s3") if "MISMATCH" in line]
