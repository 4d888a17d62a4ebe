"""What must hold in every simulated mesh, by the names of DESIGN §6: looked at from outside, on disks, wires and the venue's books."""

from collections.abc import Iterable
from typing import Any

import msgspec

from mesh import links
from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted, decode_untrusted
from mesh.core import Effect, Envelope, Send
from mesh.ids import magic_of
from mesh.killset import scope_matches
from mesh.messages.control import Entry, Latched, Undo
from mesh.messages.orders import OPEN, Grant, GrantAsk, Order, OrderBody
from mesh.messages.outcomes import FINAL_CODES, Outcome, OutcomeAck
from mesh.messages.signals import ACCEPTED, SignalAnswer
from mesh.messages.venue import VenueSend
from mesh.simnet import Place
from mesh.units import MS_NS
from nodes import decisions
from nodes.local import reports
from nodes.local.attempts import INTENT, ORDER, decoded
from nodes.local.finishing import ORDER_ROW
from nodes.local.state import META, MetaRecord
from nodes.master.account import ACCOUNT, AccountRecord
from nodes.stops import KILL_ITEM
from nodes.terminal import names
from nodes.terminal.account import TICKET_SPAN
from nodes.terminal.records import Deal
from tests.sim.fleet import Fleet, Watch
from tests.sim.simworker import SimWorker

SLACK_NS = 2 * MS_NS
"""Clocks that drift by 200 ppm differ by less within the age of a grant."""
RUN = "sim"
UNCONFIRMED_NS = 2_000 * MS_NS
FILLS = ("FILLED", "PARTIAL", "FILLED_LATE")


class Broken(Exception):
    """An invariant does not hold. ``name`` is DESIGN's, ``key`` what it is about."""

    def __init__(self, name: str, text: str, key: str = "") -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.key = key


class Sent(msgspec.Struct):
    """One call of order_send."""

    at_ns: int
    place: str
    life: int
    account: str
    send: VenueSend


class Checks(Watch):
    """All of them, for one fleet. Raises Broken at the step that breaks one."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.magics: set[int] = set()
        """Of every call."""
        self.tickets: dict[int, tuple[bytes, str, int, str]] = {}
        """Ticket of an order at the server → (oid, account, attempt, action) of the call it came of."""
        self.deadlines: dict[tuple[bytes, str], list[tuple[int, int]]] = {}
        """(oid, account) → (epoch, virtual time of its deadline) of every opening published."""
        self.granted: dict[tuple[str, int], tuple[int, int]] = {}
        """(account, life) → (when, epoch) of the newest grant."""
        self.latched: dict[str, dict[bytes, set[bytes]]] = {}
        """Place → entry it has said to hold → openings it named as being in flight."""
        self.acts: set[bytes] = set()
        """Oids of what locals do by themselves: no lines of the master's."""
        self.accepted: dict[str, int] = {}
        self.exempt: set[str] = set()
        """Accounts whose store was rolled back, or that have a clone: their local may have forgotten what it said."""
        self.is_master_changed = False
        """Two masters, or one without its memory: what one accepted the other need not know."""
        self._opening_lives: dict[str, list[int]] = {}
        self._asking: GrantAsk | None = None

    # hooks

    def attach(self, fleet: Fleet) -> None:
        """Watch a fleet."""
        self.fleet = fleet
        fleet.net.on_effect = self._on_effect
        fleet.net.on_turn = self._on_turn

    def exempted(self, account: str) -> None:
        """What its local said before it may have forgotten."""
        self.exempt.add(account)

    def master_changed(self) -> None:
        """What one master accepted the other need not know."""
        self.is_master_changed = True

    def _on_turn(self, place: Place, envelope: Envelope | None) -> None:
        message = envelope.message if envelope is not None else None
        self._asking = message if isinstance(message, GrantAsk) else None

    def _on_effect(self, place: Place, effect: Effect) -> None:
        if not isinstance(effect, Send):
            return
        check = _OF_MESSAGE.get(type(effect.message))
        if check is not None:
            check(self, place, effect)

    # what is sent

    def _published(self, place: Place, effect: Send) -> None:
        """I6: what is published is durable at the master."""
        order = effect.message
        assert isinstance(order, Order)
        if effect.link not in (links.ORDERS, links.REPLAY) or not place.name.startswith("master"):
            return
        body = decode_untrusted(effect.body)
        assert isinstance(body, OrderBody)
        core = place.core
        for target in order.targets:
            line = core._state.ledger.find(order.oid, target.account)  # type: ignore[union-attr]
            if line is None or not _has_decision(place, line.decision.record.key):
                raise Broken("I6", f"order {order.oid.hex()} of {target.account} is published and not durable", order.oid.hex())
            if body.action == OPEN:
                known = self.deadlines.setdefault((order.oid, target.account), [])
                if all(order.e != e for e, _ in known):
                    known.append((order.e, place.clock.true_ns(body.deadline_ns)))

    def _answered(self, place: Place, effect: Send) -> None:
        """I6: what is accepted is durable."""
        answer = effect.message
        assert isinstance(answer, SignalAnswer)
        if answer.code != ACCEPTED:
            return
        key = decisions.key_of(RUN, "signals-1", answer.sid)
        if (decisions.SID, key) not in place.disk.rows:
            raise Broken("I6", f"signal {answer.sid} is answered ACCEPTED and not durable", answer.sid)
        self.accepted.setdefault(answer.sid, self.fleet.net.now_ns)

    def _grants(self, place: Place, effect: Send) -> None:
        grant = effect.message
        assert isinstance(grant, Grant)
        if place.name.startswith("master") and not grant.refused:
            assert self._asking is not None
            self.granted[grant.account, self._asking.life] = (self.fleet.net.now_ns, grant.e)

    def _latches(self, place: Place, effect: Send) -> None:
        """LATCHED is said of what is durable."""
        latched = effect.message
        assert isinstance(latched, Latched)
        if not place.name.startswith("local"):
            return
        for key in latched.entries:
            if (KILL_ITEM, key) not in place.disk.rows:
                raise Broken("I9", f"{place.name} says LATCHED for a stop that is not durable", latched.account)
        held = self.latched.setdefault(place.name, {})
        for key in latched.entries:
            held.setdefault(key, set()).update(latched.in_flight)

    def _told(self, place: Place, effect: Send) -> None:
        """An outcome is told when it is durable."""
        outcome = effect.message
        assert isinstance(outcome, Outcome)
        if not place.name.startswith("local"):
            return
        key = reports.key_of(outcome.f)
        row = place.disk.rows.get((reports.OUTCOME, key)) or place.disk.rows.get((reports.ARCHIVE, key))
        if row is None or decode_record_untrusted(row, Outcome).oid != outcome.oid:
            raise Broken("I6", f"{place.name} tells {outcome.code} of {outcome.oid.hex()} before it is durable", outcome.oid.hex())

    def _acked(self, place: Place, effect: Send) -> None:
        """An outcome is acked when it is durable at the master."""
        ack = effect.message
        assert isinstance(ack, OutcomeAck)
        if not place.name.startswith("master"):
            return
        row = place.disk.rows.get((ACCOUNT, ack.account.encode()))
        if ack.f and (row is None or decode_record_untrusted(row, AccountRecord).f < ack.f):
            raise Broken("I6", f"outcome {ack.f} of {ack.account} is acked and not durable", ack.account)

    # what is called

    def made(self, worker: SimWorker, send: VenueSend, count: int) -> None:
        """The server gave a ticket for an attempt."""
        login = self.fleet.config.account[worker.account].login
        self.tickets[login * TICKET_SPAN + count] = (send.oid, worker.account, send.attempt, send.action)
        if decoded(worker.place.disk.rows[ORDER_ROW, send.oid]).kind != ORDER:
            self.acts.add(send.oid)

    def called(self, worker: SimWorker, send: VenueSend, request: dict[str, Any]) -> None:
        """Directly before an order_send: I1, I2, I3, I4, I8, I9, I11."""
        net, place = self.fleet.net, worker.place
        oid = send.oid.hex()
        magic = magic_of(send.oid, worker.account, send.attempt)
        if request.get("magic") != magic:
            raise Broken("I1", f"attempt {send.attempt} of {oid} bears magic {request.get('magic')}, not its own", oid)
        row = place.disk.rows.get((ORDER_ROW, send.oid))
        record = decoded(row) if row is not None else None
        if record is None or record.state != INTENT or record.attempt != send.attempt:
            stands = f"{record.state} attempt {record.attempt}" if record is not None else "nothing"
            raise Broken("I2", f"attempt {send.attempt} of {oid} at {worker.account} is called, durable is {stands}", oid)
        if magic in self.magics and (worker.account not in self.exempt or send.action == OPEN):
            raise Broken("I1", f"attempt {send.attempt} of {oid} at {worker.account} is called a second time", oid)
        self.magics.add(magic)
        self.sent.append(Sent(net.now_ns, place.name, place.life, worker.account, send))
        if send.action == OPEN:
            self._opens(worker, send, record.e)

    def _opens(self, worker: SimWorker, send: VenueSend, e: int) -> None:
        net, place, account, oid = self.fleet.net, worker.place, worker.account, send.oid.hex()
        core = place.core
        life = core._state.life  # type: ignore[union-attr]
        limits = [deadline_ns for epoch, deadline_ns in self.deadlines.get((send.oid, account), ()) if epoch == e]
        if not limits:
            raise Broken("I3", f"{oid} is opened at {account} in epoch {e}, in which it was never published", oid)
        late_ns = net.now_ns - max(limits)
        if late_ns > SLACK_NS:
            raise Broken("I3", f"{oid} is opened at {account} {late_ns // MS_NS} ms after its deadline", oid)
        meta = place.disk.rows.get((META, b""))
        stored_e = decode_record_untrusted(meta, MetaRecord).e if meta is not None else 0
        if e != stored_e:
            raise Broken("I4", f"{oid} of epoch {e} is opened at {account}, which has stored epoch {stored_e}", oid)
        granted_ns, granted_e = self.granted.get((account, life), (-(10**18), 0))
        age_ns = net.now_ns - granted_ns
        grant_ns = self.fleet.config.settings.timers.grant_ms * MS_NS
        if granted_e != e or age_ns > grant_ns + SLACK_NS:
            raise Broken("I11", f"{oid} is opened at {account}, whose last grant is of epoch {granted_e}, {age_ns // MS_NS} ms old", oid)
        lives = self._opening_lives.setdefault(account, [])
        if not lives or lives[-1] != life:
            if life in lives and not (self.is_master_changed and account in self.exempt):
                # (two masters beside two copies of one local: each master has its own, in its own epoch)
                raise Broken("I8", f"{account} is opened by life {life} after another one", account)
            lives.append(life)
        self._stopped(worker, send)

    def _stopped(self, worker: SimWorker, send: VenueSend) -> None:
        place, oid = worker.place, send.oid.hex()
        held = self.latched.get(place.name)
        if not held or worker.account in self.exempt:
            return
        items = {key: decode_untrusted(raw) for (kind, key), raw in place.disk.rows.items() if kind == KILL_ITEM}
        ended = {key for item in items.values() if isinstance(item, Undo) for key in item.entries}
        strategy = decoded(place.disk.rows[ORDER_ROW, send.oid]).strategy
        for key, item in items.items():
            if not isinstance(item, Entry) or key in ended or send.oid in held.get(key, (send.oid,)):
                continue
            if scope_matches(item.scope, worker.account, send.symbol, strategy):
                raise Broken("I9", f"{oid} is opened at {worker.account} after LATCHED ({item.level} {item.scope})", oid)

    # at any time

    def look(self) -> None:
        """What can be seen between two steps: I1 and I5, and that the lines add up."""
        self._books()
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
        """I1: of one (oid, account) at most one opening attempt has executed."""
        for account in self.fleet.config.account:
            attempts: dict[bytes, set[int]] = {}
            for deal in self.deals(account):
                known = self.tickets.get(deal.order)
                if known is not None and known[3] == OPEN and deal.reason == names.DEAL_REASON_EXPERT:
                    attempts.setdefault(known[0], set()).add(known[2])
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
                if line.record.account not in self.exempt
            ]
        return stuck

    def finish(self) -> None:
        """I5, I12: every accepted line has ended, and the ledger says what the venue's books say."""
        self.look()
        master = self.fleet.master()
        assert master is not None
        if not self.is_master_changed:
            for sid in self.accepted:
                if not _has_decision(self.fleet.net.places[self.fleet.master_name], decisions.key_of(RUN, "signals-1", sid)):
                    raise Broken("I6", f"signal {sid} was accepted and is not known", sid)
        lines = {(line.record.oid, line.record.account): line for line in self._archived()}
        for account in self.fleet.config.account:
            self._account(account, lines)

    def _archived(self) -> Iterable[decisions.Line]:
        """Every line: ended ones as the master's store has them, of decisions that are still open as it has them in memory."""
        master = self.fleet.master()
        assert master is not None
        for decision in master._state.ledger.live.values():
            yield from decision.lines
        for (kind, _), raw in self.fleet.net.places[self.fleet.master_name].disk.rows.items():
            if kind != decisions.ARCHIVE:
                continue
            archived = decode_record_untrusted(raw, decisions.ArchiveRecord, RECORD_BYTES_MAX)
            decision = decisions.Decision(archived.decision)
            for line, end in zip(decision.lines, archived.ends, strict=True):
                line.code, line.detail, line.f, line.outcome = end.code, end.detail, end.f, end.outcome
                yield line

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
                if not self.is_master_changed and account not in self.exempt and oid not in self.acts:
                    raise Broken("I12", f"{oid.hex()} has executed at {account}, and the master knows no line of it", oid.hex())
                continue
            told_e8 = line.outcome.volume_e8 if line.outcome is not None else 0
            is_other_masters = self.is_master_changed and line.f == 0  # each of two masters may decide one signal
            if told_e8 != volume_e8 and account not in self.exempt and not is_other_masters:
                raise Broken("I12", f"{oid.hex()} at {account}: {volume_e8} executed, told {line.code} {told_e8} {line.detail}", oid.hex())
        for line in lines.values():
            told_e8 = line.outcome.volume_e8 if line.outcome is not None else 0
            if line.record.account == account and line.code in FINAL_CODES and told_e8 and line.record.oid not in done:
                oid = line.record.oid.hex()
                raise Broken("I12", f"{oid} at {account} is told {line.code} {told_e8}, and no deal bears its mark", oid)


def _has_decision(place: Place, key: bytes) -> bool:
    return (decisions.DECISION, key) in place.disk.rows or (decisions.ARCHIVE, key) in place.disk.rows


_OF_MESSAGE = {
    Order: Checks._published,
    SignalAnswer: Checks._answered,
    Grant: Checks._grants,
    Latched: Checks._latches,
    Outcome: Checks._told,
    OutcomeAck: Checks._acked,
}
