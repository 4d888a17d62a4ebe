"""The ledger: lines decided = codes + states, whatever happens to them; what is stored of a decision and when."""

import gc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.codec import decode_record_untrusted
from mesh.core import Put
from mesh.messages.outcomes import FINAL_CODES, STATE_CODES
from nodes import ledger as ledger_module
from nodes.decisions import (
    ARCHIVE,
    DECISION,
    END,
    PUBLISHED,
    SID,
    TOTALS,
    WHY,
    ArchiveRecord,
    Decision,
    TotalsRecord,
)
from nodes.ledger import RECENT_MAX, Ledger
from tests.nodes.master.masterrig import decision_of, outcome_of


def rows(puts: list[Put]) -> dict[str, int]:
    """Rows written by kind; deletions count as -1 each."""
    found: dict[str, int] = {}
    for put in puts:
        found[put.kind] = found.get(put.kind, 0) + (1 if put.record is not None else -1)
    return found


def test_a_live_decision_is_one_row_and_its_answer() -> None:
    """Deciding writes the decision, the answer and the totals, not a row for each line."""
    assert rows(Ledger().add(decision_of([PUBLISHED] * 23))) == {SID: 1, TOTALS: 1, DECISION: 1}


def test_a_decision_that_ended_at_once_goes_to_the_archive() -> None:
    """Denied everywhere: nothing of it stays among the live rows."""
    ledger = Ledger()
    assert rows(ledger.add(decision_of(["DENIED", "SKIPPED"]))) == {SID: 1, TOTALS: 1, ARCHIVE: 1, WHY: 2}
    assert (ledger.live, ledger.codes) == ({}, {"DENIED": 1, "SKIPPED": 1})


def test_the_last_end_moves_a_decision_to_the_archive() -> None:
    """Ends before it are rows of their own; then those and the decision's row go, and the archive has all."""
    ledger = Ledger()
    decision = decision_of([PUBLISHED, PUBLISHED, "DENIED"])
    ledger.add(decision)
    first, second, _ = decision.lines
    assert rows(ledger.end(first, "FILLED", "", 1, outcome_of("a0", first.record.oid))) == {END: 1, TOTALS: 1}
    puts = ledger.end(second, "REJECTED", "10019", 1, None)
    assert rows(puts) == {TOTALS: 1, END: -2, DECISION: -1, ARCHIVE: 1, WHY: 3}
    (raw,) = [put.record for put in puts if put.kind == ARCHIVE]
    assert raw is not None
    archived = decode_record_untrusted(raw, ArchiveRecord)
    assert [end.code for end in archived.ends] == ["FILLED", "REJECTED", "DENIED"]
    words = [put.key for put in puts if put.kind == WHY]
    assert words == [b"s1", first.record.oid.hex().encode(), b"a0:77"]


def test_a_late_fill_is_counted_once() -> None:
    """Amending a line that had ended moves its count; the sum stays."""
    ledger = Ledger()
    decision = decision_of([PUBLISHED])
    ledger.add(decision)
    (line,) = decision.lines
    ledger.end(line, "NOT_FOUND", "", 1, None)
    ledger.amend(line, "FILLED_LATE", "late", 2, outcome_of("a0", line.record.oid))
    assert {code: count for code, count in ledger.codes.items() if count} == {"FILLED_LATE": 1}
    assert ledger.adds_up()


def test_open_accounts_are_known_at_once() -> None:
    """The market asks often who is busy: the count of open lines by account is kept, not searched."""
    ledger = Ledger()
    decision = decision_of([PUBLISHED, PUBLISHED])
    ledger.add(decision)
    ledger.end(decision.lines[0], "FILLED", "", 1, None)
    assert ledger.open_counts == {"a1": 1}


def test_only_recent_decisions_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended ones beyond the bound are forgotten with their lines; the archive has them."""
    monkeypatch.setattr(ledger_module, "RECENT_MAX", 3)
    ledger = Ledger()
    made = [decision_of(["DENIED"], f"s{n}") for n in range(5)]
    for decision in made:
        ledger.add(decision)
    assert [ledger.find_sid(f"s{n}") is not None for n in range(5)] == [False, False, True, True, True]
    assert [ledger.find(d.record.lines[0].oid, "a0") is not None for d in made] == [False, False, True, True, True]
    assert RECENT_MAX == 2_000


def test_a_decision_of_the_archive_is_held_again_as_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its lines and counted nowhere twice; what is in memory is newer than any archive; the bound holds."""
    monkeypatch.setattr(ledger_module, "RECENT_MAX", 2)
    ledger = Ledger()
    made = [decision_of(["NOT_FOUND"], f"s{n}") for n in range(3)]
    puts = [put for decision in made for put in ledger.add(decision)]
    archived = [decode_record_untrusted(put.record or b"", ArchiveRecord) for put in puts if put.kind == ARCHIVE]
    oid = made[0].record.lines[0].oid
    assert ledger.find(oid, "a0") is None
    ledger.recall(archived[0])
    line = ledger.find(oid, "a0")
    assert line is not None
    assert (line.code, line.is_open, ledger.find_sid("s0")) == ("NOT_FOUND", False, line.decision)
    assert [ledger.find_sid(f"s{n}") is not None for n in range(3)] == [True, False, True]
    ledger.amend(line, "FILLED_LATE", "", 2, outcome_of("a0", oid))
    ledger.recall(archived[0])
    assert ledger.find(oid, "a0") is line
    assert (ledger.adds_up(), ledger.decided_count) == (True, 3)
    assert {code: count for code, count in ledger.codes.items() if count} == {"NOT_FOUND": 2, "FILLED_LATE": 1}


def test_a_code_nobody_knows_is_a_bug() -> None:
    """The ledger takes final codes for ends and states for the rest."""
    ledger = Ledger()
    decision = decision_of([PUBLISHED])
    ledger.add(decision)
    with pytest.raises(AssertionError, match="GONE is not final"):
        ledger.end(decision.lines[0], "GONE", "", 1, None)


@settings(max_examples=30)
@given(st.data())
def test_lines_are_always_codes_and_states(data: st.DataObject) -> None:
    """Decided = codes + states after any sequence of decisions, states, ends and late reports."""
    ledger = Ledger()
    everything: list[Any] = []
    for step in range(data.draw(st.integers(1, 25))):
        act = data.draw(st.sampled_from(["decide", "mark", "end", "amend"]))
        if act == "decide":
            codes = data.draw(st.lists(st.sampled_from([PUBLISHED, PUBLISHED, "DENIED", "SKIPPED"]), min_size=1, max_size=4))
            decision = decision_of(codes, f"s{step}")
            ledger.add(decision)
            everything += decision.lines
        elif everything:
            line = data.draw(st.sampled_from(everything))
            code = data.draw(st.sampled_from(FINAL_CODES))
            if act == "mark" and line.is_open:
                ledger.mark(line, data.draw(st.sampled_from(STATE_CODES)))
            elif act == "end" and line.is_open:
                ledger.end(line, code, "", 1, None)
            elif act == "amend" and not line.is_open:
                ledger.amend(line, code, "", 2, outcome_of(line.record.account, line.record.oid))
        assert ledger.adds_up()
        stored = decode_record_untrusted(ledger.totals_put().record or b"", TotalsRecord)
        assert stored == TotalsRecord(ledger.decided_count, ledger.codes)


def test_what_is_forgotten_needs_no_collector() -> None:
    """At twenty orders a second what five minutes of decisions left was forty megabytes."""
    ledger = Ledger()
    gc.collect()
    gc.disable()
    try:
        for number in range(RECENT_MAX + 100):
            ledger.add(decision_of(["DENIED", "SKIPPED"], sid=f"s{number}"))
        there = sum(isinstance(each, Decision) for each in gc.get_objects())
    finally:
        gc.enable()
    assert len(ledger.recent) == RECENT_MAX
    assert there <= RECENT_MAX + 10, "others' tests may have left a few"
