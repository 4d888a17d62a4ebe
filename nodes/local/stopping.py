"""A local and its stops: those that come, those it sets itself, drills, and how far it says that it is with each.

A stop binds and the latch word is set in the pass in which it comes; LATCHED is said when it is durable. What this account stops by itself
is pushed to both routers, for it is in nobody's kill set yet.
"""

from mesh.accountmode import LIVE
from mesh.core import NOTHING, Effect, Effects, Envelope, HostStop, Send
from mesh.killset import entry_id
from mesh.messages.control import FREEZE, GENESIS, Drill, KillSetPart
from nodes.commits import nothing_follows
from nodes.envelopes import message_of
from nodes.local.clearance import Clearance
from nodes.local.homelink import HomeLink
from nodes.local.state import LocalState
from nodes.local.venueside import VenueSide

ARM = "new account: `mesh arm` lets it trade"


class Stopping:
    """The stops of one local."""

    def __init__(self, state: LocalState, home: HomeLink, venue: VenueSide, clearance: Clearance) -> None:
        self._state = state
        self._home = home
        self._venue = venue
        self._clearance = clearance
        self._drill_id = b""
        """Of the newest drill; both routers bring it."""
        self._drilled: Effects | None = None
        """The answer to it; None while it is not durable."""

    def begin_frozen(self, now_ns: int) -> list[Effect]:
        """A live account whose store is new opens nothing until a person has armed it."""
        state = self._state
        nonce = int.from_bytes(state.store_id[:7], "big")
        if state.section.mode != LIVE or state.ladder.stops.has_issued(GENESIS, nonce):
            return []
        raw = state.ladder.stops.issued(FREEZE, f"account:{state.account}", GENESIS, ARM, state.wall.at(now_ns), nonce)
        return self._take([raw], now_ns)

    def on_part(self, envelope: Envelope, now_ns: int) -> Effects:
        """Stops and undos that a router knows."""
        items = message_of(envelope, KillSetPart).items
        return self._take(items, now_ns) if items else NOTHING

    def on_drill(self, envelope: Envelope, now_ns: int) -> Effects:
        """All that is done with a stop, with a latch word that stays what it is; the stop itself is not taken."""
        state, signed = self._state, message_of(envelope, Drill).signed
        key = entry_id(signed.body)
        if key == self._drill_id:
            # the other router's copy of it, whose answer both get; or its answer was lost, and it is asked for again
            return tuple(send for send in self._drilled or () if isinstance(send, Send) and send.link == envelope.link)
        result = state.ladder.stops.drilled_untrusted(signed, now_ns)
        if not result.is_refused:
            self._drill_id, self._drilled = key, None

        def durable(_durable_ns: int) -> list[Effect]:
            said = self._home.say_drilled(result)
            if key == self._drill_id:
                self._drill_id, self._drilled = key if said else b"", tuple(said)
            return said

        return (state.latch(), *result.notes, state.commits.make(result.puts, durable))

    def on_host_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        """Somebody on this host wants the account stopped."""
        asked = message_of(envelope, HostStop)
        self._state.tripwires.host(asked.level, asked.why)
        return self._pulled(now_ns)

    def on_attached(self, envelope: Envelope, now_ns: int) -> Effects:
        """The first answer of a worker in this life means that the account's lock is ours: what was latched before is said now."""
        state, had_lock = self._state, self._state.has_lock
        effects = self._venue.on_attached(envelope, now_ns)
        if had_lock or not state.ladder.durable():
            return effects
        self._clearance.look(now_ns)
        return [*effects, *self._home.say_latched()]

    def on_read(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The account was read: it is looked after, a rule may stop it, and a stop may have come further, or lost what it had reached."""
        effects = [*self._venue.on_state(envelope, now_ns), *self._pulled(now_ns)]
        return [*effects, *self._home.say_latched()] if self._clearance.look(now_ns) else effects

    def say_again(self) -> Effects:
        """What was said of stops may have got lost."""
        return NOTHING if self._state.ladder.is_clear else self._home.say_latched()

    def _pulled(self, now_ns: int) -> list[Effect]:
        """Whatever rule of this account says that it has to stop."""
        state = self._state
        pulled = state.tripwires.pulled(state.wall.at(now_ns), self._venue.is_day_read)
        return self._take(pulled, now_ns) if pulled else []

    def _take(self, items: list[bytes], now_ns: int) -> list[Effect]:
        """Stops bind and the latch word is set at once; LATCHED is said when they are durable."""
        state = self._state
        floor_count = state.ladder.floor_count
        results = [state.ladder.take_untrusted(raw, now_ns) for raw in items]
        effects = [note for result in results for note in result.notes]
        puts = [put for result in results if result.item is not None for put in result.puts]
        refused = [put for result in results if result.is_refused for put in result.puts]
        if refused:
            effects.append(state.commits.make(refused, nothing_follows))
        if not puts:
            # what is on its way to the disk is said when it is there; the other router's copy of it needs no word of its own
            is_durable = all(result.is_refused or state.ladder.is_durable(result.id) for result in results)
            return [*effects, *self._home.say_latched()] if is_durable else effects
        own = [raw for raw, result in zip(items, results, strict=True) if result.item is not None and result.item.issuer == state.name]
        if state.ladder.floor_count > floor_count:
            state.freshness.demand_new(now_ns)
        self._venue.want_state()

        def durable(durable_ns: int) -> list[Effect]:
            state.ladder.kept(puts)
            self._clearance.look(durable_ns)
            spread = self._home.to_routers(KillSetPart(own)) if own else []
            return [*spread, *self._home.say_latched()]

        commit = state.commits.make(puts, durable)
        return [state.latch(), *effects, commit, *self._home.ask_grant(now_ns)]
