"""Operators at a local: stops bind at once and are confirmed when durable; manual commands act once and answer."""

import msgspec

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.core import Core, Effects, Envelope, Send
from mesh.killset import entry_id
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.control import (
    Command,
    CommandAnswer,
    ControlWelcome,
    Entry,
    Latched,
    LostOrders,
    OperatorHello,
    Ping,
    Pong,
    Undo,
)  # fmt: skip
from mesh.messages.venue import VenueRead, VenueState
from mesh.simlinks import Wire
from mesh.units import E8
from tests.nodes.local.fakevenue import POINT_E8, PRICE_E8
from tests.nodes.local.localrig import Rig


class Operator(Core):
    """Somebody at the control socket."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Msg] = []
        for kind in (ControlWelcome, CommandAnswer, LostOrders, Latched, Pong):
            self.handlers[kind] = self._on

    def _on(self, envelope: Envelope, now_ns: int) -> Effects:
        self.heard.append(envelope.message)
        return ()


def operator_of(rig: Rig) -> Operator:
    """An operator at both routers of a mesh, who has said hello."""
    operator = Operator()
    names = ("router-1", "router-2")
    rig.net.wires += [Wire("operator", f"control.{index}", name, links.CONTROL, 900 + index) for index, name in enumerate(names)]
    rig.net.add("operator", lambda life: operator)
    rig.ready()
    rig.send("operator", *(Send(f"control.{index}", 0, OperatorHello("me@here", 1, PROTOCOL_VERSION)) for index in (0, 1)))
    rig.run(10)
    return operator


class Desk(Rig):
    """The rig with an operator at both routers."""

    def __init__(self) -> None:
        super().__init__()
        self.operator = operator_of(self)

    def say(self, item: Msg) -> None:
        """Send to both routers, as the client does: a stop signed."""
        message = decode_untrusted(self.signed(item)) if isinstance(item, Entry | Undo) else item
        self.send("operator", *(Send(f"control.{index}", 0, message) for index in (0, 1)))

    def signed(self, item: Entry | Undo) -> bytes:
        """As an operator's client sends it."""
        return self.keys.signer("operator").sign(item)

    def answers(self, command: bytes) -> list[CommandAnswer]:
        """What was answered to a command."""
        return [item for item in self.operator.heard if isinstance(item, CommandAnswer) and item.id == command]

    def filled(self) -> bytes:
        """A filled open."""
        oid = self.open()
        self.until(lambda: self.master.codes() == ["FILLED"])
        self.run(600)
        return oid


def command(number: int, verb: str = "close", scope: str = "all", dry_run: bool = False, **changes: object) -> Command:
    """A command with an id of its own."""
    fields = {"volume_e8": 0, "foreign": False, "sl_e8": -1, "tp_e8": -1} | changes
    return Command(
        bytes([number]) * 16, "me@here", verb, scope, fields["volume_e8"], fields["foreign"], fields["sl_e8"], fields["tp_e8"], dry_run
    )  # type: ignore[arg-type]


def freeze(nonce: int, scope: str = "all", level: str = "FREEZE") -> Entry:
    """A stop."""
    return Entry("operator", nonce, nonce, level, scope, "test")


def test_freeze_is_latched_by_every_local_and_denies_opens() -> None:
    """Each local says LATCHED, naming the entry; opens end KILLED, closes go on."""
    desk = Desk()
    opening = desk.filled()
    entry = freeze(1)
    desk.say(entry)
    desk.until(lambda: {item.account for item in desk.operator.heard if isinstance(item, Latched)} == {"one", "two"})
    latched = next(item for item in desk.operator.heard if isinstance(item, Latched) and item.account == "one")
    assert (latched.level, latched.entries) == ("FREEZE", [entry_id(encode(entry))])
    desk.master.killset.add_untrusted(desk.signed(entry))
    desk.open("b")
    desk.until(lambda: desk.master.codes() == ["FILLED", "KILLED"])
    desk.close(opening)
    desk.until(lambda: desk.master.codes() == ["FILLED", "KILLED", "CLOSED"])


def test_freeze_survives_a_restart_of_local_and_router() -> None:
    """A stop is durable at both before it is confirmed."""
    desk = Desk()
    desk.say(freeze(1, "account:one"))
    desk.until(lambda: any(isinstance(item, Latched) for item in desk.operator.heard))
    for node in ("local-1", "router-1", "router-2"):
        desk.net.crash(node)
        desk.net.restart(node)
    desk.run(3_000)
    assert desk.local().facts()["ladder"] == "FREEZE"
    assert desk.local("two").facts()["ladder"] == "ACTIVE"
    desk.open("b")
    desk.until(lambda: desk.master.codes() == ["KILLED"])


def test_local_that_was_away_pulls_the_stops_it_lacks() -> None:
    """A local cut off while a stop was set learns of it by the digest in heartbeats."""
    desk = Desk()
    desk.net.cut["local-1"] = True
    desk.say(freeze(1))
    desk.run(500)
    desk.net.cut.clear()
    desk.until(lambda: desk.local().facts()["ladder"] == "FREEZE")


def test_after_an_undo_only_later_decisions_open() -> None:
    """An open decided before the undo is killed though it comes after it; the next one runs."""
    desk = Desk()
    entry = freeze(1)
    desk.say(entry)
    desk.master.killset.add_untrusted(desk.signed(entry))
    desk.run(500)
    old = desk.master.order(b"o" * 16, ["one"], desk.body(), E8 // 10)
    undo = Undo("operator", 2, 2, [entry_id(encode(entry))], "go on")
    desk.say(undo)
    desk.master.killset.add_untrusted(desk.signed(undo))
    desk.run(500)
    desk.send("master-1", old)
    desk.until(lambda: desk.master.codes() == ["KILLED"])
    desk.open("new")
    desk.until(lambda: desk.master.codes() == ["KILLED", "FILLED"])


def test_stop_between_intent_and_call_keeps_the_call_back() -> None:
    """A call handed over under another latch count comes back unsent, and its line ends KILLED."""
    desk = Desk()
    entry = freeze(1)

    def late(send: object) -> object:
        desk.say(entry)
        desk.venue.script = lambda send: True
        return desk.venue.result(desk.venue.sends[-1], "UNSENT", detail="LATCH count=2 handed_over_under=1")

    desk.venue.script = late  # type: ignore[assignment]
    desk.venue.delay_ns = 5_000_000
    desk.open()
    desk.until(lambda: desk.master.codes() == ["KILLED"])
    assert not desk.venue.held


def test_flatten_closes_ours_and_of_everything_the_others_too() -> None:
    """FLATTEN over an account closes what is there, ours or not, and cancels nothing it does not mean."""
    desk = Desk()
    desk.filled()
    held = next(iter(desk.venue.held.values()))
    desk.venue.held[7] = type(held)(7, 1, E8, PRICE_E8, 0, 0, 0, "by hand")
    desk.say(freeze(1, "account:one", "FLATTEN"))
    desk.until(lambda: not desk.venue.held)
    desk.run(100)
    assert {outcome.cause for outcome in desk.master.outcomes[1:]} == {"FLATTEN"}


def test_flatten_of_a_strategy_leaves_foreign_positions() -> None:
    """FLATTEN over a strategy closes ours alone."""
    desk = Desk()
    desk.filled()
    held = next(iter(desk.venue.held.values()))
    desk.venue.held[7] = type(held)(7, 1, E8, PRICE_E8, 0, 0, 0, "by hand")
    desk.say(freeze(1, "strategy:swing", "FLATTEN"))
    desk.until(lambda: list(desk.venue.held) == [7])
    desk.run(2_000)
    assert list(desk.venue.held) == [7]


def test_act_whose_result_is_looked_for_is_not_made_again_under_another_ticket() -> None:
    """A netting position that turned round has a new ticket and its old identifier: its close is in hand already, by that."""
    desk = Desk()
    desk.filled()
    held = next(iter(desk.venue.held.values()))
    desk.venue.held[7] = turned = type(held)(7, 1, E8, PRICE_E8, 0, 0, 0, "by hand")
    desk.venue.script = lambda send: desk.venue.result(send, "UNKNOWN", 0) if send.position_ticket in (7, 8) else True
    plain = desk.venue.read

    def read(ask: VenueRead) -> VenueState:
        state = plain(ask)
        positions = [msgspec.structs.replace(each, position_id=7 if each.ticket == 8 else each.position_id) for each in state.positions]
        return msgspec.structs.replace(state, positions=positions)

    desk.venue.read = read  # type: ignore[method-assign]
    desk.say(freeze(1, "account:one", "FLATTEN"))
    desk.until(lambda: any(send.position_ticket == 7 for send in desk.venue.sends))
    desk.venue.held[8] = type(held)(8, -1, E8, PRICE_E8, 0, 0, 0, turned.comment)
    del desk.venue.held[7]
    desk.run(5_000)
    magics = [send.magic for send in desk.venue.sends]
    assert len(set(magics)) == len(magics), "no attempt is sent twice"


def test_preview_touches_nothing_and_names_what_it_would() -> None:
    """A dry run answers PREVIEW for each position, NOTHING where there is none; the last answer says so."""
    desk = Desk()
    desk.filled()
    desk.say(command(1, dry_run=True))
    desk.until(lambda: len(desk.answers(bytes([1]) * 16)) == 2)
    told = {(answer.account, answer.code, answer.last) for answer in desk.answers(bytes([1]) * 16)}
    assert told == {("one", "PREVIEW", True), ("two", "NOTHING", True)}
    assert len(desk.venue.sends) == 1


def test_manual_close_acts_once_and_answers_again() -> None:
    """A command that comes twice closes once, and is answered twice with the same."""
    desk = Desk()
    desk.filled()
    desk.say(command(2, volume_e8=E8 // 25))
    desk.until(lambda: any(answer.code == "CLOSED" for answer in desk.answers(bytes([2]) * 16)))
    desk.run(600)
    desk.say(command(2, volume_e8=E8 // 25))
    desk.run(600)
    closed = [answer for answer in desk.answers(bytes([2]) * 16) if answer.account == "one"]
    assert [(answer.code, answer.volume_e8, answer.last) for answer in closed] == [("CLOSED", E8 // 25, True)] * 2
    assert [held.volume_e8 for held in desk.venue.held.values()] == [E8 // 10 - E8 // 25]
    outcome = desk.master.outcomes[-1]
    assert (outcome.cause, outcome.leg, outcome.code) == ("MANUAL", "manual_close", "CLOSED")


def test_a_command_that_the_log_has_forgotten_does_nothing_again() -> None:
    """Its orders are known by their oids, whether they have ended or are in hand."""
    desk = Desk()
    desk.filled()
    desk.say(command(2, volume_e8=E8 // 25))
    desk.until(lambda: any(answer.code == "CLOSED" for answer in desk.answers(bytes([2]) * 16)))
    desk.run(600)
    desk.local()._handwork.log._records.clear()
    desk.say(command(2, volume_e8=E8 // 25))
    desk.run(600)
    assert len([send for send in desk.venue.sends if send.action == "CLOSE"]) == 1
    assert [answer.code for answer in desk.answers(bytes([2]) * 16) if answer.account == "one"] == ["CLOSED", "NOTHING"]


def test_manual_close_needs_to_be_told_to_touch_foreign_positions() -> None:
    """A ticket that is not ours is refused without --foreign, closed with it."""
    desk = Desk()
    desk.filled()
    held = next(iter(desk.venue.held.values()))
    desk.venue.held[7] = type(held)(7, 1, E8, PRICE_E8, 0, 0, 0, "by hand")
    desk.run(1_200)
    desk.say(command(3, scope="one:7"))
    desk.until(lambda: [answer.code for answer in desk.answers(bytes([3]) * 16)] == ["FOREIGN"])
    desk.say(command(4, scope="one:7", foreign=True))
    desk.until(lambda: [answer.code for answer in desk.answers(bytes([4]) * 16)] == ["CLOSED"])
    assert 7 not in desk.venue.held


def test_manual_modify_leaves_the_level_not_given() -> None:
    """A new SL keeps the TP."""
    desk = Desk()
    desk.filled()
    held = next(iter(desk.venue.held.values()))
    held.tp_e8 = PRICE_E8 + 500 * POINT_E8
    desk.run(1_200)
    desk.say(command(5, "modify", f"one:{held.ticket}", sl_e8=PRICE_E8 - 300 * POINT_E8, foreign=True))
    desk.until(lambda: [answer.code for answer in desk.answers(bytes([5]) * 16)] == ["MODIFIED"])
    assert (held.sl_e8, held.tp_e8) == (PRICE_E8 - 300 * POINT_E8, PRICE_E8 + 500 * POINT_E8)


def test_volume_by_hand_that_cannot_be_is_refused_before_any_intent() -> None:
    """Off the step, below the least, above what is there: BAD_VOLUME with what is allowed, in the preview and in earnest."""
    desk = Desk()
    desk.filled()
    for number, (volume_e8, word) in enumerate([(E8 // 80, "0.0125"), (E8 // 1_000, "0.001"), (E8, "1")], start=20):
        for dry_run in (True, False):
            sent = command(number + 10 * dry_run, volume_e8=volume_e8, dry_run=dry_run)
            desk.say(sent)
            desk.until(lambda sent=sent: any(answer.account == "one" for answer in desk.answers(sent.id)))
            told = {(answer.code, answer.detail, answer.last) for answer in desk.answers(sent.id) if answer.account == "one"}
            assert told == {("BAD_VOLUME", f"volume={word} allowed=0.01..0.1 step=0.01", True)}
    assert len(desk.venue.sends) == 1
    assert [held.volume_e8 for held in desk.venue.held.values()] == [E8 // 10]


def test_volume_by_hand_is_refused_where_it_cannot_be_and_traded_where_it_can() -> None:
    """One position is smaller than the volume: it is left alone and told, the other is closed by just that volume."""
    desk = Desk()
    desk.filled()
    held = next(iter(desk.venue.held.values()))
    desk.venue.held[7] = type(held)(7, 1, E8 // 100, PRICE_E8, 0, 0, 0, "small")
    desk.run(1_200)
    sent = command(40, volume_e8=E8 // 20, foreign=True)
    desk.say(sent)
    desk.until(lambda: any(answer.account == "one" and answer.last for answer in desk.answers(sent.id)))
    told = {(answer.ticket, answer.code) for answer in desk.answers(sent.id) if answer.account == "one"}
    assert told == {(7, "BAD_VOLUME"), (held.ticket, "CLOSED")}
    assert {ticket: kept.volume_e8 for ticket, kept in desk.venue.held.items()} == {7: E8 // 100, held.ticket: E8 // 20}


def test_preview_and_answer_of_a_modify_have_the_symbols_digits() -> None:
    """The new level and the one it takes the place of."""
    desk = Desk()
    desk.filled()
    ticket = next(iter(desk.venue.held.values())).ticket
    for number, dry_run in ((50, True), (51, False)):
        desk.say(command(number, "modify", f"one:{ticket}", dry_run=dry_run, sl_e8=PRICE_E8 - 300 * POINT_E8, foreign=True))
        desk.until(lambda number=number: bool(desk.answers(bytes([number]) * 16)))
    assert {answer.detail for answer in desk.answers(bytes([50]) * 16)} == {"modify buy strategy=swing sl=1.09700 was=1.09800"}
    assert {answer.detail for answer in desk.answers(bytes([51]) * 16)} == {"sl=1.09700"}


def test_command_of_a_bad_scope_or_verb_is_refused_by_words() -> None:
    """The answer says what is allowed."""
    desk = Desk()
    desk.say(command(6, scope="everything"))
    desk.say(command(7, verb="explode"))
    desk.run(300)
    assert {answer.code for answer in desk.answers(bytes([6]) * 16)} == {"BAD_SCOPE"}
    assert {answer.code for answer in desk.answers(bytes([7]) * 16)} == {"BAD_COMMAND"}


def test_ping_goes_to_the_local_and_back() -> None:
    """A ping comes back with its own nonce from the local it was meant for; a router answers for itself."""
    desk = Desk()
    desk.say(Ping("one", 77))
    desk.say(Ping("", 78))
    desk.run(50)
    pongs = [(item.node, item.nonce) for item in desk.operator.heard if isinstance(item, Pong)]
    assert sorted(pongs) == [("local-1", 77), ("router-1", 78), ("router-2", 78)]
