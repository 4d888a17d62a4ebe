"""The catalogue of counters: every number a node counts, once, with the sentence that explains it.

Cores count and note; shells publish the totals once a second in ``NodeHealth``.
"""

CATALOGUE: dict[str, str] = {
    "unhandled_count": "messages of a type this role does not expect on that link",
    "bad_frame_count": "frames dropped because they were no message of ours",
    "unread_frame_count": "messages dropped unread: their peer had sent ten bad frames",
    "over_rate_count": "messages dropped unread at a door: their key said more than its rate (mesh/rates.py)",
    "dropped_send_count": "sends the socket refused (peer gone or full)",
    "rescued_wakeup_count": "times a poll of an otherwise idle loop found data whose wake-up was missed; must stay 0",
    "dropped_log_count": "log lines the disk did not take",
    "commit_count": "transactions committed to the store",
    "pruned_row_count": "rows of archives dropped because they were older than store.keep_days",
    "commit_us_max": "longest commit, in microseconds",
    "pass_count": "passes of the trading loop",
    "gc_pause_us_max": "longest garbage collection of this process since it began to trade, in microseconds of processor time",
    "tick_count": "ticks taken",
    "late_tick_count": "ticks older than the open bar; they rewrote nothing",
    "feed_stale_count": "times a traded symbol of a live market had no tick for market.stale_ms",
    "feed_lost_count": "times a live market's terminal, or the process that asks it, gave no answer",
    "bad_chunk_count": "tick chunks ignored: damaged, or not next in sequence",
    "refused_guest_count": "handshakes and messages refused at a door: no key of the inventory, not by this link, or somebody else's words",
    "told_head_count": "times the head of the own audit was signed and told",
    "kept_head_count": "heads of other nodes' audits taken into the own audit",
    "refused_head_count": "heads of other nodes' audits that were not signed by the node they name",
    "forged_count": "words of the master that it had not sealed (orders, grants, welcomes, gap fills, voids, acks): refused",
    "stranger_count": "messages of peers without a hello this node accepts, or on a link that does not carry such",
    "block_count": "market blocks finished",
    "given_up_wait_count": "market waits given up: the run is not comparable with others",
    "bar_count": "bars closed",
    "signal_count": "signals emitted or taken",
    "duplicate_signal_count": "signals whose sid was known: answered from the store",
    "refused_signal_count": "signals refused by code",
    "line_count": "lines decided",
    "denied_line_count": "lines a risk rule denied",
    "skipped_line_count": "lines skipped (no strategy, nothing to close, duplicate window …)",
    "order_count": "order records published or forwarded",
    "replayed_order_count": "order records published again on request",
    "gap_count": "gaps seen in a sequence",
    "outcome_count": "outcomes taken",
    "duplicate_outcome_count": "outcomes seen before",
    "unknown_attempt_count": "attempts whose result is unknown and is being reconciled",
    "duplicate_order_count": "orders whose oid was known: answered from the store",
    "expired_count": "orders past their deadline",
    "grant_count": "grants taken",
    "searched_open_count": "opens that an earlier life may have executed and that were looked for at the venue before they ended",
    "ungranted_count": "opens refused because no grant was live",
    "state_count": "account states taken or sent",
    "command_count": "manual commands taken",
    "venue_call_count": "calls handed to the venue",
    "venue_lost_count": "times the worker or the venue went away in or between calls",
    "adopted_count": "outcomes reported of orders this node did not remember, or remembered to have ended otherwise",
    "passed_over_count": "records given up after they were asked for again and again in vain",
    "act_count": "acts of local management (break-even, trailing, time stop …)",
    "guard_count": "opens the local's own limits refused",
    "too_long_item_count": "items of a snapshot left out because they are longer than frontends are sent",
    "home_move_count": "moves to the other router",
    "negative_stage_count": "stages of a node that ended before they began, by its clock: not among its latencies",
}
"""Name → what it counts. A name not listed here is a bug."""


TOLD_COUNT, TOLD_EVERY = 10, 1_000


def is_told(count: int) -> bool:
    """Whether the ``count``-th of something a stranger may flood us with is worth a line: the first ten are, then one of a thousand."""
    return count <= TOLD_COUNT or count % TOLD_EVERY == 0


class Counters:
    """The counters of one node, by name; totals since its start."""

    __slots__ = ("totals",)

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Add ``count`` to a catalogued counter."""
        totals = self.totals
        if name in totals:
            totals[name] += count
        else:
            assert name in CATALOGUE, f"counter {name!r} is not in the catalogue"
            totals[name] = count

    def keep_max(self, name: str, value: int) -> None:
        """Keep the largest value seen under a catalogued name."""
        assert name in CATALOGUE, f"counter {name!r} is not in the catalogue"
        if value > self.totals.get(name, -1):
            self.totals[name] = value
