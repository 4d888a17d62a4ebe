"""Which messages a link carries. A message on any other link comes from a stranger, whatever it says; no core sees it.

So a peer at the control port cannot be the market, and one at the venue port no operator. What the shell itself tells a core
(``Durable``, ``Stop``, ``LinkUp`` …) has no tag, is never on a wire and is not listed.
"""

from mesh.links import CONTROL, DECIDE, FRONT, LOCALS, MARKET, ORDERS, REPLAY, SIGNALS, STATUS, VENUE, WORKER
from mesh.messages import accounts, control, health, market, orders, outcomes, signals, venue
from mesh.messages.base import Msg

_KILL = (control.Entry, control.Undo, control.KillSetAsk, control.KillSetPart)
_SOURCE = (signals.SourceHello, signals.SourceWelcome, signals.Signal, signals.SignalAnswer)
_UP = (accounts.AccountState, accounts.AccountSymbols, outcomes.Outcome, outcomes.DealReport)
_ACCOUNT = (
    orders.Order, orders.LocalHello, orders.LocalWelcome, orders.Listed, orders.GrantAsk, orders.Grant, orders.ReplayAccount,
    orders.GapFill, orders.StateAsk, outcomes.OutcomeAck,
)  # fmt: skip

CARRIED: dict[str, tuple[type[Msg], ...]] = {
    MARKET: (
        market.MarketHello, market.MarketWelcome, market.Ticks, market.TickCredit, market.Block, market.IndicatorProgress,
        market.IndicatorBlock, market.BrokerBlock, market.Settle, market.Settled,
    ),
    SIGNALS: _SOURCE,
    DECIDE: _SOURCE,
    ORDERS: (orders.Order, orders.Heartbeat),
    REPLAY: (*_ACCOUNT, *_UP, *_KILL, orders.RouterHello, orders.MasterWelcome, orders.Replay),
    LOCALS: (
        *_ACCOUNT, *_KILL, orders.OrderAck, orders.RouterHeartbeat, control.Command, control.CommandAnswer, control.Ping,
        control.Pong, control.Latched,
    ),
    STATUS: (*_UP, health.NodeHealth),
    FRONT: (health.Snapshot, health.LocalSeen, health.FrontEvent),
    CONTROL: (
        *_KILL, control.OperatorHello, control.ControlWelcome, control.Command, control.CommandAnswer, control.Ping, control.Pong,
        control.WhyAsk, control.WhyAnswer, control.Latched,
    ),
    VENUE: (venue.TerminalCall, venue.TerminalReply),
    WORKER: (
        venue.VenueAttach, venue.VenueAttached, venue.VenueSend, venue.VenueResult, venue.VenueRead, venue.VenueState,
        venue.VenueFind, venue.VenueFound, venue.VenueWatch, venue.VenueLost, venue.VenueLatch,
    ),
}  # fmt: skip
"""By link, both directions."""


def _names(link: str) -> tuple[str, ...]:
    """What cores call a link: a local has one to each of its two routers, an operator one to each node."""
    return (link, f"{link}.0", f"{link}.1") if link in (LOCALS, STATUS, CONTROL) else (link,)


LINKS_OF: dict[type[Msg], frozenset[str]] = {
    kind: frozenset(name for link, kinds in CARRIED.items() if kind in kinds for name in _names(link))
    for kinds in CARRIED.values()
    for kind in kinds
}
"""By message, the names of the links on which it may come."""
