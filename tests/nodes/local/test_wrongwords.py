"""Words of operators that are wrong, or early: nothing is counted twice, closed twice, taken from others, or said before it is so."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mesh.core import Envelope, Send
from mesh.ids import oid_of
from mesh.messages.control import Command, CommandAnswer
from mesh.messages.orders import CLOSE, OPEN, OrderBody
from mesh.messages.venue import VenueAttach, VenueLost, VenueRead, VenueSend, VenueState
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8, Held
from tests.nodes.local.localrig import Rig
from tests.nodes.local.nettingvenue import LOTS_E8, NettingVenue, netting_rig
from tests.nodes.local.test_local_hands import Operator, operator_of
from tests.nodes.local.test_lostattempts import seen
from tests.nodes.local.test_resolving import LostDesk

HAND = Command(b"h" * 16, "ann@desk", "resolve", "account:one", 0, False, 0, 0, False, "seen")


class NettingDesk:
    """A netting account and an operator."""

    def __init__(self) -> None:
        self.rig: Rig
        self.venue: NettingVenue
        self.rig, self.venue = netting_rig()
        self.operator: Operator = operator_of(self.rig)
        self.number = 0

    def resolve(self, oid: bytes, ticket: int = 0) -> CommandAnswer:
        """A word and its answer."""
        self.number += 1
        asked = msgspec.structs.replace(HAND, id=self.number.to_bytes(16, "big"), oid=oid, ticket=ticket)
        self.rig.send("operator", Send("control.0", 0, asked))
        self.rig.until(lambda: bool(self._answers(asked.id)))
        return self._answers(asked.id)[-1]

    def _answers(self, command_id: bytes) -> list[CommandAnswer]:
        return [item for item in self.operator.heard if isinstance(item, CommandAnswer) and item.id == command_id]

    def until_unknown(self, oid: bytes) -> None:
        """Until its result is looked for."""
        self.rig.until(lambda: any(item.oid == oid and item.code == "UNKNOWN" for item in self.rig.master.outcomes))

    def filled(self) -> bytes:
        """An opening that a read has shown."""
        known = len(self.rig.master.codes())
        oid = self.rig.open(f"o{known}")
        self.rig.until(lambda: len(self.rig.master.codes()) > known)
        self.rig.run(1_500)
        return oid

    def first(self, action: str, answer: Callable[[VenueSend], Any]) -> None:
        """The first call of an action from now on is answered so."""
        waiting = [action]

        def script(send: VenueSend) -> Any:
            if send.action not in waiting:
                return True
            waiting.clear()
            return answer(send)

        self.venue.script = script

    def execute(self, send: VenueSend) -> None:
        """An attempt turns out to have been executed, by an order of its own."""
        self.venue.execute(send)
        deal = self.venue.deals[-1]
        self.venue.deals[-1] = msgspec.structs.replace(deal, order_ticket=deal.deal_ticket - 50_000, market_ns=self.venue.market_ns)

    def closed_e8(self) -> int:
        """Lots that closing deals took."""
        return sum(deal.volume_e8 for deal in self.venue.deals if deal.entry == "OUT")


def test_open_that_is_resolved_after_not_found_ends_once_for_all_lives() -> None:
    """FILLED_LATE by ticket leaves no order in hand: another life neither looks for it, nor blocks its symbol, nor ends it again."""
    desk = LostDesk()
    desk.venue.shows_positions = False
    oid = desk.lost_open(executed=True)
    desk.until(lambda: desk.master.codes() == ["NOT_FOUND"], 90_000)
    assert desk.resolve(oid, next(iter(desk.venue.held))).code == "FILLED_LATE"
    desk.run(500)
    desk.net.crash("local-1")
    desk.net.restart("local-1")
    desk.venue.shows_positions, desk.venue.look = True, desk.venue._find
    desk.until(lambda: desk.local().phase() == "READY")
    desk.run(2_000)
    assert desk.told() == []
    following = desk.open("next")
    desk.run(5_000)
    ends = [(item.oid == oid, item.code) for item in desk.master.outcomes if item.final and item.oid in (oid, following)]
    assert ends == [(True, "NOT_FOUND"), (True, "FILLED_LATE"), (False, "FILLED")]


def hours_later(desk: NettingDesk) -> None:
    """Market time goes on, what is decided is decided then, and a read shows what it was asked for."""
    body, read = desk.rig.body, desk.venue.read
    desk.venue.market_ns += 7_200 * SECOND_NS

    def later(action: str = "OPEN", side: int = 1, leg: str = "", deadline_ms: int = 5_000) -> OrderBody:
        return msgspec.structs.replace(body(action, side, leg, deadline_ms), decided_market_ns=desk.venue.market_ns)

    def since(ask: VenueRead) -> VenueState:
        state = read(ask)
        return msgspec.structs.replace(state, deals=[deal for deal in state.deals if deal.market_ns >= ask.deals_from_ns])

    desk.rig.body, desk.venue.read = later, since  # type: ignore[method-assign]
    desk.rig.run(1_500)


def no_worker(desk: NettingDesk) -> Callable[[VenueSend], Any]:
    """It executes and dies, and none comes in its place for now."""
    handle = desk.venue.handle

    def answer(send: VenueSend) -> Any:
        desk.venue.execute(send)
        desk.venue.handle = lambda message, now_ns: (  # type: ignore[method-assign]
            [(MS_NS, VenueLost("none"))] if isinstance(message, VenueAttach) else handle(message, now_ns)
        )
        return VenueLost("gone")

    return answer


def no_server(desk: NettingDesk) -> Callable[[VenueSend], Any]:
    """It executes and sees its server no more."""

    def answer(send: VenueSend) -> Any:
        desk.venue.execute(send)
        desk.venue.look = lambda ask: seen(ask, connected=False)
        return desk.venue.result(send, "UNKNOWN", 10031)

    return answer


@pytest.mark.parametrize("away", [no_worker, no_server])
def test_no_about_a_close_waits_for_a_look_that_counts(away: Callable[[NettingDesk], Callable[[VenueSend], Any]]) -> None:
    """Lots of others are in the position: a close that was executed must not be made again on a word alone."""
    desk = NettingDesk()
    opening = desk.filled()
    desk.venue.add_foreign(2 * LOTS_E8)
    desk.rig.run(1_500)
    handle = desk.venue.handle
    desk.first(CLOSE, away(desk))
    oid = desk.rig.close(opening, "c", left_e8=LOTS_E8 // 2)
    desk.until_unknown(oid)
    desk.rig.run(5_000)
    answer = desk.resolve(oid)
    assert (answer.code, "counted=0" in answer.detail) == ("NOT_READY", True)
    desk.venue.handle, desk.venue.look = handle, desk.venue._find  # type: ignore[method-assign]
    desk.rig.until(lambda: desk.rig.master.codes() == ["FILLED", "CLOSED"], 30_000)
    desk.rig.run(3_000)
    assert (desk.closed_e8(), desk.venue.ours_e8, desk.venue.foreign_e8) == (LOTS_E8 // 2, LOTS_E8 // 2, 2 * LOTS_E8)


def test_deal_of_an_attempt_whose_result_is_known_is_no_evidence() -> None:
    """Attempt 1 closed a part and said so, attempt 2 is lost: the deal of attempt 1 is not counted a second time."""
    desk = LostDesk()
    opening = desk.filled()
    desk.run(1_500)
    parts = [lambda send: desk.venue.execute(send, 3 * LOTS_E8 // 10), lambda send: desk.venue.result(send, "UNKNOWN", 10012)]
    desk.venue.script = lambda send: parts.pop(0)(send) if send.action == CLOSE and parts else True
    oid = desk.close(opening, left_e8=2 * LOTS_E8 // 10)
    desk.until_unknown(oid)
    deal = desk.venue.deals[-1]
    assert "counted=0.03 shown=0.03" in desk.resolve(oid, deal.deal_ticket).detail
    first = next(send for send in desk.venue.sends if send.action == CLOSE)
    desk.venue.deals[-1] = msgspec.structs.replace(deal, comment=first.comment)
    # more was closed there by hand: its comment alone says whose it is
    desk.venue.deals.append(msgspec.structs.replace(deal, deal_ticket=7, order_ticket=7))
    answer = desk.resolve(oid, deal.deal_ticket)
    assert (answer.code, answer.detail.split(": ")[0]) == ("NOT_PROVEN", f"deal={deal.deal_ticket} is of attempt 1, whose result is known")


def test_deal_of_another_close_of_ours_is_no_evidence() -> None:
    """Its comment was rewritten: what our closes took is all the deals of the position, from its beginning."""
    desk = NettingDesk()
    opening = desk.filled()
    desk.rig.close(opening, "c1", left_e8=7 * LOTS_E8 // 10)
    desk.rig.until(lambda: desk.rig.master.codes() == ["FILLED", "CLOSED"])
    deal = desk.venue.deals[-1]
    hours_later(desk)
    desk.venue.look = seen
    desk.first(CLOSE, lambda send: desk.venue.result(send, "UNKNOWN", 10012))
    oid = desk.rig.close(opening, "c2", left_e8=4 * LOTS_E8 // 10)
    desk.until_unknown(oid)
    answer = desk.resolve(oid, deal.deal_ticket)
    assert (answer.code, "is older than" in answer.detail) == ("NOT_PROVEN", True)
    # as if it were of now; and a stop, which is nobody's close, closed as much
    desk.venue.deals[-1] = deal = msgspec.structs.replace(deal, market_ns=desk.venue.market_ns)
    desk.venue.deals.append(msgspec.structs.replace(deal, deal_ticket=7, order_ticket=7, cause="SL"))
    answer = desk.resolve(oid, deal.deal_ticket)
    assert (answer.code, "counted=0.03 shown=0.03" in answer.detail) == ("NOT_PROVEN", True)
    desk.venue.deals[-2] = msgspec.structs.replace(deal, market_ns=MARKET_NS)
    desk.execute(desk.venue.sends[-1])
    answer = desk.resolve(oid, desk.venue.deals[-1].deal_ticket)
    assert (answer.code, answer.volume_e8) == ("CLOSED", 3 * LOTS_E8 // 10)


def test_no_about_a_close_that_finds_nothing_left_is_refused() -> None:
    """Nothing is attempted any more, only what the lost attempt closed is looked for: his word would make it nothing."""
    desk = LostDesk()
    opening = desk.filled()
    desk.lose(True, CLOSE)
    read = desk.venue.read
    desk.venue.read = lambda ask: msgspec.structs.replace(read(ask), deals=[])  # type: ignore[method-assign]
    oid = desk.close(opening)
    desk.until_unknown(oid)
    desk.run(3_000)
    answer = desk.resolve(oid)
    assert (answer.code, answer.detail.partition(":")[0]) == ("BAD_STATE", "already=closed")
    desk.venue.look = desk.venue._find
    desk.until(lambda: desk.master.codes()[-1] == "CLOSED")
    assert next(item.volume_e8 for item in desk.master.outcomes if item.code == "CLOSED") == LOTS_E8


def test_deal_in_a_netting_position_is_of_one_open() -> None:
    """Two opens are lost, one was executed: its deal ends one of them, and not the other, too; nor does the position without deals."""
    desk = NettingDesk()
    desk.venue.look = seen
    desk.first(OPEN, lambda send: (desk.venue.execute(send), desk.venue.result(send, "UNKNOWN", 10012))[1])
    first = desk.rig.open("a")
    desk.until_unknown(first)
    deal = desk.venue.deals[-1]
    assert desk.resolve(first, deal.deal_ticket).code == "FILLED"
    desk.rig.run(1_500)
    desk.first(OPEN, lambda send: desk.venue.result(send, "UNKNOWN", 10012))
    second = desk.rig.open("b")
    desk.until_unknown(second)
    answer = desk.resolve(second, deal.deal_ticket)
    assert (answer.code, "counted=0.10 shown=0.10" in answer.detail) == ("NOT_PROVEN", True)
    held = desk.venue.position
    assert held is not None
    held.magic, held.comment = 0, "by the broker"
    deals, desk.venue.deals = desk.venue.deals, []
    assert "counted=0.10 shown=0.10" in desk.resolve(second, held.ticket).detail
    desk.venue.deals = deals
    desk.execute(desk.venue.sends[-1])
    assert desk.resolve(second, desk.venue.deals[-1].deal_ticket).code == "FILLED"


@pytest.mark.parametrize("shows_deal", [True, False])
def test_position_of_another_expert_is_no_evidence(shows_deal: bool) -> None:
    """Of the right side, symbol, lots and time, but it bears a magic that is not the attempt's."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.venue.held[900] = Held(900, 1, LOTS_E8, PRICE_E8, 0, 0, 777, "grid-ea")
    if shows_deal:
        desk.venue.deals.append(desk.venue._deal(60_900, 900, "BUY", "IN", LOTS_E8, PRICE_E8, 0))
    answer = desk.resolve(oid, 900)
    assert (answer.code, "bears magic=777" in answer.detail) == ("NOT_PROVEN", True)
    desk.venue.held[900].magic = desk.venue.sends[-1].magic
    assert desk.resolve(oid, 900).code == "FILLED"


def test_deal_of_weeks_later_is_no_evidence() -> None:
    """The open ended NOT_FOUND; what a hand opened a month later is not it."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.until(lambda: desk.master.codes() == ["NOT_FOUND"], 90_000)
    desk.venue.market_ns = MARKET_NS + 30 * 86_400 * SECOND_NS
    by_hand = msgspec.structs.replace(desk.venue._deal(60_901, 901, "BUY", "IN", LOTS_E8, PRICE_E8, 0), market_ns=desk.venue.market_ns)
    desk.venue.deals.append(by_hand)
    answer = desk.resolve(oid, 60_901)
    assert (answer.code, "is later than" in answer.detail) == ("NOT_PROVEN", True)


def test_fill_that_is_told_late_is_told_as_of_now() -> None:
    """Its deal is older than the NOT_FOUND; late is the word, not the deal."""
    desk = LostDesk()
    desk.venue.shows_positions = False
    oid = desk.lost_open(executed=True)
    desk.venue.market_ns = MARKET_NS + 40 * SECOND_NS
    desk.until(lambda: desk.master.codes() == ["NOT_FOUND"], 90_000)
    desk.venue.market_ns = MARKET_NS + 400 * SECOND_NS
    desk.run(3_000)
    desk.resolve(oid, desk.venue.deals[-1].deal_ticket)
    desk.until(lambda: "FILLED_LATE" in desk.master.codes())
    told = next(item for item in desk.master.outcomes if item.code == "FILLED_LATE")
    assert ("late_ms=360000 " in told.detail, told.market_ns) == (True, MARKET_NS + 400 * SECOND_NS)


@pytest.mark.parametrize("is_other", [False, True])
@pytest.mark.parametrize("is_executed", [False, True])
def test_nothing_is_answered_before_it_is_durable(is_executed: bool, is_other: bool) -> None:
    """The same word comes again, or from another operator, while the first is being written down; then all is lost."""
    desk = LostDesk()
    oid = desk.lost_open(executed=True)
    desk.run(300)
    place = desk.net.places["local-1"]
    place.disk.commit_ns = 300 * MS_NS
    asked = msgspec.structs.replace(HAND, oid=oid, ticket=next(iter(desk.venue.held)) if is_executed else 0)
    again = msgspec.structs.replace(asked, id=b"o" * 16, operator="bob@desk") if is_other else asked
    desk.send("operator", Send("control.0", 0, asked))
    desk.run(50)
    desk.send("operator", Send("control.0", 0, again))
    desk.run(50)
    assert ([item.code for item in desk.answers(asked.id)], [item.code for item in desk.answers(again.id)]) == (
        ([], ["BUSY"]) if is_other else ([], [])
    )
    desk.net.crash("local-1")
    place.disk.commit_ns = MS_NS // 8
    desk.net.restart("local-1")
    desk.until(lambda: desk.local().phase() == "READY")
    assert (desk.kept(), [order.code for order in desk.told()]) == ([], ["UNKNOWN"])


def test_word_that_comes_again_while_it_is_written_down_is_answered_where_it_came_last() -> None:
    """Once, by the other router: the first may be gone."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.net.places["local-1"].disk.commit_ns = 300 * MS_NS
    asked = msgspec.structs.replace(HAND, oid=oid)
    desk.say(asked)
    desk.run(50)
    desk.net.deliver("local-1", desk.net.now_ns, Envelope("locals.1", 0, asked, (b"",)))
    desk.run(50)
    desk.net.crash("router-1")
    desk.until(lambda: bool(desk.answers(asked.id)))
    desk.run(1_000)
    assert [item.code for item in desk.answers(asked.id)] == ["NOT_FOUND"]


def test_open_whose_order_another_life_saw_live_is_not_said_to_be_nothing() -> None:
    """Not before a look has shown that it is not live any more."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    desk.venue.look = lambda ask: seen(ask, resting_ticket=7)
    desk.until(lambda: "WORKING" in [item.code for item in desk.master.outcomes], 30_000)
    handle = desk.venue.handle
    desk.venue.handle = lambda message, now_ns: (  # type: ignore[method-assign]
        [(MS_NS, VenueLost("none"))] if isinstance(message, VenueAttach) else handle(message, now_ns)
    )
    desk.net.crash("local-1")
    desk.net.restart("local-1")
    desk.run(2_000)
    answer = desk.resolve(oid)
    assert (answer.code, answer.detail) == ("BAD_STATE", "resting=7: its mark is at the venue")
    desk.venue.handle, desk.venue.look = handle, seen  # type: ignore[method-assign]
    finds = desk.venue.finds
    desk.until(lambda: desk.venue.finds > finds, 60_000)
    desk.run(10)
    assert desk.resolve(oid).code == "NOT_FOUND"


def test_command_that_is_called_as_an_order_to_come_does_not_end_that_order() -> None:
    """A client chooses the ids of its commands."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    coming = oid_of("demo", "run", "source", "later", "swing", "open")
    assert desk.resolve(oid, id=coming).code == "NOT_FOUND"
    desk.run(1_000)
    assert desk.open("later") == coming
    desk.until(lambda: any((item.oid, item.code) == (coming, "FILLED") for item in desk.master.outcomes))
