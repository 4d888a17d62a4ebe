"""Orders as a router hands them on: which epoch, which number, known or new, missing or in turn.

An order of a lower epoch is passed over; that is no outcome. A known oid is answered with what is stored. An open waits until
everything numbered below it came; a close does not. What the master says may no longer run is answered EXPIRED.
"""

from mesh.codec import decode_untrusted
from mesh.core import Effect, Envelope, Note
from mesh.errors import BadFrame
from mesh.messages.base import NO_OID
from mesh.messages.orders import ACTIONS, OPEN, GapFill, LocalWelcome, Order, OrderBody, ReplayAccount, Target, Void, VoidLine
from mesh.messages.outcomes import Stamps
from mesh.units import MS_NS
from nodes import codes
from nodes.envelopes import message_of
from nodes.fetches import Rows
from nodes.local.attempts import ORDER, QUEUED, OrderRecord
from nodes.local.desk import Desk
from nodes.local.endings import Endings
from nodes.local.jobs import Job
from nodes.local.reports import ARCHIVE, key_of
from nodes.local.state import ROOM_COUNT, LocalState

GAP = ("gap", b"")
TOO_LATE, VOID = "master=too_late", "void=epoch"
"""Why an order ends that never ran here: its deadline is over; its epoch is."""
GAP_NS = 20 * MS_NS
"""A hole has this long to fill by itself: the router repairs its own."""


class OrderIntake:
    """The stream of one local."""

    def __init__(self, state: LocalState, desk: Desk) -> None:
        self._state = state
        self._desk = desk
        self._later: dict[int, Job] = {}
        """Opens that came before what is numbered below them."""
        self.k_last = 0
        """The highest number known to exist in this epoch."""

    def on_order(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """One order of our account."""
        order = message_of(envelope, Order)
        state = self._state
        target = _target_of(order, state.account)
        body = _body_untrusted(envelope)
        if target is None or body is None or body.action not in ACTIONS:
            state.counters.add("bad_frame_count")
            return [Note("warning", "order_unreadable", {"n": order.n, "oid": order.oid.hex()})]
        if (forged := state.seals.order(order, target, envelope.frames[1], now_ns)) is not None:
            return forged
        state.counters.add("order_count")
        effects: list[Effect] = []
        if order.e < state.stream.e:
            state.counters.add("expired_count")
            return effects
        if order.e > state.stream.e:
            effects += self.take_epoch(order.e)
        self.k_last = max(self.k_last, target.k)
        if not state.stream.receive(target.k):
            state.counters.add("duplicate_order_count")
            return [*effects, *self._again(order.oid), state.order_ack(now_ns)]
        effects += self._take(order, target, body, now_ns)
        self._take_in_turn(now_ns)
        self._look_for_gaps(now_ns)
        return effects

    def _take(self, order: Order, target: Target, body: OrderBody, now_ns: int) -> list[Effect]:
        """A number that had not come: an order that is known all the same, or a new one."""
        state = self._state
        job = self._desk.jobs.get(order.oid)
        if job is not None:
            state.counters.add("duplicate_order_count")
            if job.is_stored:
                return state.settle(order.e, [target.k], now_ns)
            job.ks.append(target.k)
            return []
        if state.reports.known_f(order.oid):
            state.counters.add("duplicate_order_count")
            # its end may be on its way to the disk: acked after that
            return [*self._again(order.oid), state.commits.make([], lambda durable_ns: state.settle(order.e, [target.k], durable_ns))]
        job = Job(record_of(order, target, body, now_ns), now_ns)
        job.ks.append(target.k)
        if body.action == OPEN and target.k > state.stream.received_k:
            self._later[target.k] = job
            return []
        self._desk.take(job, now_ns)
        return []

    def _take_in_turn(self, now_ns: int) -> None:
        """Opens whose turn has come because a hole was filled."""
        if not self._later:
            return
        for k in sorted(k for k in self._later if k <= self._state.stream.received_k):
            job = self._later.pop(k)
            same = self._desk.jobs.get(job.record.oid)
            if same is not None:
                same.ks += job.ks  # it came under two numbers while there was a hole below both
            else:
                self._desk.take(job, now_ns)

    def _forget_later(self, oid: bytes) -> list[int]:
        """An open is answered before its turn has come: the numbers it waited under."""
        ks = [k for k, job in self._later.items() if job.record.oid == oid]
        for k in ks:
            del self._later[k]
        return ks

    def _again(self, oid: bytes) -> list[Effect]:
        """Tell once more how an order ended, if it did; what the master had acked is read out of the archive.

        What is not durable yet is told by its own commit.
        """
        state, reports = self._state, self._state.reports
        f = reports.known_f(oid)
        if not f or f > reports.durable_f:
            return []
        outcome = reports.pending.get(f)
        if outcome is not None:
            return [state.tell(outcome)]
        return [state.fetches.make(ARCHIVE, key_of(f), 1, lambda rows, _now_ns: self._archived(oid, f, rows))]

    def _archived(self, oid: bytes, f: int, rows: Rows) -> list[Effect]:
        """What the archive has of it; it may have ended anew meanwhile, as an open does that turned up late."""
        state = self._state
        return [state.tell(state.reports.told(oid, rows))] if state.reports.known_f(oid) == f else self._again(oid)

    def on_gap_fill(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Orders that may no longer run: each is answered, unless it is known to have run."""
        message = message_of(envelope, GapFill)
        state = self._state
        rows, effects = state.seals.expired(message, now_ns)
        answered: list[int] = []
        if rows and message.e > state.stream.e:
            effects += self.take_epoch(message.e)
        for row in rows:
            if message.e == state.stream.e:
                self.k_last = max(self.k_last, row.k)
                is_ours = state.freshness.is_fresh(message.e, now_ns)
                if row.oid != NO_OID and not is_ours and not state.stream.is_older(message.e, row.k):
                    continue  # another life may have leave, and this one: asked for again until we have it
                state.stream.receive(row.k)
                self._later.pop(row.k, None)
                job = self._desk.jobs.get(row.oid)
                # what is in hand and not on disk yet is settled when it is
                (answered if job is None or job.is_stored else job.ks).append(row.k)
            if not state.stream.is_older(message.e, row.k):  # another life's is not ended unseen: VOID names it
                effects += self._expire(row.oid, message.e, TOO_LATE, now_ns)
        if answered:
            effects.append(state.commits.make([], lambda durable_ns: state.settle(message.e, answered, durable_ns)))
        self._take_in_turn(now_ns)
        self._look_for_gaps(now_ns)
        return effects

    def on_void(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Openings of older epochs or lives: what is in hand or has ended is told as it is, what is not known here is looked for."""
        message = message_of(envelope, Void)
        state = self._state
        if (message.account, message.life, message.e) != (state.account, state.life, state.stream.e):
            return []  # also a copy of this local that another life has replaced: its store need not be the one that knows
        if (forged := state.seals.void(message, now_ns)) is not None:
            return forged
        return [effect for line in message.lines for effect in self._void(line, message.e, now_ns)]

    def _void(self, line: VoidLine, e: int, now_ns: int) -> list[Effect]:
        if self._desk.jobs.get(line.oid) is not None:
            return []
        if self._state.reports.known_f(line.oid):
            return self._again(line.oid)
        job = Job(void_record(line, e), now_ns)
        job.ks = self._forget_later(line.oid)
        return self._desk.search(job, "" if line.is_unsure else codes.EXPIRED, VOID, now_ns)

    def _expire(self, oid: bytes, e: int, detail: str, now_ns: int) -> list[Effect]:
        state = self._state
        if oid == NO_OID or self._desk.jobs.get(oid) is not None:
            return []
        if state.reports.known_f(oid):
            return self._again(oid)
        state.counters.add("expired_count")
        return state.report(Endings(state).outcome(nameless(oid, e), codes.EXPIRED, detail, True), [], now_ns)

    # epochs and holes

    def take_epoch(self, e: int) -> list[Effect]:
        """A higher epoch: older opens that were not begun are forgotten, for its master knows nothing of them.

        One that was handed over and has not gone out yet comes back unsent: the latch word is another one from now on.
        """
        state = self._state
        note = Note("info", "epoch_taken", {"e": e, "before": state.stream.e})
        state.stream.restart(e, 0)
        self._later.clear()
        self.k_last = 0
        for job in self._desk.jobs:
            if job.record.action == OPEN and job.record.state == QUEUED and not job.is_stored:
                self._desk.jobs.remove(job)
            job.ks.clear()
        return [note, state.withdraw(), state.commits.make([state.meta_put()], lambda _: [state.hello(state.homing.home)])]

    def on_welcome(self, welcome: LocalWelcome, now_ns: int) -> list[Effect]:
        """What the master published for us in its epoch."""
        effects: list[Effect] = []
        if welcome.e > self._state.stream.e:
            effects += self.take_epoch(welcome.e)
        self._state.stream.welcome(welcome.k_last)
        self.lacks(welcome.k_last, now_ns)
        return effects

    def lacks(self, k_last: int, now_ns: int) -> None:
        """The master has published up to ``k_last`` for us."""
        self.k_last = max(self.k_last, k_last)
        self._look_for_gaps(now_ns)

    def _look_for_gaps(self, now_ns: int) -> None:
        """Have holes asked for in a moment: what is on its way needs no question."""
        stream = self._state.stream
        if stream.received_k >= self.k_last:
            self._state.timers.cancel(GAP)
        elif not self._state.timers.is_set(GAP):
            self._state.timers.set(GAP, now_ns + GAP_NS)

    def ask_gaps(self, now_ns: int) -> list[Effect]:
        """Ask the master, through the router, for what has not come; again until it has."""
        state = self._state
        # what is beyond our own credit waits at the router and is not missing
        gaps = state.stream.gaps(min(self.k_last, state.stream.acked_k + ROOM_COUNT))
        if not gaps:
            return []
        state.counters.add("gap_count")
        state.timers.set(GAP, now_ns + state.timer_section.repeat_ms * MS_NS)
        return [
            state.ask_home(ReplayAccount(state.account, state.stream.e, from_k, to_k)) for from_k, to_k in gaps
        ]


def _target_of(order: Order, account: str) -> Target | None:
    """What an order asks of an account; None where it asks nothing."""
    for target in order.targets:  # a router sends each local its own alone
        if target.account == account:
            return target
    return None


def _body_untrusted(envelope: Envelope) -> OrderBody | None:
    """The second frame of an order; None where it is not one."""
    if len(envelope.frames) != 2:
        return None
    try:
        body = decode_untrusted(envelope.frames[1])
    except BadFrame:
        return None
    return body if isinstance(body, OrderBody) else None


def record_of(order: Order, target: Target, body: OrderBody, now_ns: int) -> OrderRecord:
    """An order of the master as it is kept here."""
    stamps = Stamps(
        signal_ns=body.stamp_signal_ns,
        master_in_ns=body.stamp_master_in_ns,
        master_out_ns=body.stamp_master_out_ns,
        router_out_ns=order.stamp_router_ns,
        local_in_ns=now_ns,
    )
    return OrderRecord(
        oid=order.oid,
        kind=ORDER,
        e=order.e,
        n=order.n,
        k=target.k,
        sid=body.sid,
        strategy=body.strategy,
        leg=body.leg,
        cause=body.leg,
        action=body.action,
        symbol=target.symbol,
        side=body.side,
        volume_e8=target.volume_e8,
        ref_oid=target.ref_oid,
        ref_ticket=target.ref_ticket,
        sl_distance_e8=body.sl_distance_e8,
        tp_distance_e8=body.tp_distance_e8,
        deviation_points=body.deviation_points,
        seen_price_e8=body.price_e8,
        deadline_ns=body.deadline_ns,
        decided_market_ns=body.decided_market_ns,
        stamps=stamps,
    )


def nameless(oid: bytes, e: int) -> OrderRecord:
    """An order of which only the master's word is known that it is too late."""
    return OrderRecord(
        oid=oid,
        kind=ORDER,
        e=e,
        n=0,
        k=0,
        sid=codes.NOBODY,
        strategy=codes.NOBODY,
        leg=codes.NOBODY,
        cause=codes.NOBODY,
        action=OPEN,
        symbol=codes.NOBODY,
        side=0,
        volume_e8=0,
    )


def void_record(line: VoidLine, e: int) -> OrderRecord:
    """An opening of which only what the master says is known here."""
    return OrderRecord(
        oid=line.oid,
        kind=ORDER,
        e=e,
        n=0,
        k=0,
        sid=line.sid,
        strategy=line.strategy,
        leg=line.leg,
        cause=line.leg,
        action=OPEN,
        symbol=line.symbol,
        side=line.side,
        volume_e8=line.volume_e8,
        sl_distance_e8=line.sl_distance_e8,
        seen_price_e8=line.price_e8,
        decided_market_ns=line.decided_market_ns,
    )
