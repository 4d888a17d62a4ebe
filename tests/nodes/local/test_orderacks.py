"""When orders are acked: after quiet at once, in a rush several by one; never more than is durable, and in the end all."""

from itertools import pairwise

from mesh.core import Effect, Send
from mesh.messages.orders import OrderAck
from mesh.units import E8, MS_NS
from nodes.acks import REST_NS
from tests.nodes.local.localrig import Rig, make_config

RAILS = "\n".join(f'{rail} = "off"' for rail in ("duplicate_window_ms", "positions_per_symbol_count", "positions_count"))
REST_MS = REST_NS // MS_NS


class Listening(Rig):
    """A local that is ready, and when it acked what."""

    def __init__(self) -> None:
        super().__init__(make_config(rails=RAILS))
        self.ready()
        self.run(100)
        self.acks: list[tuple[int, int]] = []
        """(when, k)."""
        self.net.on_effect = lambda place, effect: self._note(effect)
        self.before_k = self.local()._state.stream.acked_k

    def _note(self, effect: Effect) -> None:
        if isinstance(effect, Send) and isinstance(effect.message, OrderAck):
            self.acks.append((self.net.now_ns, effect.message.k - self.before_k))

    def burst(self, count: int) -> None:
        """Orders one after the other, each when the INTENT of the one before is durable."""
        for number in range(count):
            self.open(f"o{number}", volume_e8=E8 // 100)
            self.until(lambda ended=number + 1: len(self.master.codes()) == ended)  # type: ignore[misc]


def test_order_after_quiet_is_acked_in_the_pass_its_intent_became_durable() -> None:
    """Nobody waits for a timer."""
    rig = Listening()
    rig.open("o", volume_e8=E8 // 100)
    rig.until(lambda: rig.local()._state.stream.acked_k > rig.before_k)
    assert rig.acks == [(rig.net.now_ns, 1)]


def test_orders_of_a_rush_share_acks_and_the_last_one_names_them_all() -> None:
    """A rest lies between two acks, and none is owed when the rush is over."""
    rig = Listening()
    begun_ns = rig.net.now_ns
    rig.burst(8)
    took_ns = rig.net.now_ns - begun_ns
    rig.run(3 * REST_MS)
    times = [at_ns for at_ns, _k in rig.acks]
    assert all(later - earlier >= REST_NS for earlier, later in pairwise(times))
    assert rig.acks[-1][1] == 8
    assert len(rig.acks) <= 2 + took_ns // REST_NS < 8
    told = len(rig.acks)
    rig.run(10 * REST_MS)
    assert len(rig.acks) == told


def test_an_ack_that_waits_goes_when_the_local_is_stopped() -> None:
    """A stop says what is settled at once, and that there is no more room."""
    rig = Listening()
    rig.burst(2)
    assert rig.acks[-1][1] < 2
    rig.net.stop("local-1")
    rig.run(1)
    assert rig.acks[-1][1] == 2
