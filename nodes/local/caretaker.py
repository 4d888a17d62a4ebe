"""What a local does by itself after each read of the venue: manages its positions, holds the equity stop, obeys the ladder.

Each act is an order of its own with a coded cause, an oid that cannot come twice, INTENT and outcome; it needs no grant and no
router. An act that failed is tried again after a pause that doubles.
"""

import itertools

import msgspec

from mesh.backoff import backoff_ns
from mesh.core import Effect, Note, Send
from mesh.ids import oid_of
from mesh.links import WORKER
from mesh.messages.accounts import Position
from mesh.messages.control import ACTIVE, FLATTEN, FREEZE
from mesh.messages.orders import CANCEL, CLOSE
from mesh.messages.venue import VenueWatch
from mesh.settings import ManageSection
from mesh.units import MS_NS, text_from_e8
from nodes import codes
from nodes.local.attempts import ACT, LEAVE, OrderRecord
from nodes.local.desk import Desk
from nodes.local.jobs import Job
from nodes.local.manage import EQUITY_STOP, PARTIAL_TP, STANDING, Act, act_of, is_managed
from nodes.local.state import LocalState

RUN = "local"
"""The run of oids of a local's own acts."""
PAUSE_DOUBLINGS_MAX = 7


class ActTally(msgspec.Struct):
    """Acts of one cause on one position in this life. ``not_before_ns``: a failure's pause."""

    count: int = 0
    failed_count: int = 0
    not_before_ns: int = 0


class Caretaker:
    """Local management of one account."""

    def __init__(self, state: LocalState, desk: Desk) -> None:
        self._state = state
        self._desk = desk
        self._sections: dict[str, ManageSection] = {}
        self.configure()
        self._tallies: dict[tuple[str, int], ActTally] = {}
        """By cause and position."""
        self._under_way: dict[bytes, ActTally] = {}
        self._watched_e8 = 0
        self.refusal = ""
        """What the venue refused last, of what was to be done since something was done."""
        self._pause_ns = state.timer_section.repeat_ms * MS_NS

    def configure(self) -> None:
        """Look after positions as the configuration says that is in force now."""
        strategies = self._state.config.strategy.items()
        self._sections = {name: strategy.manage for name, strategy in strategies if is_managed(strategy.manage)}

    @property
    def is_managing(self) -> bool:
        """Whether some position of ours needs to be looked at as prices move."""
        return bool(self._sections) and any(position.strategy in self._sections for position in self._state.book.ours)

    def attached(self) -> None:
        """A new worker: the venue knows of no watch."""
        self._watched_e8 = 0

    def look(self, now_ns: int) -> list[Effect]:
        """Acts on the newest read, queued; and the equity at which the market should stop, where it changed."""
        effects = self._watch()
        state = self._state
        is_at_floor = state.equity_stop.is_reached
        # nothing is done with what is not ours but by a stop; a stop begins with what loses most
        for position in state.book.ours if state.ladder.is_clear else sorted(state.book.positions, key=_gain_e8):
            effects += self._bare(position)
            act = self._act(position, is_at_floor)
            if act is not None:
                self._queue(position, act, now_ns)
        orders = {order.ticket: (order.symbol, "", False) for order in (state.book.state.orders if state.book.state else ())}
        # what a look for an open found live may be in no read yet
        for ticket, (symbol, strategy, is_late) in (orders | self._desk.lost.resting(now_ns)).items():
            if is_late or state.ladder.level(symbol, strategy) not in (ACTIVE, FREEZE):
                self._cancel(ticket, symbol, now_ns)
        return effects

    def _bare(self, position: Position) -> list[Effect]:
        """A position of ours without the SL that its opening asked for, said once."""
        opening = self._state.openings.of_oid(position.oid) if position.ours else None
        if opening is None or position.sl_e8 or not opening.record.sl_distance_e8 or opening.is_bare_noted:
            return []
        opening.is_bare_noted = True
        asked = text_from_e8(opening.record.sl_distance_e8)
        told = {"ticket": position.ticket, "symbol": position.symbol, "oid": position.oid.hex(), "asked_distance": asked}
        return [Note("warning", "position_without_sl", {**told, "do": "set a stop loss, or close it"})]

    def _act(self, position: Position, is_at_floor: bool) -> Act | None:
        """The first reason to do something with a position."""
        state = self._state
        # a stop over a strategy means ours alone, any other one all there is: a foreign position has no strategy
        if state.ladder.level(position.symbol, position.strategy) == FLATTEN:
            return Act(FLATTEN, CLOSE)
        if not position.ours:
            return None
        if is_at_floor:
            return Act(EQUITY_STOP, CLOSE)
        if position.oid in state.openings.barred:
            return Act(STANDING, CLOSE)
        section = self._sections.get(position.strategy)
        spec = state.book.symbols.get(position.symbol)
        if section is None or spec is None or spec.point_e8 <= 0:
            return None
        is_partial_done = section.partial_tp_points > 0 and self._is_done(PARTIAL_TP, position)
        return act_of(position, section, spec, state.book.market_ns, is_partial_done)

    def _is_done(self, cause: str, position: Position) -> bool:
        """Whether an act of this cause on a position executed something, in this life or another."""
        for count in itertools.count():
            oid = self._oid(cause, position.position_id, count, position.strategy)
            if not self._state.reports.known_f(oid):
                return False
            if self._state.reports.is_executed(oid):
                return True
        raise AssertionError("counting has no end")

    def _oid(self, cause: str, position_id: int, count: int, strategy: str) -> bytes:
        state = self._state
        mesh_id = state.config.settings.mesh.id
        return oid_of(mesh_id, RUN, state.account, f"{cause}/{position_id}/{count}", strategy, cause)

    def _new_oid(self, cause: str, position_id: int, strategy: str) -> bytes:
        """The oid of the next act of this cause on a position; acts of earlier lives are known by theirs."""
        tally = self._tallies.setdefault((cause, position_id), ActTally())
        oid = self._oid(cause, position_id, tally.count, strategy)
        while self._state.reports.known_f(oid):
            tally.count += 1
            oid = self._oid(cause, position_id, tally.count, strategy)
        self._under_way[oid] = tally
        return oid

    def _is_pausing(self, cause: str, position_id: int, now_ns: int) -> bool:
        """Whether an act of this cause has failed a moment ago."""
        tally = self._tallies.get((cause, position_id))
        return tally is not None and now_ns < tally.not_before_ns

    def _order(self, oid: bytes, cause: str, strategy: str, sid: str, action: str, symbol: str) -> OrderRecord:
        """What every act has in common."""
        return OrderRecord(
            oid=oid,
            kind=ACT,
            e=self._state.stream.e,
            n=0,
            k=0,
            sid=sid[:160],
            strategy=strategy,
            leg=cause.lower(),
            cause=cause,
            action=action,
            symbol=symbol,
            side=0,
            volume_e8=0,
            deviation_points=self._state.guard.limits.deviation_points,
            decided_market_ns=self._state.book.market_ns,
        )

    def _take(self, record: OrderRecord, now_ns: int) -> None:
        self._state.counters.add("act_count")
        self._desk.take(Job(record, now_ns), now_ns)

    def _queue(self, position: Position, act: Act, now_ns: int) -> None:
        if self._is_pausing(act.cause, position.position_id, now_ns):
            return
        if self._desk.jobs.on_position(position.ticket, position.oid) is not None:
            return
        opening = self._state.openings.of_oid(position.oid) if position.ours else None
        strategy = position.strategy or codes.NOBODY
        oid = self._new_oid(act.cause, position.position_id, strategy)
        if self._desk.jobs.get(oid) is not None:
            return  # the position has another ticket since the act that is in hand, as one that turned round has
        sid = f"{opening.record.sid if opening else codes.NOBODY}/{act.cause}"
        record = msgspec.structs.replace(
            self._order(oid, act.cause, strategy, sid, act.action, position.symbol),
            side=-position.side if act.action == CLOSE else position.side,
            volume_e8=act.left_e8,
            ref_ticket=position.ticket,
            sl_e8=act.sl_e8,
            tp_e8=LEAVE,
            seen_price_e8=position.price_now_e8,
        )
        self._take(record, now_ns)

    def _cancel(self, ticket: int, symbol: str, now_ns: int) -> None:
        if self._is_pausing(CANCEL, ticket, now_ns) or self._desk.jobs.on_position(ticket, b""):
            return
        sid = f"{codes.NOBODY}/{CANCEL}/{ticket}"
        record = self._order(self._new_oid(CANCEL, ticket, codes.NOBODY), CANCEL, codes.NOBODY, sid, CANCEL, symbol)
        self._take(msgspec.structs.replace(record, ref_ticket=ticket), now_ns)

    def ended(self, record: OrderRecord, code: str, now_ns: int) -> list[Effect]:
        """An act has ended; one that failed has a pause before the next of its cause."""
        tally = self._under_way.pop(record.oid, ActTally())
        tally.count += 1
        if record.action == CANCEL:
            self._desk.lost.look_again(record.ref_ticket, now_ns)
        if code in (codes.CLOSED, codes.MODIFIED, codes.CANCELLED, codes.SUPERSEDED):
            tally.failed_count = tally.not_before_ns = 0
            self.refusal = ""
            return []
        tally.not_before_ns = now_ns + backoff_ns(self._pause_ns, tally.failed_count, PAUSE_DOUBLINGS_MAX)
        tally.failed_count += 1
        self.refusal = f"refused={record.ref_ticket} {code} tries={tally.failed_count}"
        return [Note("warning", "act_failed", {"cause": record.cause, "ticket": record.ref_ticket, "code": code})]

    def _watch(self) -> list[Effect]:
        """Have a simulated market stop where equity reaches the floor, while there is something to lose."""
        equity_stop = self._state.equity_stop
        wanted_e8 = equity_stop.floor_e8 if self._state.book.ours and not equity_stop.is_reached else 0
        if wanted_e8 == self._watched_e8:
            return []
        self._watched_e8 = wanted_e8
        # a state is told after the read that follows this on the same pipe: by then the watch is set
        self._desk.reading.want()
        return [Send(WORKER, 0, VenueWatch(wanted_e8))]


def _gain_e8(position: Position) -> int:
    return position.profit_e8 + position.swap_e8
