"""When the account is read: orders of a burst share a read, whoever waits for one has it at once."""

from typing import Any

from mesh.core import Send
from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.messages.orders import OrderAck
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueRead, VenueSend
from mesh.units import E8, MS_NS
from nodes.local.reading import REST_NS
from tests.nodes.local.localrig import Rig, make_config
from tests.nodes.local.nettingvenue import netting_rig

RAILS = "\n".join(f'{rail} = "off"' for rail in ("duplicate_window_ms", "positions_per_symbol_count", "positions_count"))
BURST_COUNT = 6
REST_MS = REST_NS // MS_NS


class Watched(Rig):
    """A local that is ready, and when its worker was asked what."""

    def __init__(self) -> None:
        super().__init__(make_config(rails=RAILS))
        self.asked: list[tuple[int, Msg]] = []
        handle = self.venue.handle

        def noted(message: Any, now_ns: int) -> Any:
            self.asked.append((self.net.now_ns, message))
            return handle(message, now_ns)

        self.venue.handle = noted  # type: ignore[method-assign]
        self.ready()
        # where the account was read a moment ago because of the clock, that read is not the burst's
        reads = self.venue.reads
        self.until(lambda: self.venue.reads > reads)
        self.run(2 * REST_MS)
        self.asked.clear()
        self.master.states.clear()

    def reads_ns(self) -> list[int]:
        """When the worker was asked to read."""
        return [at_ns for at_ns, message in self.asked if isinstance(message, VenueRead)]

    def burst(self) -> None:
        """Opens one after the other, each when the one before has ended; the worker takes a millisecond for each."""
        for number in range(BURST_COUNT):
            self.open(f"o{number}", volume_e8=E8 // 100)
            self.until(lambda ended=number + 1: len(self.master.codes()) == ended)  # type: ignore[misc]


def test_orders_of_a_burst_share_a_read_and_the_last_state_shows_them_all() -> None:
    """The first that ends is read at once; what ends within the rest waits for its end."""
    rig = Watched()
    rig.burst()
    rig.run(2 * REST_MS)
    first_ns, *later_ns = rig.reads_ns()
    assert len(later_ns) == 1
    assert later_ns[0] - first_ns >= REST_NS
    assert [state.f for state in rig.master.states if state.account == "one"] == [1, BURST_COUNT]
    assert len(rig.master.states[-1].positions) == BURST_COUNT


def test_state_that_is_asked_for_does_not_wait_for_the_end_of_the_rest() -> None:
    """A market block waits for it; the wish that waited is fulfilled by the same read."""
    rig = Watched()
    rig.burst()
    asked_ns = rig.net.now_ns
    rig.ask_state(7)
    rig.until(lambda: any(state.block == 7 for state in rig.master.states), REST_MS)
    assert rig.net.now_ns - asked_ns < REST_NS // 2
    assert rig.master.states[-1].f == BURST_COUNT
    count = len(rig.reads_ns())
    rig.run(3 * REST_MS)
    assert len(rig.reads_ns()) == count


def test_order_that_ends_while_a_block_is_read_is_in_the_state_of_that_block() -> None:
    """A state that is told at rest is not told before what has ended meanwhile is in it."""
    rig = Watched()
    rig.venue.remark = ""
    ask = rig.venue.read

    def read(message: VenueRead) -> Any:
        if message.block:
            rig.venue.read = ask  # type: ignore[method-assign]
            rig.send("master-1", rig.master.order(b"d" * 16, ["one"], rig.body(deadline_ms=-1), E8 // 100))
        return ask(message)

    rig.venue.read = read  # type: ignore[method-assign]
    rig.ask_state(8)
    rig.until(lambda: any(state.block == 8 for state in rig.master.states))
    assert rig.master.codes() == ["EXPIRED"]
    assert [state.f for state in rig.master.states if state.block == 8] == [1]
    assert sum(isinstance(message, VenueRead) and message.block == 8 for _at_ns, message in rig.asked) == 2


def test_open_after_a_close_has_its_read_at_once() -> None:
    """The guard must not look at a position that is closed: the open waits for a read, so there is no rest before that."""
    rig = Watched()
    opening = rig.open("o", volume_e8=E8 // 100)
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    begun_ns = rig.net.now_ns
    rig.open("next", volume_e8=E8 // 100)
    rig.until(lambda: rig.master.codes()[2:] == ["FILLED"], REST_MS)
    assert rig.net.now_ns - begun_ns < REST_NS


def test_worker_is_handed_the_call_before_the_router_hears_that_its_intent_is_stored() -> None:
    """Nothing that can wait is done between the INTENT on disk and the call."""
    rig = Watched()
    done: list[type[Msg]] = []
    rig.net.on_effect = lambda place, effect: done.append(type(getattr(effect, "message", effect))) if place.name == "local-1" else None
    rig.open("o")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert done.index(VenueSend) < done.index(OrderAck)


def test_drain_tells_the_last_state_and_its_deals() -> None:
    """An order that ends within the rest is read before the local is gone."""
    rig = Watched()
    rig.net.on_end = lambda place: None  # a node that halts is gone
    rig.open("a", volume_e8=E8 // 100)
    rig.until(lambda: len(rig.master.codes()) == 1)
    rig.run(3)  # the read after the first order is over, its rest has begun
    told: list[Any] = []

    def seen(place: Any, effect: Any) -> None:
        if place.name == "local-1" and isinstance(effect, Send) and isinstance(effect.message, AccountState | DealReport):
            told.append(effect.message)

    rig.net.on_effect = seen
    rig.open("b", volume_e8=E8 // 100)
    rig.until(lambda: rig.local()._desk.at == "SEND")
    place = rig.net.places["local-1"]
    rig.net.stop("local-1")
    rig.run(3_000, lambda: place.core is None)
    assert place.core is None
    assert rig.master.codes() == ["FILLED", "FILLED"]
    assert [message.f for message in told if isinstance(message, AccountState)] == [2]
    assert len([message for message in told if isinstance(message, DealReport)]) == 1


def test_a_close_behind_its_open_is_not_kept_waiting() -> None:
    """On a netting account a close waits until what its opening opened is shown: that read comes at once."""
    rig, _venue = netting_rig()
    calls: list[tuple[str, int]] = []
    handle = rig.venue.handle

    def noted(message: Any, now_ns: int) -> Any:
        if isinstance(message, VenueSend):
            calls.append((message.action, rig.net.now_ns))
        return handle(message, now_ns)

    rig.venue.handle = noted  # type: ignore[method-assign]
    reads = rig.venue.reads
    rig.until(lambda: rig.venue.reads > reads)
    rig.run(2 * REST_MS)
    rig.open("a", volume_e8=E8 // 100)
    rig.until(lambda: len(rig.master.codes()) == 1)
    rig.run(2)
    rig.close(rig.open("b", volume_e8=E8 // 100), "c")
    rig.until(lambda: any(action == "CLOSE" for action, _ in calls))
    opened_ns = [at_ns for action, at_ns in calls if action == "OPEN"][-1] + rig.venue.delay_ns
    assert calls[-1][1] - opened_ns < REST_NS // 4
