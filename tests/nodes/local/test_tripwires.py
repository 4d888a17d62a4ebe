"""What makes an account stop itself: each rule pulls once, says what it saw, and only a person ends it."""

from mesh.core import Envelope, HostStop
from mesh.links import SHELL
from mesh.messages.control import Entry
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.stops import DAILY_LOSS, EQUITY_STOP, ERRORS, HOST
from tests.nodes.local.localrig import Rig, make_config

FREE = 'duplicate_window_ms = "off"\norders_per_minute_count = "off"\norders_per_hour_count = "off"\npositions_per_symbol_count = "off"\n'


def own(rig: Rig) -> list[Entry]:
    """Stops the account has set itself and that bind."""
    return [entry for _, entry in rig.local()._state.ladder.stops.killset.live() if entry.issuer == "local-1"]


def rules(rig: Rig) -> list[str]:
    return [entry.reason.partition(" ")[0] for entry in own(rig)]


def test_a_days_loss_freezes_the_account_at_its_own_limit() -> None:
    """At 3 % of the day's base, not at twice of it; the guard and the master have their own rules beside."""
    rig = Rig(make_config(rails=FREE + 'drawdown_percent = "off"')).ready()
    rig.run(600)
    rig.venue.balance_e8 = 9_701 * E8
    rig.run(1_100)
    assert own(rig) == []
    rig.venue.balance_e8 = 9_700 * E8
    rig.run(1_100)
    (entry,) = own(rig)
    assert (entry.scope, entry.level, entry.reason) == ("account:one", "FREEZE", f"{DAILY_LOSS} used=300.00 limit=300.00")
    rig.open("a")
    rig.until(lambda: rig.master.codes() == ["KILLED"])


def test_day_that_was_resumed_is_not_frozen_twice_and_the_next_one_is() -> None:
    """A person knows of it; another day has its own loss. A restart remembers."""
    rig = Rig(make_config(rails=FREE + 'drawdown_percent = "off"')).ready()
    rig.venue.balance_e8 = 9_600 * E8
    rig.run(1_100)
    assert rules(rig) == [DAILY_LOSS]
    rig.undo_all()
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()
    rig.venue.balance_e8 = 9_500 * E8
    rig.run(2_000)
    assert rules(rig) == []
    rig.venue.market_ns += 24 * 3_600 * SECOND_NS
    rig.run(1_100)
    assert rules(rig) == []
    rig.venue.balance_e8 = 9_000 * E8
    rig.run(1_100)
    assert rules(rig) == [DAILY_LOSS]


def test_deny_sets_no_stop() -> None:
    """The day's rule alone denies, and ends with the day."""
    rig = Rig(make_config(rails=FREE + 'daily_loss_action = "deny"')).ready()
    rig.venue.balance_e8 = 9_000 * E8
    rig.run(2_000)
    assert own(rig) == []


def test_orders_that_fail_one_after_the_other_freeze_the_account() -> None:
    """So many in so long; what came before the window does not count, and the last of them is told."""
    rig = Rig(make_config(rails=FREE + "errors_count = 3\nerrors_window_ms = 10_000")).ready()
    rig.venue.script = lambda send: rig.venue.result(send, "BUG", 10013)

    def fail(word: str) -> None:
        before = len(rig.master.codes())
        rig.open(word)
        rig.until(lambda: len(rig.master.codes()) > before)
        rig.run(600)

    for word in "ab":
        fail(word)
    rig.venue.market_ns += 11 * SECOND_NS
    rig.run(1_100)
    for word in "cd":
        fail(word)
    assert own(rig) == []
    fail("e")
    (entry,) = own(rig)
    assert entry.reason.startswith(f"{ERRORS} count=3 in_ms=")
    assert "10013" in entry.reason
    fail("f")
    assert rig.master.codes()[-1] == "KILLED"


def test_host_stops_without_a_network_at_the_level_it_says() -> None:
    """A word of the host binds at once; the same word again sets nothing more, a higher one does."""
    rig = Rig().ready()
    for level, count in (("FREEZE", 1), ("FREEZE", 1), ("FLATTEN", 2), ("CANCEL", 2)):
        rig.net.deliver("local-1", rig.net.now_ns, Envelope(SHELL, 0, HostStop(level, "flag file STOP")))
        rig.run(50)
        assert (len(own(rig)), rules(rig)[0]) == (count, HOST)
    assert own(rig)[0].reason == f"{HOST} flag file STOP"
    assert rig.local().facts()["ladder"] == "FLATTEN"


def test_own_stop_reaches_routers_at_once_and_the_other_account_not_at_all() -> None:
    """It is pushed when it is durable; its scope is its own account."""
    rig = Rig(make_config(account="equity_stop_percent = 95", rails=FREE + 'daily_loss_percent = "off"')).ready()
    rig.run(600)
    rig.venue.balance_e8 = 9_000 * E8
    begun_ns = rig.net.now_ns
    rig.until(lambda: rules(rig) == [EQUITY_STOP], 1_500)
    pulled_ns = rig.net.now_ns
    rig.until(lambda: len(rig.net.places["router-1"].core._state.stops.killset) == 1)  # type: ignore[union-attr]
    assert rig.net.now_ns - pulled_ns < 50 * MS_NS
    assert pulled_ns - begun_ns <= 1_100 * MS_NS
    rig.run(1_500)
    assert rig.local("two").facts()["ladder"] == "ACTIVE"
    rig.open("a", accounts=("two",))
    rig.until(lambda: rig.master.codes("two") == ["FILLED"])


def test_attempt_of_unknown_result_counts_as_a_failure() -> None:
    """The broker is reached and does not say: as bad as a refusal. After a restart what was under way is no failure of the broker's."""
    rig = Rig(make_config(rails=FREE + "errors_count = 1")).ready()
    rig.venue.script = lambda send: rig.venue.result(send, "UNKNOWN", 10031)
    rig.open("o")
    rig.until(lambda: rules(rig) == [ERRORS])
    assert own(rig)[0].reason.startswith(f"{ERRORS} count=1 in_ms=0 last=UNKNOWN retcode=10031")
    other = Rig(make_config(rails=FREE + "errors_count = 1")).ready()
    other.venue.script = lambda send: None
    other.open("o")
    other.until(lambda: bool(other.venue.sends))
    other.net.crash("local-1")
    other.net.restart("local-1")
    other.ready()
    other.run(2_000)
    assert other.local().facts()["unknown"] == "1"
    assert own(other) == []
