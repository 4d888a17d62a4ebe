"""Hard caps in a local: a burst is refused by code, closes go, a restart resets nothing, and who breaks them again and again is frozen."""

from typing import Any

import msgspec
import pytest

from mesh.ids import oid_of
from mesh.messages.control import Entry
from mesh.messages.venue import VenueLost
from mesh.units import E8, HOUR_NS, SECOND_NS
from nodes.local.core import Local
from nodes.local.tripwires import CAPS
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8
from tests.nodes.local.localrig import Rig, make_config
from tests.nodes.local.test_caps import RAILS_OFF, WALL_NS, capped, objection


def rig_with(**caps: object) -> Rig:
    return Rig(capped(**caps)).ready()


def burst(rig: Rig, count: int, **body: Any) -> None:
    """Publish so many opens at once, as whoever has the master would; ``body``: what it says otherwise than a true one."""
    for _ in range(count):
        said = msgspec.structs.replace(rig.body(), **body)
        oid = oid_of("demo", "run", "source", f"burst-{rig.master.n}", "swing", "open")
        rig.send("master-1", rig.master.order(oid, ["one"], said, E8 // 10))


def told(rig: Rig) -> list[str]:
    """How every line of account one ended: the code, and why where it was refused."""
    return [f"{outcome.code} {outcome.detail}".strip() for outcome in rig.master.outcomes if outcome.account == "one" and outcome.final]


def ended(rig: Rig, count: int) -> list[str]:
    """The same, once there are so many."""
    rig.until(lambda: len(told(rig)) >= count)
    return told(rig)


def own(rig: Rig) -> list[Entry]:
    """Stops the account has set by itself and that bind."""
    return [entry for _, entry in rig.local()._state.ladder.stops.killset.live() if entry.issuer == "local-1"]


def restart(rig: Rig) -> None:
    """kill -9 and another life, whose wall clock has gone on meanwhile."""
    place = rig.net.places["local-1"]
    place.build = lambda life: Local(
        "local-1", rig.config, life + 1_000, b"local-1".ljust(16), WALL_NS + rig.net.now_ns, rig.keys.of("local-1")
    )
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()


# what is refused

def test_burst_is_refused_by_code_and_a_second_later_it_goes_on() -> None:
    """So many calls in a second; the rest ends at once with both numbers, and was never handed to the venue."""
    rig = rig_with(orders_per_second_count=3)
    burst(rig, 8)
    assert ended(rig, 8) == ["FILLED"] * 3 + ["DENIED CAP_RATE used=3 limit=3 in_ms=1000"] * 5
    assert len(rig.venue.sends) == 3
    rig.run(1_000)
    burst(rig, 1)
    assert ended(rig, 9)[-1] == "FILLED"
    assert rig.local().counters.totals["guard_count"] == 5


def test_market_time_of_a_master_moves_no_cap() -> None:
    """Orders that are said to be decided an hour apart come at once all the same: the guard's rates let them through, the cap does not."""
    caps = "[account.one.caps]\norders_per_second_count = 2"
    rig = Rig(make_config(account=caps, rails=RAILS_OFF.replace('orders_per_minute_count = "off"', ""))).ready()
    for number in range(4):
        burst(rig, 1, decided_market_ns=MARKET_NS + number * HOUR_NS)
    assert [line.partition(" in_ms")[0] for line in ended(rig, 4)] == ["FILLED"] * 2 + ["DENIED CAP_RATE used=2 limit=2"] * 2


def test_market_that_is_far_faster_than_life_trips_no_cap() -> None:
    """An hour of market between two orders, a second of real time: by either clock there is room."""
    rig = rig_with(orders_per_second_count=1, orders_per_minute_count=40)
    for number in range(10):
        rig.venue.market_ns += HOUR_NS
        burst(rig, 1, decided_market_ns=rig.venue.market_ns)
        assert ended(rig, number + 1)[-1] == "FILLED"
        rig.run(1_000)


def test_closes_always_go_and_opens_make_room_for_them() -> None:
    """At the cap a close is called as ever; it counts, so that the next open has to wait for two calls to grow old."""
    rig = rig_with(orders_per_second_count=1)
    opened = rig.open("a")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(900)
    rig.close(opened, "a")
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    rig.run(500)
    burst(rig, 1)
    assert ended(rig, 3)[-1] == "DENIED CAP_RATE used=1 limit=1 in_ms=1000"
    rig.run(600)
    burst(rig, 1)
    assert ended(rig, 4)[-1] == "FILLED"


def test_restart_does_not_reset_the_minute() -> None:
    """Calls of one life count in the next, from when they were made; the minute ends as it would have."""
    rig = rig_with(orders_per_minute_count=2)
    burst(rig, 2)
    assert ended(rig, 2) == ["FILLED", "FILLED"]
    rig.run(20_000)
    for _ in range(2):
        restart(rig)
        burst(rig, 1)
        rig.until(lambda: told(rig)[-1] == "DENIED CAP_RATE used=2 limit=2 in_ms=60000")
    rig.run(41_000)
    burst(rig, 1)
    rig.until(lambda: told(rig)[-1] == "FILLED")


def test_call_that_a_crash_cut_off_counts_in_the_next_life() -> None:
    """Its INTENT stands for it: nobody knows whether the venue was asked, and when."""
    rig = rig_with(orders_per_minute_count=1)
    rig.venue.script = lambda send: None
    rig.open("a")
    rig.until(lambda: len(rig.venue.sends) == 1)
    restart(rig)
    assert objection(rig.local()._state.caps, now_ns=rig.net.now_ns) == "CAP_RATE used=1 limit=1 in_ms=60000"


@pytest.mark.parametrize(("class_", "retcode"), [("UNKNOWN", 10012), ("BACKOFF", 10024), ("BUG", 10013), ("ACCEPTED", 10009)])
def test_call_whatever_its_answer_counts_in_the_next_life(class_: str, retcode: int) -> None:
    """It ended the order, or left it unknown, or another attempt was to follow: the row goes with that commit."""
    rig = rig_with(orders_per_minute_count=1)
    rig.venue.script = lambda send: class_ == "ACCEPTED" or rig.venue.result(send, class_, retcode)
    rig.open("a")
    rig.until(lambda: len(rig.venue.sends) == 1)
    rig.run(20)
    restart(rig)
    assert objection(rig.local()._state.caps, now_ns=rig.net.now_ns) == "CAP_RATE used=1 limit=1 in_ms=60000"


def test_call_whose_answer_is_lost_counts_and_one_that_was_never_made_does_not() -> None:
    """A worker that went away may have called; one that says UNSENT has not."""
    rig = rig_with(orders_per_minute_count=1)
    rig.venue.script = lambda send: rig.venue.result(send, "UNSENT", detail="VOLUME lots=1 least=2 step=1")
    rig.open("a")
    assert ended(rig, 1) == ["DENIED VOLUME lots=1 least=2 step=1"]
    caps = rig.local()._state.caps
    assert objection(caps, now_ns=rig.net.now_ns) == ""
    rig.venue.script = lambda send: VenueLost("killed")
    rig.open("b")
    rig.until(lambda: rig.local().facts()["unknown"] == "1")
    assert objection(caps, now_ns=rig.net.now_ns) == "CAP_RATE used=1 limit=1 in_ms=60000"


def test_call_that_took_long_counts_from_its_answer() -> None:
    """The order may have gone out at the last moment: counted from its beginning, two would go within the second."""
    rig = rig_with(orders_per_second_count=1)
    rig.venue.delay_ns = 3 * SECOND_NS
    rig.open("a")
    assert ended(rig, 1) == ["FILLED"]
    burst(rig, 1)
    assert ended(rig, 2)[-1] == "DENIED CAP_RATE used=1 limit=1 in_ms=1000"


def test_each_attempt_of_an_open_is_asked_for_anew() -> None:
    """A requote is surely not executed, and called all the same: the attempt that would be one too many is not made."""
    rig = rig_with(orders_per_minute_count=2)
    rig.venue.script = lambda send: rig.venue.result(send, "RETRY", 10004)
    rig.open("a")
    assert ended(rig, 1) == ["DENIED CAP_RATE used=2 limit=2 in_ms=60000"]
    assert len(rig.venue.sends) == 2


def test_fill_that_no_read_shows_and_an_unknown_open_count_as_positions() -> None:
    """What may be held already leaves no room."""
    rig = rig_with(positions_count=1)
    rig.venue.shows_positions = False
    burst(rig, 2)
    assert ended(rig, 2) == ["FILLED", "DENIED CAP_POSITIONS used=1 limit=1"]
    other = rig_with(positions_count=1)
    other.venue.script = lambda send: other.venue.result(send, "UNKNOWN", 10012)
    other.venue.look = lambda ask: msgspec.structs.replace(other.venue._find(ask), connected=False)
    other.open("a")
    other.until(lambda: other.local().facts()["unknown"] == "1")
    assert other.local()._desk._intents._positions_count() == 1


def test_collar_goes_to_the_worker_and_comes_back_with_the_caps_word() -> None:
    """The worker compares at the price of the call; the rail's own collar, twice 0.5 %, is the wider one."""
    rig = rig_with(price_collar_percent="0.2")
    rig.venue.script = lambda send: rig.venue.result(send, "UNSENT", detail="COLLAR price=1.2 seen=1.1 most=0.0022")
    rig.open("a")
    assert ended(rig, 1) == ["DENIED CAP_COLLAR price=1.2 seen=1.1 most=0.0022 limit=0.20%"]
    assert rig.venue.sends[0].collar_e8 == PRICE_E8 // 500
    rig.venue.script = lambda send: True
    oid = rig.open("b")
    rig.until(lambda: rig.master.codes()[-1] == "FILLED")
    rig.close(oid, "b")
    rig.until(lambda: rig.master.codes()[-1] == "CLOSED")
    assert rig.venue.sends[-1].collar_e8 == 0


# again and again

def test_sustained_breach_freezes_the_account_until_a_person_ends_it() -> None:
    """So many refusals of any cap in so long of real time: one entry of the account's own, that says what was broken last."""
    rig = rig_with(orders_per_minute_count=1, breach_count=3, breach_window_ms=10_000)
    burst(rig, 3)
    ended(rig, 3)
    rig.run(9_000)
    assert own(rig) == []
    burst(rig, 6)
    rig.until(lambda: bool(own(rig)))
    (entry,) = own(rig)
    assert (entry.scope, entry.level) == ("account:one", "FREEZE")
    assert entry.reason.startswith(f"{CAPS} count=3 in_ms=")
    assert entry.reason.endswith("last=CAP_RATE used=1 limit=1 in_ms=60000")
    rig.run(1_000)
    burst(rig, 5)
    rig.until(lambda: told(rig)[-1].startswith("KILLED"))
    restart(rig)
    assert len(own(rig)) == 1, "it is set once, and outlives the process"
    rig.undo_all()
    assert own(rig) == []
    rig.run(60_000)
    burst(rig, 1)
    rig.until(lambda: told(rig)[-1] == "FILLED")
    assert own(rig) == []


def test_refusals_that_are_far_apart_freeze_nothing_whatever_market_time_says() -> None:
    """The window is of real time: a market that stands still does not make it longer."""
    rig = rig_with(lots="0.01", breach_count=3, breach_window_ms=1_000)
    for number in range(6):
        burst(rig, 1)
        assert ended(rig, number + 1)[-1] == "DENIED CAP_LOTS used=0.1 limit=0.01"
        rig.run(600)
    assert own(rig) == []
    burst(rig, 3)
    rig.until(lambda: bool(own(rig)))


def test_breach_that_is_off_only_refuses() -> None:
    """Off on purpose: every open is refused, and nothing is frozen."""
    rig = rig_with(lots="0.01")
    burst(rig, 30)
    ended(rig, 30)
    rig.run(2_000)
    assert own(rig) == []


def test_denials_of_other_rules_are_no_breach() -> None:
    """What the guard refuses is the rails' business."""
    rig = Rig(make_config(account="[account.one.caps]\nbreach_count = 1", rails=RAILS_OFF + "risk_percent = 0.01")).ready()
    burst(rig, 2)
    assert all(line.startswith("DENIED RISK at=local") for line in ended(rig, 2))
    rig.run(1_000)
    assert own(rig) == []
