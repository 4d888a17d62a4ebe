"""What the control page says, without a screen: stops, what locals say, how what was sent took, what a stop would touch, undoing."""

import msgspec
from rich.text import Text

from mesh.messages.base import Msg
from mesh.messages.control import GENESIS, CommandAnswer, Entry
from mesh.stopset import UNKNOWN_LEVEL
from tests.tui import consolerig as rig
from tui.hands import Progress
from tui.state import Run, State
from tui.stoplines import stop_lines, stops_of
from tui.stoprows import (
    ACCOUNT_COLUMNS,
    LOCAL_COLUMNS,
    STOP_COLUMNS,
    VERDICT_COLUMNS,
    StopRow,
    account_rows,
    account_style,
    is_unconfirmed,
    local_rows,
    local_style,
    seconds_text,
    stop_rows,
)
from tui.stopwords import (
    answer_lines,
    can_end,
    force_words,
    matching,
    name_of,
    resolved,
    run_title,
    run_words,
    same_scope,
    scopes,
    steps,
    stop_warnings,
    touched,
    undo_lines,
    undo_word,
)
from tui.tablemodel import Column, R
from tui.widgets.fields import text_of

KILL = rig.stop()


def seen(*items: Msg, age_ms: int = 100, is_seeing: bool = True) -> State:
    """A state that was told these items so long ago."""
    feed = rig.FakeFeed(["router-1", "router-2"])
    feed.tell(*items, age_ms=age_ms)
    feed.is_seeing = is_seeing
    state = State(rig.CONFIG, rig.NOW_NS)
    state.take(feed.take(), rig.NOW_NS, rig.WALL_NS)
    return state


def only(state: State, now_ns: int = rig.NOW_NS, with_ended: bool = False) -> StopRow:
    """The one stop there is."""
    (row,) = stop_rows(state, now_ns, with_ended)
    return row


def texts(columns: tuple[Column[R], ...], row: R) -> dict[str, str]:
    """What stands in each column."""
    return {column.key: column.text(row) for column in columns}


# stops


def test_a_stop_tells_who_when_why_and_how_many_locals_are_at_it() -> None:
    """One line has all of it, and counts only locals that say so lately."""
    row = only(seen(KILL, rig.latched("demo-1", KILL), rig.latched("demo-2", KILL)))
    assert texts(STOP_COLUMNS, row) == {
        "word": "binds",
        "level": "FREEZE",
        "scope": "all",
        "held": "2 of 4",
        "since": "01-05 08:00:00",
        "by": "ann@desk",
        "reason": "news",
    }
    old = only(seen(KILL, rig.latched("demo-1", KILL), age_ms=9_000))
    assert texts(STOP_COLUMNS, old)["held"] == "0 of 4"


def test_the_newest_stop_is_first() -> None:
    """Stops that bind come by when they were issued."""
    later = msgspec.structs.replace(rig.stop("CANCEL", "account:demo-2", nonce=2), issued_ns=rig.WALL_NS + 1)
    assert [row.entry for row in stop_rows(seen(KILL, later), rig.NOW_NS, False)] == [later, KILL]


def test_a_new_real_accounts_stop_is_to_be_armed() -> None:
    """Only its own local's entry is; an operator's words do not make one."""
    genesis = Entry("local-2", 5, rig.WALL_NS, "FREEZE", "account:demo-2", f"{GENESIS} new account", "")
    copied = rig.stop(scope="account:demo-2", reason=GENESIS)
    state = seen(genesis, copied)
    assert {row.entry.issuer: row.word for row in stop_rows(state, rig.NOW_NS, False)} == {"local-2": "to arm", "operator": "binds"}
    assert undo_word(state, genesis) == "demo-2"
    assert undo_word(state, copied) == "account:demo-2"


def test_an_ended_stop_is_shown_while_somebody_holds_it() -> None:
    """It is ending then, and goes when all have the undo; it can be looked up later, with who ended it."""
    undo = rig.undo(KILL)
    ending = only(seen(KILL, rig.latched("demo-3", KILL), undo))
    assert ending.word == "ending"
    assert texts(STOP_COLUMNS, ending)["held"] == "1 still"
    ended = seen(KILL, rig.latched("demo-3"), undo)
    assert stop_rows(ended, rig.NOW_NS, False) == []
    row = only(ended, with_ended=True)
    assert row.word == "ended"
    assert texts(STOP_COLUMNS, row)["reason"] == "ended by ann@desk: calm again; was: news"
    assert texts(STOP_COLUMNS, row)["held"] == "-"


# what locals say


def says(state: State, now_ns: int = rig.NOW_NS) -> dict[str, str]:
    """Account → what its local says of the one stop."""
    return {row.account: texts(LOCAL_COLUMNS, row)["says"] for row in local_rows(only(state, now_ns, True))}


def test_locals_words_are_told_as_theirs() -> None:
    """How far each says that it is, with a mark; none is called by the word of the proof."""
    flatten = rig.stop("FLATTEN")
    state = seen(flatten, rig.latched("demo-1", flatten, stage="FLAT"), rig.latched("demo-2", flatten), rig.latched("demo-3"))
    assert says(state) == {
        "demo-1": "✓ FLAT",
        "demo-2": "✗ LATCHED, not FLAT",
        "demo-3": "✗ does not hold it",
        "demo-4": "○ said nothing yet",
    }


def test_old_words_are_grey_and_say_how_old_they_are() -> None:
    """A word that is late or dead is never marked as one that holds."""
    state = seen(KILL, rig.latched("demo-1", KILL))
    late_ns, dead_ns = rig.NOW_NS + 2 * 10**9, rig.NOW_NS + 5 * 10**9
    assert says(state, late_ns)["demo-1"] == "◐ LATCHED, 2.1 s ago"
    assert says(state, dead_ns)["demo-1"] == "○ LATCHED, 5.1 s ago"
    rows = local_rows(only(state, dead_ns))
    assert {local_style(row) for row in rows} == {"dim"}
    assert not any(row.is_settled for row in rows)


def test_an_undo_is_followed_account_by_account() -> None:
    """Who holds the stop still, and who has the undo."""
    undo = rig.undo(KILL)
    has_it = msgspec.structs.replace(rig.latched("demo-2"), entries=[rig.key_of(KILL), rig.key_of(undo)])
    state = seen(KILL, undo, rig.latched("demo-1", KILL), has_it, rig.latched("demo-3"))
    assert says(state) == {
        "demo-1": "✗ holds it still: LATCHED",
        "demo-2": "✓ has the undo",
        "demo-3": "✓ does not hold it",
        "demo-4": "○ said nothing yet",
    }


def test_a_stop_of_an_account_concerns_that_one_only() -> None:
    """Nobody else is asked what it says of it."""
    assert list(says(seen(rig.stop(scope="account:demo-2")))) == ["demo-2"]


def test_what_a_stop_would_touch_is_counted_account_by_account() -> None:
    """Positions, those not ours, pending orders, and how old that is; an account that was never seen says so."""
    state = seen(rig.state("demo-1", positions=(rig.position(), rig.position(2, ours=False)), orders=[rig.pending()]))
    first, second = account_rows(state, rig.NOW_NS)[:2]
    assert list(texts(ACCOUNT_COLUMNS, first).values()) == ["demo-1", "ACTIVE", "2", "1", "1", "0.1"]
    assert list(texts(ACCOUNT_COLUMNS, second).values()) == ["demo-2", "not seen", "-", "-", "-", "-"]
    assert [account_style(first), account_style(second)] == ["", "dim"]


# what was sent from here


def run(progress: Progress | None, error: str = "") -> Run:
    """Something that was sent."""
    return Run(1, "FREEZE all", rig.WALL_NS, progress, error)


def test_a_run_says_how_many_are_confirmed_and_who_is_waited_for() -> None:
    """With the reason; when it is over, with what can be done."""
    state = seen()
    waiting = rig.progress(confirmed=3, is_over=False)
    assert run_words(run(waiting), state) == ["✗ FREEZE all: 3 of 4 confirmed, waiting for demo-4: no LATCHED"]
    assert run_words(run(rig.progress(confirmed=2)), state) == [
        "✗ FREEZE all: 2 of 4 confirmed, no longer waited for: demo-3: no LATCHED, and 1 more account",
        "· it binds where it came and spreads on; send it again to have it confirmed",
    ]
    assert run_words(run(rig.progress()), state) == ["✓ FREEZE all: 4 of 4 confirmed"]
    assert run_title(run(waiting), 2, 3) == "SENT FROM HERE 2 of 3: FREEZE all, 01-05 08:00:00 UTC"


def test_a_run_names_nodes_that_lack_or_refuse_it() -> None:
    """A node that refused it does not lack it besides."""
    progress = msgspec.structs.replace(
        rig.progress(), lacking=("router-2", "master-1"), refusals={"master-1": "BAD_SIGNATURE key=operator"}
    )
    assert run_words(run(progress), seen())[1:] == [
        "✗ master-1 refuses it: BAD_SIGNATURE key=operator",
        "· not heard that they have it: router-2",
    ]


def test_a_run_that_failed_says_why_and_one_that_waits_says_so() -> None:
    """Its error alone; before any answer, that there was none."""
    assert run_words(run(None, "no key: keys/operator.key"), seen()) == ["✗ NOT SENT: no key: keys/operator.key"]
    assert run_words(run(None), seen()) == ["on its way: nobody has answered yet"]


def test_a_run_says_that_its_stop_was_ended_since() -> None:
    """What was CONFIRMED then does not bind now."""
    progress = msgspec.structs.replace(rig.progress(), id=rig.key_of(KILL))
    assert run_words(run(progress), seen(KILL, rig.undo(KILL)))[-1] == "· ended since by ann@desk: calm again"


def test_each_account_is_confirmed_or_not_confirmed() -> None:
    """There is no third answer; the time is of those that are, the reason of those that are not."""
    sure, unsure = rig.progress(confirmed=3).verdicts[2:]
    assert texts(VERDICT_COLUMNS, sure)["answer"] == "✓ CONFIRMED"
    assert texts(VERDICT_COLUMNS, sure)["after"] == "49.0"
    assert texts(VERDICT_COLUMNS, unsure)["answer"] == "✗ NOT CONFIRMED"
    assert texts(VERDICT_COLUMNS, unsure)["after"] == "-"
    assert texts(VERDICT_COLUMNS, unsure)["why"] == "no LATCHED"
    assert [is_unconfirmed(verdict) for verdict in (sure, unsure)] == [False, True]


# the ladder


def test_the_step_in_force_is_marked() -> None:
    """By what binds over everything; narrower stops are named beside it; where nobody tells, nothing is."""
    narrow = rig.stop("FLATTEN", "symbol:EURUSD", nonce=2)
    state = seen(KILL, narrow)
    assert [step.mark for step in steps(state)] == ["○", "●", "○", "○"]
    assert force_words(state, rig.NOW_NS) == "in force over everything: FREEZE; narrower: FLATTEN symbol:EURUSD"
    blind = seen(KILL, is_seeing=False)
    assert [step.mark for step in steps(blind)] == ["?"] * 4
    assert force_words(blind, rig.NOW_NS + 5 * 10**9) == (
        "UNKNOWN: no router was heard for 5.0 s; known last: FREEZE all. You can still stop: it is sent at once"
    )
    assert force_words(State(rig.CONFIG, rig.NOW_NS), rig.NOW_NS) == "UNKNOWN: no router was heard yet"


def test_a_level_nobody_here_knows_is_no_step_and_binds() -> None:
    """It is never ACTIVE; no local's word is enough for it; it is not among what is ended from here, and stays."""
    half = rig.stop("HALF", nonce=2)
    state = seen(KILL, half, rig.latched("demo-1", KILL, half, stage="FLAT"))
    assert [step.mark for step in steps(state)] == ["?"] * 4
    assert force_words(state, rig.NOW_NS) == f"in force over everything: {UNKNOWN_LEVEL}"
    (row,) = (row for row in stop_rows(state, rig.NOW_NS, False) if row.key == rig.key_of(half))
    shown = texts(STOP_COLUMNS, row)
    assert (shown["word"], shown["level"], shown["held"]) == ("binds", UNKNOWN_LEVEL, "0 of 4")
    assert "its level HALF is of a newer version" in shown["reason"]
    assert same_scope(state, "all") == [rig.key_of(KILL)]
    assert not can_end(row.entry)
    assert undo_lines(state, [rig.key_of(KILL)])[-1] == f"after   {UNKNOWN_LEVEL} on every account"
    first = stops_of(seen(KILL, half, rig.stop("FLATTEN", nonce=3)), rig.NOW_NS)[0]
    assert first.entry.level == UNKNOWN_LEVEL
    (_, line, *_) = stop_lines(state, [row], [], rig.NOW_NS, rig.WALL_NS, 120, 5)
    assert line.plain.startswith(f"{UNKNOWN_LEVEL}  all")


# scopes and what they touch


def test_scopes_complete_by_their_beginning_and_by_their_name() -> None:
    """And a bare name stands for its scope where it is one's alone."""
    known = scopes(rig.CONFIG)
    assert known[:2] == ["all", "account:demo-1"]
    assert "symbol:EURUSD" in known
    assert "strategy:reversion" in known
    assert matching("account:demo-2", known) == ["account:demo-2"]
    assert matching("eur", known) == ["symbol:EURUSD"]
    assert resolved("demo-2", known) == "account:demo-2"
    assert resolved("all", known) == "all"
    assert resolved("nobody", known) == "nobody"
    assert [name_of(scope) for scope in ("all", "account:demo-2", "demo-2:17")] == ["all", "demo-2", "demo-2:17"]


def test_flatten_warns_of_what_is_not_ours() -> None:
    """Over everything, an account or a symbol it closes that, too; over a strategy it does not."""
    state = seen(*rig.busy())
    whole = stop_warnings("FLATTEN", "all", touched(state, "all", rig.NOW_NS))
    assert whole[1:] == ["now: 4 accounts, 20 positions, 4 pending orders", "‼ closes what is not ours too: 4 positions"]
    symbol = touched(state, "symbol:USDJPY", rig.NOW_NS)
    assert (symbol.position_count, symbol.foreign_count, symbol.order_count) == (8, 0, 0)
    strategy = stop_warnings("FLATTEN", "strategy:reversion", touched(state, "strategy:reversion", rig.NOW_NS))
    assert strategy[1:] == ["now: 4 accounts, 16 positions", "· positions of this strategy only; those that are not ours stay"]


def test_a_preview_says_what_it_does_not_know() -> None:
    """Accounts that were never seen, and numbers that are old, by name."""
    found = stop_warnings("FREEZE", "all", touched(seen(rig.state("demo-1"), age_ms=5_000), "all", rig.NOW_NS))
    assert found[2:] == ["✗ never seen: demo-2, demo-3, demo-4; it is sent to them all the same", "◐ old numbers: demo-1 5.0 s old"]


# the way back


def test_an_undo_lists_what_ends_what_stays_and_what_binds_after_it() -> None:
    """Another stop goes on holding its account."""
    narrow = rig.stop("CANCEL", "account:demo-2", reason="", nonce=2)
    state = seen(KILL, narrow)
    keys = same_scope(state, "all")
    assert keys == [rig.key_of(KILL)]
    assert undo_lines(state, keys) == [
        f"ends    FREEZE all by ann@desk: news ({rig.key_of(KILL).hex()[:12]})",
        f"stays   CANCEL account:demo-2 by ann@desk: no reason ({rig.key_of(narrow).hex()[:12]})",
        "after   ACTIVE on demo-1, demo-3, demo-4",
        "after   CANCEL on demo-2",
    ]


def test_answers_to_a_command_are_counted_by_code() -> None:
    """Then each with its ticket, lots and price in the symbol's digits."""
    answer = CommandAnswer(bytes(16), "demo-1", "CLOSED", "left=0", 17, "USDJPY", 10**7, 15_012_300_000, True)
    lines = answer_lines(seen(rig.symbols("demo-1")), [answer])
    assert lines[0] == "1 CLOSED"
    assert lines[1].split() == ["demo-1", "CLOSED", "17", "USDJPY", "0.1", "lots", "150.123", "left=0"]
    assert answer_lines(seen(), []) == ["nobody answered"]


# words of others


def test_words_of_others_do_nothing_to_the_terminal() -> None:
    """A reason is neither markup nor an escape sequence."""
    assert text_of(["[bold]x[/] \x1b[2J\a"]) == Text("[bold]x[/]  [2J ")
    assert seconds_text(12_345_678_901) == "12.3"
