"""Each message comes on the links that carry it, and reaches no core on any other."""

import pytest

from mesh.carriers import CARRIED, LINKS_OF
from mesh.core import Core, Effects, Envelope, Note
from mesh.links import CONTROL, LINKS, MARKET, VENUE, WORKER
from mesh.messages import MESSAGE_TYPES
from mesh.messages.market import Block
from mesh.messages.orders import OrderBody


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
    """An order's body travels as the second frame of an order, never alone."""
    assert set(LINKS_OF) == set(MESSAGE_TYPES) - {OrderBody}
    assert set(CARRIED) == {name.split(".")[0] for name in LINKS} | {WORKER}


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


def test_a_flood_of_strangers_does_not_flood_the_log() -> None:
    """The first ten are told, then one of each thousand."""
    core = Listener()
    told = sum(len(core.handle(Envelope(CONTROL, 7, Block(1, 1, 1)), 1)) for _ in range(5_000))
    assert told == 10 + 5
