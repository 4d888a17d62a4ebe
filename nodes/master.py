"""The master: signals in, decisions out; durable before published, published before answered.

One life of it is one epoch. It decides (``nodes.decider``), numbers and commits, then publishes to the routers and answers
the signals node; it takes outcomes, states, hellos and grant asks that routers hand on; it tells the market who is still
busy, and people what happened. It never talks to a local. What is kept where: ``nodes.decisions`` (lines), ``nodes.account``
(accounts), ``nodes.orderlog`` (what went out), ``nodes.marketclock`` (quotes and market time).
"""

from mesh.codec import encode
from mesh.config import Config
from mesh.core import (
    NOTHING,
    Core,
    Durable,
    Effect,
    Effects,
    Envelope,
    Fetched,
    Halt,
    LinkUp,
    Note,
    PeerLost,
    Put,
    Send,
    Stop,
)
from mesh.links import CONTROL, DECIDE, MARKET, ORDERS, REPLAY
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import Count, Int64, Life, Msg, Name
from mesh.messages.control import Entry, KillSetAsk, KillSetPart, OperatorHello, Ping, Undo, WhyAsk
from mesh.messages.market import Block, MarketWelcome, Settle, Ticks
from mesh.messages.orders import (
    GrantAsk,
    Heartbeat,
    Listed,
    LocalHello,
    MasterWelcome,
    Replay,
    ReplayAccount,
    RouterHello,
)
from mesh.messages.outcomes import DealReport, Outcome
from mesh.messages.signals import Signal, SourceHello
from mesh.timers import Timers
from mesh.units import MS_NS, SECOND_NS
from nodes.account import ACCOUNT, Account
