"""The adapter of one account on a simulated terminal in the same process, whose time and quotes the test moves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mesh.config import Config, parse
from mesh.faults import FaultSection
from mesh.messages.base import Msg
from mesh.messages.venue import VenueAttach, VenueFind, VenueFound, VenueMark, VenueRead, VenueResult, VenueSend, VenueState
from mesh.units import E8, SECOND_NS
from nodes.broker.setup import BrokerNames, terminal_of
from nodes.io import mt5
from nodes.io.locate import demo_text
from nodes.io.mt5backend import InProcessBackend, open_backend
from nodes.io.mt5session import SESSION
from nodes.io.venue import Venue
from nodes.terminal.service import TerminalService

MONDAY_NS = 1_767_600_000 * SECOND_NS
LOT_E8 = E8 // 100


class StoodClock:
    """Market time that stands until the test moves it."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now_ns = now

    def wait(self, market_ns: int) -> None:
        assert market_ns == 0


class Desk:
    """One account on an in-process terminal whose time the test moves."""

    def __init__(self, account: str = "demo-1", faults: tuple[FaultSection, ...] = ()) -> None:
        self.config: Config = parse(demo_text())
        self.terminal = terminal_of(self.config, BrokerNames(self.config, self.config.settings.market.symbols))
        self.now_ns = MONDAY_NS
        self.terminal.open(self.now_ns)
        self.quote(108_500_000, 108_510_000)
        service = TerminalService(self.terminal, faults)
        mt5._use(lambda _path, _timeout_ms: InProcessBackend(service, 0, StoodClock(lambda: self.now_ns)))
        self.latch_count = 0
        self.clock_ns = 1_000
        self.read_count = 0
        self.venue = Venue(account, self.config, mt5, lambda: self.latch_count, lambda: self.clock_ns)
        self.attached = self.venue.handle(VenueAttach(account))

    def afflict(self, *faults: FaultSection) -> None:
        """From the next call on the terminal has these faults, which count from here."""
        assert isinstance(SESSION.backend, InProcessBackend)
        SESSION.backend._service = TerminalService(self.terminal, faults)

    def quote(self, bid_e8: int, ask_e8: int, symbol: str = "EURUSD") -> None:
        self.now_ns += SECOND_NS
        self.terminal.on_tick(symbol, self.now_ns, bid_e8, ask_e8)

    def send(self, **changes: Any) -> VenueResult:
        fields: dict[str, Any] = dict(
            call=1, oid=bytes(16), attempt=1, magic=77, action="OPEN", symbol="EURUSD", side=1, volume_e8=LOT_E8, position_ticket=0,
            sl_distance_e8=200_000, tp_distance_e8=300_000, sl_e8=0, tp_e8=0, deviation_points=20, price_e8=108_510_000,
            collar_e8=500_000, deadline_ns=0, grant_until_ns=0, latch_count=0, comment="tm.1",
        )  # fmt: skip
        result = self.venue.handle(VenueSend(**{**fields, **changes}))
        assert isinstance(result, VenueResult)
        return result

    def read(self, deals_from_ns: int = 0) -> VenueState:
        """The next read; the answer to the last one was taken."""
        state = self.venue.handle(VenueRead(self.read_count + 1, 0, deals_from_ns, after=self.read_count))
        self.read_count += 1
        assert isinstance(state, VenueState)
        return state

    def find(self, magic: int = 77, comment: str = "", action: str = "OPEN") -> VenueFound:
        found = self.answer(VenueFind(1, bytes(16), MONDAY_NS, action, [VenueMark(1, magic, comment)]))
        assert isinstance(found, VenueFound)
        return found

    def answer(self, message: Msg) -> Msg:
        answer = self.venue.handle(message)
        assert answer is not None
        return answer


@contextmanager
def desk_of(account: str = "demo-1", *faults: FaultSection) -> Iterator[Desk]:
    """A desk; afterwards the package is as it was."""
    try:
        yield Desk(account, faults)
    finally:
        mt5.shutdown()
        mt5._use(open_backend)
