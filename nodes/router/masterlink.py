"""A router and the master: records in, holes repaired, epochs, grants; each word of the master to the local it is for."""

from collections.abc import Callable

import msgspec

from mesh.core import NOTHING, Effect, Effects, Envelope, Note, Send
from mesh.links import LOCALS, ORDERS, REPLAY
from mesh.messages.control import KillSetAsk
from mesh.messages.orders import (
    GapFill,
    Grant,
    Heartbeat,
    LocalWelcome,
    MasterWelcome,
    Order,
    Replay,
    StateAsk,
    Void,
)
from mesh.messages.outcomes import OutcomeAck
from mesh.sealing import OTHER_DIGEST
from nodes.envelopes import message_of
from nodes.router.state import RouterState

HOLES = "holes"


class MasterLink:
    """The ORDERS and REPLAY links of one router."""

    def __init__(self, state: RouterState) -> None:
        self._state = state
        self.is_welcomed = False
        """The master has answered our hello."""

    def guarded(self, handler: Callable[[Envelope, int], list[Effect]]) -> Callable[[Envelope, int], Effects]:
        """A handler for words of the master on the replay link, and of nobody else."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            if envelope.link != REPLAY:
                self._state.counters.add("stranger_count")
                return NOTHING
            return handler(envelope, now_ns)

        return guarded

    # where the master stands

    def on_welcome(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The master knows us."""
        welcome = message_of(envelope, MasterWelcome)
        self.is_welcomed = True
        return self._at(welcome.e, welcome.n_last, welcome.kill_digest, now_ns)

    def on_heartbeat(self, envelope: Envelope, now_ns: int) -> Effects:
        """The master lives, and has published so far."""
        beat = message_of(envelope, Heartbeat)
        return self._at(beat.e, beat.n_last, beat.kill_digest, now_ns)

    def _at(self, e: int, n_last: int, kill_digest: bytes, now_ns: int) -> list[Effect]:
        """The master stands at ``n_last`` of epoch ``e`` and holds these stops."""
        state = self._state
        effects: list[Effect] = []
        if e < state.stream.e:
            return effects
        if e > state.stream.e:
            effects += self._begin(e, n_last + 1, now_ns)
        elif state.stream.expect(n_last):
            effects += self.ask_holes(now_ns)
        if kill_digest != state.stops.killset.digest:
            # he answers with what we lack, and asks for what he lacks
            effects.append(Send(REPLAY, 0, KillSetAsk(state.stops.killset.known())))
        return effects

    def _begin(self, e: int, next_n: int, now_ns: int) -> list[Effect]:
        """Another epoch. A router that was there before it takes it from its first record; a new one from where it stands."""
        state = self._state
        was_there = state.stream.e > 0
        state.stream.begin(e, 1 if was_there else next_n)
        state.grants.clear()
        state.account_asks.clear()
        effects: list[Effect] = [Note("info", "epoch_seen", {"e": e, "next_n": next_n}), state.hello()]
        if was_there and state.stream.expect(next_n - 1):
            effects += self.ask_holes(now_ns)
        return [*effects, *state.to_locals(state.beat(now_ns))]

    def ask_holes(self, now_ns: int) -> list[Effect]:
        """Ask for records that miss, and again until they come or are given up."""
        state = self._state
        ranges, given_up_count = state.stream.ask()
        effects: list[Effect] = []
        if given_up_count:
            state.counters.add("passed_over_count", given_up_count)
            effects.append(Note("error", "records_passed_over", {"e": state.stream.e, "count": given_up_count}))
        if ranges:
            state.counters.add("gap_count")
            state.timers.set(HOLES, now_ns + state.repeat_ns)
        return [*effects, *(Send(REPLAY, 0, Replay(state.stream.e, from_n, to_n)) for from_n, to_n in ranges)]

    # records

    def on_order(self, envelope: Envelope, now_ns: int) -> Effects:
        """A record, published or played again: to its targets at once, whatever misses before it."""
        order = message_of(envelope, Order)
        state = self._state
        stream = state.stream
        if envelope.link not in (ORDERS, REPLAY) or len(envelope.frames) != 2:
            state.counters.add("bad_frame_count")
            return (Note("warning", "order_unreadable", {"e": order.e, "n": order.n, "link": envelope.link}),)
        if order.e < stream.e:
            return NOTHING
        effects: list[Effect] = []
        if order.e > stream.e:
            effects += self._begin(order.e, order.n, now_ns)
        body = envelope.frames[1]
        if envelope.link == REPLAY and self._is_for_account(order):
            return (*effects, *self._hand_on(order, body, now_ns))
        if not stream.take(order.n):
            state.counters.add("duplicate_order_count")
            return effects
        effects += self._hand_on(order, body, now_ns)
        if not stream.is_whole and not state.timers.is_set(HOLES):
            effects += self.ask_holes(now_ns)
        return effects

    def _is_for_account(self, order: Order) -> bool:
        """Whether a replayed record answers a question of one local."""
        if len(order.targets) != 1:
            return False
        key = (order.targets[0].account, order.targets[0].k)
        if key not in self._state.account_asks:
            return False
        del self._state.account_asks[key]
        return True

    def _hand_on(self, order: Order, body: bytes, now_ns: int) -> Effects:
        """Each local that is home here gets its own target."""
        fan_out = self._state.peers.forward(order, body, now_ns)
        if not fan_out.peers:
            return NOTHING
        self._state.counters.add("order_count", len(fan_out.peers))
        return (fan_out,)

    def on_gap_fill(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Orders that will not come: each local is told of its own."""
        fill = message_of(envelope, GapFill)
        state = self._state
        if fill.e == state.stream.e and fill.to_n:
            state.stream.fill(fill.from_n, fill.to_n)
        effects: list[Effect] = []
        for account in dict.fromkeys(row.account for row in fill.expired):
            rows = [row for row in fill.expired if row.account == account]
            for row in rows:
                state.account_asks.pop((account, row.k), None)
            local = state.peers.home_of(account)
            if local is not None:
                effects.append(Send(LOCALS, local.peer, GapFill(fill.e, rows)))
        return effects

    # words for one local

    def on_grant(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Leave to open, to the local that asked, with the time since we asked for it."""
        grant = message_of(envelope, Grant)
        asked = self._state.grants.pop((grant.account, grant.nonce), None)
        if asked is None:
            return []
        peer, asked_ns = asked
        state = self._state
        state.master_clock.heard(grant.e, asked_ns, grant.clock_ns, now_ns)
        effects = self._at(grant.e, grant.n_last, grant.kill_digest, now_ns)
        local = state.peers.of_peer(peer)
        if local is None:
            return effects  # another connection has its place: who asked is told nothing any more
        # leave of a master that lacks a stop which is known here would be leave past that stop: it opens nothing
        is_usable = grant.kill_digest == state.stops.killset.digest
        digest = grant.kill_digest if is_usable else OTHER_DIGEST
        if is_usable and not grant.refused:
            state.hand_leave(grant.account, local.hello.life, now_ns)
        relayed = msgspec.structs.replace(grant, relay_ns=max(0, now_ns - asked_ns), kill_digest=digest)
        return [Send(LOCALS, peer, relayed), *effects]

    def on_wall_step(self) -> Effects:
        """Grants on their way were asked for at a time nobody knows: none of them is handed on."""
        self._state.grants.clear()
        self._state.master_clock.drop()
        return NOTHING

    def on_welcome_of_local(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The master's answer to a local's hello."""
        welcome = message_of(envelope, LocalWelcome)
        return self._state.peers.each([welcome.account], lambda local: Send(LOCALS, local.peer, welcome))

    def on_void(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Openings of older epochs that may no longer run."""
        void = message_of(envelope, Void)
        return self._state.peers.each([void.account], lambda local: Send(LOCALS, local.peer, void))

    def on_outcome_ack(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Outcomes the master has."""
        ack = message_of(envelope, OutcomeAck)
        return self._state.peers.each([ack.account], lambda local: Send(LOCALS, local.peer, ack))

    def on_state_ask(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """States the market waits for: each local is asked for its own."""
        ask = message_of(envelope, StateAsk)
        return self._state.peers.each(
            ask.accounts, lambda local: Send(LOCALS, local.peer, StateAsk(ask.block, [local.hello.account]))
        )
