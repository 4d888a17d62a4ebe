"""Questions about decisions: what hands did with a position belongs to the story of its opening; what ``last`` means."""

from mesh.links import REPLAY
from mesh.messages.control import WhyAnswer
from mesh.messages.orders import CLOSE
from nodes.decisions import WHY
from nodes.local.commandlog import RUN
from nodes.master.enquiry import BY_HAND, QUESTIONS_MAX
from tests.nodes.master.masterrig import ROUTER, Rig, Seen
from tests.nodes.master.test_recall import deliver, ended, held_back


def test_acts_by_hand_are_looked_for_under_the_name_locals_give_them() -> None:
    """Roles do not import each other: what one writes the other has to find."""
    assert f"{RUN}/".encode() == BY_HAND


def by_hand(rig: Rig, order: Seen, ticket: int) -> None:
    """A local tells that an operator closed a position, past the master."""
    told = rig.outcome(
        order, "CLOSED", oid=b"h" * 16, sid="manual/ann@desk/00ff", leg="manual_close", cause="MANUAL", action=CLOSE, position_ticket=ticket
    )
    rig.give(REPLAY, told, ROUTER)


def test_close_by_hand_is_in_the_story_of_the_opening() -> None:
    """Its sid is the command's; the position's ticket leads to it, in memory and from the archive."""
    rig = Rig().ready()
    rig.signal()
    first, second = rig.orders()
    rig.fill(first)
    rig.fill(second)
    by_hand(rig, first, 901)
    by_hand(rig, second, 999)
    for _ in range(2):
        story = rig.why("s1")
        assert [(act["account"], act["cause"], act["code"], act["sid"]) for act in story["acts"]] == [
            ("a1", "MANUAL", "CLOSED", "manual/ann@desk/00ff")
        ]
        assert story["has_more_acts"] is False
        rig.boot()


def test_a_hand_on_another_accounts_ticket_is_not_told() -> None:
    """Tickets are an account's own."""
    rig = Rig().ready()
    rig.signal()
    first, second = rig.orders()
    rig.fill(first)
    rig.give(REPLAY, rig.outcome(second, "DENIED", position_ticket=0), ROUTER)
    by_hand(rig, second, 901)
    assert rig.why("s1")["acts"] == []


def test_acts_by_the_local_and_by_hand_are_in_order_of_market_time() -> None:
    """First what happened first, whoever did it."""
    rig = Rig().ready()
    rig.signal()
    first, _ = rig.orders()
    rig.fill(first)
    by_hand(rig, first, 901)
    rig.tick()
    own = rig.outcome(first, "MODIFIED", oid=b"t" * 16, sid="s1/TRAILING", leg="trailing", cause="TRAILING", position_ticket=901)
    rig.give(REPLAY, own, ROUTER)
    assert [act["cause"] for act in rig.why("s1")["acts"]] == ["MANUAL", "TRAILING"]


def test_last_is_the_newest_with_an_answered_order_and_says_what_is_newer() -> None:
    """A signal nobody traded does not hide the newest trade; without any trade it is the newest signal."""
    rig = Rig().ready()
    rig.signal(sid="s0", period=99)
    rig.wait(10)
    rig.signal(sid="s1", period=98)
    assert (rig.why("last")["sid"], rig.why("last")["newer_count"]) == ("s1", 0)
    rig.wait(10)
    rig.signal(sid="s2")
    for order in rig.orders():
        rig.fill(order)
    rig.wait(10)
    rig.signal(sid="s3", period=99)
    story = rig.why("last")
    assert (story["sid"], story["newer_count"]) == ("s2", 1)


def test_reads_of_other_work_hinder_no_question() -> None:
    """Outcomes of decisions in the archive are looked for, any number of them: a question is answered all the same."""
    rig, _ = ended("FILLED")
    for _ in range(QUESTIONS_MAX):
        rig.master._state.fetches.make(WHY, b"x", 1, lambda rows, now_ns: [])
    assert rig.why("s1")["sid"] == "s1"


def test_question_too_many_is_not_answered_wrongly() -> None:
    """Nobody says that nothing is known: it stays without an answer, and later it gets its own. Each other one is answered."""
    rig, _ = ended("FILLED")
    inbox = held_back(rig)
    for _ in range(QUESTIONS_MAX + 1):
        rig.why("s1")
    assert len(inbox) == QUESTIONS_MAX
    deliver(rig, inbox)
    assert len(rig.take(WhyAnswer)) == QUESTIONS_MAX
    rig.why("s1")
    deliver(rig, inbox)
    (answer,) = [send.message for send in rig.take(WhyAnswer)]
    assert isinstance(answer, WhyAnswer)
    assert b'"sid":"s1"' in answer.json.replace(b" ", b"")
