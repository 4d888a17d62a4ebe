"""What nodes say to one another, held against disks and what was said: numbers, epochs, grants, outcomes (I4, I5, I6, I8, I12, S1)."""

from collections.abc import Callable

from mesh import links
from mesh.codec import decode_record_untrusted, decode_untrusted
from mesh.core import Commit, Envelope, Send
from mesh.messages.base import NO_OID
from mesh.messages.orders import CLOSE, OPEN, GapFill, Grant, GrantAsk, Heartbeat, Order, OrderAck, OrderBody, Target, Void
from mesh.messages.outcomes import Outcome, OutcomeAck
from mesh.messages.signals import ACCEPTED, SignalAnswer
from mesh.simnet import Place
from mesh.units import MS_NS
from nodes import codes, decisions
from nodes.local import reports
from nodes.local.finishing import ORDER_ROW
from nodes.local.orderintake import TOO_LATE, VOID
from nodes.local.state import META, MetaRecord
from nodes.master.state import EPOCH, EpochRecord
from tests.sim.broken import Broken
from tests.sim.seen import SLACK_NS, Granted, Seen, has_decision, has_outcome, words_of

RUN = "sim"
STORED_NS = 100 * MS_NS
"""A CLOSE that came is stored so soon after the last commit."""


class SaidChecks:
    """Every message of one fleet as it is sent, and every CLOSE as it comes."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._asking: GrantAsk | None = None
        self._last_k: dict[tuple[str, int], int] = {}
        """(account, epoch) → the last number published."""
        self._ended: dict[tuple[str, bytes], Outcome] = {}
        """(place, oid) → how its local has told it to have ended."""
        self._closes: dict[tuple[str, int, bytes], int] = {}
        """(place, life, oid) → when a CLOSE came that is not stored yet."""
        self._unacked: dict[tuple[str, int, int], dict[int, bytes]] = {}
        """(place, life, epoch) → k → oid of orders that came and are not settled on disk."""
        self._unnamed: dict[tuple[str, int, int], set[int]] = {}
        """(place, life, epoch) → numbers of openings another life may have had: answered by the master, ended by VOID."""
        self._checks: dict[type, Callable[[Place, Send], None]] = {
            Order: self._published,
            Heartbeat: self._beats,
            GapFill: self._filled,
            Void: self._voided,
            SignalAnswer: self._answered,
            Grant: self._grants,
            Outcome: self._told,
            OutcomeAck: self._acked,
            OrderAck: self._takes,
        }

    def came(self, place: Place, envelope: Envelope | None) -> None:
        """A message comes to a node."""
        message = envelope.message if envelope is not None else None
        self._asking = message if isinstance(message, GrantAsk) else None
        if isinstance(message, Order) and envelope is not None and self._seen.is_local(place):
            self._order_came(place, envelope, message)
        elif isinstance(message, GapFill) and self._seen.is_local(place):
            self._fill_came(place, message)

    def sent(self, place: Place, effect: Send) -> None:
        """A node sends a message."""
        check = self._checks.get(type(effect.message))
        if check is not None:
            check(place, effect)

    # orders

    def _published(self, place: Place, effect: Send) -> None:
        """I6: what is published is durable at the master. I4: an OPEN is of one epoch. I5: its numbers leave no hole."""
        order = effect.message
        assert isinstance(order, Order)
        if effect.link not in (links.ORDERS, links.REPLAY) or not place.name.startswith("master"):
            return
        self._epoch(place, order.e)
        self._seen.published.update(words_of(order, target, effect.body) for target in order.targets)
        body = decode_untrusted(effect.body)
        assert isinstance(body, OrderBody)
        self._seen.actions[order.oid] = body.action
        if body.action == OPEN:
            for target in order.targets:
                asked = self._seen.asked.setdefault((order.oid, target.account), set())
                asked.add((target.symbol, body.side, target.volume_e8))
        for target in order.targets:
            line = place.core._state.ledger.find(order.oid, target.account)  # type: ignore[union-attr]
            if line is None or not has_decision(place, line.decision.record.key):
                raise Broken("I6", f"order {order.oid.hex()} of {target.account} is published and not durable", order.oid.hex())
            self._numbered(order, target)
            self._seen.published_ns.setdefault((order.oid, target.account, order.e), self._seen.now_ns)
            if body.action == OPEN:
                self._open(order, target, place.clock.true_ns(body.deadline_ns))

    def _epoch(self, place: Place, e: int) -> None:
        row = place.disk.rows.get((EPOCH, b""))
        stored_e = decode_record_untrusted(row, EpochRecord).e if row is not None else 0
        if e != stored_e:
            raise Broken("I6", f"{place.name} publishes in epoch {e}, durable is {stored_e}", place.name)

    def _numbered(self, order: Order, target: Target) -> None:
        last_k = self._last_k.get((target.account, order.e), 0)
        if target.k > last_k + 1:
            raise Broken("I5", f"{target.account} is sent k={target.k} after {last_k}: a hole that nobody can fill", order.oid.hex())
        self._last_k[target.account, order.e] = max(last_k, target.k)

    def _open(self, order: Order, target: Target, deadline_ns: int) -> None:
        known = self._seen.deadlines.setdefault((order.oid, target.account), [])
        if any(order.e == e for e, _ in known):
            return
        if known and not self._seen.is_master_changed:
            text = f"OPEN {order.oid.hex()} of {target.account}, published in epoch {known[0][0]}, is published again in {order.e}"
            raise Broken("I4", text, order.oid.hex())
        known.append((order.e, deadline_ns))

    def _beats(self, place: Place, effect: Send) -> None:
        """I6: an epoch is durable before anybody hears of it."""
        beat = effect.message
        assert isinstance(beat, Heartbeat)
        if place.name.startswith("master"):
            self._epoch(place, beat.e)

    def _filled(self, place: Place, effect: Send) -> None:
        """I5: what is given up is an OPEN, and past its deadline."""
        fill = effect.message
        assert isinstance(fill, GapFill)
        if not place.name.startswith("master"):
            return
        for row in fill.expired:
            oid = row.oid.hex()
            self._seen.given_up.add((row.oid, row.account))
            if row.oid != NO_OID and self._seen.actions.get(row.oid) == CLOSE:
                raise Broken("I5", f"CLOSE {oid} of {row.account} is given up: a CLOSE does not expire", oid)
            for e, deadline_ns in self._seen.deadlines.get((row.oid, row.account), ()):
                early_ns = deadline_ns - self._seen.now_ns
                if e == fill.e and early_ns > SLACK_NS:
                    raise Broken("I5", f"OPEN {oid} of {row.account} is given up {early_ns // MS_NS} ms before its deadline", oid)

    def _voided(self, place: Place, effect: Send) -> None:
        void = effect.message
        assert isinstance(void, Void)
        if place.name.startswith("master"):
            self._seen.given_up.update((line.oid, void.account) for line in void.lines)

    def _order_came(self, place: Place, envelope: Envelope, order: Order) -> None:
        state = place.core._state  # type: ignore[union-attr]
        if envelope.link != state.home_link or order.e < state.stream.e:
            return
        if any(words_of(order, target, envelope.frames[1]) not in self._seen.published for target in order.targets):
            return  # made up on its way: it is nothing to whom it came
        body = decode_untrusted(envelope.frames[1])
        if isinstance(body, OrderBody) and body.action == CLOSE:
            self._closes.setdefault((place.name, place.life, order.oid), self._seen.now_ns)
        for target in order.targets:
            self._unacked.setdefault((place.name, place.life, order.e), {})[target.k] = order.oid

    def _fill_came(self, place: Place, fill: GapFill) -> None:
        stream = place.core._state.stream  # type: ignore[union-attr]
        said = [row for row in fill.expired if (row.oid, row.account) in self._seen.given_up]
        older = {row.k for row in said if row.oid == NO_OID or stream.is_older(fill.e, row.k)}
        self._unnamed.setdefault((place.name, place.life, fill.e), set()).update(older)

    def _settled(self, name: str, life: int, e: int) -> None:
        """I6: up to its durable k a local has every order stored, or its outcome."""
        place = self._seen.fleet.net.places[name]
        row = place.disk.rows.get((META, b""))
        meta = decode_record_untrusted(row, MetaRecord) if row is not None else None
        unacked = self._unacked[name, life, e]
        if place.life != life or (meta is not None and meta.e > e):
            del self._unacked[name, life, e]
        elif meta is not None and meta.e == e:
            for k in [k for k in unacked if k <= meta.k]:
                self._stored(place, e, k, unacked.pop(k), "has settled")

    def _takes(self, place: Place, effect: Send) -> None:
        """I6: what a local acks it has stored, or its outcome."""
        ack = effect.message
        assert isinstance(ack, OrderAck)
        if self._seen.is_local(place):
            for k, oid in self._unacked.get((place.name, place.life, ack.e), {}).items():
                if k <= ack.k:
                    self._stored(place, ack.e, k, oid, "acks")

    def _stored(self, place: Place, e: int, k: int, oid: bytes, word: str) -> None:
        is_unnamed = k in self._unnamed.get((place.name, place.life, e), ())
        if not is_unnamed and (ORDER_ROW, oid) not in place.disk.rows and (reports.KNOWN, oid) not in place.disk.rows:
            raise Broken("I6", f"{place.name} {word} order {oid.hex()} (k={k}), which is not stored", oid.hex())

    def look(self) -> None:
        """L1: a CLOSE that came to a local is stored there at once, whatever misses before it."""
        for key in list(self._unacked):
            self._settled(*key)
        for (name, life, oid), came_ns in list(self._closes.items()):
            place = self._seen.fleet.net.places[name]
            rows = place.disk.rows
            if place.life != life or place.core is None or (ORDER_ROW, oid) in rows or (reports.KNOWN, oid) in rows:
                del self._closes[name, life, oid]
            elif self._seen.now_ns > max(came_ns, place.stored_at_ns, place.paused_until_ns) + STORED_NS:
                late_ms = (self._seen.now_ns - came_ns) // MS_NS
                raise Broken("L1", f"CLOSE {oid.hex()} came to {name} {late_ms} ms ago and is not stored", oid.hex())

    # signals, grants

    def _answered(self, place: Place, effect: Send) -> None:
        """I6: what is accepted is durable."""
        answer = effect.message
        assert isinstance(answer, SignalAnswer)
        if answer.code != ACCEPTED:
            return
        key = decisions.key_of(RUN, "signals-1", answer.sid)
        if (decisions.SID, key) not in place.disk.rows:
            raise Broken("I6", f"signal {answer.sid} is answered ACCEPTED and not durable", answer.sid)
        self._seen.accepted.setdefault(answer.sid, self._seen.now_ns)

    def _grants(self, place: Place, effect: Send) -> None:
        """I8: one life of an account has grants at a time."""
        grant = effect.message
        assert isinstance(grant, Grant)
        seen = self._seen
        if not place.name.startswith("master") or grant.refused:
            return
        assert self._asking is not None
        life = self._asking.life
        grant_ns = seen.fleet.config.settings.timers.grant_ms * MS_NS
        for (account, other), grants in seen.granted.items():
            age_ns = seen.now_ns - grants[-1].at_ns
            if account == grant.account and other != life and age_ns < grant_ns - SLACK_NS and not seen.is_master_changed:
                raise Broken("I8", f"life {life} of {account} is granted {age_ns // MS_NS} ms after a grant of life {other}", account)
        seen.granted.setdefault((grant.account, life), []).append(Granted(seen.now_ns, grant.e, grant.kill_digest))

    # outcomes

    def _told(self, place: Place, effect: Send) -> None:
        """I6: an outcome is told when it is durable. I5: an order ends once. I12: NOT_FOUND is no guess."""
        outcome = effect.message
        assert isinstance(outcome, Outcome)
        if not self._seen.is_local(place):
            return
        oid = outcome.oid.hex()
        if not has_outcome(place, outcome):
            raise Broken("I6", f"{place.name} tells {outcome.code} of {oid} before it is durable", oid)
        if not outcome.final:
            return
        if outcome.code == codes.EXPIRED and self._seen.actions.get(outcome.oid) == CLOSE:
            raise Broken("I5", f"CLOSE {oid} ends EXPIRED at {outcome.account}: a CLOSE does not expire", oid)
        is_unasked = (outcome.oid, outcome.account) not in self._seen.given_up
        if outcome.code == codes.EXPIRED and outcome.detail in (TOO_LATE, VOID) and is_unasked:
            raise Broken("S1", f"{oid} ends EXPIRED {outcome.detail} at {outcome.account}, which no master has said", oid)
        before = self._ended.setdefault((place.name, outcome.oid), outcome)
        self._ended[place.name, outcome.oid] = outcome
        is_late = before.code in codes.UNSEEN and outcome.code == codes.FILLED_LATE
        if before.f < outcome.f and not is_late and outcome.account not in self._seen.exempt:
            text = f"{oid} ended {before.code} at {outcome.account} as outcome {before.f}, and again {outcome.code} as {outcome.f}"
            raise Broken("I5", text, oid)
        if outcome.code == codes.NOT_FOUND and "resolved_by" not in outcome.detail:
            self._sought(outcome, oid)

    def _sought(self, outcome: Outcome, oid: str) -> None:
        called_ns = self._seen.called_ns.get((outcome.oid, outcome.account))
        settle_ns = self._seen.fleet.config.settings.timers.unknown_settle_ms * MS_NS
        if self._seen.is_master_changed and outcome.account in self._seen.exempt:
            return  # two masters beside two copies of one local: each copy may open, and knows only of its own attempts
        if called_ns is not None and self._seen.now_ns - called_ns < settle_ns - SLACK_NS:
            waited_ms = (self._seen.now_ns - called_ns) // MS_NS
            raise Broken("I12", f"{oid} is told NOT_FOUND at {outcome.account} {waited_ms} ms after its call", oid)

    def _acked(self, place: Place, effect: Send) -> None:
        """I6: an outcome is acked when it is durable at the master, by the master and by nobody for it."""
        ack = effect.message
        assert isinstance(ack, OutcomeAck)
        taken_f = self._seen.taken_f(ack.account)
        if place.name in self._seen.fleet.stolen:
            return
        if ack.f > taken_f and (place.name.startswith("master") or not self._seen.is_master_changed):
            raise Broken("I6", f"outcome {ack.f} of {ack.account} is acked by {place.name}, the master has {taken_f}", ack.account)

    def committed(self, place: Place, commit: Commit) -> None:
        """S1: what a local takes for acked a master has."""
        if not self._seen.is_local(place) or self._seen.is_master_changed:
            return
        acked_f = max((int.from_bytes(put.key) for put in commit.puts if put.kind == reports.ARCHIVE), default=0)
        account = self._seen.fleet.account(place.name)
        if acked_f > (taken_f := self._seen.taken_f(account) if acked_f else 0):
            raise Broken("S1", f"{place.name} takes outcome {acked_f} of {account} for acked, the masters have {taken_f}", account)
