"""A signing key that was retired: what it stopped binds, it resumes nothing more, and the sets of all nodes become equal all the same."""

import msgspec
import pytest

from mesh.codec import decode_untrusted
from mesh.config import parse
from mesh.core import Envelope
from mesh.counters import Counters
from mesh.drawnkeys import DrawnKeys
from mesh.keyring import OPERATOR, RETIRED, RIGHTS, Holder, Keyring, NodeKeys, Refusal, Signer
from mesh.killset import item_of
from mesh.links import CONTROL
from mesh.messages.control import FREEZE, TAKEN, Entry, Item, Undo
from nodes.operators import Operators
from nodes.stops import Result, Stops
from tests.smallmesh import small_mesh
from tests.stopitems import drilled, signed

CONFIG = parse(small_mesh())
DRAWN = DrawnKeys(CONFIG)
END_NS = 1_000
STOPPED = Entry("operator", 1, 5, FREEZE, "all", "news")
EARLY_STOP, LATE_STOP = (Entry("operator", number, at_ns, FREEZE, "all", "") for number, at_ns in ((2, END_NS), (3, END_NS + 1)))
STOPPED_ID = item_of(signed(STOPPED))[0]
EARLY_UNDO, LATE_UNDO = (Undo("operator", number, at_ns, [STOPPED_ID], "calm") for number, at_ns in ((4, END_NS), (5, END_NS + 1)))


def holders(until_ns: int | None) -> list[Holder]:
    """Two operators who may do everything; the first one's key may have ended."""
    first, second = (Holder(name, OPERATOR, DRAWN.signer(name).public, RIGHTS) for name in ("operator", "second"))
    return [msgspec.structs.replace(first, until_ns=until_ns), second]


class Node:
    """The stops of one node, its operators, and its list of keys, which changes when it hears of it."""

    def __init__(self) -> None:
        self.keyring = Keyring(CONFIG.settings.mesh.id, holders(None))
        self.stops = Stops("router-1", NodeKeys(self.keyring), CONFIG)
        self.operators = Operators("router-1", "router", 1, CONFIG, self.stops, Counters())

    def hears_of_the_end(self) -> None:
        """The inventory was brought here."""
        self.keyring.replace(holders(END_NS))

    def brought(self, raw: bytes, peer: int = 1) -> str:
        """By a frontend at the control socket; the code of the answer."""
        result = self.operators.take(Envelope(CONTROL, peer, decode_untrusted(raw), (raw,)), 0)
        assert isinstance(result, Result)
        return result.code

    def merge(self, other: "Node") -> list[str]:
        """What another node holds and this one does not; the codes."""
        return [self.stops.take_untrusted(raw, 0).code for raw in other.stops.killset.missing(self.stops.killset.known())]


@pytest.mark.parametrize(
    ("item", "from_frontend", "from_node"),
    [(EARLY_STOP, TAKEN, TAKEN), (LATE_STOP, RETIRED, TAKEN), (EARLY_UNDO, RETIRED, TAKEN), (LATE_UNDO, RETIRED, RETIRED)],
)
def test_what_a_retired_key_signed_comes_late(item: Item, from_frontend: str, from_node: str) -> None:
    """A stop from before may always come late. An undo whose time says before the end may be back-dated: only a node that holds it is
    believed that it was there in time.
    """
    node = Node()
    node.hears_of_the_end()
    assert node.brought(signed(item)) == from_frontend
    assert node.stops.take_untrusted(signed(item), 0).code in (from_node, "KNOWN"), "what a frontend was refused is not held against a node"


def test_stop_binds_after_its_key_was_retired_and_another_resumes_it() -> None:
    """What was taken stays taken; the key cannot end its own stop any more, another operator's can."""
    node = Node()
    assert node.brought(signed(STOPPED)) == TAKEN
    node.hears_of_the_end()
    assert node.brought(signed(EARLY_UNDO)) == RETIRED
    assert [key for key, _ in node.stops.killset.live()] == [STOPPED_ID]
    assert node.brought(signed(Undo("second", 1, END_NS + 9, [STOPPED_ID], "calm"), "second")) == TAKEN
    assert node.stops.killset.live() == []


def test_sets_of_nodes_that_heard_of_it_at_different_times_become_equal() -> None:
    """One took stops and an undo before it heard of the end, the other heard first: nobody is left with another set, which none grants."""
    early, late = Node(), Node()
    late.hears_of_the_end()
    for item in (STOPPED, EARLY_UNDO, EARLY_STOP, LATE_STOP):
        assert early.brought(signed(item)) == TAKEN
    early.hears_of_the_end()
    assert late.merge(early) == [TAKEN] * 4
    assert late.stops.killset.digest == early.stops.killset.digest


def test_undo_signed_after_the_end_and_taken_before_it_was_heard_of_waits_for_a_person() -> None:
    """It resumes where the end was not known yet, and nowhere else: the rest stays stopped until a later end is written for that key."""
    early, late = Node(), Node()
    for node in (early, late):
        node.brought(signed(STOPPED))
    late.hears_of_the_end()
    assert early.brought(signed(LATE_UNDO)) == TAKEN
    assert late.merge(early) == [RETIRED]
    assert late.stops.killset.live()
    late.keyring.replace(holders(END_NS + 1))
    assert late.merge(early) == [TAKEN]
    assert late.stops.killset.digest == early.stops.killset.digest


def test_drill_of_a_retired_key_is_refused() -> None:
    """It would say that a stop of it goes through."""
    node = Node()
    node.hears_of_the_end()
    assert node.stops.drilled_untrusted(drilled(LATE_STOP), 0, is_first=True).code == RETIRED


def test_keys_without_an_end_are_what_they_were() -> None:
    """Whatever time an item says and whoever brings it."""
    keyring = Keyring(CONFIG.settings.mesh.id, holders(None))
    for item in (EARLY_STOP, LATE_STOP, EARLY_UNDO, LATE_UNDO, Entry("operator", 9, 2**62, FREEZE, "all", "")):
        for is_first in (True, False):
            assert not isinstance(keyring.verify_untrusted(signed(item), is_first=is_first), Refusal)


def test_signature_is_looked_at_before_the_end() -> None:
    """Nothing of an item is believed before its signature is, its time and its issuer neither."""
    keyring = Keyring(CONFIG.settings.mesh.id, holders(END_NS))
    forged = Signer(CONFIG.settings.mesh.id, "operator", bytes(32)).sign(LATE_UNDO)
    refused = keyring.verify_untrusted(forged, is_first=True)
    assert isinstance(refused, Refusal)
    assert refused.code == "BAD_SIGNATURE"
