"""Each message comes on the links that carry it, and reaches no core on any other."""

import pytest

from mesh.carriers import DOWN, FROM_PEERS, FROM_ZERO, UP
from mesh.core import Core, Effects, Envelope, Note
from mesh.links import CONTROL, LINKS, LOCALS, MARKET, ORDERS, REPLAY, STATUS, VENUE, WORKER
from mesh.messages import MESSAGE_TYPES
from mesh.messages.base import Msg
from mesh.messages.control import Activation, Entry, KillSetPart, Revision, Signed, Undo
from mesh.messages.market import Block
from mesh.messages.orders import Grant, Order, OrderBody
from mesh.messages.outcomes import Outcome


class Listener(Core):
    """Takes blocks of the market."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[int] = []
        self.handlers = {Block: self._on_block}

    def _on_block(self, envelope: Envelope, now_ns: int) -> Effects:
        assert isinstance(envelope.message, Block)
        self.blocks.append(envelope.message.number)
        return ()


def test_every_message_is_carried_by_a_link_and_every_link_carries_some() -> None:
    """An order's body travels as the second frame of an order and a stop in a ``Signed``, never alone; what is published goes one way."""
    assert set(FROM_PEERS) == set(FROM_ZERO) == set(MESSAGE_TYPES) - {OrderBody, Entry, Undo, Revision, Activation}
    links = {name.split(".")[0]: link for name, link in LINKS.items()}
    assert set(UP) | set(DOWN) == {*links, WORKER}
    assert {name for name, link in links.items() if link.bind_kind == "PUB"} == set(DOWN) - set(UP)
    assert {name for name, link in links.items() if link.bind_kind == "PULL"} == set(UP) - set(DOWN)


@pytest.mark.parametrize(
    ("kind", "from_peers", "from_zero"),
    [
        (Order, set(), {ORDERS, REPLAY, "locals.0", "locals.1"}),
        (Outcome, {REPLAY}, {STATUS}),
        (Signed, {CONTROL}, set()),
        (Grant, set(), {REPLAY, "locals.0", "locals.1"}),
        (KillSetPart, {LOCALS, REPLAY}, {REPLAY, "locals.0", "locals.1"}),
    ],
)
def test_who_may_say_what(kind: type[Msg], from_peers: set[str], from_zero: set[str]) -> None:
    """Orders and grants come down, outcomes go up, stops by hand come from operators alone; differences of stops go both ways."""
    assert FROM_PEERS[kind] == from_peers
    assert FROM_ZERO[kind] == from_zero


@pytest.mark.parametrize("link", [CONTROL, VENUE, "locals.0"])
def test_nobody_is_the_market_on_another_link(link: str) -> None:
    """A block that comes to the control or venue port moves no clock: counted, told, dropped."""
    core = Listener()
    (note,) = core.handle(Envelope(link, 7, Block(2**62, 2**62, 2**62)), 1)
    assert isinstance(note, Note)
    assert note.fields == {"type": "Block", "link": link, "peer": 7, "count_so_far": 1}
    assert (core.blocks, core.counters.totals["stranger_count"]) == ([], 1)
    assert core.handle(Envelope(MARKET, 0, Block(3, 0, 0)), 1) == ()
    assert core.blocks == [3]


def test_nobody_is_the_market_towards_the_market() -> None:
    """On the market's own link only the side that listens may send blocks: one from whoever dials is a stranger's."""
    core = Listener()
    assert len(core.handle(Envelope(MARKET, 7, Block(3, 0, 0)), 1)) == 1
    assert (core.blocks, core.counters.totals["stranger_count"]) == ([], 1)


def test_a_flood_of_strangers_does_not_flood_the_log() -> None:
    """The first ten are told, then one of each thousand."""
    core = Listener()
    told = sum(len(core.handle(Envelope(CONTROL, 7, Block(1, 1, 1)), 1)) for _ in range(5_000))
    assert told == 10 + 5
