"""What must hold in every simulated mesh, by the names of DESIGN §6: looked at from outside, on disks, wires and the venue's books."""

from collections.abc import Iterable
from typing import Any

from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted
from mesh.core import Commit, Effect, Envelope, Send
from mesh.ids import magic_of
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.outcomes import FINAL_CODES
from mesh.messages.venue import VenueSend
from mesh.simnet import Place
from mesh.units import MS_NS
from nodes import codes, decisions
from nodes.local.attempts import INTENT, ORDER, UNKNOWN, OrderRecord, decoded
from nodes.local.finishing import ORDER_ROW
from nodes.local.state import META, MetaRecord
from nodes.terminal import names
from nodes.terminal.account import TICKET_SPAN
from nodes.terminal.records import Deal
from tests.sim.broken import Broken
from tests.sim.capchecks import CapChecks
from tests.sim.fleet import Fleet, Watch
from tests.sim.revisionchecks import RevisionChecks
from tests.sim.saidchecks import RUN, SaidChecks
from tests.sim.seen import SLACK_NS, Seen, Sent, late_fill, order_of
from tests.sim.simworker import SimWorker
from tests.sim.stopchecks import StopChecks

UNCONFIRMED_NS = 2_000 * MS_NS


class Checks(Watch):
    """All of them, for one fleet. Raises Broken at the step that breaks one."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.said = SaidChecks(self.seen)
        self.stops = StopChecks(self.seen)
        self.caps = CapChecks(self.seen)
        self.revisions = RevisionChecks(self.seen)
        self.magics: set[int] = set()
        """Of every call."""
        self.tickets: dict[int, tuple[bytes, str, int, str]] = {}
        """Ticket of an order at the server → (oid, account, attempt, action) of the call it came of."""
        self.acts: set[bytes] = set()
        """Oids of what locals do by themselves: no lines of the master's."""
        self._opening_lives: dict[str, list[int]] = {}
        self._asked_e8: dict[tuple[bytes, str], int] = {}
        """(oid, account) of a close → the most lots one of its attempts has asked for."""
        self._behind: set[str] = set()
        """Locals whose store was put back to before what the master knows of it."""

    @property
    def sent(self) -> list[Sent]:
        """Every call of order_send."""
        return self.seen.sent

    # hooks

    def attach(self, fleet: Fleet) -> None:
        """Watch a fleet."""
        self.fleet = self.seen.fleet = fleet
        fleet.net.on_effect = self._on_effect
        fleet.net.on_turn = self._on_turn

    def exempted(self, account: str) -> None:
        """What its local said before it may have forgotten."""
        self.seen.exempt.add(account)

    def rolled_back(self, name: str) -> None:
        """What a local's store is now is what it was once."""
        place = self.fleet.net.places[name]
        row = place.disk.rows.get((META, b""))
        f = decode_record_untrusted(row, MetaRecord).f if row is not None else 0
        if f < self.seen.taken_f(self.fleet.account(name)):
            self._behind.add(name)

    def master_changed(self) -> None:
        """What one master accepted the other need not know."""
        self.seen.is_master_changed = True

    def _on_turn(self, place: Place, envelope: Envelope | None) -> None:
        self.said.came(place, envelope)
        self.stops.came(place, envelope)

    def _on_effect(self, place: Place, effect: Effect) -> None:
        self.stops.done(place, effect)
        self.revisions.done(place, effect)
        if isinstance(effect, Send):
            self.said.sent(place, effect)
        elif isinstance(effect, Commit):
            self.said.committed(place, effect)

    # what is called

    def made(self, worker: SimWorker, send: VenueSend, count: int) -> None:
        """The server gave a ticket for an attempt."""
        login = self.fleet.config.account[worker.account].login
        self.tickets[login * TICKET_SPAN + count] = (send.oid, worker.account, send.attempt, send.action)
        if decoded(worker.place.disk.rows[ORDER_ROW, send.oid]).kind != ORDER:
            self.acts.add(send.oid)

    def called(self, worker: SimWorker, send: VenueSend, request: dict[str, Any]) -> None:
        """Directly before an order_send: C1, S1, I1, I2, I3, I4, I8, I9, I11."""
        net, place = self.fleet.net, worker.place
        oid = send.oid.hex()
        if place.core is None:
            raise Broken("I8", f"attempt {send.attempt} of {oid} at {worker.account} is called by a worker whose local is gone", oid)
        magic = magic_of(send.oid, worker.account, send.attempt)
        if request.get("magic") != magic:
            raise Broken("I1", f"attempt {send.attempt} of {oid} bears magic {request.get('magic')}, not its own", oid)
        record = order_of(place, send.oid)
        if record is None or record.state != INTENT or record.attempt != send.attempt:
            stands = f"{record.state} attempt {record.attempt}" if record is not None else "nothing"
            raise Broken("I2", f"attempt {send.attempt} of {oid} at {worker.account} is called, durable is {stands}", oid)
        if magic in self.magics and (worker.account not in self.seen.exempt or send.action == OPEN):
            raise Broken("I1", f"attempt {send.attempt} of {oid} at {worker.account} is called a second time", oid)
        self.magics.add(magic)
        sent = Sent(net.now_ns, place.name, place.life, worker.account, send)
        self.sent.append(sent)
        self.caps.called(place, sent)
        self.seen.called_ns[send.oid, worker.account] = net.now_ns
        if send.action == OPEN:
            self._opens(worker, send, record)
            self.stops.called(place, sent, record)
            self.revisions.look(place)
        elif send.action == CLOSE:
            key = (send.oid, worker.account)
            self._asked_e8[key] = max(self._asked_e8.get(key, 0), send.volume_e8)

    def _opens(self, worker: SimWorker, send: VenueSend, record: OrderRecord) -> None:
        net, place, account, oid, e = self.fleet.net, worker.place, worker.account, send.oid.hex(), record.e
        asked = self.seen.asked.get((send.oid, account), set())
        if record.kind == ORDER and not any(
            (symbol, side) == (send.symbol, send.side) and send.volume_e8 <= lots_e8 for symbol, side, lots_e8 in asked
        ):
            what = f"{send.symbol} {send.side} {send.volume_e8}"
            raise Broken("S1", f"{oid} is opened at {account} as {what}, which no master has published: {sorted(asked)}", oid)
        core = place.core
        life = core._state.life  # type: ignore[union-attr]
        limits = [deadline_ns for epoch, deadline_ns in self.seen.deadlines.get((send.oid, account), ()) if epoch == e]
        if not limits:
            raise Broken("I3", f"{oid} is opened at {account} in epoch {e}, in which it was never published", oid)
        mapped_ns = place.clock.true_ns(send.deadline_ns) - max(limits)
        if mapped_ns > SLACK_NS:
            raise Broken("I3", f"{oid} is opened at {account}, which takes its deadline to be {mapped_ns // MS_NS} ms later", oid)
        late_ns = net.now_ns - max(limits)
        if late_ns > SLACK_NS:
            raise Broken("I3", f"{oid} is opened at {account} {late_ns // MS_NS} ms after its deadline", oid)
        meta = place.disk.rows.get((META, b""))
        stored_e = decode_record_untrusted(meta, MetaRecord).e if meta is not None else 0
        if e != stored_e:
            raise Broken("I4", f"{oid} of epoch {e} is opened at {account}, which has stored epoch {stored_e}", oid)
        grants = self.seen.granted.get((account, life), [])
        age_ns = net.now_ns - max((grant.at_ns for grant in grants[-16:] if grant.e == e), default=-(10**18))
        grant_ns = self.fleet.config.settings.timers.grant_ms * MS_NS
        if age_ns > grant_ns + SLACK_NS:
            raise Broken("I11", f"{oid} is opened at {account}, whose last grant of epoch {e} is {age_ns // MS_NS} ms old", oid)
        until_ns = place.clock.true_ns(send.grant_until_ns) - net.now_ns + age_ns
        if until_ns > grant_ns + SLACK_NS:
            raise Broken("I11", f"{oid} is opened at {account}, which takes its grant to last {until_ns // MS_NS} ms", oid)
        self._before_life(send, account, life, e)
        lives = self._opening_lives.setdefault(account, [])
        if not lives or lives[-1] != life:
            if life in lives and not (self.seen.is_master_changed and account in self.seen.exempt):
                # (two masters beside two copies of one local: each master has its own, in its own epoch)
                raise Broken("I8", f"{account} is opened by life {life} after another one", account)
            lives.append(life)
        if place.name in self._behind and not self.seen.is_master_changed:
            raise Broken("I8", f"{oid} is opened at {account}, whose store was rolled back to before what the master knows", oid)
        self._unblocked(worker, send)

    def _before_life(self, send: VenueSend, account: str, life: int, e: int) -> None:
        """I1: what was published before a life's first grant the life before it may have opened."""
        firsts = {of: grants[0].at_ns for (name, of), grants in self.seen.granted.items() if name == account and grants[0].e == e}
        published_ns = self.seen.published_ns.get((send.oid, account, e), self.fleet.net.now_ns)
        if any(at_ns < firsts.get(life, 0) for at_ns in firsts.values()) and published_ns < firsts[life]:
            oid = send.oid.hex()
            raise Broken("I1", f"{oid} is opened at {account} by life {life}, and was published before its first grant", oid)

    def _unblocked(self, worker: SimWorker, send: VenueSend) -> None:
        """I1: an unknown result blocks opens of its symbol."""
        for (kind, key), row in worker.place.disk.rows.items():
            if kind != ORDER_ROW or key == send.oid:
                continue
            other = decoded(row)
            if other.state == UNKNOWN and other.symbol == send.symbol:
                text = f"{send.oid.hex()} is opened at {worker.account}, where the result of {other.action} {key.hex()} is unknown"
                raise Broken("I1", text, send.oid.hex())

    # at any time

    def look(self) -> None:
        """What can be seen between two steps: I1 and I5, and that the lines add up."""
        self._books()
        self.said.look()
        self.stops.look()
        master = self.fleet.master()
        if master is None or not master._state.is_durable:
            return
        if not master._state.ledger.adds_up():
            raise Broken("I5", f"lines do not add up: {master.totals()}")
        place = self.fleet.net.places[self.fleet.master_name]
        if self.fleet.net.now_ns < place.paused_until_ns + 20 * MS_NS:
            return
        now_ns = place.clock.local_ns(self.fleet.net.now_ns)
        for line in master._state.ledger.open_lines():
            record = line.record
            is_late = record.action == OPEN and record.e == master._state.epoch and now_ns > record.deadline_ns + UNCONFIRMED_NS
            if is_late and line.code == "WORKING" and not line.heard:
                oid = record.oid.hex()
                raise Broken("I5", f"{oid} of {record.account} is silent past its deadline and not shown unconfirmed", oid)

    def deals(self, account: str) -> list[Deal]:
        """The trades of an account in the server's own books."""
        login = self.fleet.config.account[account].login
        trades = (names.DEAL_TYPE_BUY, names.DEAL_TYPE_SELL)
        return [deal for deal in self.fleet.server.deals(login, 0, 2**62) if deal.type in trades]

    def _books(self) -> None:
        """I1: of one (oid, account) at most one opening attempt has executed; closing ones together not more than was to be closed."""
        for account in self.fleet.config.account:
            attempts: dict[bytes, set[int]] = {}
            closed_e8: dict[bytes, int] = {}
            for deal in self.deals(account):
                known = self.tickets.get(deal.order)
                if known is None or deal.reason != names.DEAL_REASON_EXPERT:
                    continue
                if known[3] == OPEN:
                    attempts.setdefault(known[0], set()).add(known[2])
                elif known[3] == CLOSE:
                    closed_e8[known[0]] = closed_e8.get(known[0], 0) + deal.volume_e8
            for oid, volume_e8 in closed_e8.items():
                if volume_e8 > self._asked_e8[oid, account] and account not in self.seen.exempt:
                    text = f"attempts of {oid.hex()} have closed {volume_e8} at {account}, to be closed were {self._asked_e8[oid, account]}"
                    raise Broken("I1", text, oid.hex())
            for oid, executed in attempts.items():
                if len(executed) > 1:
                    raise Broken("I1", f"attempts {sorted(executed)} of {oid.hex()} have executed at {account}", oid.hex())

    # when all is quiet

    def settled(self) -> list[str]:
        """L1: who is not done yet, by name."""
        fleet, stuck = self.fleet, []
        for name, place in fleet.net.places.items():
            if name in fleet.gone:
                continue
            if place.core is None:
                stuck.append(f"{name} is down")
            elif place.core.phase() != "READY":
                stuck.append(f"{name} is {place.core.phase()} {place.core.facts().get('waiting', '')}".strip())
        stuck += [f"signal {sid} has no answer" for sid in fleet.source.waiting]
        master = fleet.master()
        if master is not None:
            stuck += [
                f"line {line.record.action} {line.record.oid.hex()} of {line.record.account} is {line.code} {line.detail}"
                for line in master._state.ledger.open_lines()
                if line.record.account not in self.seen.exempt
            ]
            stuck += self._left_open()
        return stuck + self.stops.unsettled() + self.revisions.unsettled()

    def _left_open(self) -> list[str]:
        """Positions whose full CLOSE has ended CLOSED: on a hedging account nothing of them is left."""
        closed = {
            (line.record.ref_oid, line.record.account)
            for line in self._archived()
            if line.record.action == CLOSE and line.code == codes.CLOSED and not line.record.volume_e8
        }
        found: list[str] = []
        for account, section in self.fleet.config.account.items():
            if section.margin_mode != "hedging" or account in self.seen.exempt or self.seen.is_master_changed:
                continue
            for position in self.fleet.server.accounts[section.login].positions.values():
                known = self.tickets.get(position.identifier)
                if known is not None and (known[0], account) in closed:
                    found.append(f"position {position.ticket} of {known[0].hex()} is open at {account}, though it was told to be closed")
        return found

    def finish(self) -> None:
        """I5, I12: every accepted line has ended, and the ledger says what the venue's books say."""
        self.look()
        master = self.fleet.master()
        assert master is not None
        if not self.seen.is_master_changed:
            for sid in self.seen.accepted:
                if (decisions.SID, decisions.key_of(RUN, "signals-1", sid)) not in self.fleet.net.places[self.fleet.master_name].disk.rows:
                    raise Broken("I6", f"signal {sid} was accepted and is not known", sid)
        lines = {(line.record.oid, line.record.account): line for line in self._archived()}
        for account in self.fleet.config.account:
            self._account(account, lines)

    def _archived(self) -> Iterable[decisions.Line]:
        """Every line: ended ones as the master's store has or had them, of decisions that are still open as it has them in memory."""
        master = self.fleet.master()
        assert master is not None
        disk = self.fleet.net.places[self.fleet.master_name].disk
        for (kind, key), raw in (disk.pruned | disk.rows).items():
            if kind != decisions.ARCHIVE:
                continue
            archived = decode_record_untrusted(raw, decisions.ArchiveRecord, RECORD_BYTES_MAX)
            decision = decisions.Decision(archived.decision)
            for line, end in zip(decision.lines, archived.ends, strict=True):
                line.code, line.detail, line.f, line.outcome = end.code, end.detail, end.f, end.outcome
                if (kind, key) not in disk.rows:
                    line.outcome = late_fill(disk, line) or line.outcome
                yield line
        for decision in master._state.ledger.live.values():
            yield from decision.lines

    def _account(self, account: str, lines: dict[tuple[bytes, str], decisions.Line]) -> None:
        done: dict[bytes, int] = {}
        for deal in self.deals(account):
            known = self.tickets.get(deal.order)
            if known is None or deal.reason != names.DEAL_REASON_EXPERT:
                continue
            done[known[0]] = done.get(known[0], 0) + deal.volume_e8
        for oid, volume_e8 in done.items():
            line = lines.get((oid, account))
            if line is None:
                if not self.seen.is_master_changed and account not in self.seen.exempt and oid not in self.acts:
                    raise Broken("I12", f"{oid.hex()} has executed at {account}, and the master knows no line of it", oid.hex())
                continue
            told_e8 = line.outcome.volume_e8 if line.outcome is not None else 0
            is_other_masters = self.seen.is_master_changed and line.f == 0  # each of two masters may decide one signal
            # (what a store that is gone, or a copy of it, opened is looked for; not what it closed, or a close came for before)
            is_exempt = account in self.seen.exempt and (line.record.action != OPEN or line.code == codes.SUPERSEDED)
            if told_e8 != volume_e8 and not is_exempt and not is_other_masters:
                raise Broken("I12", f"{oid.hex()} at {account}: {volume_e8} executed, told {line.code} {told_e8} {line.detail}", oid.hex())
        for line in lines.values():
            told_e8 = line.outcome.volume_e8 if line.outcome is not None else 0
            if line.record.account == account and line.code in FINAL_CODES and told_e8 and line.record.oid not in done:
                oid = line.record.oid.hex()
                raise Broken("I12", f"{oid} at {account} is told {line.code} {told_e8}, and no deal bears its mark", oid)
