"""Everything one life of a local holds, in one place: its parts share it and nobody else sees it."""

from collections.abc import Sequence

from mesh.backoff import backoff_ns
from mesh.clockoffset import ClockOffset
from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Commit, Effect, Put, Send
from mesh.counters import Counters
from mesh.keyring import NodeKeys
from mesh.links import WORKER, router_link, status_link
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Count, Msg
from mesh.messages.orders import LocalHello, OrderAck
from mesh.messages.outcomes import Outcome
from mesh.messages.venue import VenueLatch
from mesh.timers import Timers
from mesh.units import MS_NS
from nodes.acks import AckRest
from nodes.commits import Commits
from nodes.fetches import Fetches
from nodes.local.accountbook import AccountBook
from nodes.local.caps import Caps
from nodes.local.equitystop import EquityStop
from nodes.local.freshness import Freshness
from nodes.local.guard import Guard
from nodes.local.homing import Homing
from nodes.local.ladder import Ladder
from nodes.local.latefills import LateFills
from nodes.local.openings import Openings
from nodes.local.orderstream import OrderStream
from nodes.local.reports import Reports
from nodes.local.seals import Seals
from nodes.local.stagetimes import StageTimes
from nodes.local.tripwires import Tripwires
from nodes.wallclock import WallClock

META = "meta"
"""Kind of the one row of ``MetaRecord``."""
ROOM_COUNT = 64
"""Orders that may wait here; the router keeps what is beyond."""
ACK = ("ack", b"")
"""Timer: what is settled is acked."""
REPEAT = "repeat"
"""Timer: unacked outcomes are told again."""
TimerKey = tuple[str, bytes]
"""What a deadline is for: a word, and an oid or nothing."""


class MetaRecord(Msg):
    """``e``, ``k``: the highest epoch seen, and what of it is settled. ``f``: the newest outcome's number.

    ``is_rolled_back``: the master knew more outcomes of this store than the store: it only closes, until it is another store.
    """

    e: Count
    k: Count
    f: Count
    is_rolled_back: bool = False
    skipped: list[Count] = []
    """See ``Listed``."""
    tellers: list[Count] = []
    """See ``Reports``."""


class LocalState:
    """The parts and the knowledge of one local. ``store_id``: the genesis of its store."""

    def __init__(
        self, name: str, config: Config, life: int, store_id: bytes, wall: WallClock, keys: NodeKeys, counters: Counters
    ) -> None:
        account = config.node[name].account
        assert account is not None, f"node {name} is no local: the configuration's check lets none through"
        timers = config.settings.timers
        self.name = name
        self.account = account
        self.config = config
        self.section = config.account[account]
        self.timer_section = timers
        self.life = life
        self.wall = wall
        self.counters = counters
        self.times = StageTimes(counters)
        self.master_clock = ClockOffset()
        self.commits = Commits()
        self.fetches = Fetches()
        self.timers: Timers[TimerKey] = Timers()
        self.ladder = Ladder(name, account, config, keys)
        self.openings = Openings()
        self.openings.is_hedging = self.section.margin_mode == "hedging"
        self.late = LateFills(account)
        self.book = AccountBook(account, life)
        self.equity_stop = EquityStop(self.section.equity_stop_percent, self.book)
        self.tripwires = Tripwires(account, config, self.book, self.equity_stop, self.ladder)
        self.reports = Reports(account, life)
        self.guard = Guard(account, config)
        self.caps = Caps(account, config)
        self.stream = OrderStream()
        silent_ns, gap_ns = timers.router_silent_ms * MS_NS, timers.move_gap_ms * MS_NS
        self.homing = Homing(len(config.routers_of(name)), silent_ns, gap_ns)
        self.store_id = store_id
        self.freshness = Freshness(account, life, store_id, timers.grant_ms * MS_NS)
        self.seals = Seals(keys.agreement, config.nodes_of("master")[0], account, counters)
        self.is_attached = False
        self.has_lock = False
        """A worker of this life holds the account's lock: it has answered."""
        self.refused = ""
        """Why this worker only observes; empty where it trades."""
        self.unfit = ""
        """Why a live change could not be made here; empty where all were: without it nothing is opened."""
        self.is_rolled_back = False
        self.heard_e = 0
        """The newest epoch the router we are home at has spoken of: a master of an older one learns of it by our hello, and ends."""
        self.reads_before_open = 0
        """Reads there must have been before the guard looks at an open: after a close the last read still shows its position."""
        self.is_draining = False
        self._vain_count = 0
        self._ack_rest = AckRest()

    def revise(self) -> bool:
        """Hold what is to be opened against the limits that the live changes here make; whether they are others than before."""
        revisions = self.ladder.stops.revisions
        self.unfit = revisions.problem
        if revisions.current is self.config:
            return False
        self.config = config = revisions.current
        self.section = config.account[self.account]
        self.equity_stop.configure(self.section.equity_stop_percent)
        for part in (self.tripwires, self.guard):
            part.configure(config)
        return True

    def called(self, action: str, now_ns: int) -> None:
        """An attempt was at the venue, or may have been, by now."""
        self.caps.called(action, now_ns, self.wall.at(now_ns))

    # what is durable

    def restore_meta(self, record: bytes) -> None:
        """Take the row of the store."""
        kept = decode_record_untrusted(record, MetaRecord)
        self.stream.restart(kept.e, kept.k)
        self.reports.f = kept.f
        self.is_rolled_back = kept.is_rolled_back
        self.reports.skipped, self.reports.tellers = kept.skipped, kept.tellers

    def meta_put(self) -> Put:
        """The row of numbers that must never go back."""
        stream, reports = self.stream, self.reports
        numbers = (stream.e, stream.acked_k, reports.f)
        return Put(META, b"", encode(MetaRecord(*numbers, self.is_rolled_back, reports.skipped, reports.tellers)))

    # what is sent

    @property
    def home_link(self) -> str:
        """Where orders come from."""
        return router_link(self.homing.home)

    def tell(self, message: Msg) -> Send:
        """A message up the PUSH of the home router."""
        return Send(status_link(self.homing.home), 0, message)

    def ask_home(self, message: Msg) -> Send:
        """A message to the home router."""
        return Send(self.home_link, 0, message)

    def ask_grant(self, now_ns: int) -> Send:
        """Ask for leave to open."""
        return self.ask_home(self.freshness.ask(now_ns, self.wall.at(now_ns)))

    def hello(self, index: int) -> Send:
        """Who we are, for one router."""
        message = LocalHello(
            account=self.account,
            node=self.name,
            life=self.life,
            store_id=self.store_id,
            e=max(self.stream.e, self.heard_e),
            k=self.stream.acked_k,
            f=self.reports.durable_f,
            kill_digest=self.ladder.digest,
            version=PROTOCOL_VERSION,
            config_hash=self.config.lineage,
            home=index == self.homing.home,
            start_f=self.reports.start_f,
            door_key=self.seals.public,
            tellers=self.reports.tellers,
        )
        return Send(router_link(index), 0, message)

    def order_ack(self, now_ns: int) -> Send:
        """What is settled, and how much more may come."""
        stream = self.stream
        self._ack_rest.said(now_ns)
        self.timers.cancel(ACK)
        room = 0 if self.is_draining else max(0, ROOM_COUNT - stream.waiting_count)
        return self.ask_home(OrderAck(self.account, stream.e, stream.acked_k, room))

    def settle(self, e: int, ks: Sequence[int], now_ns: int) -> list[Effect]:
        """Numbers of an epoch are stored or answered, and that is durable: only then may an ack name them."""
        if e != self.stream.e:
            return []
        before = self.stream.acked_k
        for k in ks:
            self.stream.settle(k)
        if self.stream.acked_k == before:
            return []
        until_ns = self._ack_rest.wait_until_ns(now_ns)
        if until_ns:
            self.timers.set_if_unset(ACK, until_ns)
            return []
        return [self.order_ack(now_ns)]

    def withdraw(self) -> Send:
        """No leave to open any more: what was handed over under it comes back unsent, for the latch word is another one."""
        self.freshness.drop()
        self.ladder.latch_count += 1
        return self.latch()

    def latch(self) -> Send:
        """Set the latch word to what counts now: a call handed over under another count comes back unsent."""
        return Send(WORKER, 0, VenueLatch(self.ladder.latch_count))

    # outcomes

    def report(self, outcome: Outcome, puts: list[Put], now_ns: int) -> list[Effect]:
        """Number an outcome, make it durable with ``puts``, then send it and repeat it until it is acked."""
        numbered, rows = self.reports.number(outcome)

        def durable(durable_ns: int) -> list[Effect]:
            self.reports.durable(numbered)
            self.times.told(numbered.f, durable_ns)
            self.counters.add("outcome_count")
            self.arm_repeat(durable_ns)
            return [self.tell(numbered)]

        return [self.commits.make([*puts, *rows, self.meta_put()], durable)]

    def arm_repeat(self, now_ns: int) -> None:
        """Have unacked outcomes repeated; the first repeat soon, later ones up to eight times later."""
        self.timers.set_if_unset((REPEAT, b""), now_ns + backoff_ns(self.timer_section.repeat_ms * MS_NS, self._vain_count))

    def repeat(self, now_ns: int) -> list[Effect]:
        """The oldest unacked outcomes once more."""
        if not self.reports.pending:
            self._vain_count = 0
            return []
        self._vain_count += 1
        self.arm_repeat(now_ns)
        return [self.tell(outcome) for outcome in self.reports.oldest()]

    def acked(self, f: int) -> list[Effect]:
        """The master has everything up to ``f``."""
        puts = self.reports.ack(f)
        if not puts:
            return []
        self._vain_count = 0
        self.timers.cancel((REPEAT, b""))
        return [Commit(0, tuple(puts))]

    @property
    def drain_ns(self) -> int:
        """How long a stop may take."""
        return self.timer_section.drain_ms * MS_NS
