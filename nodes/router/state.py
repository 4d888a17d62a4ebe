"""Everything one life of a router holds, in one place: its parts share it and nobody else sees it."""

from mesh.bounded import keep
from mesh.clockoffset import ClockOffset
from mesh.config import Config
from mesh.core import Send
from mesh.counters import Counters
from mesh.keyring import NodeKeys
from mesh.links import LOCALS, REPLAY
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.control import LIVES_MAX as ANSWER_LIVES_MAX
from mesh.messages.control import GrantedLife, StopAnswer
from mesh.messages.orders import RouterHeartbeat, RouterHello
from mesh.stages import StageMeter
from mesh.timers import Timers
from mesh.units import HOUR_NS, MS_NS
from nodes.commits import Commits
from nodes.router.localpeers import LocalPeers
from nodes.router.recordstream import RecordStream
from nodes.router.snapshot import FrontView
from nodes.stops import Result, Stops

LIVES_MAX = 16
"""Lives of one local remembered as having leave."""


class RouterState:
    """The parts and the knowledge of one router."""

    def __init__(self, name: str, config: Config, life: int, keys: NodeKeys, counters: Counters) -> None:
        timers = config.settings.timers
        self.name = name
        self.config = config
        self.life = life
        self.counters = counters
        self.meter = StageMeter(counters)
        self.master_clock = ClockOffset()
        self.heartbeat_ns = timers.heartbeat_ms * MS_NS
        self.repeat_ns = timers.repeat_ms * MS_NS
        self.grant_ns = timers.grant_ms * MS_NS
        self.timers: Timers[str] = Timers()
        self.commits = Commits()
        self.stops = Stops(name, keys, config)
        self.peers = LocalPeers(name, config, self.meter)
        self.front = FrontView(name, life, config, self.peers, self.stops.killset.raw_items, counters)
        self.stream = RecordStream()
        self.orders_ns = self.replay_ns = -HOUR_NS
        """When the master was last heard on each of its links: long ago."""
        self.grants: dict[tuple[str, int], tuple[int, int]] = {}
        """(account, nonce) of a question for leave to open → (connection of the local, when we asked)."""
        self.granted: dict[str, dict[int, int]] = {}
        """Account → life of its local → when it was handed leave to open last."""
        self.started_ns = 0
        self.is_leaving = False
        """Asked to stop: locals that have another router are to move there."""
        self.account_asks: dict[tuple[str, int], None] = {}
        """(account, k) a local asked for by itself: the answer fills no hole of ours."""

    def hello(self) -> Send:
        """Who we are, for the master."""
        return Send(REPLAY, 0, RouterHello(self.name, self.life, PROTOCOL_VERSION, self.config.lineage, self.stream.e))

    def beat(self, now_ns: int) -> RouterHeartbeat:
        """Our heartbeat: how old the master's last word on its older link is."""
        age_ns = max(0, now_ns - min(self.orders_ns, self.replay_ns))
        return RouterHeartbeat(self.name, self.life, self.stream.e, age_ns, self.stops.killset.digest, self.is_leaving)

    def hand_leave(self, account: str, life: int, now_ns: int) -> None:
        """A life of a local is handed leave to open."""
        keep(self.granted.setdefault(account, {}), life, now_ns, LIVES_MAX)

    def answers(self, result: Result, now_ns: int) -> list[StopAnswer]:
        """The answer to a stop; where it is held here, with the lives that may use leave handed on before."""
        if result.is_refused:
            return [StopAnswer(result.id, self.name, result.code, result.detail)]
        lives = [
            GrantedLife(account, life, max(0, now_ns - at_ns) // MS_NS)
            for account, handed in self.granted.items()
            for life, at_ns in handed.items()
            if now_ns - at_ns < self.grant_ns
        ]
        parts = [lives[start : start + ANSWER_LIVES_MAX] for start in range(0, len(lives), ANSWER_LIVES_MAX)] or [[]]
        watched_ms = max(0, now_ns - self.started_ns) // MS_NS
        return [
            StopAnswer(result.id, self.name, result.code, result.detail, index, len(parts), watched_ms, part)
            for index, part in enumerate(parts)
        ]

    def to_locals(self, message: Msg) -> list[Send]:
        """One message to every local that said hello."""
        return [Send(LOCALS, local.peer, message) for local in self.peers.all()]
