"""Live changes in a master: what is decided after one is decided by it, also in the next life; what cannot be made denies openings."""

import msgspec

from mesh.codec import encode
from mesh.config import Config, configured
from mesh.links import CONTROL, REPLAY
from mesh.messages.control import KillSetPart, Revision, StopAnswer
from tests.nodes.master.masterrig import FREE, OPERATOR, ROUTER, STRATEGY, Rig, config_of
from tests.revisionitems import change, in_force

TO_A2 = STRATEGY + 'targets = ["a2"]\n'


def bring(rig: Rig, *revisions: Revision) -> None:
    """A router brings changes, and what puts them in force; both may come in one part, in any order."""
    items = [item for nonce, revision in enumerate(revisions) for item in (in_force(revision, nonce), revision)]
    rig.give(REPLAY, KillSetPart([encode(rig.signed(item)) for item in items]), ROUTER)


def accounts(rig: Rig, sid: str) -> list[str]:
    """To whom the next signal goes."""
    rig.orders()
    rig.signal(sid=sid)
    return [seen.target.account for seen in rig.orders()]


def both(extra: str = FREE) -> tuple[Config, Config]:
    """One whose strategy trades both accounts, and the same with one of them."""
    return config_of(extra=extra), config_of(extra=extra, strategy=TO_A2)


def test_targets_change_from_the_next_signal_on() -> None:
    """And the next life, whose file is the old one, goes on with them."""
    before, after = both()
    rig = Rig(before).ready()
    assert accounts(rig, "s1") == ["a1", "a2"]
    bring(rig, change(before, after))
    assert rig.master.config_hash() == after.fingerprint
    assert accounts(rig, "s2") == ["a2"]
    rig.ready()
    assert rig.master.config_hash() == after.fingerprint
    rig.signal(sid="s3")
    assert [words.split()[:3] for words in rig.outcomes()] == [["a2", "open", "DENIED"]], "in its first seconds it lets nobody open"


def test_an_operator_brings_it_to_the_control_socket() -> None:
    """It is answered when it is durable, as a stop is."""
    before, after = both()
    rig = Rig(before).ready()
    rig.operator_up()
    revision = change(before, after)
    for item in (revision, in_force(revision)):
        rig.give(CONTROL, rig.signed(item), OPERATOR)
    assert [send.message.code for send in rig.take(StopAnswer)] == ["TAKEN", "TAKEN"]  # type: ignore[attr-defined]
    assert accounts(rig, "s1") == ["a2"]


def test_rails_change_and_what_was_ordered_still_counts() -> None:
    """With one order a minute allowed, the one from before the change is that one."""
    before, after = config_of(extra=FREE), config_of(extra=FREE.replace('minute_count = "off"', "minute_count = 1"))
    rig = Rig(before).ready()
    rig.signal(sid="s1")
    bring(rig, change(before, after))
    rig.outcomes()
    rig.signal(sid="s2")
    assert [words.split(" limit")[0] for words in rig.outcomes()] == [f"{name} open DENIED ORDERS_MINUTE count=1" for name in ("a1", "a2")]


def test_a_change_the_master_cannot_make_denies_every_opening() -> None:
    """Locals may have made it: nobody opens till all read it alike."""
    before, after = both()
    rig = Rig(before).ready()
    bring(rig, msgspec.structs.replace(change(before, after), after="0" * 16))
    rig.outcomes()
    rig.signal()
    told = [words.split(" leads to")[0] for words in rig.outcomes()]
    assert told == [f"{name} open DENIED MISMATCH live change 1" for name in ("a1", "a2")]


def test_the_fleets_limit_comes_with_a_change() -> None:
    """A hundred refused openings at first; with two the second freezes everything."""
    before = config_of(extra=FREE)
    fleet = msgspec.structs.replace(before.settings.fleet, errors_count=2)
    after = configured(msgspec.structs.replace(before.settings, fleet=fleet))
    rig = Rig(before).ready()
    assert rig.master.facts()["change"] == ""
    revision = change(before, after)
    rig.give(REPLAY, KillSetPart([encode(rig.signed(revision))]), ROUTER)
    assert rig.master.facts()["change"].endswith(" fits")
    rig.master._tripwires.failed("a1", "REJECTED 10018", rig.now_ns)
    rig.give(REPLAY, KillSetPart([encode(rig.signed(in_force(revision)))]), ROUTER)
    rig.do(tuple(rig.master._tripwires.failed("a2", "REJECTED 10018", rig.now_ns)))
    assert [entry.reason.split()[0] for _, entry in rig.master._state.stops.killset.live()] == ["ERRORS"], "the one before counts"


def test_openings_go_on_once_a_bad_change_was_taken_back() -> None:
    """The second one leads back to the file: nothing is left that cannot be made."""
    before, after = both()
    rig = Rig(before).ready()
    bad = msgspec.structs.replace(change(before, after), after="0" * 16)
    bring(rig, bad)
    assert accounts(rig, "s1") == []
    bring(rig, msgspec.structs.replace(change(after, before, 2), before="0" * 16))
    assert accounts(rig, "s2") == ["a1", "a2"]
    assert rig.master.facts()["mismatched"] == ""


def test_a_long_why_is_cut_and_what_it_denied_is_still_read() -> None:
    """An account's name and a broker's words may be long: the row of the decision has to be read by the next life, and by who asks why."""
    before, after = both()
    rig = Rig(before).ready()
    patch = msgspec.json.encode([[[["x" * 900, "y"], 1]], []])
    bring(rig, msgspec.structs.replace(change(before, after), patch=patch))
    rig.signal(sid="s1")
    (first, _) = rig.outcomes()
    assert first.startswith("a1 open DENIED MISMATCH live change")
    assert len(first) < 300
    rig.ready()
    assert rig.why("s1")["sid"] == "s1"
    assert [note.name for note in rig.notes if note.level == "error"][-1] == "configuration_not_revised", "the next life says so, too"
