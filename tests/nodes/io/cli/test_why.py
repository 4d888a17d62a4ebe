"""``mesh why``: steps are told from the one before, times as UTC, never as raw nanoseconds."""

import io
import re

import pytest
from rich.console import Console

from mesh.codec import decode_untrusted, encode
from mesh.config import parse
from mesh.errors import BadUsage
from mesh.messages.base import SID_MAX, Msg
from mesh.messages.control import WhyAnswer, WhyAsk
from mesh.steps import stamps_line
from mesh.texts import moment_text, span_text
from nodes.io.cli import ask
from nodes.io.cli.ask import Story, check_query, story_tree
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient

BOOT_NS = 5_000_000_000_123
STAMPS = {
    name: str(BOOT_NS + after_ns)
    for name, after_ns in (
        ("signal_ns", 0), ("master_in_ns", 651_000), ("master_out_ns", 2_000_000), ("router_out_ns", 2_100_000),
        ("local_in_ns", 2_300_000), ("durable_ns", 3_000_000), ("called_ns", 3_100_000), ("answered_ns", 30_500_000),
    )
}  # fmt: skip
STORY: Story = {
    "sid": "cci-1/EURUSD/[x]", "answer": "ACCEPTED", "newer_count": 3,
    "signal": {"kind": "cci_up", "symbol": "EURUSD", "ts_event_ns": "1767571200000123000", "stamp_ns": str(BOOT_NS), "period": "14"},
    "decision": {"market_ns": "1767571200000123000", "stamp_in_ns": str(BOOT_NS), "line_count": 1, "published_count": 1},
    "lines": [{
        "strategy": "reversion", "leg": "open", "account": "demo-1", "code": "FILLED", "detail": "[sl 1.0921]", "oid": "ab",
        "symbol": "EURUSD", "volume": "0.1", "price": "1.1", "profit": "0", "position_ticket": "901",
        "market_ns": "1767571200250123000", "stamps": STAMPS,
    }],
    "acts": [{
        "sid": "manual/ann@desk/00ff", "account": "demo-1", "cause": "MANUAL", "action": "CLOSE", "code": "CLOSED", "detail": "",
        "position_ticket": "901", "volume": "0.1", "price": "1.2", "profit": "5", "market_ns": "1767571260000000000",
    }],
}  # fmt: skip


def told(story: Story) -> str:
    out = io.StringIO()
    Console(file=out, width=400, highlight=False).print(story_tree(story))
    return out.getvalue()


def test_steps_are_from_the_one_before_with_a_total() -> None:
    """And say so; mesh and broker apart."""
    assert stamps_line(STAMPS) == (
        "steps, each from the one before: master_in +651 µs  master_out +1,349 µs  router_out +100 µs  local_in +200 µs  "
        "durable +700 µs  called +100 µs  answered +27.4 ms; total from signal 30.5 ms (mesh 3,100 µs, broker 27.4 ms)"
    )


def test_steps_of_an_order_under_way() -> None:
    """As far as they are known."""
    assert stamps_line({"signal_ns": "5", "master_in_ns": "1005"}) == (
        "steps, each from the one before: master_in +1 µs; total from signal 1 µs"
    )
    assert stamps_line({"signal_ns": "5"}) == "no steps after signal"
    assert stamps_line({}) == "no stamps"


def test_a_story_has_times_as_utc_and_no_raw_nanoseconds() -> None:
    """Market time to the microsecond, and how long after the decision the order ended."""
    text = told(STORY)
    assert "signal   2026-01-05 00:00:00.000123 UTC  kind=cci_up" in text
    assert "ended 2026-01-05 00:00:00.250123 UTC  250.0 ms of market time after the decision" in text
    assert not re.search(r"_ns\b|\d{13,}", text), text


def test_a_story_tells_what_hands_did_and_shows_data_as_it_is() -> None:
    """Who closed the position; brackets are no markup; that newer signals exist."""
    text = told(STORY)
    assert "MANUAL CLOSE on demo-1 by hand of ann@desk: CLOSED" in text
    assert "cci-1/EURUSD/[x]" in text
    assert "FILLED [sl 1.0921]" in text
    assert "the newest signal with an order its broker has answered; newer ones without: 3" in text


@pytest.mark.parametrize(
    ("story", "code", "says"),
    [
        ({}, 1, "nothing is known of 's1'"),
        ({"sid": "s1", "answer": "ACCEPTED", "pruned": True, "lines": [], "acts": STORY["acts"]}, 0, "its lines were pruned"),
    ],
)
def test_what_was_pruned_is_told_as_such_and_where_it_still_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], story: Story, code: int, says: str
) -> None:
    """What is left, and that the audit has the rest; not where nothing is ever pruned."""
    for keep, is_pruning in (("30", True), ('"off"', False)):
        config = parse(f"{demo_text()}\n[store]\nkeep_days = {keep}\n")
        FakeClient(config, lambda node, message: []).is_attached_by(ask, monkeypatch)
        monkeypatch.setattr(ask, "ask_why", lambda client, master, query: story)
        assert ask.show_why(None, "s1", as_json=False) == code
        told = "".join(capsys.readouterr())
        assert says in told
        assert ("over 30 days ago (store.keep_days) is in the audit alone: mesh audit show master-1 --kind _decision" in told) == is_pruning
    assert ("MANUAL CLOSE on demo-1" in told) == bool(story)


def test_master_that_is_silent_is_no_story_that_is_not_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3 where nobody answered, or not in full; exit 1 only where the master said that it knows nothing."""
    config = parse(demo_text())
    for answers, code, says in (
        ([], 3, "master-1 did not answer within 3 s about 's1'"),
        ([b"{}", None], 3, "master-1 did not answer"),
        ([b""], 1, "nothing is known of 's1'"),
    ):

        def answer(node: str, message: Msg, answers: list[bytes | None] = answers) -> list[Msg]:
            assert (node, isinstance(message, WhyAsk)) == ("master-1", True)
            nonce = message.nonce  # type: ignore[attr-defined]
            return [WhyAnswer(nonce, index, len(answers), raw) for index, raw in enumerate(answers) if raw is not None]

        FakeClient(config, answer).is_attached_by(ask, monkeypatch)
        assert ask.show_why(None, "s1", as_json=False) == code
        assert says in capsys.readouterr().err


def test_spans_and_moments() -> None:
    """In the unit that reads best."""
    spans_ns = (900, 651_000, -12_000, 36_500_000, 12_300_000_000)
    assert [span_text(span_ns) for span_ns in spans_ns] == ["1 µs", "651 µs", "-12 µs", "36.5 ms", "12.3 s"]
    assert (moment_text(0), moment_text(1_767_571_200_000_123_000)) == ("", "2026-01-05 00:00:00.000123 UTC")


def test_resolve_is_told_as_an_operators_word() -> None:
    """No act of the local's own: by whom and why stands in its detail."""
    act = STORY["acts"][0] | {"sid": f"{STORY['sid']}/RESOLVE", "cause": "RESOLVE", "action": "OPEN", "code": "NOT_FOUND"}
    words = told(STORY | {"acts": [act | {"detail": "resolved_by=ann@desk said=not_executed reason=seen", "volume": "0"}]})
    assert "RESOLVE OPEN on demo-1 by word of an operator: NOT_FOUND resolved_by=ann@desk said=not_executed reason=seen" in words


@pytest.mark.parametrize("query", ["", "x" * (SID_MAX + 1), b"\xff".decode("utf-8", "surrogateescape")])
def test_words_that_nothing_can_have_are_refused(query: str) -> None:
    """Told before anybody is asked; the longest sid there may be is asked for."""
    with pytest.raises(BadUsage, match="a sid"):
        check_query(query)
    longest = "s" * SID_MAX
    check_query(longest)
    assert decode_untrusted(encode(WhyAsk(longest, 1))) == WhyAsk(longest, 1)
