"""A local's worker in virtual time: the real adapter, a pipe, a process that may be killed or paused, at the shared simulated server."""

from typing import Any, Protocol

from mesh import links
from mesh.config import Config
from mesh.core import Envelope
from mesh.messages.base import Msg
from mesh.messages.venue import VenueLatch, VenueLost, VenueSend
from mesh.simnet import Place, SimNet
from mesh.units import MS_NS, US_NS
from nodes.io import mt5
from nodes.io.mt5backend import InProcessBackend
from nodes.io.mt5session import SESSION, Session
from nodes.io.venue import Venue
from nodes.terminal.service import TerminalService
from tests.sim.players import MARKET_NS

PIPE_NS = 60 * US_NS
ANSWER_NS = 500 * US_NS
STARTS_NS = 20 * MS_NS


class Onlooker(Protocol):
    """Who sees what goes out to the terminal."""

    def called(self, worker: "SimWorker", send: VenueSend, request: dict[str, Any]) -> None:
        """Directly before an order_send."""

    def made(self, worker: "SimWorker", send: VenueSend, count: int) -> None:
        """The server gave the account its ``count``-th ticket for it: an order's, or a deal's."""


class Hung(Exception):
    """The terminal does not answer within the limit of a call."""


class _Module:
    """The package as one worker sees it; what goes out by ``order_send`` is seen by whoever watches."""

    def __init__(self, worker: "SimWorker") -> None:
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        value = getattr(mt5, name)
        self.__dict__[name] = value
        return value

    def order_send(self, request: dict[str, Any]) -> Any:
        """Tell it, and send it."""
        worker = self._worker
        assert worker.sending is not None
        first_count = worker.tickets()
        worker.watch.called(worker, worker.sending, request)
        try:
            return mt5.order_send(request)
        finally:
            for count in range(first_count + 1, worker.tickets() + 1):
                worker.watch.made(worker, worker.sending, count)


class SimWorker:
    """The worker of one place. ``watch`` sees each order_send directly before it is made."""

    def __init__(self, config: Config, net: SimNet, place: Place, account: str, service: TerminalService, watch: Onlooker) -> None:
        self.account = account
        self.place = place
        self.watch = watch
        self.sending: VenueSend | None = None
        self.paused_until_ns = 0
        self.pause_at_order_ns = 0
        """The next order it gets finds it stopped for so long."""
        self._config = config
        self._net = net
        self._service = service
        self._limit_ns = config.settings.timers.venue_call_ms * MS_NS
        self._latch_count = self._late_ns = self._number = 0
        self._module = _Module(self)
        self._new()

    def _new(self) -> None:
        """Another process: nothing of the last one is left, nor what was in its pipe."""
        self._number += 1
        session = Session()
        session.opener = lambda _path, _timeout_ms: InProcessBackend(self._service, 0, self)
        self._session = dict(vars(session))
        self._venue = Venue(self.account, self._config, self._module, lambda: self._latch_count, self._clock)

    def tickets(self) -> int:
        """How many tickets the server has given this account."""
        return self._service.terminal.accounts[self._config.account[self.account].login].ticket_count

    def _clock(self) -> int:
        return self.place.clock.local_ns(self._net.now_ns)

    def now_ns(self) -> int:
        """Market time goes with virtual time."""
        return MARKET_NS + self._net.now_ns

    def wait(self, market_ns: int) -> None:
        """The answer is late; past the limit nobody waits for it."""
        if market_ns >= self._limit_ns:
            raise Hung
        self._late_ns += market_ns

    def ended(self) -> None:
        """The local is gone, and so is its worker."""
        self._new()
        self.paused_until_ns = 0

    def kill(self) -> None:
        """kill -9 of the worker alone."""
        self._new()
        self._tell(STARTS_NS, VenueLost("killed"))

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """The latch word is shared memory; everything else goes through the pipe, one message after the other."""
        if isinstance(message, VenueLatch):
            self._latch_count = message.latch_count
            return []
        number = self._number
        if isinstance(message, VenueSend) and self.pause_at_order_ns:
            self.paused_until_ns, self.pause_at_order_ns = self._net.now_ns + self.pause_at_order_ns, 0
        at_ns = max(self._net.now_ns + PIPE_NS + self._net.draw(PIPE_NS), self.paused_until_ns)
        self._net.call(at_ns, lambda: self._work(message, number))
        return []

    def _work(self, message: Msg, number: int) -> None:
        if number != self._number:
            return
        if self._net.now_ns < self.paused_until_ns:
            self._net.call(self.paused_until_ns, lambda: self._work(message, number))
            return
        shared = vars(SESSION)
        before = dict(shared)
        shared.update(self._session)  # the package has one session a process; here eight processes take turns
        self._late_ns = 0
        self.sending = message if isinstance(message, VenueSend) else None
        try:
            answer = self._venue.handle(message)
        except Hung:
            is_hung = True
        else:
            is_hung = False
        finally:
            self._session = dict(shared)
            shared.update(before)
            self.sending = None
        if is_hung:
            self._new()
            self._tell(self._limit_ns + STARTS_NS, VenueLost(f"{type(message).__name__} was not answered in time"))
            return
        if isinstance(answer, VenueLost):
            self._new()
        if answer is not None:
            self._tell(ANSWER_NS + self._late_ns, answer)

    def _tell(self, late_ns: int, answer: Msg) -> None:
        """What the worker wrote is read even if it ends right after."""
        self._net.deliver(self.place.name, self._net.now_ns + late_ns, Envelope(links.WORKER, 0, answer))
