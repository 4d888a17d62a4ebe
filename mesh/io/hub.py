"""One ZeroMQ context and its sockets: bound and connected with every setting that keeps them from hanging, dropping or dying unnoticed, and
from letting anybody in who has no key.

A door (``Door``) is guarded by CURVE: its node's secret key, a ZAP domain of its own, and a judge who is asked about each key that comes
(``mesh.zap``). libzmq's four ways to fail open are closed here: the answering socket is bound before any door is, each socket insists on
its domain (ZAP_ENFORCE_DOMAIN, which the stock library has under its number), no domain stands for others, and ``mesh.io.doorprobe`` tries
each door before its node runs. Whoever dials names the key of whom he expects (``Way``): nobody else can answer.
"""

import os
import random
import time

import msgspec
import zmq

from mesh.codec import FRAME_BYTES_MAX
from mesh.errors import BadConfig, PortInUse
from mesh.io.ports import holder_of, holder_of_name
from mesh.io.sockets import FRAME_BYTES_OF, SEND_COUNT_DEFAULT, SEND_COUNT_MAX, WATCHED, Keys, Socket, Way
from mesh.zap import Judge, answer

IPC = "ipc://"
ZAP_ENDPOINT = "inproc://zeromq.zap.01"
REBIND_S, REBIND_STEP_S = 2.0, 0.001
"""How long a socket that takes another's place waits for its port, and how often it looks."""
_ZAP_ENFORCE_DOMAIN = 93
"""Not among pyzmq's names: the library calls it a draft, and has it."""
_KINDS = {name: getattr(zmq, name) for name in ("ROUTER", "DEALER", "PUB", "SUB", "PUSH", "PULL")}


class Door(msgspec.Struct, frozen=True):
    """How a bound socket is guarded. ``domain``: its own, of no other socket of this process."""

    keys: Keys
    domain: str
    judge: Judge


class Hub:
    """One ZeroMQ context and the sockets opened in it."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self._context = zmq.Context(io_threads=1)
        self._monitor_count = 0
        self._judges: dict[str, Judge] = {}
        self._asked: zmq.Socket[bytes] | None = None
        """Where libzmq asks who may come in."""

    def bind(self, link: str, kind: str, endpoint: str, *more: str, door: Door | None = None) -> Socket:
        """Listen, at ``more`` endpoints too. Raises PortInUse (by whom), BadConfig where an address is not this machine's.

        ``door`` None: whoever comes is let in; for links that are said to be plain, inside a host.
        """
        listening: list[str] = []
        plain = self._bound(link, kind, (endpoint, *more), door, listening)
        made = Socket(plain, link, kind, listening[0], None, is_guarded=door is not None)
        made.endpoints = tuple(listening)
        made.bound_anew = lambda: self._bound(link, kind, made.endpoints, door, [], REBIND_S)
        return self._keep(made)

    def _bound(
        self, link: str, kind: str, endpoints: tuple[str, ...], door: Door | None, listening: list[str], patience_s: float = 0
    ) -> "zmq.Socket[bytes]":
        """``listening``: takes where it listens, with the port where 0 asked for any. ``patience_s``: for whom it follows to have left."""
        plain = self._plain(link, kind, endpoints[0])
        for option, value in ((zmq.HANDSHAKE_IVL, 3_000), (zmq.BACKLOG, 1_024)):
            plain.set(option, value)
        if kind == "ROUTER":
            plain.set(zmq.ROUTER_MANDATORY, 1)
        if door is not None:
            self._guard(plain, door)
        end_s = time.monotonic() + patience_s
        for each in endpoints:
            while (error := _bind(plain, each)) is not None:
                if error.errno != zmq.EADDRINUSE or time.monotonic() >= end_s:
                    plain.close(0)
                    raise _why_not(link, each, error) from None
                time.sleep(REBIND_STEP_S)  # libzmq closes a listener in its own thread, and tells nobody when
            listening.append(bytes(plain.get(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode())
        return plain

    def _guard(self, plain: "zmq.Socket[bytes]", door: Door) -> None:
        """Before it is bound: options hold for what comes after them."""
        if self._asked is None:
            self._asked = self._context.socket(zmq.REP)
            self._asked.set(zmq.LINGER, 0)
            self._asked.bind(ZAP_ENDPOINT)
        self._judges[door.domain] = door.judge
        plain.set(zmq.CURVE_SERVER, 1)
        plain.set(zmq.CURVE_SECRETKEY, door.keys.secret)
        plain.set(zmq.ZAP_DOMAIN, door.domain.encode())
        plain.set(_ZAP_ENFORCE_DOMAIN, 1)

    def connect(self, link: str, kind: str, endpoint: str, way: Way | None = None) -> Socket:
        """Dial, now and again until somebody answers. Raises BadConfig for an address that cannot be one."""
        plain = self._plain(link, kind, endpoint)
        plain.set(zmq.CONNECT_TIMEOUT, 2_000)
        plain.set(zmq.HANDSHAKE_IVL, 3_000)
        # A random pace for each process: after a restart of the other side not everybody knocks at the same moment.
        plain.set(zmq.RECONNECT_IVL, random.randint(100, 500))
        if kind in ("DEALER", "PUSH"):
            plain.set(zmq.IMMEDIATE, 1)
        if kind in ("DEALER", "SUB"):
            plain.set(zmq.RCVHWM, 0)
        if kind == "SUB":
            plain.set(zmq.SUBSCRIBE, b"")
        made = Socket(plain, link, kind, endpoint, self._watch(plain), way=way)
        try:
            made.dial()
        except zmq.ZMQError as error:
            made.close()
            raise BadConfig(f"cannot connect link {link} to {endpoint}: {error.strerror}; correct the node's host") from None
        return self._keep(made)

    # doors

    def asked_fileno(self) -> int:
        """The edge-triggered descriptor that wakes a loop when somebody is at a door; -1 where there is none."""
        return -1 if self._asked is None else int(self._asked.get(zmq.FD))

    def answer_doors(self) -> int:
        """Answer who is at a door now; how many were there. Settles the descriptor."""
        count = 0
        while self._asked is not None and int(self._asked.get(zmq.EVENTS)) & zmq.POLLIN:
            self._asked.send_multipart(answer(self._asked.recv_multipart(zmq.NOBLOCK), self._judges), zmq.NOBLOCK)
            count += 1
        return count

    def wait(self, timeout_ms: int) -> bool:
        """Wait until some socket has something to receive or a connection changed; for clients without a loop."""
        poller = zmq.Poller()
        for socket in self.sockets:
            for each in socket.waited_for():
                poller.register(each, zmq.POLLIN)
        return bool(poller.poll(timeout_ms))

    def close(self, linger_ms: int = 0) -> None:
        """Close every socket and the context."""
        for socket in self.sockets:
            socket.close(linger_ms)
        self.sockets.clear()
        if self._asked is not None:
            self._asked.close(0)
        self._context.term()

    def _keep(self, socket: Socket) -> Socket:
        self.sockets.append(socket)
        return socket

    def _plain(self, link: str, kind: str, endpoint: str) -> "zmq.Socket[bytes]":
        plain: zmq.Socket[bytes] = self._context.socket(_KINDS[kind])
        base = link.split(".")[0]
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.IPV6, int("[" in endpoint)),
            (zmq.MAXMSGSIZE, FRAME_BYTES_OF.get(base, FRAME_BYTES_MAX)),
            (zmq.SNDHWM, SEND_COUNT_MAX.get(base, SEND_COUNT_DEFAULT)),
            (zmq.TCP_KEEPALIVE, 1),
            (zmq.TCP_KEEPALIVE_IDLE, 5),
            (zmq.TCP_KEEPALIVE_INTVL, 2),
            (zmq.TCP_KEEPALIVE_CNT, 3),
            (zmq.TCP_MAXRT, 5_000),
        ):
            plain.set(option, value)
        return plain

    def _watch(self, plain: "zmq.Socket[bytes]") -> "zmq.Socket[bytes]":
        """A monitor at an address of its own: pyzmq's default one is used again and then refused."""
        self._monitor_count += 1
        address = f"inproc://monitor-{os.getpid()}-{self._monitor_count}"
        plain.monitor(address, WATCHED)
        monitor: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        monitor.set(zmq.LINGER, 0)
        monitor.connect(address)
        return monitor


def _bind(plain: "zmq.Socket[bytes]", endpoint: str) -> zmq.ZMQError | None:
    try:
        plain.bind(endpoint)
    except zmq.ZMQError as error:
        return error
    return None


def _why_not(link: str, endpoint: str, error: zmq.ZMQError) -> PortInUse | BadConfig:
    """What an operator can do about a bind that failed."""
    if error.errno == zmq.EADDRINUSE:
        address = endpoint.removeprefix(IPC)
        holder = holder_of(int(endpoint.rsplit(":", 1)[1])) if address == endpoint else holder_of_name(address)
        return PortInUse(
            f"{endpoint} (link {link}) is in use by {holder}; end it (`mesh down`), or set another mesh.base_port or the node's port"
        )
    return BadConfig(
        f"cannot listen at {endpoint} (link {link}): {error.strerror}; the node's host must be an address of this machine"
    )

