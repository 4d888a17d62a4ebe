"""What a master has forgotten is read out of the archive block after block, and told again in order; never begun anew without need."""

from typing import Any

import msgspec

from mesh.codec import encode
from mesh.core import Durable, Envelope, Fetch, Fetched, Send
from mesh.links import STORE
from mesh.messages.orders import Listed, LocalWelcome
from mesh.messages.outcomes import Outcome
from nodes.local.core import Local
from nodes.local.knownends import KnownEnds, KnownRecord
from nodes.local.reports import ARCHIVE, Reports, key_of
from nodes.local.revival import Revival
from nodes.shortened import PRUNED, shortened
from tests.nodes.local.localrig import Rig

LAST_F = 600


class Counted(KnownEnds):
    """Counts how often it is gone through."""

    count = 0

    def items(self) -> Any:
        """One more time."""
        self.count += 1
        return super().items()


def oid_at(f: int) -> bytes:
    """The order whose end was told under a number."""
    return f.to_bytes(16, "big")


def row(f: int) -> tuple[bytes, bytes]:
    """An archived outcome."""
    told = msgspec.structs.replace(shortened("one", 1, f, oid_at(f), "FILLED", 7), detail="archived")
    return key_of(f), encode(told)


def acked(last_f: int = LAST_F) -> Reports:
    """Reports of which all up to a number is acked; every third number told a state, the others an end."""
    reports = Reports("one", 1)
    reports._known = Counted()
    for f in range(1, last_f + 1):
        if f % 3:
            reports._known.put(oid_at(f), KnownRecord(f, True, "FILLED", 7))
    reports.restored(last_f)
    return reports


def test_all_that_was_acked_is_told_again_in_order() -> None:
    """Rows as they are, ends of pruned ones shortened, states that were pruned as fillers; what was pending stays behind them."""
    reports = acked()
    newer, _ = reports.number(shortened("one", 1, 0, oid_at(999), "FILLED"))
    reports.durable(newer)
    revival = Revival(reports, 250)
    while prefix := revival.next_prefix():
        first = max(int.from_bytes(prefix + b"\x00", "big"), 1)
        revival.take([row(f) for f in range(first, first + 256) if f < 300])
    assert list(reports.pending) == [LAST_F + 1], "nothing is told before all was read"
    revival.finish()
    assert list(reports.pending) == list(range(251, LAST_F + 2))
    assert [reports.pending[f].detail for f in (251, 299, 301)] == ["archived", "archived", PRUNED]
    assert [(reports.pending[f].oid, reports.pending[f].code) for f in (300, 301)] == [(bytes(16), "WORKING"), (oid_at(301), "FILLED")]
    assert (reports.acked_f, [outcome.f for outcome in reports.oldest(2)]) == (250, [251, 252])


def test_known_orders_are_gone_through_once_however_many_blocks_there_are() -> None:
    """Else the work would grow with the square of what was forgotten, inside the trading loop."""
    reports = acked(20 * 256)
    revival = Revival(reports, 0)
    count = 0
    while revival.next_prefix():
        revival.take([])
        count += 1
    revival.finish()
    known = reports._known
    assert isinstance(known, Counted)
    assert (count, known.count, len(reports.pending)) == (21, 1, 20 * 256)


def test_what_is_acked_meanwhile_is_read_with_the_next_block() -> None:
    """Its row need not be among those that were being read: it is told as it was, not as if it were pruned."""
    reports = acked(10)
    newer, _ = reports.number(shortened("one", 1, 0, oid_at(11), "FILLED"))
    reports.durable(newer)
    revival = Revival(reports, 8)
    assert revival.next_prefix()
    reports.ack(11)
    revival.take([row(9), row(10)])
    assert revival.next_prefix() == bytes(7)
    revival.take([row(f) for f in (9, 10, 11)])
    assert revival.next_prefix() == b""
    revival.finish()
    assert [outcome.detail for outcome in reports.pending.values()] == ["archived"] * 3


# the welcome


class Welcomed:
    """A local of which the master may have forgotten what it acked; its effects by hand."""

    def __init__(self) -> None:
        self.rig = Rig().ready()
        self.local: Local = self.rig.local()
        state = self.local._state
        state.reports.restored(LAST_F)
        state.reports.acked_f = LAST_F
        self.fetches: list[Fetch] = []
        """The newest that were asked for."""
        self.listed: list[Listed] = []
        self.told: list[Outcome] = []

    def _do(self, envelope: Envelope) -> list[Fetch]:
        """Handle a message, and what its commits lead to; the fetches it asks for."""
        effects = list(self.local.handle(envelope, self.rig.net.now_ns))
        for effect in effects:
            if getattr(effect, "token", 0) and not isinstance(effect, Fetch):
                effects += self.local.handle(Envelope(STORE, 0, Durable(effect.token)), self.rig.net.now_ns)  # type: ignore[union-attr]
        sent = [effect.message for effect in effects if isinstance(effect, Send)]
        self.listed += [message for message in sent if isinstance(message, Listed)]
        self.told += [message for message in sent if isinstance(message, Outcome)]
        return [effect for effect in effects if isinstance(effect, Fetch) and effect.kind == ARCHIVE]

    def welcome(self, f: int) -> list[bytes]:
        """The master says what it holds: the blocks that are asked for."""
        state = self.local._state
        message = LocalWelcome("one", state.stream.e, f, 0, life=state.life)
        self.fetches = self._do(Envelope(state.home_link, 0, message, (encode(message),)))
        return [fetch.prefix for fetch in self.fetches]

    def answer(self, fetch: Fetch) -> list[Fetch]:
        """Nothing is left of a block: what is asked for next."""
        return self._do(Envelope(STORE, 0, Fetched(fetch.token, fetch.kind, [])))


def test_a_welcome_of_the_same_number_goes_on_with_what_is_being_read() -> None:
    """Said again and again, as hellos are: each block is read once, then all is listed."""
    welcomed = Welcomed()
    welcomed.welcome(0)
    (fetch,) = welcomed.fetches
    blocks = [fetch.prefix]
    following = [fetch]
    while following:
        assert welcomed.welcome(0) == []
        following = welcomed.answer(following[0])
        blocks += [fetch.prefix for fetch in following]
    assert blocks == [bytes(6) + bytes([block]) for block in range(3)]
    assert [listed.f for listed in welcomed.listed] == [LAST_F]
    assert [outcome.f for outcome in welcomed.told] == list(range(1, LAST_F + 1))


def test_a_welcome_of_another_number_begins_anew() -> None:
    """What was asked for before comes to nothing."""
    welcomed = Welcomed()
    welcomed.welcome(0)
    (old,) = welcomed.fetches
    assert welcomed.welcome(520) == [bytes(6) + b"\x02"]
    assert welcomed.answer(old) == []
    assert welcomed.listed == []
    assert welcomed.answer(welcomed.fetches[0]) == []
    assert [outcome.f for outcome in welcomed.told] == list(range(521, LAST_F + 1))
    assert len(welcomed.listed) == 1


def test_a_welcome_of_a_master_that_forgot_nothing_lists_at_once() -> None:
    """Also where another one, that had forgotten, was just being read for."""
    welcomed = Welcomed()
    welcomed.welcome(0)
    (old,) = welcomed.fetches
    welcomed.welcome(LAST_F)
    assert (len(welcomed.listed), welcomed.answer(old), welcomed.told) == (1, [], [])
