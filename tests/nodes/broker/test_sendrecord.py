"""The broker's record of order_send: off unless asked for; each call once taken and once answered, written before the answer goes out."""

from mesh.core import Commit, Effect, Emit, Send
from mesh.messages.venue import TerminalReply
from tests.nodes.broker.broker_bank import ONE, Bank, opened, quiet, value, with_broker
from tests.nodes.flow_rig import config_of


def recording(latency_ms: int = 0) -> Bank:
    return opened(quiet(60), with_broker(config_of(latency_ms=latency_ms), record="order_send.jsonl"))


def lines(bank: Bank) -> list[dict[str, object]]:
    return [effect.event for effect in bank.out if isinstance(effect, Emit)]


def test_there_is_no_record_unless_asked_for() -> None:
    """By default an order leaves no line."""
    bank = opened(quiet(60))
    assert value(bank.buy(ONE))
    assert lines(bank) == []


def test_an_order_is_taken_and_answered_once() -> None:
    """Two lines with whose it is and what became of it; a refusal has its code and no deal."""
    bank = recording()
    bank.buy(ONE, magic=91)
    bank.buy(ONE, magic=92, volume_e8=1)
    taken, answered, taken_2, refused = lines(bank)
    assert [row["step"] for row in (taken, answered, taken_2, refused)] == ["taken", "answered", "taken", "answered"]
    assert (taken["login"], taken["magic"], answered["magic"], answered["retcode"]) == (ONE, "91", "91", 10009)
    assert answered["deal"] != "0"
    assert (refused["magic"], refused["deal"]) == ("92", "0")
    assert refused["retcode"] not in (0, 10009)


def test_the_line_comes_before_the_commit_and_the_answer_after_it() -> None:
    """What is told was written: a shell writes events before it commits, and the reply waits for the commit."""
    bank = recording()
    bank.out.clear()
    bank.is_slow_disk = True
    bank.buy(ONE)
    kinds = [_kind(effect) for effect in bank.out]
    assert kinds.index("record") < kinds.index("commit")
    assert "reply" not in kinds
    bank.do(bank.durable())
    assert "reply" in [_kind(effect) for effect in bank.out]


def _kind(effect: Effect) -> str:
    if isinstance(effect, Send) and isinstance(effect.message, TerminalReply):
        return "reply"
    return "record" if isinstance(effect, Emit) else "commit" if isinstance(effect, Commit) else ""


def test_a_call_that_was_held_is_taken_once_though_the_broker_dies() -> None:
    """It is taken when it comes, and answered when its time has come, by the broker's next life."""
    bank = recording(latency_ms=2_000)
    bank.buy(ONE, magic=93)
    assert [row["step"] for row in lines(bank)] == ["taken"]
    bank.restart()
    bank.welcome(10, bank.tape.time_ns(9))
    bank.feed(60)
    bank.play_on(40)
    assert [(row["step"], row["magic"]) for row in lines(bank)] == [("answered", "93")]
