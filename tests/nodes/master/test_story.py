"""The story of a signal: complete, in text where numbers are large, and in parts that fit a frame."""

import json

from mesh.messages.control import WhyAnswer
from nodes.decisions import PUBLISHED, ArchiveRecord, EndRecord
from nodes.master.story import PART_BYTES, amount_text, answers, of_archived, of_live
from tests.nodes.master.masterrig import decision_of, outcome_of


def whole(parts: list[WhyAnswer]) -> dict[str, object]:
    story: dict[str, object] = json.loads(b"".join(part.json for part in parts))
    return story


def test_a_story_has_signal_decision_and_every_line() -> None:
    """What was seen, what was decided, and how each line stands."""
    decision = decision_of([PUBLISHED, "DENIED"])
    decision.stamp_out_ns = 9
    story = of_live(decision)
    assert (story["sid"], story["answer"]) == ("s1", "ACCEPTED")
    assert story["signal"]["kind"] == "cci_up"
    assert story["signal"]["level"] == "-100"
    assert story["decision"] == {"market_ns": "1", "stamp_in_ns": "1", "line_count": 2, "published_count": 2}
    assert [(line["account"], line["code"]) for line in story["lines"]] == [("a0", "WORKING"), ("a1", "DENIED")]
    assert story["lines"][0]["stamps"]["master_out_ns"] == "9"


def test_an_archived_story_has_the_outcomes_numbers() -> None:
    """Tickets, prices and stamps are those the local sent."""
    decision = decision_of([PUBLISHED])
    end = EndRecord("FILLED", "x=1", 1, outcome_of("a0", decision.lines[0].record.oid))
    (line,) = of_archived(ArchiveRecord(decision.record, [end]))["lines"]
    assert (line["code"], line["detail"], line["position_ticket"], line["f"]) == ("FILLED", "x=1", "77", "1")


def test_a_story_comes_in_parts_that_fit() -> None:
    """A decision for hundreds of accounts is cut; the parts together are the whole."""
    decision = decision_of([PUBLISHED] * 200)
    parts = answers(of_live(decision), 5)
    assert len(parts) > 1
    assert [(part.nonce, part.index, part.count) for part in parts] == [(5, n, len(parts)) for n in range(len(parts))]
    assert max(len(part.json) for part in parts) <= PART_BYTES
    assert len(whole(parts)["lines"]) == 200  # type: ignore[arg-type]


def test_nothing_known_is_one_empty_part() -> None:
    """The asker is told that there is nothing."""
    assert answers(None, 5) == [WhyAnswer(5, 0, 1, b"")]


def test_amounts_without_needless_zeros() -> None:
    """Decimals as people write them."""
    assert [amount_text(value) for value in (0, 110_000_000, -50_000, 10**10)] == ["0", "1.1", "-0.0005", "100"]
