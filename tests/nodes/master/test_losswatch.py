"""The daily loss at work: warned once, frozen or flattened once, by settled states, over restarts."""

from mesh.core import Note
from mesh.events import RISK
from mesh.links import REPLAY
from mesh.units import DAY_NS, E8, SECOND_NS
from tests.nodes.master.masterrig import ROUTER, STRATEGY, Rig, config_of

FREE = "[rails]\nduplicate_window_ms = \"off\"\nclosed_from = \"off\"\n"
FLATTEN = FREE + "daily_loss_action = \"flatten\"\n"


def lost(rig: Rig, money: int, settled: bool = True) -> None:
    """A state in which the equity is down by ``money``."""
    if settled:
        rig.next_block()
        rig.state("a1", equity_e8=(10_000 - money) * E8)
    else:
        rig.state("a1", equity_e8=(10_000 - money) * E8, block=0)


def noted(rig: Rig) -> list[str]:
    found = [note.name for note in rig.notes if isinstance(note, Note) and note.name.startswith("daily_loss")]
    rig.notes = []
    return found


def test_the_day_is_warned_of_once_and_broken_once() -> None:
    """At 80 % a warning, at the limit the break; each is noted and in the events once a day."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    for money in (240, 260, 300, 310, 250):
        lost(rig, money)
    assert noted(rig) == ["daily_loss_warned", "daily_loss"]
    events = [event for event in rig.events if event.event["kind"] == "risk"]
    assert [(event.event["code"], event.event["detail"]) for event in events] == [
        ("DAILY_LOSS_WARNED", "used=240.00 limit=300.00"), ("DAILY_LOSS", "used=300.00 limit=300.00"),
    ]  # fmt: skip
    assert {(event.sid, event.stage) for event in events} == {("risk/daily_loss/a1/2026-01-05", RISK)}


def test_a_broken_day_denies_openings_until_the_next() -> None:
    """Frozen: opens denied whatever equity does, closes pass, and the next day is a new one."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    lost(rig, 300)
    lost(rig, 0)
    rig.signal(sid="s2", kind="cci_down", level_e8=100 * E8)
    assert [order.words() for order in rig.orders()] == ["a1 close CLOSE EURUSD -1"]
    assert rig.outcomes()[-1] == "a1 open DENIED DAILY_LOSS used=0.00 limit=300.00"
    rig.state("a1", positions=[], equity_e8=9_990 * E8, balance_e8=9_990 * E8)
    rig.tick(later_ns=DAY_NS)
    rig.tick(symbol="GBPUSD", bid_e8=130_000_000)
    rig.state("a1", block=0)
    rig.signal(sid="s3", symbol="GBPUSD", close_e8=130_000_000)
    assert len(rig.orders()) == 1
    assert rig.master._state.accounts["a1"].marks.base_e8 == 9_990 * E8


def test_in_a_recorded_market_only_settled_states_count() -> None:
    """A state sent by the clock moves no mark there; in a live market it does."""
    for recorded in (True, False):
        rig = Rig(config_of(1, extra=FREE), recorded=recorded).ready()
        lost(rig, 300, settled=False)
        assert noted(rig) == ([] if recorded else ["daily_loss"])


def test_flatten_closes_what_is_ours_once() -> None:
    """Positions and openings in flight get a close under the rule's own sid; a second break does nothing more."""
    rig = Rig(config_of(1, extra=FLATTEN)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.settle()
    rig.signal(sid="s2", symbol="GBPUSD", close_e8=130_000_000)
    rig.orders()
    lost(rig, 301)
    closes = rig.orders()
    assert [close.words() for close in closes] == ["a1 daily_loss CLOSE EURUSD -1", "a1 daily_loss2 CLOSE GBPUSD -1"]
    assert {close.body.sid for close in closes} == {"risk/daily_loss/a1/2026-01-05"}
    assert closes[0].body.strategy == "risk"
    lost(rig, 500)
    assert rig.orders() == []


def test_flatten_closes_again_what_a_close_could_not() -> None:
    """A close that was refused for good is followed by another, under a sid of its own, no sooner than ten seconds later."""
    rig = Rig(config_of(1, extra=FLATTEN)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.settle()
    lost(rig, 301)
    (close,) = rig.orders()
    rig.give(REPLAY, rig.outcome(close, code="REJECTED", volume_e8=0), ROUTER)
    lost(rig, 302)
    rig.settle()
    sids = []
    for _ in range(4):
        rig.tick(later_ns=5 * SECOND_NS)
        rig.settle()
        for again in rig.orders():
            sids.append(again.body.sid)
            rig.give(REPLAY, rig.outcome(again, code="REJECTED", volume_e8=0), ROUTER)
    assert sids == ["risk/daily_loss/a1/2026-01-05/2"]


def test_flatten_survives_a_restart() -> None:
    """The broken day and the sid are durable: a new master neither reopens the day nor decides the closes again."""
    rig = Rig(config_of(1, extra=FLATTEN)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.settle()
    lost(rig, 301)
    (close,) = rig.orders()
    rig.boot()
    assert [again.order.oid for again in rig.orders()] == [close.order.oid]
    rig.seq = 0
    rig.welcome()
    rig.router_up()
    rig.signals_up()
    rig.wait(3 * SECOND_NS)
    rig.local_up("a1")
    rig.tick()
    rig.settle()
    assert rig.orders() == []
    rig.fill(close, code="CLOSED")
    rig.settle()
    rig.signal(sid="s9")
    assert rig.outcomes()[-1].startswith("a1 open DENIED DAILY_LOSS")


def test_a_break_with_nothing_held_only_freezes() -> None:
    """Flatten of nothing decides nothing; the note says what was done."""
    rig = Rig(config_of(1, extra=FLATTEN)).ready()
    lost(rig, 400)
    assert (rig.orders(), noted(rig), rig.master.totals()[0]) == ([], ["daily_loss"], 0)


def test_the_high_water_mark_is_durable_within_a_second() -> None:
    """Not a transaction for each tick of profit, but none is lost for long."""
    rig = Rig(config_of(1, STRATEGY, FREE)).ready()
    before = rig.commit_count
    for money in (-100, -200, -300):
        lost(rig, money)
    assert rig.commit_count == before
    rig.wait(SECOND_NS)
    assert rig.commit_count == before + 1
    rig.boot()
    assert rig.master._state.accounts["a1"].marks.high_net_e8 == 300 * E8


def test_drawdown_denies_from_the_mark() -> None:
    """8 % under the highest equity, also when the day itself is fine."""
    rig = Rig(config_of(1, extra=FREE + "daily_loss_percent = 90\n")).ready()
    lost(rig, -2_000)
    lost(rig, -1_000)
    rig.signal()
    assert rig.outcomes() == ["a1 open DENIED DRAWDOWN used=8.33% limit=8.00%"]
