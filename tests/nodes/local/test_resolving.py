"""An operator's word about a lost attempt: a ticket is looked up, never believed, his no is taken; durable, told, answered twice alike."""

from typing import Any

import msgspec
import pytest

from mesh.codec import decode_record_untrusted
from mesh.core import Send
from mesh.messages.base import NO_OID
from mesh.messages.control import REASON_MAX, Command, CommandAnswer, LostOrder, LostOrders
from mesh.messages.venue import VenueFind
from mesh.units import E8, MS_NS
from nodes.local.commandlog import COMMAND, CommandRecord
from nodes.terminal import names
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8, Held
from tests.nodes.local.localrig import Boundary
from tests.nodes.local.terminalvenue import rig_with
from tests.nodes.local.test_local_faults import fault
from tests.nodes.local.test_local_hands import Desk, operator_of
from tests.nodes.local.test_lostattempts import seen

LOTS_E8 = E8 // 10


class LostDesk(Desk):
    """The rig with an operator, and attempts whose results are lost and whose marks no look shows."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.venue.look = seen

    def lose(self, executed: bool, action: str = "OPEN", lots_e8: int = 0) -> None:
        """The next call of an action is lost, executed or not."""
        waiting = [action]

        def script(send: Any) -> Any:
            if send.action not in waiting:
                return True
            waiting.clear()
            if executed:
                self.venue.execute(send, lots_e8)
            return self.venue.result(send, "UNKNOWN", 10012)

        self.venue.script = script

    def lost_open(self, executed: bool, word: str = "a") -> bytes:
        """An open whose result is lost."""
        self.lose(executed)
        oid = self.open(word)
        self.until_unknown(oid)
        return oid

    def until_unknown(self, oid: bytes) -> None:
        """Until an order's result is looked for, and that is durable."""
        self.until(lambda: any(outcome.oid == oid and outcome.code == "UNKNOWN" for outcome in self.master.outcomes))

    def told(self, account: str = "one") -> list[LostOrder]:
        """What the local says to ``unknown`` now."""
        self.number += 1
        asked = Command(self.number.to_bytes(16, "big"), "me@here", "unknown", f"account:{account}", 0, False, 0, 0, True)
        self.say(asked)
        self.until(lambda: bool([item for item in self.operator.heard if isinstance(item, LostOrders) and item.id == asked.id]))
        parts = [item for item in self.operator.heard if isinstance(item, LostOrders) and item.id == asked.id]
        return [order for part in parts for order in part.orders]

    def resolve(self, oid: bytes, ticket: int = 0, **changes: Any) -> CommandAnswer:
        """An operator's word, and its one answer."""
        self.number += 1
        asked = Command(
            self.number.to_bytes(16, "big"), "ann@desk", "resolve", "account:one", 0, False, 0, 0, False, "broker says so", oid, 0, ticket
        )
        return self.ask(msgspec.structs.replace(asked, **changes))

    def ask(self, asked: Command) -> CommandAnswer:
        """Say it, and take the newest answer."""
        known = len(self.answers(asked.id))
        self.say(asked)
        self.until(lambda: len(self.answers(asked.id)) > known)
        return self.answers(asked.id)[-1]

    def kept(self) -> list[CommandRecord]:
        """The commands in the store."""
        rows = self.net.places["local-1"].disk.rows
        return [decode_record_untrusted(row, CommandRecord) for (kind, _), row in rows.items() if kind == COMMAND]


def test_list_tells_what_is_looked_for_and_what_it_blocks() -> None:
    """Since when, which attempt, what was tried; the other account has nothing on it, and says so."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.run(45_000)
    (order,) = desk.told()
    assert (order.code, order.oid, order.action, order.symbol, order.volume_e8) == ("UNKNOWN", oid, "OPEN", "EURUSD", LOTS_E8)
    assert (order.blocks, order.attempt, order.since_ns) == (True, 1, MARKET_NS)
    assert order.look_count >= 2
    assert order.looked_ns == MARKET_NS
    assert "retcode=10012" in order.detail
    assert desk.told("two") == []
    desk.until(lambda: desk.master.codes() == ["NOT_FOUND"], 90_000)
    (order,) = desk.told()
    assert (order.code, order.blocks) == ("NOT_FOUND", False)


@pytest.mark.parametrize("named", ["position", "deal"])
def test_ticket_that_the_books_bear_out_ends_the_open_with_their_numbers(named: str) -> None:
    """FILLED by ticket, by whom and why; the position is ours; the symbol is free; the row, the act and the answer say the same."""
    desk = LostDesk()
    oid = desk.lost_open(executed=True)
    (held,) = desk.venue.held.values()
    ticket = held.ticket if named == "position" else desk.venue.deals[-1].deal_ticket
    preview = desk.resolve(oid, ticket, dry_run=True)
    assert (preview.code, preview.ticket, preview.volume_e8, preview.price_e8) == ("PREVIEW", held.ticket, LOTS_E8, PRICE_E8)
    assert desk.master.codes() == []
    answer = desk.resolve(oid, ticket, attempt=1)
    assert (answer.code, answer.ticket, answer.volume_e8) == ("FILLED", held.ticket, LOTS_E8)
    desk.until(lambda: desk.master.codes() == ["FILLED", "FILLED"])
    told, act = desk.master.outcomes[-2:]
    assert (told.oid, told.volume_e8, told.price_e8, told.position_ticket) == (oid, LOTS_E8, PRICE_E8, held.ticket)
    assert told.detail == f"found=by_ticket ticket={ticket} resolved_by=ann@desk reason=broker says so"
    assert (act.cause, act.sid, act.volume_e8, act.detail) == ("RESOLVE", f"{told.sid}/RESOLVE", 0, told.detail)
    (kept,) = desk.kept()
    assert kept.asked is not None
    assert (kept.asked.operator, kept.asked.reason, kept.answers) == ("ann@desk", "broker says so", [answer])
    assert len(desk.venue.sends) == 1
    desk.run(1_200)
    desk.close(oid)
    desk.until(lambda: not desk.venue.held)
    desk.open("next")
    desk.until(lambda: desk.master.codes()[-1] == "FILLED")


def test_ticket_that_nothing_bears_out_is_refused_with_what_was_looked_at() -> None:
    """No such ticket: the order stays UNKNOWN, nothing is kept."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    answer = desk.resolve(oid, 4_711)
    assert answer.code == "NOT_PROVEN"
    assert "ticket=4711" in answer.detail
    assert "positions=0" in answer.detail
    assert [order.code for order in desk.told()] == ["UNKNOWN"]
    assert desk.kept() == []


def test_no_of_an_operator_ends_the_open_and_frees_its_symbol_at_once() -> None:
    """NOT_FOUND long before the settle window; the next open runs; the same is answered the same, under any id."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.open("denied")
    desk.until(lambda: desk.master.codes() == ["DENIED"])
    assert desk.resolve(oid, dry_run=True).detail.startswith("attempt=1 would_be=NOT_FOUND frees=EURUSD")
    answer = desk.resolve(oid)
    assert (answer.code, answer.detail) == ("NOT_FOUND", "resolved_by=ann@desk said=not_executed reason=broker says so")
    desk.until(lambda: desk.master.codes() == ["DENIED", "NOT_FOUND", "NOT_FOUND"])
    assert desk.master.outcomes[-2].detail == answer.detail
    again = desk.resolve(oid)
    assert msgspec.structs.replace(again, id=answer.id) == answer
    assert desk.ask(desk.kept()[0].asked) == answer  # type: ignore[arg-type]
    assert len(desk.kept()) == 1
    desk.open("b")
    desk.until(lambda: desk.master.codes()[-1] == "FILLED")


def test_no_that_was_wrong_is_told_as_filled_late() -> None:
    """He said that it was not executed, and the mark turns up: FILLED_LATE, alarmed, and ours."""
    desk = LostDesk()
    desk.venue.shows_positions = False
    oid = desk.lost_open(executed=True)
    desk.resolve(oid)
    desk.venue.shows_positions = True
    desk.venue.look = desk.venue._find
    desk.until(lambda: "FILLED_LATE" in desk.master.codes())
    assert [outcome.code for outcome in desk.master.outcomes if outcome.oid == oid and outcome.final] == ["NOT_FOUND", "FILLED_LATE"]
    assert sum(note.name == "filled_late" for _, _, note in desk.net.notes) == 1


def test_open_that_ended_not_found_can_be_said_to_have_executed_only_once() -> None:
    """By its ticket it is FILLED_LATE; then it has ended, and the same word is answered as before."""
    desk = LostDesk()
    desk.venue.shows_positions = False
    oid = desk.lost_open(executed=True)
    desk.until(lambda: desk.master.codes() == ["NOT_FOUND"], 90_000)
    ticket = next(iter(desk.venue.held))
    assert desk.resolve(oid).code == "BAD_STATE"
    answer = desk.resolve(oid, ticket)
    assert (answer.code, answer.volume_e8) == ("FILLED_LATE", LOTS_E8)
    desk.until(lambda: "FILLED_LATE" in desk.master.codes())
    assert desk.resolve(oid, ticket).code == "FILLED_LATE"
    other = desk.resolve(oid, ticket + 1)
    assert (other.code, other.detail.split(":")[0]) == ("BAD_STATE", "state=ENDED code=FILLED_LATE")


def test_close_said_to_have_been_executed_ends_with_its_deals() -> None:
    """CLOSED by the closing deal's ticket; the opening's deal is none of a close."""
    desk = LostDesk()
    opening = desk.filled()
    first_deal = desk.venue.deals[-1].deal_ticket
    desk.venue.shows_positions = True
    desk.lose(True, "CLOSE", LOTS_E8 // 2)
    oid = desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until_unknown(oid)
    assert desk.resolve(oid, first_deal).code == "NOT_PROVEN"
    answer = desk.resolve(oid, desk.venue.deals[-1].deal_ticket)
    assert (answer.code, answer.volume_e8) == ("CLOSED", LOTS_E8 // 2)
    desk.until(lambda: desk.master.outcomes[-1].cause == "RESOLVE")
    assert desk.master.outcomes[-2].volume_e8 == LOTS_E8 // 2
    assert [send.action for send in desk.venue.sends] == ["OPEN", "CLOSE"]


@pytest.mark.parametrize("executed", [False, True])
def test_close_said_not_to_have_been_executed_goes_on(executed: bool) -> None:
    """The next attempt is made without waiting; were he wrong, no lot too many is closed, and what was closed is told."""
    desk = LostDesk()
    opening = desk.filled()
    desk.lose(executed, "CLOSE", LOTS_E8 // 2)
    oid = desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until_unknown(oid)
    desk.until(lambda: desk.venue.finds > 0)
    desk.run(1)
    answer = desk.resolve(oid)
    assert answer.code == "WORKING"
    desk.venue.look = desk.venue._find
    desk.until(lambda: [item.code for item in desk.master.outcomes if item.oid == oid and item.final] == ["CLOSED"], 90_000)
    ended = next(item for item in desk.master.outcomes if item.oid == oid and item.final)
    assert ended.volume_e8 == LOTS_E8 // 2
    assert [held.volume_e8 for held in desk.venue.held.values()] == [LOTS_E8 // 2]


@pytest.mark.parametrize(("action", "executed"), [("OPEN", False), ("CLOSE", False), ("OPEN", True)])
def test_reason_is_kept_whole_with_the_order(action: str, executed: bool) -> None:
    """As long as it may be, whatever is said before it; of a longer one, by another client, its beginning."""
    desk = LostDesk()
    opening = desk.filled()
    desk.lose(executed, action)
    oid = desk.open("b") if action == "OPEN" else desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until_unknown(oid)
    reason = "".join(f"{number:04}" for number in range(REASON_MAX // 4))
    answer = desk.resolve(oid, max(desk.venue.held) if executed else 0, reason=f"{reason}, and more", operator="o" * 64)
    desk.until(lambda: any(item.oid == oid and item.code == answer.code for item in desk.master.outcomes))
    told = next(item for item in desk.master.outcomes if item.oid == oid and item.code == answer.code)
    assert answer.code == {("OPEN", False): "NOT_FOUND", ("CLOSE", False): "WORKING", ("OPEN", True): "FILLED"}[action, executed]
    assert [item.detail.partition("reason=")[2] for item in (answer, told)] == [reason] * 2


def test_what_cannot_be_resolved_is_refused_with_its_state() -> None:
    """An order nobody has, one that has ended, one whose attempt is another, one that rests; and a word without a reason."""
    desk = LostDesk()
    filled = desk.filled()
    assert desk.resolve(b"?" * 16).detail == "state=NONE: no such order here"
    assert desk.resolve(filled).detail.startswith("state=ENDED code=FILLED")
    oid = desk.lost_open(executed=False, word="b")
    assert desk.resolve(oid, attempt=2).detail == "attempt=1 is UNKNOWN, the word is about attempt 2"
    assert desk.resolve(oid, reason=" ").code == "BAD_COMMAND"
    assert desk.resolve(NO_OID).code == "BAD_COMMAND"
    desk.venue.look = lambda ask: seen(ask, resting_ticket=7)
    desk.until(lambda: "WORKING" in [outcome.code for outcome in desk.master.outcomes], 30_000)
    assert desk.resolve(oid).detail == "resting=7: its mark is at the venue"


def test_terminal_that_is_away_proves_no_ticket_and_hinders_no_no() -> None:
    """A ticket needs the terminal; the word that it was not executed does not."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.local()._state.is_attached = False
    assert desk.resolve(oid, 5).code == "NOT_READY"
    assert desk.resolve(oid).code == "NOT_FOUND"


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_crash_at_a_commit_of_a_resolve_never_answers_what_is_not_durable(number: int, kept: bool) -> None:
    """Before or after each commit: an answer means that the order has ended so; said again it ends once."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.run(300)
    asked = Command(b"r" * 16, "ann@desk", "resolve", "account:one", 0, False, 0, 0, False, "seen", oid, 0, 0)
    desk.net.boundary = Boundary("local-1", desk.net.commits["local-1"] + number, kept)
    desk.say(asked)
    desk.run(300)
    if desk.net.places["local-1"].core is None:
        if desk.answers(asked.id):
            assert [record.id for record in desk.kept()] == [asked.id]
        desk.net.restart("local-1")
        desk.until(lambda: desk.local().phase() == "READY")
    assert desk.ask(asked).code == "NOT_FOUND"
    desk.run(2_000)
    assert [item.code for item in desk.master.outcomes if item.oid == oid and item.final] == ["NOT_FOUND"]


def test_second_word_while_a_ticket_is_looked_up_is_told_to_wait() -> None:
    """One at a time; the first, though it comes twice, is answered once and for all."""
    desk = LostDesk()
    oid = desk.lost_open(executed=True)
    ticket = next(iter(desk.venue.held))
    first = Command(b"1" * 16, "ann@desk", "resolve", "account:one", 0, False, 0, 0, False, "seen", oid, 0, ticket)
    second = msgspec.structs.replace(first, id=b"2" * 16)
    for asked in (first, second, first):
        desk.say(asked)
    desk.until(lambda: bool(desk.answers(first.id)) and bool(desk.answers(second.id)))
    desk.run(100)
    assert [answer.code for answer in (*desk.answers(first.id), *desk.answers(second.id))] == ["FILLED", "BUSY"]


@pytest.mark.parametrize("action", ["OPEN", "CLOSE"])
def test_look_that_is_under_way_has_its_say(action: str) -> None:
    """He says no while the worker looks, and it shows the execution: the open is FILLED_LATE; the close is not made again."""
    desk = LostDesk()
    opening = desk.filled()
    handle = desk.venue.handle

    def slow(message: Any, now_ns: int) -> Any:
        late_ns = 50 * MS_NS if isinstance(message, VenueFind) else 0
        return [(after_ns + late_ns, answer) for after_ns, answer in handle(message, now_ns)]

    desk.venue.handle = slow  # type: ignore[method-assign]
    desk.lose(False, action, LOTS_E8)
    oid = desk.open("b") if action == "OPEN" else desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until(lambda: desk.venue.finds == 1 and desk.local()._desk.at != "LOOK")
    desk.venue.look = lambda ask: seen(ask, hits=1, volume_e8=LOTS_E8 // 2, price_e8=PRICE_E8)
    desk.until(lambda: desk.local()._desk.at == "LOOK")
    answer = desk.resolve(oid)
    assert (answer.code, desk.local()._desk.at) == ("NOT_FOUND" if action == "OPEN" else "NOT_READY", "LOOK")
    desk.run(3_000)
    ends = [item.code for item in desk.master.outcomes if item.oid == oid and item.final]
    assert ends == (["NOT_FOUND", "FILLED_LATE"] if action == "OPEN" else ["CLOSED"])
    assert sum(send.oid == oid for send in desk.venue.sends) == 1


def test_position_that_is_another_orders_is_no_evidence() -> None:
    """On a hedging account an opening has a position of its own."""
    desk = LostDesk()
    desk.filled()
    ticket = next(iter(desk.venue.held))
    oid = desk.lost_open(executed=False, word="b")
    assert "is of another order of ours" in desk.resolve(oid, ticket).detail
    desk.venue.held[9] = Held(9, 1, LOTS_E8, PRICE_E8, 0, 0, 0, "")
    assert desk.resolve(oid, 9).code == "FILLED"


def test_close_that_left_no_mark_is_resolved_by_its_deal_at_the_real_terminal() -> None:
    """Its answer was lost, the magic forgotten, the comment rewritten: the deal's ticket ends it with its numbers."""
    with rig_with() as (rig, venue):
        operator = operator_of(rig)
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        forgets = (fault("drop_magic"), fault("rewrite_comment", comment="by the broker"))
        venue.afflict(*forgets, fault("lose_reply"))
        oid = rig.close(opening, left_e8=LOTS_E8 // 2)
        rig.until(lambda: any(item.oid == oid and item.code == "UNKNOWN" for item in rig.master.outcomes), 30_000)
        rig.run(1_000)
        (deal,) = venue.deals(names.DEAL_ENTRY_OUT)
        asked = Command(b"c" * 16, "ann@desk", "resolve", "account:one", 0, False, 0, 0, False, "seen in the terminal", oid, 0, deal.ticket)
        for index in (0, 1):
            rig.send("operator", Send(f"control.{index}", 0, asked))
        rig.until(lambda: any(isinstance(item, CommandAnswer) for item in operator.heard))
        (answer,) = [item for item in operator.heard if isinstance(item, CommandAnswer)]
        assert (answer.code, answer.volume_e8, answer.price_e8) == ("CLOSED", deal.volume_e8, deal.price_e8), answer.detail
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED", "CLOSED"])
        assert len(venue.deals(names.DEAL_ENTRY_OUT)) == 1


def test_close_on_a_netting_account_waits_for_what_may_be_shown_late() -> None:
    """There no position is gone that would refuse a second one: the word counts once looks have shown nothing for so long."""
    desk = LostDesk()
    opening = desk.filled()
    desk.local()._state.openings.is_hedging = False
    desk.lose(False, "CLOSE")
    oid = desk.close(opening, left_e8=LOTS_E8 // 2)
    desk.until_unknown(oid)
    desk.until(lambda: desk.local()._desk.jobs.get(oid).find_count > 0 and desk.local()._desk.at != "LOOK")  # type: ignore[union-attr]
    refused = desk.resolve(oid)
    assert (refused.code, "looks have shown for 1000 ms" in refused.detail) == ("NOT_READY", True)
    desk.run(1_100)
    assert desk.resolve(oid).code == "WORKING"
