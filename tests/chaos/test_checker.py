"""The checker of `make chaos` finds what it is there for: books that agree are clean, and each way in which they may not agree is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.config import parse
from mesh.ids import magic_of
from mesh.io.store import create
from mesh.messages.base import NO_OID
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.outcomes import Outcome, Stamps
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.decisions import PUBLISHED, Decision, DecisionRecord, Line, LineRecord
from nodes.terminal import names
from nodes.terminal.records import Deal
from tests.chaos.books import Attempt, Books, Sent
from tests.chaos.checker import Checker
from tests.chaos.isolation import Isolation
from tests.chaos.plan import configuration
from tests.chaos.secondstart import Ended
from tests.chaos.stops import Stop

CONFIG = parse(configuration(1, 4, Path("record")))
OID, OTHER = b"o" * 16, b"p" * 16
LOT_E8 = E8 // 100
DEADLINE_NS = 100 * SECOND_NS
SIGNAL = Signal("chaos-1", "operator", "manual", "EURUSD", "M1", 0, 0, 0, 1, side=1, accounts=["a1"])
Change = Callable[[Books], None]


def outcome_of(oid: bytes, f: int, code: str, volume_e8: int, attempt: int, **fields: Any) -> Outcome:
    plain = Outcome("a1", 1, 1, f, oid, "chaos-1", "hand", "open", OPEN, code, True, "open", "", "EURUSD", 1, volume_e8, 0, 0, 0, 0, 0, 0,
                    attempt, 0, Stamps(called_ns=DEADLINE_NS - SECOND_NS))  # fmt: skip
    return msgspec.structs.replace(plain, **fields)


def line_of(oid: bytes, action: str, outcome: Outcome) -> Line:
    closes_e8 = LOT_E8 if action == CLOSE else 0
    record = LineRecord("a1", oid, "hand", "open", action, "EURUSD", 1, 0 if action == CLOSE else LOT_E8, NO_OID, 0, closes_e8, 0, 0, 0, 20,
                        DEADLINE_NS if action == OPEN else 0, 1, outcome.f, outcome.f, PUBLISHED)  # fmt: skip
    decision = Decision(DecisionRecord(bytes(16), SIGNAL, 0, 0, [record]))
    return Line(decision, record, outcome.code, "", outcome.f, outcome=outcome)


def deal_of(oid: bytes, attempt: int, ticket: int, entry: int) -> Deal:
    return Deal(ticket, ticket, "EURUSD", 0, entry, magic_of(oid, "a1", attempt), 7, names.DEAL_REASON_EXPERT, LOT_E8, 0, 0, 0, 0, 0, 0, "")


def answer(retcode: int, deal: int) -> dict[str, object]:
    return {"ts": "then", "retcode": retcode, "deal": str(deal), "order": str(deal), "error": 1}


def books() -> Books:
    """An opening that was requoted once and then filled, and its close: all books agree."""
    opened, closed = outcome_of(OID, 1, "FILLED", LOT_E8, 2), outcome_of(OTHER, 2, "CLOSED", LOT_E8, 1, action=CLOSE)
    sent = {
        ("a1", magic_of(OID, "a1", 1)): Sent(1, [answer(10004, 0)]),
        ("a1", magic_of(OID, "a1", 2)): Sent(1, [answer(10009, 501)]),
        ("a1", magic_of(OTHER, "a1", 1)): Sent(1, [answer(10009, 502)]),
    }
    attempts = {("a1", magic_of(oid, "a1", number)): Attempt(oid, "a1", number) for oid in (OID, OTHER) for number in range(1, 5)}
    deals = {"a1": [deal_of(OID, 2, 501, names.DEAL_ENTRY_IN), deal_of(OTHER, 1, 502, names.DEAL_ENTRY_OUT)]}
    lines = [line_of(OID, OPEN, opened), line_of(OTHER, CLOSE, closed)]
    reach = {(OID, "a1"): 4, (OTHER, "a1"): 4}
    return Books(lines, [], {"a1": {1: opened, 2: closed}}, deals, sent, {8_001: "a1"}, attempts, reach)


def found(kept: Books) -> list[str]:
    checker = Checker(kept, CONFIG)
    checker.check_books()
    checker.check_lines({"adds_up": True})
    checker.check_signals({"chaos-1": SIGNAL}, {"chaos-1": SignalAnswer("chaos-1", ACCEPTED)}, "operator")
    return [violation.name for violation in checker.found]


def test_books_that_agree_are_clean() -> None:
    """No violation, and the story of a line has what each book says of it."""
    assert found(books()) == []
    told = Checker(books(), CONFIG).story(books().lines[0])
    assert all(word in told for word in ("OPEN", "local f=1 FILLED", "attempt 2 taken 1x", "deal 501 0.01"))


def _twice(kept: Books) -> None:
    kept.deals["a1"].append(deal_of(OID, 1, 503, names.DEAL_ENTRY_IN))


def _sent_twice(kept: Books) -> None:
    kept.sent["a1", magic_of(OID, "a1", 2)].taken_count = 2


def _no_proof(kept: Books) -> None:
    kept.sent["a1", magic_of(OID, "a1", 1)].answers.clear()


def _too_much(kept: Books) -> None:
    kept.deals["a1"].append(deal_of(OTHER, 1, 504, names.DEAL_ENTRY_OUT))


def _opened_by_a_close(kept: Books) -> None:
    kept.deals["a1"][1] = deal_of(OTHER, 1, 502, names.DEAL_ENTRY_IN)


def _late(kept: Books) -> None:
    outcome = kept.lines[0].outcome
    assert outcome is not None
    kept.lines[0].outcome = msgspec.structs.replace(outcome, stamps=Stamps(called_ns=DEADLINE_NS + 2 * SECOND_NS))


def _lost(kept: Books) -> None:
    kept.deals["a1"].pop()


def _nobodys_deal(kept: Books) -> None:
    kept.deals["a1"].append(msgspec.structs.replace(deal_of(OID, 2, 505, names.DEAL_ENTRY_IN), magic=77))


def _nobodys_send(kept: Books) -> None:
    kept.sent["a1", 78] = Sent(1, [answer(10009, 506)])


def _not_ended(kept: Books) -> None:
    kept.lines[0].code = "UNCONFIRMED"


def _told_otherwise(kept: Books) -> None:
    kept.outcomes["a1"][1] = outcome_of(OID, 1, "REJECTED", 0, 2)


def _forgotten_line(kept: Books) -> None:
    kept.lines.clear()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (_twice, "I1"), (_sent_twice, "I1"), (_no_proof, "I1"), (_too_much, "I1"), (_opened_by_a_close, "I1"), (_late, "I3"),
        (_lost, "I12"), (_nobodys_deal, "I12"), (_nobodys_send, "I12"), (_not_ended, "I5"), (_told_otherwise, "I5"),
        (_forgotten_line, "I6"),
    ],
)  # fmt: skip
def test_each_disagreement_is_found(change: Change, name: str) -> None:
    """Books with one thing wrong in them are not clean, and the violation bears the rule's name."""
    kept = books()
    change(kept)
    assert name in found(kept)


def test_signals_that_are_lost_refused_or_made_up_are_found() -> None:
    """Unanswered: L1; refused, or decided and never sent: I6."""

    def names_of(sent: dict[str, Signal], answers: dict[str, SignalAnswer]) -> list[str]:
        checker = Checker(books(), CONFIG)
        checker.check_signals(sent, answers, "operator")
        return [violation.name for violation in checker.found]

    both = {"chaos-1": SIGNAL, "chaos-2": msgspec.structs.replace(SIGNAL, sid="chaos-2")}
    accepted = {"chaos-1": SignalAnswer("chaos-1", ACCEPTED)}
    assert names_of(both, accepted) == ["L1"]
    assert names_of(both, {**accepted, "chaos-2": SignalAnswer("chaos-2", ACCEPTED)}) == ["I6"]
    assert names_of({"chaos-1": SIGNAL}, {"chaos-1": SignalAnswer("chaos-1", "MALFORMED")}) == ["I6"]
    assert names_of({}, {}) == ["I6"]


def test_sums_starts_stores_and_who_is_stuck_are_looked_at(tmp_path: Path) -> None:
    """A summary that does not add up, a second start that did not end with 75, a damaged store, a node that is not done."""
    create(tmp_path / "local-1.db", "chaos", "local-1").close()
    checker = Checker(books(), CONFIG)
    checker.check_audits(tmp_path, ["local-1"])
    checker.check_seconds([Ended("local-1", 75, False), Ended("local-2", None, True)])
    checker.check_end([])
    checker.check_up(0, "", {}, [])
    checker.check_up(1, "", {}, ["local-1 has unknown 1"])
    (tmp_path / "local-1.out").write_text("mesh: local-1: store: disk is full\n")
    checker.check_ends({"local terminated by SIGKILL": 3, "local exit status 74": 1}, tmp_path)
    assert checker.found == []
    content = bytearray((tmp_path / "local-1.db").read_bytes())
    content[content.index(b"local-1")] ^= 1
    (tmp_path / "local-1.db").write_bytes(content)
    checker.check_audits(tmp_path, ["local-1"])
    checker.check_lines({"adds_up": False})
    checker.check_seconds([Ended("local-1", 1, True), Ended("local-2", None, False)])
    checker.check_end(["local-1 has unknown 1"])
    (tmp_path / "local-1.out").write_text("Traceback (most recent call last):\n  AssertionError: ours\n")
    checker.check_ends({"local terminated by SIGABRT": 1}, tmp_path)
    assert [violation.name for violation in checker.found] == ["audit", "I5", "I8", "I8", "L1", "crash", "crash"]
    assert "AssertionError: ours" in checker.found[-1].story


@pytest.mark.parametrize(("code", "stuck"), [(1, []), (78, ["local-1 has unknown 1"]), (-9, []), (None, [])])
def test_how_mesh_up_ended_is_looked_at(code: int | None, stuck: list[str]) -> None:
    """Not with 0 although nothing is stuck, with what no campaign ends with, or not at all: told with its last words."""
    checker = Checker(books(), CONFIG)
    checker.check_up(code, "earlier\nits last words", {"down": {"local-1": "stays down"}}, stuck)
    assert [violation.name for violation in checker.found] == ["exit"]
    assert all(word in checker.found[0].story for word in ("stays down", "its last words"))


def test_adopted_is_what_a_local_told_of_an_order_itself() -> None:
    """Not the stops it moved, nor what a hand did."""
    kept = books()
    kept.acts += [outcome_of(OID, 3, "FILLED", LOT_E8, 1), outcome_of(OID, 4, "MODIFIED", 0, 1, cause="TRAILING")]
    kept.acts.append(outcome_of(OTHER, 5, "CLOSED", LOT_E8, 1, leg="hand_close", cause="MANUAL"))
    assert [outcome.f for outcome in kept.adopted] == [3]


@pytest.mark.parametrize(
    ("taken_ns", "scope", "named", "is_found"),
    [
        (150, "all", frozenset(), True),
        (150, "account:a1", frozenset(), True),
        (150, "symbol:EURUSD", frozenset(), True),
        (150, "account:a2", frozenset(), False),
        (150, "all", frozenset([OID]), False),
        (99, "all", frozenset(), False),
        (201, "all", frozenset(), False),
    ],
)
def test_what_opens_past_a_confirmed_stop_is_found(taken_ns: int, scope: str, named: frozenset[bytes], is_found: bool) -> None:
    """Between CONFIRMED and the undo, in the stop's scope, and not named as being at the venue."""
    told = books()
    told.sent["a1", magic_of(OID, "a1", 2)].taken_ns = taken_ns
    stop = Stop("FREEZE", scope, bytes(32), 50, {"a1": (100, named)}, 1, undone_ns=200)
    checker = Checker(told, CONFIG)
    checker.check_stops([stop, Stop("FREEZE", scope, bytes(32), 300, {}, 1, undone_ns=400)])
    assert [violation.name for violation in checker.found] == ["I10"] * is_found


@pytest.mark.parametrize(("taken_ms", "is_found"), [(10_499, False), (10_501, True), (15_001, False)])
def test_what_opens_long_after_it_was_cut_off_is_found(taken_ms: int, is_found: bool) -> None:
    """From 7 s to 15 s: later than three and a half seconds."""
    told = books()
    told.sent["a1", magic_of(OID, "a1", 2)].taken_ns = taken_ms * MS_NS
    checker = Checker(told, CONFIG)
    checker.check_isolations([Isolation("a1", 7 * SECOND_NS, 15 * SECOND_NS), Isolation("a2", 7 * SECOND_NS, 15 * SECOND_NS)])
    assert [violation.name for violation in checker.found] == ["I11"] * is_found
