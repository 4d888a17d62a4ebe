"""Words of decisions that are in memory no more: read of the archive, or, where that was pruned, still known as our own."""

from mesh.audit import PRUNED as PRUNED_KINDS
from mesh.codec import decode_record_untrusted
from mesh.core import Fetched
from mesh.links import REPLAY, STORE
from mesh.messages.base import NO_OID, Msg
from mesh.messages.outcomes import OutcomeAck
from mesh.messages.signals import ACCEPTED
from nodes.acks import REST_NS
from nodes.decisions import ARCHIVE, ArchiveRecord
from nodes.shortened import PRUNED, shortened
from tests.nodes.master.masterrig import ROUTER, Rig, Seen, config_of


def ended(code: str, accounts: int = 1) -> tuple[Rig, list[Seen]]:
    """A signal whose lines have all ended with a code, before another life of the master."""
    rig = Rig(config_of(accounts)).ready()
    rig.signal()
    orders = rig.orders()
    for order in orders:
        rig.give(REPLAY, rig.outcome(order, code), ROUTER)
    boot(rig)
    return rig, orders


def boot(rig: Rig) -> None:
    """Another life of the master, with everything around it there again."""
    rig.boot()
    rig.welcome()
    rig.router_up()
    rig.signals_up()
    for name in rig.config.account:
        rig.local_up(name)
    rig.sent.clear()
    rig.notes.clear()
    rig.events.clear()


def prune(rig: Rig) -> None:
    """All there is in archives is older than ``store.keep_days``."""
    for key in [key for key in rig.rows if key[0] in PRUNED_KINDS["master"]]:
        del rig.rows[key]


def held_back(rig: Rig) -> list[Fetched]:
    """Rows are read when they are asked for, and come later: what has been read and has not come."""
    inbox: list[Fetched] = []
    give = rig.give

    def later(link: str, message: Msg, peer: int = 0) -> None:
        if isinstance(message, Fetched):
            inbox.append(message)
        else:
            give(link, message, peer)

    rig.give = later  # type: ignore[method-assign]
    return inbox


def deliver(rig: Rig, inbox: list[Fetched]) -> None:
    """What was read comes, in order, and what is read then."""
    while inbox:
        Rig.give(rig, STORE, inbox.pop(0))


def codes(rig: Rig) -> dict[str, int]:
    """Ended lines by code."""
    return {code: count for code, count in rig.master.totals()[1].items() if count}


def alarms(rig: Rig) -> list[str]:
    return [f"{note.level} {note.name}" for note in rig.notes if note.name.startswith("outcome_")]


def acked(rig: Rig) -> list[int]:
    """What was acked, and after the rest between acks."""
    rig.wait(2 * REST_NS)
    return [send.message.f for send in rig.take(OutcomeAck)]  # type: ignore[attr-defined]


def archived(rig: Rig) -> list[str]:
    """Codes of the lines of the one decision in the archive."""
    (record,) = [decode_record_untrusted(raw, ArchiveRecord) for (kind, _), raw in rig.rows.items() if kind == ARCHIVE]
    return [end.code for end in record.ends]


def test_a_fill_that_is_told_late_ends_its_line_in_the_archive() -> None:
    """The line is in memory no more: it is read, amended, written back; told as an outcome, alarmed, counted once."""
    rig, (order,) = ended("NOT_FOUND")
    assert rig.master._state.ledger.find(order.order.oid, "a1") is None
    rig.give(REPLAY, rig.outcome(order, "FILLED_LATE", detail="late"), ROUTER)
    assert (codes(rig), archived(rig), acked(rig)) == ({"FILLED_LATE": 1}, ["FILLED_LATE"], [2])
    assert alarms(rig) == ["error outcome_changed"]
    assert rig.outcomes() == ["a1 open FILLED_LATE late"]
    assert rig.why("s1")["lines"][0]["code"] == "FILLED_LATE"
    boot(rig)
    assert (codes(rig), archived(rig)) == ({"FILLED_LATE": 1}, ["FILLED_LATE"])


def test_lines_of_one_decision_are_amended_one_after_the_other() -> None:
    """Both accounts' words come while the archive is being read: neither undoes the other."""
    rig, orders = ended("NOT_FOUND", accounts=2)
    inbox = held_back(rig)
    for order in orders:
        rig.give(REPLAY, rig.outcome(order, "FILLED_LATE"), ROUTER)
    deliver(rig, inbox)
    assert (codes(rig), archived(rig)) == ({"FILLED_LATE": 2}, ["FILLED_LATE", "FILLED_LATE"])


def test_what_comes_while_the_archive_is_read_waits_its_turn() -> None:
    """In the order of their numbers, each once, acked when all are durable; asked for once."""
    rig, (order,) = ended("NOT_FOUND")
    inbox = held_back(rig)
    late = rig.outcome(order, "FILLED_LATE", f=2)
    rig.give(REPLAY, late, ROUTER)
    rig.give(REPLAY, late, ROUTER)
    rig.give(REPLAY, rig.outcome(order, "MODIFIED", cause="TRAILING", f=3), ROUTER)
    assert (len(inbox), acked(rig), codes(rig)) == (1, [], {"NOT_FOUND": 1})
    deliver(rig, inbox)
    assert (acked(rig), codes(rig)) == ([3], {"FILLED_LATE": 1})


def test_the_same_word_again_of_a_line_in_the_archive_is_nothing_new() -> None:
    """No alarm: the master knows that line."""
    rig, (order,) = ended("FILLED")
    rig.give(REPLAY, rig.outcome(order, "FILLED"), ROUTER)
    assert (alarms(rig), codes(rig), acked(rig)) == ([], {"FILLED": 1}, [2])


def test_a_late_word_of_a_pruned_line_is_kept_and_is_no_stranger() -> None:
    """Its order's id is made of a signal that was answered: acked, kept beside the lines, said as a warning; the totals stay."""
    rig, (order,) = ended("NOT_FOUND")
    prune(rig)
    rig.give(REPLAY, rig.outcome(order, "FILLED_LATE"), ROUTER)
    assert (alarms(rig), acked(rig), codes(rig)) == (["warning outcome_of_pruned_line"], [2], {"NOT_FOUND": 1})
    assert [kind for kind, _ in rig.rows if kind == "_act"] == ["_act"]
    assert "adopted_count" not in rig.master.counters.totals, "it is remembered to have been decided here"


def test_a_word_of_an_order_nobody_decided_is_still_a_stranger() -> None:
    """The sid of a signal that was answered does not make an order ours; nor does an id without its sid."""
    rig, (order,) = ended("FILLED")
    prune(rig)
    rig.give(REPLAY, rig.outcome(order, oid=b"?" * 16), ROUTER)
    rig.give(REPLAY, rig.outcome(order, sid="another"), ROUTER)
    assert alarms(rig) == ["error outcome_adopted"] * 2
    assert rig.master.counters.totals["adopted_count"] == 2
    assert acked(rig) == [2, 3]


def test_a_pruned_word_of_a_local_ends_the_line_of_a_master_that_forgot_it() -> None:
    """A master put back from a backup hears how it ended, and what has no meaning any more is passed over."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, shortened("a1", 1, 1), ROUTER)
    rig.give(REPLAY, shortened("a1", 1, 2, order.order.oid, "FILLED", order.target.volume_e8), ROUTER)
    assert (alarms(rig), acked(rig), rig.outcomes()) == ([], [1, 2], [f"a1 open FILLED {PRUNED}"])
    assert not [kind for kind, _ in rig.rows if kind == "_act"]
    rig.give(REPLAY, shortened("a1", 1, 3, b"?" * 16, "CLOSED", 1), ROUTER)
    assert alarms(rig) == ["warning outcome_of_pruned_line"], "what a local did by itself, or for a hand, has no line"
    assert NO_OID not in {key[0] for key in rig.master._state.ledger._lines}


def test_a_signal_whose_decision_was_pruned_gets_its_stored_answer() -> None:
    """Answers are kept for ever: nothing is decided again."""
    rig, _ = ended("FILLED")
    prune(rig)
    boot(rig)
    rig.signal()
    assert (rig.answers(), rig.orders(), codes(rig)) == ([f"s1 {ACCEPTED}"], [], {"FILLED": 1})


def test_why_of_a_pruned_signal_says_what_is_left() -> None:
    """That it was answered, and what was done since; of its order's id nothing is known here any more."""
    rig, (order,) = ended("FILLED")
    prune(rig)
    rig.give(REPLAY, rig.outcome(order, "MODIFIED", sid="s1/TRAILING", leg="trailing", cause="TRAILING", oid=b"t" * 16), ROUTER)
    story = rig.why("s1")
    assert (story["answer"], story["pruned"], story["lines"]) == (ACCEPTED, True, [])
    assert [act["cause"] for act in story["acts"]] == ["TRAILING"]
    assert rig.why(order.order.oid.hex()) == {}


def test_why_while_archives_are_being_pruned_says_what_is_left() -> None:
    """The decision is gone, what leads to it is still there."""
    rig, (order,) = ended("FILLED")
    for key in [key for key in rig.rows if key[0] == ARCHIVE]:
        del rig.rows[key]
    for query in ("s1", order.order.oid.hex(), "a1:901"):
        story = rig.why(query)
        assert (story["sid"], story["answer"], story["pruned"]) == ("s1" if query == "s1" else "-", ACCEPTED, True)
