"""Grants: who has leave to open until when, and deadlines that are never late."""

import pytest

from mesh.drawnkeys import DrawnKeys
from mesh.messages.orders import Grant
from mesh.units import SECOND_NS
from nodes.local.core import Local
from nodes.local.freshness import ASKED_MAX, Freshness
from tests.nodes.local.localrig import MARKET_NS, make_config

GRANT_NS = 3 * SECOND_NS


def asked(now_ns: int = 1_000) -> tuple[Freshness, int]:
    """A local that asked, and its nonce."""
    freshness = Freshness("one", 1, b"s", GRANT_NS)
    return freshness, freshness.ask(now_ns, 0).nonce


def grant(nonce: int, clock_ns: int = 500, relay_ns: int = 0, e: int = 7, n_last: int = 3, digest: bytes = b"", refused: str = "") -> Grant:
    """The master's answer."""
    return Grant("one", nonce, e, n_last, 0, digest, clock_ns, relay_ns, refused)


def test_leave_runs_from_our_own_question() -> None:
    """However late the answer comes, the grant ends 3 s after we asked."""
    freshness, nonce = asked(1_000)
    assert freshness.take(grant(nonce))
    assert freshness.is_live(7, b"", 1_000 + GRANT_NS - 1)
    assert not freshness.is_live(7, b"", 1_000 + GRANT_NS)


def test_leave_that_has_run_out_is_not_told_as_held() -> None:
    """People and alarms read the word: it says held only while something may be opened, and again after the next grant."""
    freshness, nonce = asked(1_000)
    assert freshness.word(b"") == "none"
    freshness.take(grant(nonce))
    freshness.look(1_000 + GRANT_NS - 1)
    assert (freshness.word(b""), freshness.word(b"other")) == ("held", "other stops")
    freshness.look(1_000 + GRANT_NS)
    assert freshness.word(b"") == "run out"
    freshness.take(grant(freshness.ask(2_000 + GRANT_NS, 0).nonce))
    assert freshness.word(b"") == "held"
    freshness.take(grant(freshness.ask(3_000 + GRANT_NS, 0).nonce, refused="REPLACED"))
    assert freshness.word(b"") == "REPLACED"


@pytest.mark.parametrize("way_ns", [0, 10, 400])
@pytest.mark.parametrize("back_ns", [0, 7, 300])
@pytest.mark.parametrize("skew_ns", [-(10**9), 0, 10**12])
def test_deadline_on_our_clock_is_never_late(way_ns: int, back_ns: int, skew_ns: int) -> None:
    """Whatever the clocks and the ways, the mapped deadline is not after the true one, and early by the ways at most."""
    true_ask_ns = 5_000
    freshness, nonce = asked(true_ask_ns)
    master_clock_ns = true_ask_ns + way_ns + skew_ns + 10**10
    router_asked_ns, relayed_ns = true_ask_ns + way_ns // 2, true_ask_ns + way_ns + back_ns
    freshness.take(grant(nonce, clock_ns=master_clock_ns, relay_ns=relayed_ns - router_asked_ns))
    deadline_true_ns = 50_000
    mapped_ns = freshness.local_ns(7, deadline_true_ns + skew_ns + 10**10)
    assert mapped_ns is not None
    assert deadline_true_ns - 2 * way_ns - back_ns <= mapped_ns <= deadline_true_ns


def test_leave_is_for_one_epoch_and_one_kill_set() -> None:
    """Another epoch, or a local whose stops differ, has no leave; deadlines of other epochs mean nothing."""
    freshness, nonce = asked()
    freshness.take(grant(nonce, digest=b"d"))
    assert freshness.is_live(7, b"d", 2_000)
    assert not freshness.is_live(8, b"d", 2_000)
    assert not freshness.is_live(7, b"", 2_000)
    assert freshness.local_ns(8, 1_000) is None


def test_answer_to_no_question_or_an_old_one_gives_nothing() -> None:
    """A nonce is good once; of many unanswered questions the oldest are forgotten."""
    freshness, nonce = asked()
    assert not freshness.take(grant(nonce + 5))
    assert freshness.take(grant(nonce))
    assert not freshness.take(grant(nonce))
    late = freshness.ask(2_000, 0).nonce
    for _ in range(ASKED_MAX):
        freshness.ask(3_000, 0)
    assert not freshness.take(grant(late))


def test_refusal_ends_what_leave_there_was() -> None:
    """A refusal is the master's newest word."""
    freshness, nonce = asked()
    freshness.take(grant(nonce))
    freshness.take(grant(freshness.ask(2_000, 0).nonce, refused="REPLACED"))
    assert (freshness.leave, freshness.refused) == (None, "REPLACED")


def test_older_answer_does_not_shorten_or_replace_a_newer_one() -> None:
    """Answers that overtake each other leave the one asked for last."""
    freshness, first = asked(1_000)
    second = freshness.ask(2_000, 0).nonce
    freshness.take(grant(second))
    assert not freshness.take(grant(first))
    assert freshness.is_live(7, b"", 1_500 + GRANT_NS)


def test_after_an_undo_only_a_grant_asked_for_since_counts_and_bars_older_orders() -> None:
    """Questions from before the undo give no leave; the first after it sets the floor of n."""
    freshness, before = asked(1_000)
    freshness.demand_new(1_500)
    assert not freshness.take(grant(before))
    assert freshness.take(grant(freshness.ask(1_600, 0).nonce, n_last=40))
    assert freshness.is_below_floor(7, 40)
    assert not freshness.is_below_floor(7, 41)
    assert not freshness.is_below_floor(8, 1)


def test_no_two_lives_ask_under_the_same_numbers() -> None:
    """A router knows a question by account and number: an answer for one life would be leave for the other."""
    lives = [Freshness("one", life, b"s", GRANT_NS) for life in range(1, 50)]
    nonces = [freshness.ask(number, 0).nonce for freshness in lives for number in range(20)]
    assert len(dict.fromkeys(nonces)) == len(nonces)
    first, second = lives[0], lives[1]
    nonce = first.ask(5_000, 0).nonce
    second.ask(5_000, 0)
    assert not second.take(grant(nonce))


def test_wall_clock_told_with_a_question_is_right_after_a_slow_start() -> None:
    """Seconds pass between a node's reading of the wall clock and its recovery, as in a shared process: the master must not see them."""
    config = make_config()
    local = Local("local-1", config, 1, b"local-1".ljust(16), MARKET_NS, DrawnKeys(config).of("local-1"), 5 * SECOND_NS)
    local.recover([], 12 * SECOND_NS)
    assert local._state.wall.at(13 * SECOND_NS) == MARKET_NS + 8 * SECOND_NS
