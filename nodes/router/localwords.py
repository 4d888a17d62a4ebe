"""What the locals of a router say: hellos and questions on their DEALERs, states and outcomes on the PULL; all of it goes on."""

from collections.abc import Callable

from mesh.bounded import keep
from mesh.confighash import agree
from mesh.core import NOTHING, Effect, Effects, Envelope, Note, Send
from mesh.hello import refused
from mesh.links import LOCALS, REPLAY, STATUS
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.health import NodeHealth
from mesh.messages.orders import GrantAsk, LocalHello, OrderAck, ReplayAccount
from mesh.messages.outcomes import DealReport, Outcome
from nodes.envelopes import message_of
from nodes.router.localpeers import LocalPeer
from nodes.router.state import RouterState

ASKS_MAX = 4_096
"""Questions under way that are remembered for their answers."""

FromLocal = Callable[[Envelope, LocalPeer, int], list[Effect]]


class LocalWords:
    """The LOCALS and STATUS links of one router."""

    def __init__(self, state: RouterState) -> None:
        self._state = state
        self._liveness = state.peers.liveness

    def guarded(self, handler: FromLocal) -> Callable[[Envelope, int], Effects]:
        """A handler for messages of locals that have said hello, about their own account."""
        state = self._state

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            local = state.peers.of_peer(envelope.peer) if envelope.link == LOCALS else None
            if local is None or getattr(envelope.message, "account", "") != local.hello.account:
                return self._stranger()
            self._liveness[local.hello.account].heard(now_ns)
            return handler(envelope, local, now_ns)

        return guarded

    def _stranger(self) -> Effects:
        self._state.counters.add("stranger_count")
        return NOTHING

    # DEALER

    def on_hello(self, envelope: Envelope, now_ns: int) -> Effects:
        """A local is there (again); the master hears of it where it is home here."""
        hello = message_of(envelope, LocalHello)
        state = self._state
        if envelope.link != LOCALS:
            return self._stranger()
        was_home = state.peers.is_home(hello.account)
        if why := state.peers.accept(envelope.peer, hello):
            return (refused(state.counters, hello.node, why),)
        self._liveness[hello.account].heard(now_ns)
        effects: list[Effect] = [Send(LOCALS, envelope.peer, state.beat(now_ns))]
        if hello.home:
            effects.append(Send(REPLAY, 0, hello))
        if not agree(state.config.lineage, hello.config_hash):
            effects.append(Note("warning", "config_differs", {"account": hello.account, "theirs": hello.config_hash}))
        if was_home != hello.home:
            effects.append(state.front.seen_event(hello.account, now_ns))
        return effects

    def on_lost(self, peer: int, now_ns: int) -> Effects:
        """A local's connection is gone."""
        state = self._state
        local = state.peers.of_peer(peer)
        state.peers.lost(peer)
        return NOTHING if local is None else (state.front.seen_event(local.hello.account, now_ns),)

    def on_order_ack(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        """Credit."""
        if not local.is_home:
            return []
        effects = self._state.peers.on_ack(local, message_of(envelope, OrderAck), now_ns)
        if effects:
            self._state.counters.add("order_count", len(effects))
        return effects

    def on_grant_ask(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        """Leave to open is asked of the master for each question of a local, with our own clock."""
        ask = message_of(envelope, GrantAsk)
        grants = self._state.grants
        if not local.is_home:
            return []
        keep(grants, (ask.account, ask.nonce), (local.peer, now_ns), ASKS_MAX)
        return [Send(REPLAY, 0, GrantAsk(ask.account, ask.life, ask.store_id, ask.nonce, now_ns, ask.wall_ns))]

    def on_replay_account(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        """What a local lacks by its own numbers."""
        ask = message_of(envelope, ReplayAccount)
        asks = self._state.account_asks
        if not local.is_home or ask.e != self._state.stream.e:
            return []
        for k in range(ask.from_k, min(ask.to_k, ask.from_k + ASKS_MAX) + 1):
            keep(asks, (ask.account, k), None, ASKS_MAX)
        return [Send(REPLAY, 0, ask)]

    def on_listed(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        """A local has told everything."""
        return [Send(REPLAY, 0, envelope.message)]

    # PULL

    def _is_of_status(self, envelope: Envelope, account: str, now_ns: int) -> bool:
        """Whether a word of a local came on the link for such words; then its local lives."""
        liveness = self._liveness.get(account)
        if envelope.link != STATUS or liveness is None:
            self._stranger()
            return False
        liveness.heard(now_ns)
        return True

    def on_state(self, envelope: Envelope, now_ns: int) -> Effects:
        """A local's account."""
        account_state = message_of(envelope, AccountState)
        if not self._is_of_status(envelope, account_state.account, now_ns):
            return NOTHING
        if not self._state.front.state(envelope, account_state, now_ns):
            return NOTHING
        self._state.counters.add("state_count")
        return (Send(REPLAY, 0, account_state),)

    def on_symbols(self, envelope: Envelope, now_ns: int) -> Effects:
        """What a local's account trades."""
        symbols = message_of(envelope, AccountSymbols)
        if not self._is_of_status(envelope, symbols.account, now_ns):
            return NOTHING
        self._state.front.symbols(envelope, symbols, now_ns)
        return (Send(REPLAY, 0, symbols),)

    def on_outcome(self, envelope: Envelope, now_ns: int) -> Effects:
        """What became of an order."""
        outcome = message_of(envelope, Outcome)
        if not self._is_of_status(envelope, outcome.account, now_ns):
            return NOTHING
        self._state.counters.add("outcome_count")
        return (Send(REPLAY, 0, outcome), *self._state.front.outcome(envelope, outcome, now_ns))

    def on_deal(self, envelope: Envelope, now_ns: int) -> Effects:
        """A deal of an account."""
        deal = message_of(envelope, DealReport)
        if not self._is_of_status(envelope, deal.account, now_ns):
            return NOTHING
        return (Send(REPLAY, 0, deal), *self._state.front.deal(envelope, deal, now_ns))

    def on_health(self, envelope: Envelope, now_ns: int) -> Effects:
        """How a node is: any node's, for frontends alone."""
        is_known = envelope.link in (STATUS, LOCALS) or not envelope.link
        if is_known and self._state.front.health(envelope, message_of(envelope, NodeHealth), now_ns):
            return NOTHING
        return self._stranger()
