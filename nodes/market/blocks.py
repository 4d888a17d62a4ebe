"""Where the next block ends: the earliest point at which somebody must be asked before market time may go on.

Pure arithmetic on the tape: a block ends after the tick whose bars made signals, at a market time somebody waits for
(a call at the broker, a daily reset), after a single tick while an account is managed locally, or as far as the
indicator has computed.
"""

import msgspec

from mesh.config import Config
from mesh.units import DAY_NS, MINUTE_NS, NEVER
from nodes.dayloss import minutes_of_day
from nodes.tape import BLOCK_TICKS_MAX, Tape
from nodes.zones import Zone


class Plan(msgspec.Struct, frozen=True):
    """A block to come: see ``mesh.messages.market.Block``. ``has_signals``: what its last tick closed made signals."""

    through_seq: int
    end_ns: int
    has_signals: bool = False
    final: bool = False


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the next block may not go beyond.

    ``computed_seq``: ticks below are computed by every indicator; ``signal_seq``: the first of them that made signals.
    ``until_ns``: the first market time somebody waits for. ``pace_ns``: market time up to which pace lets it stream in
    one go; a tick after it still is a block. ``is_single``: one tick at a time. ``is_over``: the source has no more
    ticks; ``feed_end_ns``: where it ends.
    """

    computed_seq: int
    signal_seq: int = NEVER - 1
    until_ns: int = NEVER
    pace_ns: int = NEVER
    is_single: bool = False
    is_over: bool = False
    feed_end_ns: int = NEVER


def next_plan(tape: Tape, released_seq: int, end_ns: int, bounds: Bounds) -> Plan | None:
    """The block after the one that ended before tick ``released_seq`` at ``end_ns``; None while nobody can tell."""
    limit_seq = min(bounds.computed_seq, tape.end_seq, released_seq + BLOCK_TICKS_MAX, bounds.signal_seq + 1)
    if bounds.is_single:
        limit_seq = min(limit_seq, released_seq + 1)
    if bounds.pace_ns < NEVER and limit_seq > released_seq:
        # at least one tick: a quiet stretch is waited out in one piece
        limit_seq = min(limit_seq, max(released_seq + 1, tape.first_after(bounds.pace_ns, released_seq)))
    if limit_seq > released_seq:
        if tape.time_ns(limit_seq - 1) <= bounds.until_ns:
            return Plan(limit_seq, tape.time_ns(limit_seq - 1), has_signals=limit_seq == bounds.signal_seq + 1)
        return Plan(tape.first_after(bounds.until_ns, released_seq), max(end_ns, bounds.until_ns))
    if released_seq < tape.end_seq:
        is_before = tape.time_ns(released_seq) > bounds.until_ns
        return Plan(released_seq, max(end_ns, bounds.until_ns)) if is_before else None
    if not bounds.is_over:
        return None
    if bounds.until_ns < bounds.feed_end_ns:
        return Plan(released_seq, max(end_ns, bounds.until_ns))
    return Plan(released_seq, max(end_ns, bounds.feed_end_ns), has_signals=True, final=True)


class LiveBounds(msgspec.Struct, frozen=True, kw_only=True):
    """How far a live market may go.

    ``computed_seq``, ``signal_seq``: as in ``Bounds``. ``clock_ns``: market time that has passed. ``is_whole``: there are no ticks up
    to then that are not on the tape.
    """

    computed_seq: int
    signal_seq: int
    clock_ns: int
    is_whole: bool


def next_live_plan(tape: Tape, released_seq: int, end_ns: int, bounds: LiveBounds) -> Plan | None:
    """The next block of a live market: the ticks there are, at the time it is now; None where nothing has happened.

    Late ticks, those of a gap, happen now: who trades on their signals sees how old they are. While more of them are to come the last
    one stays back, because the clock closes the bars of an indicator that has no tick beyond the block.
    """
    is_whole = bounds.is_whole and bounds.computed_seq >= tape.end_seq
    computed_seq = bounds.computed_seq if is_whole else bounds.computed_seq - 1
    limit_seq = min(computed_seq, tape.end_seq, released_seq + BLOCK_TICKS_MAX, bounds.signal_seq + 1)
    if limit_seq > released_seq:
        now_ns = max(end_ns, tape.time_ns(limit_seq - 1), bounds.clock_ns)
        return Plan(limit_seq, now_ns, has_signals=limit_seq == bounds.signal_seq + 1)
    is_later = is_whole and released_seq == tape.end_seq and bounds.clock_ns > end_ns
    return Plan(released_seq, bounds.clock_ns) if is_later else None


class DayMarks:
    """The moments at which some account's daily loss begins anew; raises ValueError for an unknown zone."""

    def __init__(self, config: Config) -> None:
        resets: dict[tuple[str, str], None] = {}
        for account in config.account:
            rails = config.rails_of(account)
            if rails.daily_loss_percent is not None:
                resets[(rails.daily_reset_zone or config.settings.broker.zone, rails.daily_reset)] = None
        self._resets = [(Zone.parse(zone), minutes_of_day(text) * MINUTE_NS) for zone, text in resets]

    def next_ns(self, market_ns: int) -> int:
        """The first mark later than ``market_ns``; NEVER where no account has any."""
        return min((_next_reset_ns(zone, reset_ns, market_ns) for zone, reset_ns in self._resets), default=NEVER)


def _next_reset_ns(zone: Zone, reset_ns: int, market_ns: int) -> int:
    table = zone.table(market_ns, market_ns)
    day = (market_ns + zone.offset_ns_at(market_ns) - reset_ns) // DAY_NS
    while (mark_ns := table.first_utc_at(day * DAY_NS + reset_ns)) <= market_ns:
        day += 1
    return mark_ns
