"""Operators at a router: a command goes to each local it means, and what they answer goes to him who asked and to nobody else."""

import msgspec

from mesh.codec import decode_untrusted, encode
from mesh.links import CONTROL, LOCALS
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.control import Command, CommandAnswer, LostOrders, OperatorHello
from tests.message_values import sample_of
from tests.nodes.router.test_router import Wired

ID = b"c" * 16


def asked(scope: str, verb: str = "unknown") -> Command:
    """A question about accounts."""
    return Command(ID, "ann@desk", verb, scope, 0, False, 0, 0, True)


def test_parts_of_a_list_go_to_who_asked() -> None:
    """Word for word, part by part; another operator hears nothing."""
    router = Wired()
    for peer in (7, 8):
        router.take(CONTROL, peer, OperatorHello(f"op{peer}", 1, PROTOCOL_VERSION))
    sent = router.take(CONTROL, 8, asked("all"))
    assert sorted(send.peer for send in sent if isinstance(send.message, Command)) == [1, 2]
    sample = sample_of(LostOrders)
    assert isinstance(sample, LostOrders)
    part = msgspec.structs.replace(sample, id=ID, node="local-1", account="one")
    (send,) = router.take(LOCALS, 1, part)
    assert (send.link, send.peer, send.message) == (CONTROL, 8, part)


def test_question_about_one_account_goes_to_its_local_alone() -> None:
    """And what a local says of another account than its own is a stranger's."""
    router = Wired()
    router.take(CONTROL, 7, OperatorHello("op", 1, PROTOCOL_VERSION))
    sent = router.take(CONTROL, 7, asked("account:two", "reconcile"))
    assert [(send.link, send.peer) for send in sent] == [(LOCALS, 2)]
    answer = CommandAnswer(ID, "two", "AGREES", "", 0, "", 0, 0, True)
    assert [send.message for send in router.take(LOCALS, 2, answer)] == [answer]
    assert router.take(LOCALS, 1, answer) == []
    assert router.core.counters.totals["stranger_count"] == 1


def test_full_part_of_a_list_fits_into_a_frame() -> None:
    """The longest of every text an order may have, sixteen times."""
    sample = sample_of(LostOrders)
    assert isinstance(sample, LostOrders)
    longest = msgspec.structs.replace(sample.orders[0], sid="ä" * 160, strategy="ä" * 64, symbol="ä" * 64, detail="ä" * 200)
    part = msgspec.structs.replace(sample, orders=[longest] * 16)
    assert decode_untrusted(encode(part)) == part
