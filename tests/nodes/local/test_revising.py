"""Live changes in a local: its guard's limits become others while it runs, outlive it, and what it cannot make opens nothing."""

from decimal import Decimal

import msgspec
import pytest

from mesh.codec import encode
from mesh.config import Config, configured
from mesh.messages.control import Revision
from mesh.units import E8
from nodes.local.freshness import HELD
from tests.nodes.local.localrig import Rig, make_config
from tests.nodes.local.test_local_caps import ended, told
from tests.nodes.local.test_tripwires import FREE
from tests.revisionitems import change, in_force


def with_rails(config: Config, **rails: object) -> Config:
    """The same, with other rails."""
    return configured(msgspec.structs.replace(config.settings, rails=msgspec.structs.replace(config.settings.rails, **rails)))


def bring(rig: Rig, *revisions: Revision) -> None:
    """Changes are prepared and put in force; the local has them when its digest is the master's."""
    for nonce, revision in enumerate(revisions, start=1):
        for item in (revision, in_force(revision, nonce)):
            rig.master.killset.add_untrusted(rig.keys.signer("operator").sign(item))
    rig.until(lambda: rig.local()._state.ladder.digest == rig.master.killset.digest)
    rig.until(lambda: rig.local().facts()["grant"] == HELD)


NARROW = "DENIED DEVIATION at=local points=20 limit=10"
"""What becomes of an order with a deviation of 20 points where the rails allow 5: the guard stands at twice that."""


def test_limits_change_while_it_trades_and_outlive_it() -> None:
    """An order that was within them is refused after the change, also by the next life, whose own file is the old one."""
    rig = Rig().ready()
    narrow = with_rails(rig.config, deviation_points=5)
    rig.open("before")
    assert ended(rig, 1) == ["FILLED"]
    bring(rig, change(rig.config, narrow))
    assert rig.local().config_hash() == narrow.fingerprint
    rig.open("after")
    assert ended(rig, 2)[1] == NARROW
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()
    assert rig.local().config_hash() == narrow.fingerprint
    rig.open("again")
    assert ended(rig, 3)[2] == NARROW


def test_limits_may_become_wider_and_what_went_still_counts() -> None:
    """The guard lets twice the rail through in a minute: two of one; after the change to two the next two go, and the fifth does not."""
    one = make_config(rails=FREE.replace('minute_count = "off"', "minute_count = 1"))
    rig = Rig(one).ready()
    for count, word in enumerate("abc", start=1):
        rig.open(word)
        ended(rig, count)
    assert told(rig) == ["FILLED", "FILLED", "DENIED ORDERS_MINUTE at=local count=2 limit=2"]
    bring(rig, change(one, with_rails(one, orders_per_minute_count=2)))
    for count, word in enumerate("def", start=4):
        rig.open(word)
        ended(rig, count)
    assert told(rig)[3:] == ["FILLED", "FILLED", "DENIED ORDERS_MINUTE at=local count=4 limit=4"]


def test_what_is_prepared_changes_nothing() -> None:
    """It is told, and the limits are what they were."""
    rig = Rig().ready()
    revision = change(rig.config, with_rails(rig.config, deviation_points=5))
    rig.master.killset.add_untrusted(rig.keys.signer("operator").sign(revision))
    rig.until(lambda: rig.local().facts()["change"].endswith(" fits"))
    rig.until(lambda: rig.local().facts()["grant"] == HELD)
    assert rig.local().config_hash() == rig.config.fingerprint
    rig.open()
    assert ended(rig, 1) == ["FILLED"]


def test_a_change_that_cannot_be_made_here_opens_nothing() -> None:
    """Somebody's newer version has signed what this one reads otherwise: openings are denied with why, closes go on."""
    rig = Rig().ready()
    oid = rig.open("before")
    ended(rig, 1)
    bring(rig, msgspec.structs.replace(change(rig.config, with_rails(rig.config, deviation_points=5)), after="0" * 16))
    rig.open("after")
    assert ended(rig, 2)[1].startswith("DENIED MISMATCH at=local change=live change 1 leads to ")
    rig.close(oid)
    assert ended(rig, 3)[2].startswith("CLOSED")


@pytest.mark.parametrize("name", ["stopper", "local-1", "master-1"])
def test_nobody_changes_a_limit_who_may_not_resume(name: str) -> None:
    """A key that may only stop, and a node's own, loosen nothing."""
    rig = Rig().ready()
    revision = msgspec.structs.replace(change(rig.config, with_rails(rig.config, deviation_points=500)), issuer=name)
    stops = rig.local()._state.ladder.stops
    for item in (revision, msgspec.structs.replace(in_force(revision), issuer=name)):
        result = stops.take_untrusted(encode(rig.keys.signer(name).signed(item)), rig.net.now_ns)
        assert (result.code, result.detail) == ("NOT_ALLOWED", f"issuer={name} may not resume")
    assert stops.revisions.current is rig.config


def test_an_equity_stop_comes_with_a_change() -> None:
    """Set live, it looks at the next read already, and the market is asked to stop at its floor."""
    rig = Rig(make_config(rails='daily_loss_percent = "off"')).ready()
    accounts = {name: msgspec.structs.replace(each, equity_stop_percent=Decimal(90)) for name, each in rig.config.account.items()}
    rig.run(1_000)
    assert not rig.local()._state.equity_stop.is_set
    bring(rig, change(rig.config, configured(msgspec.structs.replace(rig.config.settings, account=accounts))))
    assert rig.local()._state.equity_stop.is_set
    rig.open()
    rig.until(lambda: rig.venue.watched[-1:] == [9_000 * E8])
    rig.venue.balance_e8 = 8_999 * E8
    rig.until(lambda: any(entry.reason.startswith("EQUITY_STOP") for _, entry in rig.local()._state.ladder.stops.killset.live()))


def test_what_was_decided_before_a_change_is_opened_no_more() -> None:
    """An order that waits for leave meanwhile was put to the old limits: it is told so, and the next one goes."""
    rig = Rig().ready()
    rig.master.grants = False
    rig.run(3_500)
    rig.open("before")
    rig.run(200)
    revision = change(rig.config, with_rails(rig.config, deviation_points=30))
    for item in (revision, in_force(revision)):
        rig.master.killset.add_untrusted(rig.keys.signer("operator").sign(item))
    rig.until(lambda: rig.local().config_hash() == revision.after)
    rig.master.grants = True
    (first,) = ended(rig, 1)
    assert first.startswith("KILLED ")
    assert first.endswith("decided=before_undo_or_change")
    rig.open("after")
    assert ended(rig, 2)[1] == "FILLED"


def test_the_master_hears_of_the_new_configuration_at_once() -> None:
    """By a hello, for else a local whose file is an old one would be a stranger to it till it starts again."""
    rig = Rig().ready()
    narrow = with_rails(rig.config, deviation_points=5)
    before = len(rig.master.hellos)
    bring(rig, change(rig.config, narrow))
    rig.run(300)
    assert {hello.config_hash.split()[0] for hello in rig.master.hellos[before:] if hello.account == "one"} == {narrow.fingerprint}
