"""What routers hand on from the locals, and what goes back to them: the master's side of the replay link.

Nothing is taken from a router before its hello, nor from a local before its own. A router that asks for an order again gets
the same bytes, or is told that it is too late.
"""

from mesh.codec import encode
from mesh.confighash import agree
from mesh.core import Effect, Envelope, Halt, Note, Put, Send
from mesh.errors import Fenced
from mesh.hello import refused, version_refusal
from mesh.links import REPLAY
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.control import ACTIVE, FREEZE
from mesh.messages.orders import (
    CLONE,
    OPEN,
    VOID_MAX,
    GapFill,
    GrantAsk,
    Listed,
    LocalHello,
    MasterWelcome,
    Replay,
    ReplayAccount,
    RouterHello,
    StateAsk,
    Void,
    VoidLine,
)
from mesh.messages.outcomes import Outcome, OutcomeAck
from mesh.stages import ACK
from mesh.units import MS_NS, SECOND_NS
from nodes.codes import REJECTED, UNCONFIRMED, WORKING
from nodes.decisions import Line
from nodes.envelopes import message_of
from nodes.master import told
from nodes.master.account import Account
from nodes.master.deciding import ORDER_TIMER, Deciding
from nodes.master.fitness import Fitness
from nodes.master.intake import Intake, Taken
from nodes.master.orderlog import Published
from nodes.master.recall import Recall
from nodes.master.recovery import LIFE_BITS
from nodes.master.state import EPOCH, SEEN, EpochRecord, MasterState
from nodes.master.stopping import take_stop
from nodes.master.tripwires import Tripwires

ACK_TIMER, ASK_TIMER, VOID_TIMER = "ack", "ask", "void"
ASK_NS = 100 * MS_NS
"""A state that does not come is asked for again this often."""
RELIST_NS = SECOND_NS
"""A list or symbols that do not come are asked for again this often, by another welcome."""

CLOCKS_APART_S = 86_400
"""Two masters' clocks differ by less: an epoch further ahead was made up, and taken it would leave no room for later ones."""


class BackChannel:
    """The replay link of one master."""

    def __init__(self, state: MasterState, deciding: Deciding, recall: Recall, tripwires: Tripwires) -> None:
        self._state = state
        self._tripwires = tripwires
        self._deciding = deciding
        self._recall = recall
        self._fitness = Fitness(state.config)
        self._intake = Intake(state.ledger, state.counters, recall.was_decided)

    def configure(self) -> None:
        """Compare with the configuration that is in force now."""
        self._fitness = Fitness(self._state.config)

    # routers

    def on_router_hello(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A router is there (again): tell it where the epoch stands."""
        message = message_of(envelope, RouterHello)
        state = self._state
        if why := version_refusal(message.version):
            return [refused(state.counters, message.router, why)]
        if self._is_later(message.e, now_ns):
            return self._fenced(message.router, message.e)
        for peer in [peer for peer, name in state.routers.items() if name == message.router]:
            del state.routers[peer]
        state.routers[envelope.peer] = message.router
        effects: list[Effect] = []
        if not agree(state.config.lineage, message.config_hash):
            effects.append(Note("warning", "config_differs", {"router": message.router, "theirs": message.config_hash}))
        if not state.is_durable:
            return effects
        return [*effects, self._welcome(envelope.peer), *self.ask_states(now_ns)]

    def _welcome(self, peer: int) -> Send:
        state = self._state
        welcome = MasterWelcome(state.epoch, state.life, state.log.published_n, state.stops.killset.digest)
        return Send(REPLAY, peer, welcome)

    def welcome_all(self) -> list[Effect]:
        """The epoch is durable: routers that were here before are told."""
        return [self._welcome(peer) for peer in self._state.routers]

    def on_lost(self, envelope: Envelope) -> list[Effect]:
        """A router's connection is gone."""
        self._state.routers.pop(envelope.peer, None)
        return []

    def is_router(self, envelope: Envelope) -> bool:
        """Whether the sender has said hello; counted where it has not."""
        if self._state.is_durable and envelope.peer in self._state.routers:
            return True
        self._state.counters.add("stranger_count")
        return False

    def on_replay(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Publish records again to one router."""
        message = message_of(envelope, Replay)
        state = self._state
        if message.e != state.epoch:
            return [self._welcome(envelope.peer)]
        state.counters.add("gap_count")
        return self._again(state.log.again(message.from_n, message.to_n, state.accounts, now_ns), envelope.peer)

    def on_replay_account(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Publish what one account lacks again, to the router that asks for it."""
        message = message_of(envelope, ReplayAccount)
        account = self._state.accounts.get(message.account)
        if account is None or message.e != self._state.epoch:
            return []
        self._state.counters.add("gap_count")
        again = self._state.log.again_for(account, message.from_k, message.to_k, now_ns)
        return self._again(again, envelope.peer)

    def _again(self, items: list[Published | GapFill], peer: int) -> list[Effect]:
        effects: list[Effect] = []
        for item in items:
            if isinstance(item, GapFill):
                effects.append(Send(REPLAY, peer, self._state.sealer.gap_fill(item, self._state.accounts)))
            else:
                self._state.counters.add("replayed_order_count")
                order = self._state.sealer.order(item.order, item.body, self._state.accounts)
                effects.append(Send(REPLAY, peer, order, item.body))
        return effects

    # locals, through a router

    def on_local_hello(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A local says hello: what it said before is over, what it lacks follows."""
        message = message_of(envelope, LocalHello)
        account = self._state.accounts.get(message.account)
        if account is None:
            return [Note("warning", "unknown_account", {"account": message.account, "node": message.node})]
        if why := version_refusal(message.version):
            return [refused(self._state.counters, message.node, why)]
        state = self._state
        if self._is_later(message.e, now_ns):
            return self._fenced(message.node, message.e)
        if refused_by := state.attendance.claim(account, message, now_ns):
            note = Note("warning", "old_life_ignored", {"account": account.name, "life": message.life})
            return [note, *self._cloned(account, message.life, refused_by, now_ns)]
        is_new_life = account.life != message.life
        account.welcomed_ns = now_ns
        effects, welcome, is_changed = state.attendance.on_hello(account, message, envelope.peer)
        effects += self._fitness.hello(account, message)
        for line in account.unseen.values():
            if line.code == WORKING and not line.heard and (is_changed or (is_new_life and line.record.action == OPEN)):
                state.ledger.mark(line, UNCONFIRMED)
        if not is_changed:
            return [*effects, welcome, *state.settled_news(now_ns)]
        # the local may forget by this answer what showed that its store is not what it was: then we must not
        commit = state.commits.make([state.account_put(account)], lambda _: [welcome])
        return [*effects, commit, *state.settled_news(now_ns)]

    def _is_later(self, e: int, now_ns: int) -> bool:
        """Whether there may be a master of this epoch: one that no clock could have made is nobody's, and is counted."""
        state = self._state
        if e <= state.epoch:
            return False
        seconds = max(state.wall.at(now_ns) // SECOND_NS, state.epoch >> LIFE_BITS)
        if e >> LIFE_BITS <= seconds + CLOCKS_APART_S:
            return True
        state.counters.add("stranger_count")
        return False

    def _fenced(self, node: str, e: int) -> list[Effect]:
        """A node has seen a later epoch: another master has taken over, and no order of ours runs there any more. End, and stay down.

        The epoch seen is kept: should a person start this master again, it begins a later one.
        """
        state = self._state
        why = f"{node} has seen epoch {e}, this master's is {state.epoch}: another master has taken over; start one of them alone"
        put = Put(EPOCH, SEEN, encode(EpochRecord(e, state.life)))
        note = Note("error", "fenced", {"by": node, "e": e, "ours": state.epoch})
        return [note, state.commits.make([put], lambda _: [Halt(Fenced.exit_code, why)])]

    def on_listed(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A local has sent everything the master lacked."""
        message = message_of(envelope, Listed)
        account = self._state.accounts.get(message.account)
        if account is None:
            return []
        self._state.attendance.on_listed(account, message)
        effects = self._resume(account, envelope.peer, now_ns)
        return effects or self.void(account, now_ns) + self._state.settled_news(now_ns)

    def on_grant_ask(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A local's router asks for freshness."""
        message = message_of(envelope, GrantAsk)
        account = self._state.accounts.get(message.account)
        if account is None:
            return []
        state = self._state
        was_granted = account.is_granted
        digest = state.stops.killset.digest
        effects, refusal = state.attendance.on_grant_ask(account, message, envelope.peer, now_ns, digest)
        if not refusal and message.life == account.life:
            effects += self._fitness.ask(account, message, state.wall.at(now_ns))
        effects += self._cloned(account, message.life, refusal, now_ns)
        if account.is_known and account.listed_f < 0 and message.life == account.life:
            effects += self._welcome_again(account, envelope.peer, now_ns)
        return effects if was_granted == account.is_granted else effects + state.settled_news(now_ns)

    def on_wall_step(self, step_ns: int) -> list[Effect]:
        """This machine slept: states are older than they seem, and what was published before may be past a deadline that seems to come."""
        self._state.attendance.outdate()
        self._state.wall.step(step_ns)
        for account in self._state.accounts.values():
            account.outdate(max(0, step_ns))
        return []

    def _welcome_again(self, account: Account, peer: int, now_ns: int) -> list[Effect]:
        """A local knows us and we lack its list or its symbols: they were lost on their way, and only a welcome brings them again."""
        if now_ns < account.welcomed_ns + RELIST_NS:
            return []
        account.welcomed_ns = now_ns
        return [self._state.attendance.welcome(account, peer)]

    def _cloned(self, account: Account, life: int, refusal: str, now_ns: int) -> list[Effect]:
        """Two processes trade one account: it is frozen until a person has ended one."""
        if refusal != CLONE:
            return []
        state = self._state
        why = "a replaced process of this local still runs; stop it, then resume the account"
        effects: list[Effect] = [Note("error", "local_clone", {"account": account.name, "life": life, "why": why})]
        if state.stops.killset.level_for(account.name) == ACTIVE:
            words = f"two processes trade {account.name}"
            raw = state.stops.issued(FREEZE, f"account:{account.name}", CLONE, words, state.wall.at(now_ns))
            effects += take_stop(state, raw, now_ns)
        return effects

    def on_state(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A local's account as it is."""
        message = message_of(envelope, AccountState)
        state = self._state
        account = self._state.accounts.get(message.account)
        if account is None or not account.is_known or not account.take_state(message, now_ns):
            return []
        state.counters.add("state_count")
        effects: list[Effect] = []
        if message.symbols_number != account.symbols_number:
            effects += self._welcome_again(account, envelope.peer, now_ns)
        if state.clock.is_known and account.usable(state.recorded) is message:
            account.drop_seen(state.recorded)
            effects += self._deciding.look(account, now_ns)
            effects += self._tripwires.moved(account, now_ns)
        return effects + state.settled_news(now_ns, account)

    def on_symbols(self, envelope: Envelope) -> list[Effect]:
        """What a local's broker says of its symbols."""
        message = message_of(envelope, AccountSymbols)
        account = self._state.accounts.get(message.account)
        if account is not None and message.life == account.life:
            account.take_symbols(message)
            return self._fitness.symbols(account, message)
        return []

    def on_outcome(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """What became of an order: taken once, acked when it is durable."""
        message = message_of(envelope, Outcome)
        account = self._state.accounts.get(message.account)
        if account is None or not account.is_known:
            return []
        taken = self._intake.take(account, message)
        peer = envelope.peer
        effects = self._took(account, taken, peer, now_ns) if taken is not None else []
        if not effects and message.f <= account.durable_f:
            return self.acknowledge(account, peer, now_ns)
        return effects + self._look_up(account, peer)

    def _resume(self, account: Account, peer: int, now_ns: int) -> list[Effect]:
        """Take outcomes whose turn has come."""
        taken = self._intake.resume(account)
        effects = self._took(account, taken, peer, now_ns) if taken is not None else []
        return effects + self._look_up(account, peer)

    def _look_up(self, account: Account, peer: int) -> list[Effect]:
        """Have the decision the next outcome is of looked for in the archive, if it is in memory no more; then go on."""
        outcome = self._intake.to_recall(account)
        if outcome is None or outcome.oid == account.asked_oid:
            return []
        oid = account.asked_oid = outcome.oid

        def then(now_ns: int) -> list[Effect]:
            account.asked_oid, account.looked_oid = b"", oid
            return self._resume(account, peer, now_ns)

        return [self._recall.decision_of(outcome, then)]

    def _took(self, account: Account, taken: Taken, peer: int, now_ns: int) -> list[Effect]:
        """Outcomes were taken: acked when they are durable."""
        state = self._state
        account.drop_seen(state.recorded)
        puts = [*taken.puts, state.account_put(account)]
        f = account.f
        for line in taken.ended:
            if not line.decision.open_count and line.record.e == state.epoch:
                state.timers.cancel((ORDER_TIMER, "", line.record.n))  # nobody is silent any more: no need to wake up and look
        events = [told.outcome_event(line, state.clock.market_ns) for line in taken.ended]
        events += [told.act_event(act) for act in taken.acts]
        commit = state.commits.make(puts, lambda durable_ns: self._durable(account, f, peer, durable_ns, now_ns))
        failed = [
            effect
            for line in taken.ended
            if line.record.action == OPEN and line.code == REJECTED
            for effect in self._tripwires.failed(account.name, f"{line.code} {line.detail}".strip(), now_ns)
        ]
        return [*taken.notes, *events, commit, *failed, *self.void(account, now_ns), *state.settled_news(now_ns)]

    def _durable(self, account: Account, f: int, peer: int, now_ns: int, taken_ns: int) -> list[Effect]:
        state = self._state
        state.meter.record(ACK, now_ns - taken_ns)
        account.durable_f = max(account.durable_f, f)
        until_ns = account.ack_rest.wait_until_ns(now_ns)
        if until_ns:
            state.timers.set_if_unset((ACK_TIMER, account.name, peer), until_ns)
            return []
        return self.acknowledge(account, peer, now_ns)

    def acknowledge(self, account: Account, peer: int, now_ns: int) -> list[Effect]:
        """Have an account's local forget the outcomes that are durable here."""
        account.ack_rest.said(now_ns)
        self._state.timers.cancel((ACK_TIMER, account.name, peer))
        ack = OutcomeAck(account.name, account.durable_f, account.life)
        return [Send(REPLAY, peer, self._state.sealer.ack(account, ack))]

    def void(self, account: Account, now_ns: int) -> list[Effect]:
        """Name openings that may no longer run to their local, again and again until it has told what became of them."""
        state = self._state
        lines = state.attendance.void_lines(account)
        if not lines:
            return []
        named = [_void_line(line, line.record.e <= account.unsure_e) for line in lines[:VOID_MAX]]
        state.timers.set((VOID_TIMER, account.name, 0), now_ns + state.config.settings.timers.repeat_ms * MS_NS)
        void = state.sealer.void(account, Void(account.name, state.epoch, named, account.life))
        return [Send(REPLAY, peer, void) for peer in state.routers]

    def ask_states(self, now_ns: int) -> list[Effect]:
        """Ask all routers for the states the market waits for, and again until they have come."""
        state = self._state
        missing = state.settlement.missing(now_ns)
        if not missing:
            return []
        state.timers.set((ASK_TIMER, "", 0), now_ns + ASK_NS)
        ask = StateAsk(state.settlement.number, missing[:1024])
        return [Send(REPLAY, peer, ask) for peer in state.routers]


def _void_line(line: Line, is_unsure: bool) -> VoidLine:
    """All that a local needs to look for an opening that it may have forgotten."""
    record, decision = line.record, line.decision.record
    return VoidLine(
        record.oid, decision.signal.sid, record.strategy, record.leg, record.symbol, record.side, record.volume_e8,
        record.sl_distance_e8, record.price_e8, decision.market_ns, is_unsure,
    )  # fmt: skip
