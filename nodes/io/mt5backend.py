"""What stands behind the facade: a terminal in this process, or the broker process over a socket.

A backend takes one call at a time and blocks until it is answered, for as long as that takes, as the real package does with its
pipe. ``zmq`` is imported when a socket is opened, not before.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgpack
import msgspec

from mesh.codec import encode
from mesh.errors import MeshError
from mesh.faults import ORDER_SEND
from mesh.messages.venue import TerminalCall, TerminalReply
from mesh.units import MS_NS, NEVER
from nodes.terminal.calls import VALUE_BYTES_MAX
from nodes.terminal.faults import LOGIN
from nodes.terminal.lasterror import NO_ANSWER, RECEIVE_FAILED, SEND_FAILED, SUCCESS, TIMEOUT, Error, initialize_failed
from nodes.terminal.records import Change
from nodes.terminal.service import TerminalService

if TYPE_CHECKING:
    from mesh.io.sockets import Way
    from nodes.io.simulation import Simulation

ENVIRONMENT = "TRADEMESH_SIM"
"""Names a broker's endpoint or a ``sim.toml``, for scripts whose ``initialize`` names neither."""
KEYS = "MESH_KEYS"
"""Names the folder of a script's keys, where the broker's mesh has doors."""
REPLY_BYTES_MAX = VALUE_BYTES_MAX + 4_096
"""The longest answer, a whole history of bars, and what is around it: a text of 512 letters at most, and numbers."""


class Reply(msgspec.Struct, frozen=True):
    """An answer of the terminal: its value, the last_error pair, and at which point of the market it was given."""

    value: Any
    error: Error
    block: int = 0
    revision: int = 0
    market_ns: int = 0


class LinkLost(Exception):
    """The terminal cannot be reached: ``error`` is the last_error pair; ``is_closed``: the link is of no use any more."""

    def __init__(self, error: Error, is_closed: bool) -> None:
        super().__init__(error[1])
        self.error = error
        self.is_closed = is_closed


class Backend(Protocol):
    """A terminal for one login at a time."""

    login: int

    def call(self, name: str, args: list[Any], timeout_ms: int | None = None) -> Reply:
        """Call a function of the terminal with plain values. Raises LinkLost.

        Blocks until it is answered; only an authorisation is waited for no longer than ``timeout_ms``.
        """

    def close(self) -> None:
        """End the link; the terminal goes on."""


def log_in(backend: Backend, login: int, password: str, server: str, timeout_ms: int) -> Reply:
    """Say whose calls the following ones are; 0 is the terminal's own account. Raises LinkLost."""
    reply = backend.call(LOGIN, [login, password, server], timeout_ms)
    if reply.error == SUCCESS:
        backend.login = reply.value
    return reply


class Clock(Protocol):
    """The market time of a terminal in this process."""

    def now_ns(self) -> int:
        """Market time, UTC."""

    def wait(self, market_ns: int) -> None:
        """Let market time pass while the caller is blocked; ``NEVER`` for ever."""


class InProcessBackend:
    """A terminal in this process. ``journal`` takes what a call changed."""

    def __init__(
        self,
        service: TerminalService,
        login: int,
        clock: Clock,
        journal: Callable[[tuple[Change, ...]], None] | None = None,
    ) -> None:
        self.login = login
        self._service = service
        self._clock = clock
        self._journal = journal
        self._revealed_count = 0
        self._reveals_ns = NEVER

    def _revision(self, now_ns: int) -> int:
        """How often what the login's books show has changed: by whatever befell them, and by what was hidden and is seen by now."""
        account = self._service.terminal.accounts.get(self.login)
        if account is None:
            return 0
        self._revealed_count += self._reveals_ns <= now_ns
        self._reveals_ns = self._service.session(self.login).reveals_ns(now_ns)
        return account.revision + self._revealed_count

    def call(self, name: str, args: list[Any], timeout_ms: int | None = None) -> Reply:
        """Call a function of the terminal."""
        now_ns = self._clock.now_ns()
        answer = self._service.call(self.login, name, args, now_ns)
        if answer.changes and self._journal is not None:
            self._journal(answer.changes)
        if timeout_ms is not None and answer.late_ns > timeout_ms * MS_NS:
            self._clock.wait(timeout_ms * MS_NS)
            return Reply(None, TIMEOUT)
        if answer.late_ns:
            self._clock.wait(answer.late_ns)
        return Reply(answer.value, answer.error, 0, self._revision(now_ns), now_ns)

    def close(self) -> None:
        """Nothing to end."""


class BrokerDoor:
    """How this process dials brokers: without a key unless it was given one."""

    way: "Way | None" = None


class SocketBackend:
    """The broker process behind an endpoint. Raises LinkLost where it does not answer within ``timeout_ms``."""

    def __init__(self, endpoint: str, timeout_ms: int) -> None:
        import zmq

        self.login = 0
        self._sequence = 0
        self._zmq = zmq
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        # a call to a broker that is not there fails; it does not wait to be executed some time later
        self._socket.set(zmq.IMMEDIATE, 1)
        self._socket.set(zmq.MAXMSGSIZE, REPLY_BYTES_MAX)
        if (way := BrokerDoor.way) is not None:
            # where its key is being changed there are two, and only one try: the next one may take the other
            self._socket.set(zmq.CURVE_SERVERKEY, random.choice(way.servers() or [bytes(32)]))
            self._socket.set(zmq.CURVE_PUBLICKEY, way.keys().public)
            self._socket.set(zmq.CURVE_SECRETKEY, way.keys().secret)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError:
            self.close()
            raise LinkLost(initialize_failed(f"CreateFile failed [{endpoint}]"), True) from None
        if not self._monitor.poll(timeout_ms):
            self.close()
            raise LinkLost(NO_ANSWER, True)
        self._monitor.recv_multipart()

    def call(self, name: str, args: list[Any], timeout_ms: int | None = None) -> Reply:
        """Call a function of the terminal and wait for its answer. Raises LinkLost when the broker goes away meanwhile."""
        zmq = self._zmq
        if self._monitor.poll(0):
            # the broker went away since the last call; another life of it may be there by now, but that is another link
            raise LinkLost(SEND_FAILED, True)
        self._sequence += 1
        try:
            self._socket.send(encode(TerminalCall(self._sequence, self.login, name, msgpack.packb(args))), zmq.DONTWAIT)
        except zmq.Again:
            raise LinkLost(SEND_FAILED, True) from None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(timeout_ms))
            if not ready:
                raise LinkLost(TIMEOUT, False)
            if self._socket in ready:
                reply = _reply_untrusted(self._socket.recv_multipart())
                if reply.sequence == self._sequence:
                    return _plain(reply)
            elif self._monitor in ready:
                raise LinkLost(RECEIVE_FAILED, True)

    def close(self) -> None:
        """End the link."""
        self._socket.disable_monitor()
        self._context.destroy(linger=0)


def _reply_untrusted(frames: list[bytes]) -> TerminalReply:
    """A reply from its frames. Raises LinkLost for anything else."""
    try:
        tag, *fields = msgpack.unpackb(b"".join(frames), max_bin_len=REPLY_BYTES_MAX)
        return msgspec.convert([tag, *fields], TerminalReply, builtin_types=(bytes,))
    except (ValueError, TypeError, msgpack.exceptions.UnpackException, msgspec.ValidationError):
        raise LinkLost(RECEIVE_FAILED, True) from None


def _plain(reply: TerminalReply) -> Reply:
    try:
        value = msgpack.unpackb(reply.value)
    except (ValueError, msgpack.exceptions.UnpackException):
        raise LinkLost(RECEIVE_FAILED, True) from None
    return Reply(value, (reply.error_code, reply.error_text), reply.block, reply.revision, reply.market_ns)


class SimulationBackend(InProcessBackend):
    """A simulated server of this process. ``simulation`` is what a script may move and quote."""

    def __init__(self, simulation: "Simulation") -> None:
        super().__init__(simulation.service, 0, simulation)
        self.simulation = simulation

    def call(self, name: str, args: list[Any], timeout_ms: int | None = None) -> Reply:
        """Call a function of the terminal; an order takes its time, and who logs in without a login is who was in last."""
        if name == ORDER_SEND and self.simulation.is_delayed:
            self.simulation.wait(self.simulation.latency_ns(self.login, args))
        elif name == LOGIN:
            login, *others = args
            reply = super().call(name, [login or self.simulation.login, *others], timeout_ms)
            self.simulation.login = reply.value or self.simulation.login
            return reply
        return super().call(name, args)


def open_backend(path: str, timeout_ms: int) -> Backend:
    """The backend a path names: a broker (``tcp://…``, ``ipc://…``) or a ``sim.toml``; for any other path what $TRADEMESH_SIM names.

    So a script that names the terminal64.exe of another machine runs unchanged. Raises LinkLost where there is none.
    """
    named = path if "://" in path or path.endswith(".toml") else os.environ.get(ENVIRONMENT, "")
    if "://" in named:
        folder = os.environ.get(KEYS)
        if folder and BrokerDoor.way is None:
            from nodes.io.doorfiles import broker_way  # of a script's own

            BrokerDoor.way = broker_way(Path(folder))
        return SocketBackend(named, timeout_ms)
    if not named:
        raise LinkLost(initialize_failed("MetaTrader 5 x64 not found"), True)
    try:
        from nodes.io.simulation import simulation_at  # a client of a broker has no use for prices and books

        return SimulationBackend(simulation_at(named))
    except MeshError as error:
        raise LinkLost(initialize_failed(str(error)), True) from None
