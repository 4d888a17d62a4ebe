"""The master's lines of the events file: when they are written, and what locals do by themselves."""

import re
from pathlib import Path

import msgspec

from mesh.links import REPLAY
from mesh.messages.outcomes import OutcomeAck
from tests.nodes.master.masterrig import FREE, ROUTER, Rig, config_of

PROTOCOL = Path(__file__).parents[3] / "mesh" / "PROTOCOL.md"


def test_events_are_out_before_the_commit_of_what_they_tell() -> None:
    """A crash between the two repeats a line of the events file; it never loses one."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.held = []
    rig.signal()
    assert ([emit.event["kind"] for emit in rig.events], rig.orders()) == (["decision", "order"], [])
    rig.release()
    (order,) = rig.orders()
    rig.held = []
    rig.give(REPLAY, rig.outcome(order), ROUTER)
    assert (len(rig.outcomes()), rig.take(OutcomeAck)) == (1, [])


def test_acts_of_locals_are_events_and_part_of_the_story() -> None:
    """What a local did with a position is told with the signal that opened it, and with no other."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order), ROUTER)
    act = rig.outcome(order, "MODIFIED", cause="TRAILING", leg="trailing", oid=b"t" * 16, f=2)
    rig.give(REPLAY, msgspec.structs.replace(act, sid="s1/TRAILING", detail="sl=1.1"), ROUTER)
    rig.give(REPLAY, msgspec.structs.replace(act, f=3, sid="s1/2/TRAILING"), ROUTER)
    acts = [emit.event for emit in rig.events if emit.event["kind"] == "act"]
    assert [(told["sid"], told["cause"], told["code"]) for told in acts] == [
        ("s1/TRAILING", "TRAILING", "MODIFIED"), ("s1/2/TRAILING", "TRAILING", "MODIFIED"),
    ]  # fmt: skip
    (told,) = rig.why("s1")["acts"]
    assert (told["account"], told["cause"], told["detail"]) == ("a1", "TRAILING", "sl=1.1")


def test_every_field_is_documented() -> None:
    """PROTOCOL.md has a row for each kind, and in it every field that occurs."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order), ROUTER)
    rig.give(REPLAY, rig.outcome(order, "MODIFIED", cause="TRAILING", leg="trailing", oid=b"t" * 16, f=2), ROUTER)
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE))
    kinds = [str(emit.event["kind"]) for emit in rig.events]
    assert kinds == ["decision", "order", "outcome", "act"]
    for emit in rig.events:
        kind = str(emit.event["kind"])
        assert [key for key in emit.event if key != "kind" and f"`{key}`" not in rows[kind]] == [], kind
