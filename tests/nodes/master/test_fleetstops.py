"""What makes the whole fleet stop: its loss of a day in one currency, orders that fail everywhere, a word of the master's host."""

import msgspec

from mesh.core import Envelope, HostStop
from mesh.links import REPLAY, SHELL
from mesh.messages.control import Entry
from mesh.units import DAY_NS, E8, SECOND_NS
from tests.nodes.master.masterrig import FREE, ROUTER, Rig, config_of


def fleet(limit: str = "loss_percent = 3", currency: str = "USD") -> str:
    return f'{FREE}closed_from = "off"\ndaily_loss_percent = "off"\ndrawdown_percent = "off"\n[fleet]\ncurrency = "{currency}"\n{limit}\n'


def stops(rig: Rig) -> list[Entry]:
    return [entry for _, entry in rig.master._state.stops.killset.live()]


def equity(rig: Rig, **money: int) -> None:
    """A settled state of each account named, a second later."""
    rig.next_block(SECOND_NS)
    for name, each in money.items():
        rig.state(name, equity_e8=each * E8)


def test_loss_of_all_together_freezes_everything_once_a_day() -> None:
    """One may lose more than the share where the others do not; resumed, the same day sets no second stop, the next one does."""
    rig = Rig(config_of(2, extra=fleet())).ready()
    equity(rig, a1=9_500, a2=10_000)
    assert stops(rig) == []
    equity(rig, a1=9_500, a2=9_900)
    (entry,) = stops(rig)
    assert (entry.issuer, entry.level, entry.scope) == ("master-1", "FREEZE", "all")
    assert entry.reason == "FLEET_LOSS used=600.00 limit=600.00 USD"
    rig.signal()
    assert {words.split(" ", 2)[2] for words in rig.outcomes()} == {"KILLED LADDER level=FREEZE"}
    rig.undo_all()
    equity(rig, a1=9_000, a2=9_000)
    assert stops(rig) == []
    rig.next_block(DAY_NS)
    for name in ("a1", "a2"):
        rig.state(name, equity_e8=9_000 * E8, balance_e8=9_000 * E8)
    assert stops(rig) == []
    equity(rig, a1=8_500, a2=8_900)
    assert [entry.reason.split(" ")[0] for entry in stops(rig)] == ["FLEET_LOSS"]


def test_currencies_are_added_up_by_the_markets_quotes() -> None:
    """An account in euros, a fleet in dollars: the rate and its age are told; without a rate the account is left out and named."""
    rig = Rig(config_of(2, extra=fleet())).ready()
    rig.tick(bid_e8=110_000_000)
    rig.next_block(10 * SECOND_NS)
    rig.state("a1", currency="EUR", equity_e8=9_500 * E8)
    rig.state("a2", equity_e8=9_900 * E8)
    equity(rig, a1=9_400, a2=9_900)
    (entry,) = stops(rig)
    assert entry.reason.startswith("FLEET_LOSS used=6")
    assert " USD rates_age_s=" in entry.reason
    other = Rig(config_of(2, extra=fleet())).ready()
    other.next_block(SECOND_NS)
    other.state("a1", currency="SEK", equity_e8=5_000 * E8)
    other.state("a2", equity_e8=9_900 * E8)
    equity(other, a1=5_000, a2=9_900)
    assert stops(other) == []
    assert [note.fields["currencies"] for note in other.notes if note.name == "fleet_rate_missing"] == ["SEK"]


def test_orders_that_fail_everywhere_freeze_everything() -> None:
    """On all accounts together, within the window."""
    rig = Rig(config_of(2, extra=fleet('loss_percent = "off"\nerrors_count = 3\nerrors_window_ms = 10_000'))).ready()

    def fail(number: int) -> None:
        rig.signal(sid=f"s{number}")
        for order in rig.orders():
            outcome = rig.outcome(order, "REJECTED")
            rig.give(REPLAY, msgspec.structs.replace(outcome, detail="10019"), ROUTER)

    fail(1)
    rig.next_block(11 * SECOND_NS)
    fail(2)
    assert stops(rig) == []
    fail(3)
    (entry,) = stops(rig)
    assert entry.reason == "ERRORS count=3 in_ms=0 last=a1 REJECTED 10019"


def test_word_of_the_masters_host_stops_everything() -> None:
    """Once, at the level it says."""
    rig = Rig(config_of(2)).ready()
    for _ in range(2):
        rig.do(rig.master.handle(Envelope(SHELL, 0, HostStop("FLATTEN", "flag file STOP")), rig.now_ns))
    (entry,) = stops(rig)
    assert (entry.level, entry.scope, entry.reason) == ("FLATTEN", "all", "HOST flag file STOP")
