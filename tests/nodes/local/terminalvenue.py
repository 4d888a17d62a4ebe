"""A worker as it is, without its process: the real adapter on a simulated terminal that goes wrong as told, in virtual time."""

from collections.abc import Iterator
from contextlib import contextmanager

from mesh.config import Config
from mesh.core import Envelope
from mesh.faults import FaultSection
from mesh.links import WORKER
from mesh.messages.base import Msg
from mesh.messages.venue import VenueLatch, VenueLost
from mesh.simnet import SimNet
from mesh.units import MS_NS
from nodes.broker.setup import BrokerNames, terminal_of
from nodes.io import mt5
from nodes.io.mt5backend import InProcessBackend, open_backend
from nodes.io.venue import Venue
from nodes.terminal import names
from nodes.terminal.records import Deal
from nodes.terminal.service import TerminalService
from tests.nodes.local.fakevenue import LOGINS, MARKET_NS, PRICE_E8
from tests.nodes.local.localrig import Rig, make_config


class Hung(Exception):
    """The terminal does not answer within the limit of a call."""


class TerminalVenue:
    """Account one's worker and terminal. Answers come 1 ms later, or as late as a fault says."""

    def __init__(self, config: Config, net: SimNet, faults: tuple[FaultSection, ...]) -> None:
        self._config = config
        self._net = net
        self._limit_ns = config.settings.timers.venue_call_ms * MS_NS
        self._late_ns = self._latch_count = 0
        self.terminal = terminal_of(config, BrokerNames(config, config.settings.market.symbols))
        self.terminal.open(MARKET_NS)
        self.terminal.on_tick("EURUSD", MARKET_NS, PRICE_E8, PRICE_E8 + 10_000)
        self._service = TerminalService(self.terminal, faults)
        mt5._use(lambda _path, _timeout_ms: InProcessBackend(self._service, 0, self))
        self._venue = self._new()

    def _new(self) -> Venue:
        mt5.shutdown()
        return Venue("one", self._config, mt5, lambda: self._latch_count, lambda: self._net.now_ns)

    def afflict(self, *faults: FaultSection) -> None:
        """From the next call on the terminal has these faults, which count from here."""
        self._service = TerminalService(self.terminal, faults)
        self._venue = self._new()
        self._net.deliver("local-1", self._net.now_ns, Envelope(WORKER, 0, VenueLost("another terminal")))

    def restart(self) -> None:
        """The worker died with its local: the next one knows nothing of what was read."""
        self._venue = self._new()

    def now_ns(self) -> int:
        """Market time goes with the virtual clock."""
        return MARKET_NS + self._net.now_ns

    def wait(self, market_ns: int) -> None:
        """The answer is late; past the limit nobody waits for it."""
        if market_ns >= self._limit_ns:
            raise Hung
        self._late_ns = market_ns

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """What the local hears, and when; a worker that lost its terminal, or was killed, is a new one then."""
        if isinstance(message, VenueLatch):
            self._latch_count = message.latch_count
            return []
        self._late_ns = 0
        try:
            answer = self._venue.handle(message)
        except Hung:
            self._venue = self._new()
            return [(self._limit_ns, VenueLost(f"{type(message).__name__} was not answered in time"))]
        if isinstance(answer, VenueLost):
            self._venue = self._new()
        return [(MS_NS + self._late_ns, answer)] if answer is not None else []

    def deals(self, entry: int = names.DEAL_ENTRY_IN, account: str = "one") -> list[Deal]:
        """The trades of an account in the terminal's own books."""
        trades = (names.DEAL_TYPE_BUY, names.DEAL_TYPE_SELL)
        found = self.terminal.deals(LOGINS[account], 0, 2**62)
        return [deal for deal in found if deal.type in trades and deal.entry == entry]


@contextmanager
def rig_with(*faults: FaultSection, more: str = "") -> Iterator[tuple[Rig, TerminalVenue]]:
    """A mesh in virtual time, ready to trade, whose account one has a real adapter; ``more`` goes behind its strategy."""
    config = make_config(more)
    rig = Rig(config)
    venue = TerminalVenue(config, rig.net, faults)
    rig.net.attachments["local-1"] = venue
    try:
        yield rig.ready(), venue
    finally:
        mt5.shutdown()
        mt5._use(open_backend)
