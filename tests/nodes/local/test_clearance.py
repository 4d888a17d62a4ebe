"""How far a stop is carried out: what holds it up, when it counts, and that it is taken back."""

import msgspec

from mesh.codec import encode
from mesh.core import Envelope
from mesh.messages.accounts import PendingOrder
from mesh.messages.control import CANCELLED, FLAT, LATCHED, Entry, Held, KillSetPart, Latched
from mesh.units import E8, MS_NS
from tests.nodes.local.fakevenue import Held as HeldAtVenue
from tests.nodes.local.localrig import Rig, make_config

VISIBLE_MS = 1_000


class Stopped(Rig):
    """A local that takes stops from its routers, and what it says of them."""

    def __init__(self) -> None:
        super().__init__(make_config())
        self.ready()
        self.said: list[tuple[int, Latched]] = []
        self.net.on_effect = lambda place, effect: self._note(effect)
        self._nonce = 0

    def _note(self, effect: object) -> None:
        message = getattr(effect, "message", None)
        if isinstance(message, Latched) and message.account == "one":
            self.said.append((self.net.now_ns, message))

    def stop(self, level: str, scope: str = "all") -> bytes:
        """A stop from now on; its id."""
        self._nonce += 1
        raw = self.keys.signer("operator").sign(Entry("operator", self._nonce, self._nonce, level, scope, "test"))
        self.net.deliver("local-1", self.net.now_ns, Envelope("locals.0", 0, KillSetPart([raw]), (encode(KillSetPart([raw])),)))
        self.run(20)
        return next(reversed(self.local()._state.ladder._durable))

    def held(self, key: bytes) -> Held:
        """How far it is with a stop."""
        return next(held for held in self.local()._stopping._clearance.held if held.id == key)

    def stage(self, key: bytes) -> str:
        return self.held(key).stage


def pending(ticket: int, symbol: str = "EURUSD", ours: bool = False) -> PendingOrder:
    return PendingOrder(ticket, symbol, "BUY_LIMIT", E8, 100_000_000, 0, 0, 0, ours)


def test_freeze_is_latched_and_leaves_orders_and_positions() -> None:
    """Deliberate pendings survive it, and their number is told."""
    rig = Stopped()
    rig.open("o")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.venue.resting[77] = pending(77)
    rig.run(1_500)
    key = rig.stop("FREEZE")
    rig.run(3_000)
    assert rig.held(key) == Held(key, LATCHED, 1, 1, "")
    assert rig.venue.resting
    assert len(rig.venue.held) == 1


def test_nothing_there_is_flat_only_after_two_reads_a_window_apart() -> None:
    """The first read says nothing by itself: what was done may be shown late."""
    rig = Stopped()
    rig.run(500)
    begun_ns = rig.net.now_ns
    key = rig.stop("FLATTEN")
    assert rig.stage(key) == LATCHED
    rig.until(lambda: rig.stage(key) == FLAT, 5_000)
    assert rig.net.now_ns - begun_ns >= VISIBLE_MS * MS_NS
    assert [held.stage for _, latched in rig.said for held in latched.held][-1] == FLAT


def test_cancel_and_flatten_clear_what_is_there() -> None:
    """Also what is not ours, where the stop is over everything."""
    rig = Stopped()
    rig.open("o")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.venue.resting[77] = pending(77)
    rig.run(1_500)
    key = rig.stop("CANCEL")
    rig.until(lambda: rig.stage(key) == CANCELLED, 8_000)
    assert (rig.held(key).orders_count, rig.held(key).positions_count, len(rig.venue.held)) == (0, 1, 1)
    flat = rig.stop("FLATTEN")
    rig.until(lambda: rig.stage(flat) == FLAT, 8_000)
    assert rig.venue.held == {}
    assert rig.stage(key) == CANCELLED


def test_flat_is_taken_back_where_something_turns_up() -> None:
    """A position that was hidden: FLAT is withdrawn and said so, it is closed, and FLAT comes again."""
    rig = Stopped()
    rig.open("o")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_500)
    (held,) = rig.venue.held.values()
    key = rig.stop("FLATTEN")
    rig.until(lambda: rig.stage(key) == FLAT, 8_000)
    rig.venue.held[900] = msgspec.structs.replace(held, ticket=900, volume_e8=E8, magic=0, comment="by hand")
    rig.until(lambda: rig.stage(key) == LATCHED or rig.stage(key) == CANCELLED, 3_000)
    rig.until(lambda: rig.stage(key) == FLAT, 8_000)
    stages = [held.stage for _, latched in rig.said for held in latched.held if held.id == key]
    changes = [stage for before, stage in zip(["", *stages], stages, strict=False) if stage != before]
    assert changes[changes.index(FLAT) :] == [FLAT, CANCELLED, FLAT], "said, taken back and said so, said again"


def test_symbol_stop_leaves_other_symbols() -> None:
    """What is elsewhere is not counted and not touched."""
    rig = Stopped()
    rig.open("o")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_500)
    key = rig.stop("FLATTEN", "symbol:GBPUSD")
    rig.until(lambda: rig.stage(key) == FLAT, 5_000)
    assert (rig.held(key).positions_count, len(rig.venue.held)) == (0, 1)


def test_terminal_that_does_not_see_its_server_proves_nothing() -> None:
    """What it does not show may be there: the stop waits, and says what for."""
    rig = Stopped()
    rig.venue.is_connected = False
    rig.run(1_000)
    key = rig.stop("FLATTEN")
    rig.run(5_000)
    assert rig.stage(key) == LATCHED
    assert rig.held(key).detail == "read=none since it came"
    rig.venue.is_connected = True
    rig.until(lambda: rig.stage(key) == FLAT, 5_000)


def test_second_read_has_to_show_everything_too() -> None:
    """One clean read while something is hidden, then the terminal loses its server: the time that passes proves nothing."""
    rig = Stopped()
    rig.venue.held[900] = HeldAtVenue(900, 1, E8, rig.venue.bid_e8, 0, 0, 0, "by hand")
    rig.run(1_500)
    rig.venue.shows_positions = False
    rig.venue.script = lambda send: None
    key = rig.stop("FLATTEN")
    rig.until(lambda: rig.local()._stopping._clearance._clear[key].positions_ns > 0, 3_000)
    rig.venue.is_connected = False
    rig.run(5_000)
    assert rig.stage(key) == LATCHED


def test_order_of_ours_that_nobody_knows_holds_a_strategys_stop_back() -> None:
    """It may be of that strategy."""
    rig = Stopped()
    rig.venue.resting[77] = pending(77, ours=True)
    rig.run(1_000)
    key = rig.stop("CANCEL", "strategy:reversion")
    rig.run(4_000)
    assert (rig.stage(key), rig.held(key).orders_count) == (LATCHED, 1)


def test_largest_loss_is_closed_first() -> None:
    """Whatever order the terminal shows them in."""
    rig = Stopped()
    rig.open("o")
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_500)
    (held,) = rig.venue.held.values()
    for ticket, loss_e8 in ((901, 500_000), (902, 5_000_000), (903, -1_000_000)):
        rig.venue.held[ticket] = msgspec.structs.replace(held, ticket=ticket, open_e8=held.open_e8 + loss_e8, magic=0, comment="")
    before = len(rig.venue.sends)
    rig.stop("FLATTEN")
    rig.until(lambda: not rig.venue.held, 10_000)
    assert [send.position_ticket for send in rig.venue.sends[before:]][:3] == [902, 901, held.ticket]
