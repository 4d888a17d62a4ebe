"""Whatever goes wrong at the terminal: an order is executed at most once, and its line ends with the code that is true.

The real adapter and the simulated terminal in virtual time; what was executed is counted in the terminal's own books.
"""

from typing import Any

import pytest

from mesh.faults import FaultSection
from nodes.terminal import names
from nodes.terminal.engine import Terminal
from tests.nodes.local.localrig import Rig
from tests.nodes.local.terminalvenue import rig_with

PATIENCE_MS = 200_000


def fault(kind: str, **fields: Any) -> FaultSection:
    """A fault of the first order_send, unless told otherwise."""
    return FaultSection(**{"kind": kind, "nth": 1, **fields})


def ended(rig: Rig, count: int = 1) -> list[str]:
    """The codes of what the master ordered of account one, once there are so many, and nothing more comes."""
    rig.until(lambda: len(codes(rig)) >= count, PATIENCE_MS)
    rig.run(20_000)
    return codes(rig)


def codes(rig: Rig) -> list[str]:
    """The codes of the master's own orders so far."""
    return [outcome.code for outcome in rig.master.outcomes if outcome.final and outcome.sid == "sid-1"]


def said(rig: Rig, word: str) -> bool:
    """Whether an outcome's detail has a word."""
    return any(word in outcome.detail for outcome in rig.master.outcomes)


LOST = fault("lose_reply")
NO_CANCEL = tuple(fault("retcode", nth=nth, retcode=10035) for nth in range(2, 30))
"""The broker cancels nothing."""
NO_SERVER = fault("disconnect", call="history_orders_get", for_ms=85_000)
"""The server is lost when the attempt is first looked for."""
OPENS: list[tuple[str, tuple[FaultSection, ...], str, int]] = [
    ("request lost", (fault("lose_request"),), "NOT_FOUND", 0),
    ("reply lost", (LOST,), "FILLED", 1),
    ("send failed", (fault("send_failed"),), "NOT_FOUND", 0),
    ("call failed, executed", (fault("error", error=-1, executed=True),), "FILLED", 1),
    ("call failed", (fault("error", error=-1),), "NOT_FOUND", 0),
    ("invalid params", (fault("error", error=-2),), "REJECTED", 0),
    ("no connection", (fault("error", error=-10004),), "FILLED", 1),
    *[
        (f"{code} {'executed' if executed else 'not executed'}", (fault("retcode", retcode=code, executed=executed),), told, count)
        for code in (10012, 10031, 10011, 0, 12_345)
        for executed, told, count in ((True, "FILLED", 1), (False, "NOT_FOUND", 0))
    ],
    ("requote", (fault("retcode", retcode=10004),), "FILLED", 1),
    ("too many requests", (fault("retcode", retcode=10024),), "FILLED", 1),
    ("market closed", (fault("retcode", retcode=10018),), "FILLED", 1),
    ("rejected", (fault("retcode", retcode=10006),), "REJECTED", 0),
    ("done without numbers", (fault("retcode", retcode=10009, executed=True),), "FILLED", 1),
    ("done in part without numbers", (fault("retcode", retcode=10010, executed=True),), "FILLED", 1),
    ("done without numbers, not done", (fault("retcode", retcode=10009),), "NOT_FOUND", 0),
    ("hang, executed", (fault("hang", executed=True),), "FILLED", 1),
    ("hang", (fault("hang"),), "NOT_FOUND", 0),
    ("late answer", (fault("hang", executed=True, for_ms=10_000),), "FILLED", 1),
    ("terminal restarts", (fault("restart", for_ms=5_000),), "NOT_FOUND", 0),
    ("server lost", (fault("disconnect", for_ms=90_000),), "NOT_FOUND", 0),
    ("algo trading off", (fault("stop_trading"),), "REJECTED", 0),
    ("python interface off", (fault("disable_api"),), "REJECTED", 0),
    ("deal unknown in the reply", (fault("no_deal"),), "FILLED", 1),
    ("placed, filled in time", (fault("place", for_ms=800),), "FILLED", 1),
    ("placed, reply lost", (fault("place", for_ms=800), LOST), "FILLED", 1),
    ("placed for later than the deadline", (fault("place", for_ms=30_000),), "EXPIRED", 0),
    ("placed for later, cancel refused", (fault("place", for_ms=8_000), *NO_CANCEL), "FILLED", 1),
    ("seen late, shorter than a read", (fault("hide", for_ms=3_000), LOST), "FILLED", 1),
    ("seen late, longer than a read", (fault("hide", for_ms=12_000), LOST), "FILLED", 1),
    ("history late", (fault("hide", of="history", for_ms=40_000), LOST), "FILLED", 1),
    ("positions late", (fault("hide", of="positions", for_ms=40_000), LOST), "FILLED", 1),
    ("comment rewritten", (fault("rewrite_comment", comment="by the broker"), LOST), "FILLED", 1),
    ("unseen until the server is back", (LOST, fault("hide", for_ms=80_000), NO_SERVER), "FILLED", 1),
]  # fmt: skip


@pytest.mark.parametrize(("faults", "code", "count"), [pytest.param(*case[1:], id=case[0]) for case in OPENS])
def test_open_runs_at_most_once_and_its_code_is_true(faults: tuple[FaultSection, ...], code: str, count: int) -> None:
    """One code, as many executions as it says, and nothing more for as long as is looked."""
    with rig_with(*faults) as (rig, venue):
        rig.open()
        assert (ended(rig), len(venue.deals())) == ([code], count)
        if count:
            rig.run(30_000)
            assert [position.ours for position in rig.master.states[-1].positions] == [True]


CLOSES: list[tuple[str, tuple[FaultSection, ...]]] = [
    (kind, (fault(kind, nth=2, **fields),))
    for kind, fields in [
        ("lose_request", {}), ("lose_reply", {}), ("send_failed", {}), ("hang", {}), ("hang", {"executed": True}),
        ("retcode", {"retcode": 10012, "executed": True}), ("retcode", {"retcode": 10012}), ("retcode", {"retcode": 10004}),
        ("place", {"for_ms": 800}), ("place", {"for_ms": 30_000}), ("restart", {"for_ms": 5_000}), ("disconnect", {"for_ms": 9_000}),
    ]
] + [
    ("forgotten magic", (fault("drop_magic", nth=2), fault("lose_reply", nth=2))),
    ("forgotten magic and comment", (fault("drop_magic", nth=2), fault("rewrite_comment", nth=2, comment="x"), fault("lose_reply", nth=2))),
    ("seen late", (fault("hide", nth=2, for_ms=12_000), fault("lose_reply", nth=2))),
]  # fmt: skip


@pytest.mark.parametrize("part", [False, True], ids=["full", "part"])
@pytest.mark.parametrize("faults", [pytest.param(case[1], id=f"{number} {case[0]}") for number, case in enumerate(CLOSES)])
def test_close_closes_what_it_was_to_close_and_no_more(faults: tuple[FaultSection, ...], part: bool) -> None:
    """Whatever happened to the first attempt, the lots closed are those that were to be."""
    with rig_with(*faults) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        opened_e8 = venue.deals()[0].volume_e8
        left_e8 = opened_e8 // 2 if part else 0
        rig.close(opening, left_e8=left_e8)
        assert ended(rig, 2) == ["FILLED", "CLOSED"]
        assert sum(deal.volume_e8 for deal in venue.deals(names.DEAL_ENTRY_OUT)) == opened_e8 - left_e8
        assert len(venue.deals()) == 1


def test_forgotten_magic_is_found_by_the_comment() -> None:
    """A partial close whose magic the broker dropped is recognised by its comment: one attempt, no second one."""
    with rig_with(fault("drop_magic", nth=2), fault("lose_reply", nth=2)) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        rig.close(opening, left_e8=venue.deals()[0].volume_e8 // 2)
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 10_000)
        assert rig.master.outcomes[-1].attempt == 1
        assert len(venue.deals(names.DEAL_ENTRY_OUT)) == 1


def test_time_without_the_server_does_not_count_to_the_settle_window() -> None:
    """Absence proves something only while the terminal sees its server: the window begins when it does again."""
    with rig_with(fault("disconnect", for_ms=90_000)) as (rig, _):
        rig.open()
        rig.run(88_000)
        assert rig.master.codes() == []
        rig.run(50_000)
        assert rig.master.codes() == [], "the window of 60 s began at 90 s"
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 20_000)


def test_resting_open_is_told_and_cancelled_at_its_deadline() -> None:
    """PLACED: WORKING with its ticket, cancelled past the deadline by an act of its own, EXPIRED when the books say so."""
    with rig_with(fault("place", for_ms=30_000)) as (rig, venue):
        rig.open()
        rig.until(lambda: said(rig, "resting="), 3_000)
        rig.run(2_000)
        assert rig.master.codes() == []
        assert len(venue.terminal.accounts[5001].orders) == 1, "before the deadline it is left alone"
        rig.until(lambda: rig.master.codes() == ["CANCELLED", "EXPIRED"], 6_000)
        assert not venue.terminal.accounts[5001].orders
        rig.run(60_000)
        assert (venue.deals(), rig.master.codes()) == ([], ["CANCELLED", "EXPIRED"])


def test_resting_open_survives_a_restart_of_the_local() -> None:
    """What rests is on disk: the next life finds it and cancels it, too."""
    with rig_with(fault("place", for_ms=60_000)) as (rig, venue):
        rig.open()
        rig.until(lambda: said(rig, "resting="), 3_000)
        rig.net.crash("local-1")
        rig.net.restart("local-1")
        rig.until(lambda: rig.master.codes() == ["CANCELLED", "EXPIRED"], 30_000)
        assert not venue.deals()


def test_order_goes_to_nobody_else_once_the_switch_was_seen() -> None:
    """Another account is logged in: a read finds out, the terminal counts as lost and then as another; no order is sent."""
    with rig_with(fault("switch_account", call="positions_get", nth=5, to_login=5002, for_ms=60_000)) as (rig, venue):
        rig.until(lambda: "login=5002" in rig.local().facts()["terminal"], 30_000)
        states = len(rig.master.states)
        rig.open()
        assert ended(rig)[0] in ("DENIED", "EXPIRED")
        assert (venue.deals(), venue.deals(account="two")) == ([], [])
        told = [state for state in rig.master.states[states:] if state.account == "one"]
        assert not told, "what another account shows is not told as ours"


def test_order_in_the_very_moment_of_a_switch_is_never_told_filled() -> None:
    """Between the last look and the call nothing can be checked: the answer is not believed, and ours is looked through in vain."""
    with rig_with(fault("switch_account", to_login=5002, for_ms=20_000)) as (rig, venue):
        rig.open()
        assert ended(rig) == ["NOT_FOUND"]
        assert (len(venue.deals()), len(venue.deals(account="two"))) == (0, 1)


def test_two_orders_under_one_mark_are_left_to_a_human(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one hit is quarantined: UNKNOWN, said once, nothing closed, no new open in that symbol."""
    once = Terminal.order_send

    def twice(*args: Any) -> Any:
        once(*args)
        return once(*args)

    with rig_with(fault("lose_reply")) as (rig, venue):
        monkeypatch.setattr(Terminal, "order_send", twice)
        rig.open()
        rig.run(80_000)
        assert rig.master.codes() == []
        assert [outcome.detail for outcome in rig.master.outcomes][-1] == "found=2 quarantined=which_is_it"
        assert sum(note.name == "attempt_found_twice" for _, _, note in rig.net.notes) == 1
        rig.open("other")
        rig.until(lambda: rig.master.codes() == ["DENIED"])
        assert len(venue.terminal.accounts[5001].positions) == 2
        assert not venue.deals(names.DEAL_ENTRY_OUT)


def test_late_look_after_a_stop_loss_finds_one_opening() -> None:
    """The stop's deal carries the magic of its position: it is not a second opening."""
    with rig_with(fault("hang", executed=True)) as (rig, venue):
        rig.open()
        rig.until(lambda: len(venue.deals()) == 1)
        venue.terminal.on_tick("EURUSD", venue.now_ns(), 109_000_000, 109_010_000)
        assert len(venue.deals(names.DEAL_ENTRY_OUT)) == 1
        assert ended(rig) == ["FILLED"]
        assert rig.master.states[-1].positions == []
