"""Everything one life of a router holds, in one place: its parts share it and nobody else sees it."""

from mesh.clockoffset import ClockOffset
from mesh.config import Config
from mesh.core import Send
from mesh.counters import Counters
from mesh.links import LOCALS, REPLAY
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.orders import RouterHeartbeat, RouterHello
from mesh.stages import StageMeter
from mesh.timers import Timers
from mesh.units import HOUR_NS, MS_NS
from nodes.commits import Commits
from nodes.router.localpeers import LocalPeers
from nodes.router.recordstream import RecordStream
from nodes.router.snapshot import FrontView
from nodes.stops import Stops


class RouterState:
    """The parts and the knowledge of one router."""

    def __init__(self, name: str, config: Config, life: int, counters: Counters) -> None:
        timers = config.settings.timers
        self.name = name
        self.config = config
        self.life = life
        self.counters = counters
        self.meter = StageMeter(counters)
        self.master_clock = ClockOffset()
        self.heartbeat_ns = timers.heartbeat_ms * MS_NS
        self.repeat_ns = timers.repeat_ms * MS_NS
        self.timers: Timers[str] = Timers()
        self.commits = Commits()
        self.stops = Stops(name)
        self.peers = LocalPeers(name, config, self.meter)
        self.front = FrontView(name, life, config, self.peers, self.stops.killset.raw_items, counters)
        self.stream = RecordStream()
        self.orders_ns = self.replay_ns = -HOUR_NS
        """When the master was last heard on each of its links: long ago."""
        self.grants: dict[tuple[str, int], tuple[int, int]] = {}
        """(account, nonce) of a question for leave to open → (connection of the local, when we asked)."""
        self.account_asks: dict[tuple[str, int], None] = {}
        """(account, k) a local asked for by itself: the answer fills no hole of ours."""

    def hello(self) -> Send:
        """Who we are, for the master."""
        return Send(REPLAY, 0, RouterHello(self.name, self.life, PROTOCOL_VERSION, self.config.fingerprint, self.stream.e))

    def beat(self, now_ns: int) -> RouterHeartbeat:
        """Our heartbeat: how old the master's last word on its older link is."""
        age_ns = max(0, now_ns - min(self.orders_ns, self.replay_ns))
        return RouterHeartbeat(self.name, self.life, self.stream.e, age_ns, self.stops.killset.digest)

    def to_locals(self, message: Msg) -> list[Send]:
        """One message to every local that said hello."""
        return [Send(LOCALS, local.peer, message) for local in self.peers.all()]
