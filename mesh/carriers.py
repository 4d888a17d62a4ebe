"""Which messages a link carries, and which way. Any other message there comes from a stranger, whatever it says; no core sees it.

So a peer at the control port cannot be the market, one at the venue port no operator, and no local the master. What the shell itself
tells a core (``Durable``, ``Stop``, ``LinkUp`` …) has no tag, is never on a wire and is not listed.
"""

from mesh.links import CONTROL, DECIDE, FRONT, LOCALS, MARKET, ORDERS, REPLAY, SIGNALS, STATUS, VENUE, WORKER
from mesh.messages import accounts, control, feed, heads, health, market, orders, outcomes, signals, venue
from mesh.messages.base import Msg

Kinds = tuple[type[Msg], ...]

_STOPS = (control.KillSetAsk, control.KillSetPart)
_HEADS = (heads.AuditHead,)
_SOURCE_UP = (signals.SourceHello, signals.Signal)
_SOURCE_DOWN = (signals.SourceWelcome, signals.SignalAnswer)
_TOLD_UP = (accounts.AccountState, accounts.AccountSymbols, outcomes.Outcome, outcomes.DealReport)
_LOCAL_UP = (orders.LocalHello, orders.Listed, orders.GrantAsk, orders.ReplayAccount, *_STOPS)
_LOCAL_DOWN = (
    orders.LocalWelcome, orders.Order, orders.GapFill, orders.Void, orders.Grant, orders.StateAsk, outcomes.OutcomeAck, *_STOPS,
)  # fmt: skip

UP: dict[str, Kinds] = {
    MARKET: (
        market.MarketHello, market.TickCredit, market.IndicatorProgress, market.IndicatorBlock, market.BrokerBlock, market.Settled, *_HEADS,
    ),
    SIGNALS: (*_SOURCE_UP, *_HEADS),
    DECIDE: (*_SOURCE_UP, *_HEADS),
    REPLAY: (*_LOCAL_UP, *_TOLD_UP, orders.RouterHello, orders.Replay, *_HEADS),
    LOCALS: (
        *_LOCAL_UP, orders.OrderAck, control.CommandAnswer, control.LostOrders, control.Pong, control.Latched, control.Drilled,
    ),
    STATUS: (*_TOLD_UP, health.NodeHealth, *_HEADS),
    CONTROL: (
        control.OperatorHello, control.Signed, control.Drill, control.Command, control.Ping, control.WhyAsk,
    ),
    VENUE: (venue.TerminalCall,),
    WORKER: (
        venue.VenueAttach, venue.VenueSend, venue.VenueRead, venue.VenueFind, venue.VenueWatch, venue.VenueLatch, feed.FeedAsk,
    ),
}  # fmt: skip
"""By link, what the dialling side may say (on WORKER the local, or the market)."""

DOWN: dict[str, Kinds] = {
    MARKET: (market.MarketWelcome, market.Ticks, market.Block, market.Settle),
    SIGNALS: _SOURCE_DOWN,
    DECIDE: _SOURCE_DOWN,
    ORDERS: (orders.Order, orders.Heartbeat),
    REPLAY: (*_LOCAL_DOWN, orders.MasterWelcome),
    LOCALS: (*_LOCAL_DOWN, orders.RouterHeartbeat, control.Command, control.Ping, control.Drill),
    FRONT: (health.Snapshot, health.LocalSeen, health.FrontEvent),
    CONTROL: (
        control.ControlWelcome, control.CommandAnswer, control.LostOrders, control.Pong, control.WhyAnswer, control.StopAnswer,
        control.Latched, control.Drilled,
    ),
    VENUE: (venue.TerminalReply,),
    WORKER: (
        venue.VenueAttached, venue.VenueResult, venue.VenueState, venue.VenueFound, venue.VenueLost, feed.FeedTicks, feed.FeedTold,
        feed.FeedLost,
    ),
}  # fmt: skip
"""By link, what the binding side may say (on WORKER the worker)."""


def _own_names(link: str) -> tuple[str, ...]:
    """What the core that dials a link calls it: a local has one to each of its two routers, an operator one to each node."""
    return (f"{link}.0", f"{link}.1") if link in (LOCALS, CONTROL) else (link,)


_TAGGED = tuple(dict.fromkeys(kind for kinds in (*UP.values(), *DOWN.values()) for kind in kinds))

FROM_PEERS: dict[type[Msg], frozenset[str]] = {
    kind: frozenset(link for link, kinds in UP.items() if kind in kinds and link != STATUS) for kind in _TAGGED
}
"""By message, the links on which it may come from a numbered peer: on a ROUTER, from whoever dials."""
FROM_ZERO: dict[type[Msg], frozenset[str]] = {
    kind: frozenset(
        [name for link, kinds in {**DOWN, STATUS: UP[STATUS]}.items() if kind in kinds for name in _own_names(link)]
    )
    for kind in _TAGGED
}
"""By message, the names of the links on which it may come from peer 0: from whom we dial, and on a PULL from whoever pushes."""
