"""Everything one life of a master holds, in one place: its parts share it and nobody else sees it."""

from mesh.codec import encode
from mesh.config import Config
from mesh.core import Effect, Put, Send
from mesh.counters import Counters
from mesh.digesttable import DigestTable
from mesh.keyring import NodeKeys
from mesh.links import MARKET, ORDERS
from mesh.messages.base import Code, Count, Int64, Life, Msg, Name
from mesh.messages.market import Settled
from mesh.messages.orders import Heartbeat
from mesh.stages import StageMeter
from mesh.timers import Timers
from mesh.units import HOUR_NS, MS_NS
from nodes.commits import Commits
from nodes.fetches import Fetches
from nodes.ledger import Ledger
from nodes.master.account import ACCOUNT, Account
from nodes.master.attendance import Attendance
from nodes.master.decider import Decider
from nodes.master.grants import Grants
from nodes.master.marketclock import MarketClock
from nodes.master.orderlog import OrderLog
from nodes.master.raterows import RateRows
from nodes.master.sealer import Sealer
from nodes.master.settlement import Settlement
from nodes.stops import Stops
from nodes.wallclock import WallClock

EPOCH, RATE = "epoch", "rate"
"""Kinds of the rows of ``EpochRecord`` and ``RateRecord``."""
REVISION = "revision"
"""What of a mismatch is that the master could not make a live change itself."""
SEEN = b"seen"
"""Key of the row of a later epoch than ours that a local had seen."""
TimerKey = tuple[str, str, int]
"""What a deadline is for: a word, an account, a number."""


class EpochRecord(Msg):
    """The newest epoch and whose life it is."""

    e: Count
    life: Life


class RatedOrder(Msg):
    """An order to one account; ``symbol`` by our own name."""

    account: Name
    action: Code
    strategy: Name
    symbol: Name
    side: Int64


class RateRecord(Msg):
    """The orders of a decision of the last hour: what rates and the duplicate window count."""

    market_ns: Int64
    orders: list[RatedOrder]


class MasterState:
    """The parts and the knowledge of one master. ``epoch`` is 0 until the store has been read."""

    def __init__(self, name: str, config: Config, life: int, wall: WallClock, keys: NodeKeys, counters: Counters) -> None:
        timers = config.settings.timers
        self.name = name
        self.config = config
        self.life = life
        self.wall = wall
        self._problem = ""
        """Why a live change could not be made, as accounts have been told."""
        self.counters = counters
        self.meter = StageMeter(counters)
        self.accounts = {account: Account(account, config) for account in config.account}
        self.ledger = Ledger()
        self.commits = Commits()
        self.fetches = Fetches()
        self.timers: Timers[TimerKey] = Timers()
        self.clock = MarketClock(name, config.lineage, life, timers.repeat_ms, counters)
        self.stops = Stops(name, keys, config)
        self.settlement = Settlement(self.accounts, self.ledger)
        self.decider = Decider(config, self.accounts, self.clock.quotes, self.stops.killset)
        self.answered = DigestTable()
        """Keys of the signals that were ACCEPTED, which is the one answer that is stored."""
        self.routers: dict[int, str] = {}
        """Connection → router."""
        self.epoch = 0
        self.is_durable = False
        """The epoch is on disk: only then is anybody answered."""
        self.grant_ns = timers.grant_ms * MS_NS
        self.rate_horizon_ns = self._rate_horizon_ns()
        self.rate_rows = RateRows()
        self.sealer = Sealer(config, keys.agreement)
        self.begin(0, 0, False)

    def begin(self, epoch: int, now_ns: int, follows: bool) -> None:
        """Start an epoch; ``follows``: the store knows an older one."""
        self.epoch = epoch
        self.log = OrderLog(epoch)
        self.attendance = Attendance(self.log, Grants(self.grant_ns, now_ns, follows), self.counters, self.sealer)

    def revise(self) -> bool:
        """Decide by the configuration that the live changes here make; whether it is another one than before. Where one in force could not
        be made, nothing is opened.
        """
        revisions = self.stops.revisions
        if revisions.problem != self._problem:  # looked at with each stop, which a thousand accounts need not wait for
            self._problem = revisions.problem
            for account in self.accounts.values():
                account.mismatch.found(REVISION, self._problem)
        if revisions.current is self.config:
            return False
        self.config = config = revisions.current
        for account in self.accounts.values():
            account.configure(config)
        self.decider = Decider(config, self.accounts, self.clock.quotes, self.stops.killset)
        self.rate_horizon_ns = self._rate_horizon_ns()
        return True

    def _rate_horizon_ns(self) -> int:
        """How far back orders count."""
        return max([HOUR_NS, *(account.limits.duplicate_window_ns or 0 for account in self.accounts.values())])

    @property
    def recorded(self) -> bool:
        """Whether the market is a recording."""
        return self.clock.recorded

    def account_put(self, account: Account) -> Put:
        """The row of an account."""
        return Put(ACCOUNT, account.name.encode(), encode(account.record()))

    def heartbeat(self) -> Send:
        """The last published number and the kill set's digest, for every router."""
        digest = self.stops.killset.digest
        return Send(ORDERS, 0, Heartbeat(self.epoch, self.life, self.log.published_n, digest))

    def settled_news(self, now_ns: int, account: Account | None = None) -> list[Effect]:
        """What the market should hear of accounts, if it changed. ``account``: whose state has come, if nothing else has."""
        told: Settled | None = self.settlement.news(now_ns, account)
        return [Send(MARKET, 0, told)] if told else []

    def waiting_accounts(self) -> list[str]:
        """Accounts not decided for yet, each with what it waits for."""
        waits = {name: account.missing_for_ready() for name, account in self.accounts.items()}
        return [f"{name} ({what})" for name, what in waits.items() if what]
