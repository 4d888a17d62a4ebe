"""ZeroMQ sockets with every setting that keeps them from hanging, dropping or dying unnoticed.

The only file of ``mesh`` that imports zmq. A ``Hub`` holds one context; ``Hub.open`` makes a ``Socket`` for one link. What
each option is for, with its source, is in the notes on reliability the project began with; in short:

- ``LINGER 0``: an exit never hangs. ``TCP_KEEPALIVE`` 5/2/3 s and ``TCP_MAXRT`` 5 s: a dead peer is noticed within 11 s,
  in the middle of a send within 5 s. No ZMTP heartbeats: they answer for a hung program, and with a full receive
  queue abort the process (libzmq #3937, #4767). For the same reason ``RCVHWM 0`` where we connect and receive.
- ``IMMEDIATE`` where we connect and send: nothing queues for a peer that is not there and arrives late.
- No routing ids: the ROUTER generates them; who a peer is, its hello says. A number stands for each here.
- ``MAXMSGSIZE``: a bound socket drops the offender, which reconnects. On the connecting side libzmq then stops
  reconnecting for good while ``send`` still succeeds, as it does after a refused handshake; so every connecting socket
  has a monitor, and ``renew`` connects again when the monitor has been silent too long.

Inside a host a link may go by UNIX socket, at an abstract name (``ipc://@…``): nothing of it is on a disk, and libzmq, which takes the file
of a path away from whoever has it, refuses a name that is taken. TCP's options do nothing there: a process that has ended is noticed at
once, one that stands still keeps its connection and gets what is queued (SNDHWM) when it goes on; whether that is late, cores judge.

The file descriptor is edge-triggered and shared by sending and receiving: after each batch of sends and receives
``Socket.pending`` must be asked before anybody waits on it.
"""

import errno
import os
import random
import struct
from collections.abc import Sequence
from typing import TypeAlias

import zmq
from zmq.backend import Socket as PlainSocket

from mesh import links
from mesh.backoff import backoff_ns
from mesh.codec import FRAME_BYTES_MAX
from mesh.errors import BadConfig, PortInUse
from mesh.io.peers import Peers
from mesh.io.ports import holder_of, holder_of_name, reset_if_own
from mesh.units import NEVER, SECOND_NS

SENT, GONE, FULL = 0, 1, 2
"""What became of a send: handed to ZeroMQ; this peer is gone for good; not taken now (no connection, or its queue is full)."""

SEND_COUNT_MAX = {links.ORDERS: 100_000, links.REPLAY: 10_000, links.FRONT: 4_096}
"""SNDHWM by link: the horizon of repair; a snapshot of one frame a local must fit. Else SEND_COUNT_DEFAULT."""
SEND_COUNT_DEFAULT = 1_000
FRAME_BYTES_OF = {links.VENUE: 2_100_000}
"""The terminal's history is a large answer that the facade asked for itself."""

_SILENT_NS = 8 * SECOND_NS
"""A connecting socket that tries speaks to its monitor at least this often (CONNECT_TIMEOUT, HANDSHAKE_IVL, RECONNECT_IVL)."""
_STOPPED_NS = SECOND_NS
"""After an end the retry is announced at once; without it there is none."""
_RENEW_DOUBLINGS_MAX = 5
_ENDS = (zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_TRIES = (zmq.EVENT_CONNECT_DELAYED, zmq.EVENT_CONNECT_RETRIED, zmq.EVENT_CONNECTED)
_WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
for _event in (*_ENDS, *_TRIES):
    _WATCHED |= _event
_EVENT_HEAD = struct.Struct("=HI")
IPC = "ipc://"
_KINDS = {name: getattr(zmq, name) for name in ("ROUTER", "DEALER", "PUB", "SUB", "PUSH", "PULL")}
_READABLE = ("ROUTER", "DEALER", "SUB", "PULL")
_NOWAIT = int(zmq.NOBLOCK)
_NOWAIT_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)
_EVENTS, _POLLIN = int(zmq.EVENTS), int(zmq.POLLIN)

Received: TypeAlias = tuple[int, tuple[bytes, ...]]
"""A peer's number (0 except at a ROUTER) and the frames of one message; none where they were dropped unread."""


class Socket:
    """One socket of one link. Owned by one thread. ``peer`` is 0 everywhere but at a ROUTER."""

    def __init__(self, plain: zmq.Socket[bytes], link: str, kind: str, endpoint: str, monitor: zmq.Socket[bytes] | None):
        self.link = link
        self.kind = kind
        self.endpoint = endpoint
        self.is_readable = kind in _READABLE
        self.is_dialled = monitor is not None
        """Whether this side connects (and is told when the connection is made and lost)."""
        self.is_up = False
        """Whether a connecting socket has its connection now."""
        self._plain = plain
        self._monitor = monitor
        # The methods below pyzmq's convenience layer: the same calls without half a microsecond of argument checks each.
        self._send_frame = PlainSocket.send.__get__(plain)
        self._receive_frame = PlainSocket.recv.__get__(plain)
        self._get = PlainSocket.get.__get__(plain)
        self._routes = kind == "ROUTER"
        self.peers = Peers()
        """Who is connected to a ROUTER; nobody elsewhere."""
        self._renew_at_ns = NEVER
        self._renewed_count = 0
        """Times it connected again since it last had its connection."""
        self._was_own = False
        """Whether the last connection was one to itself: what the monitor still says of it is not heard."""

    def fileno(self) -> int:
        """The edge-triggered descriptor that wakes a loop."""
        return int(self._get(zmq.FD))

    def monitor_fileno(self) -> int:
        """The monitor's descriptor, -1 on a binding socket."""
        return -1 if self._monitor is None else int(self._monitor.get(zmq.FD))

    def pending(self) -> bool:
        """Whether something can be received now. Settles the descriptor: ask after each batch of sends."""
        return bool(self._get(_EVENTS) & _POLLIN)

    def receive_one(self, is_likely: bool = False) -> Received | None:
        """The next message; None settles the descriptor: nothing is there.

        ``is_likely``: in the middle of a burst, so it is received without asking first whether there is one. To ask costs 1.3 µs, to
        receive 0.2, to receive what is not there 2.8.
        """
        if not is_likely and not self._get(_EVENTS) & _POLLIN:
            return None
        receive = self._receive_frame
        try:
            frame = receive(_NOWAIT, False)  # a Frame knows whether another one follows; to ask the socket costs 0.5 µs
        except zmq.Again:
            return None
        frames = [frame.bytes]
        while frame.more:
            frame = receive(_NOWAIT, False)
            frames.append(frame.bytes)
        if not self._routes:
            return 0, tuple(frames)
        peer = self.peers.heard(frames[0])
        return peer.number, tuple(frames[1:]) if peer.is_read else ()

    def receive(self, count_max: int) -> list[Received]:
        """Up to ``count_max`` messages that are there now; fewer mean that the socket was drained."""
        taken: list[Received] = []
        while len(taken) < count_max and (received := self.receive_one()) is not None:
            taken.append(received)
        return taken

    def send(self, peer: int, frames: Sequence[bytes]) -> int:
        """Hand a message to ZeroMQ without waiting: SENT, GONE or FULL.

        GONE (ROUTER alone): the peer's connection is closed, its number forgotten. FULL: dropped. It is no reason to give the
        peer up: what matters is repeated until answered, and TCP itself ends a connection that takes nothing for 5 s.
        """
        last = len(frames) - 1
        try:
            if self._routes:
                known = self.peers.get(peer)
                if known is None:
                    return GONE
                self._send_frame(known.routing_id, _NOWAIT_MORE)
            for index, frame in enumerate(frames):
                self._send_frame(frame, _NOWAIT if index == last else _NOWAIT_MORE)
        except zmq.ZMQError as error:
            return self._unsent(peer, error)
        return SENT

    def send_each(self, peers: Sequence[int], heads: Sequence[bytes], body: bytes) -> list[tuple[int, int]]:
        """At a ROUTER: ``send`` of (``heads[i]``, ``body``) to ``peers[i]``, for each. Who did not get it: (peer, GONE or FULL)."""
        send, known_as = self._send_frame, self.peers.get
        unsent: list[tuple[int, int]] = []
        for peer, head in zip(peers, heads, strict=True):
            known = known_as(peer)
            if known is None:
                unsent.append((peer, GONE))
                continue
            try:
                send(known.routing_id, _NOWAIT_MORE)
                send(head, _NOWAIT_MORE)
                send(body, _NOWAIT)
            except zmq.ZMQError as error:
                unsent.append((peer, self._unsent(peer, error)))
        return unsent

    def _unsent(self, peer: int, error: zmq.ZMQError) -> int:
        """What a refused send means. Raises what no peer is the cause of."""
        if error.errno == zmq.EAGAIN:
            return FULL
        if error.errno != zmq.EHOSTUNREACH:
            raise error
        self.peers.forget(peer)
        return GONE

    def changes(self, now_ns: int) -> list[bool]:
        """Connections made (True) and lost (False) since the last call, at a connecting socket."""
        changed: list[bool] = []
        if self._monitor is None:
            return changed
        while int(self._monitor.get(_EVENTS)) & _POLLIN:
            event, value = _EVENT_HEAD.unpack(self._monitor.recv_multipart(_NOWAIT)[0])
            if event == zmq.EVENT_CONNECTED and reset_if_own(value):
                self._was_own = True
                self._dial_again()
            elif event in _TRIES:
                self._was_own = False
            if self._was_own:
                continue
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._renew_at_ns = NEVER
                self._renewed_count = 0
            else:
                self._renew_at_ns = now_ns + (_STOPPED_NS if event in _ENDS else _SILENT_NS)
            is_up = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if is_up != self.is_up and (is_up or event in _ENDS):
                self.is_up = is_up
                changed.append(is_up)
        if changed:
            self._get(_EVENTS)  # takes the new pipe in, so that a send right after is not refused
        return changed

    def renew(self, now_ns: int) -> bool:
        """Connect again where libzmq has given up, each time after twice as long (32 s at most). True where it did."""
        if now_ns < self._renew_at_ns:
            return False
        self._renew_at_ns = now_ns + backoff_ns(_STOPPED_NS, self._renewed_count, _RENEW_DOUBLINGS_MAX)
        self._renewed_count += 1
        self._dial_again()
        return True

    def _dial_again(self) -> None:
        try:
            self._plain.disconnect(self.endpoint)
        except zmq.ZMQError as error:
            # ENOENT: the endpoint is gone already, which is what stopped the reconnecting.
            if error.errno != errno.ENOENT:
                raise
        self._plain.connect(self.endpoint)

    def close(self, linger_ms: int = 0) -> None:
        """Close; what was sent in the last moment has ``linger_ms`` to leave."""
        if self._monitor is not None:
            self._plain.disable_monitor()
            self._monitor.close(0)
        self._plain.close(linger_ms)


class Hub:
    """One ZeroMQ context and the sockets opened in it."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []
        self._context = zmq.Context(io_threads=1)
        self._monitor_count = 0

    def bind(self, link: str, kind: str, endpoint: str, *more: str) -> Socket:
        """Listen, at ``more`` endpoints too. Raises PortInUse (by whom), BadConfig where an address is not this machine's."""
        plain = self._plain(link, kind, endpoint)
        for option, value in ((zmq.HANDSHAKE_IVL, 3_000), (zmq.BACKLOG, 1_024)):
            plain.set(option, value)
        if kind == "ROUTER":
            plain.set(zmq.ROUTER_MANDATORY, 1)
        listening: list[str] = []
        for each in (endpoint, *more):
            try:
                plain.bind(each)
            except zmq.ZMQError as error:
                plain.close(0)
                raise _why_not(link, each, error) from None
            listening.append(bytes(plain.get(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode())  # says the port where 0 asked for any
        return self._keep(Socket(plain, link, kind, listening[0], None))

    def connect(self, link: str, kind: str, endpoint: str) -> Socket:
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
        monitor = self._watch(plain)
        try:
            plain.connect(endpoint)
        except zmq.ZMQError as error:
            Socket(plain, link, kind, endpoint, monitor).close()
            raise BadConfig(f"cannot connect link {link} to {endpoint}: {error.strerror}; correct the node's host") from None
        return self._keep(Socket(plain, link, kind, endpoint, monitor))

    def wait(self, timeout_ms: int) -> bool:
        """Wait until some socket has something to receive or a connection changed; for clients without a loop."""
        poller = zmq.Poller()
        for socket in self.sockets:
            if socket.is_readable:
                poller.register(socket._plain, zmq.POLLIN)
            if socket._monitor is not None:
                poller.register(socket._monitor, zmq.POLLIN)
        return bool(poller.poll(timeout_ms))

    def close(self, linger_ms: int = 0) -> None:
        """Close every socket and the context."""
        for socket in self.sockets:
            socket.close(linger_ms)
        self.sockets.clear()
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
        plain.monitor(address, _WATCHED)
        monitor: zmq.Socket[bytes] = self._context.socket(zmq.PAIR)
        monitor.set(zmq.LINGER, 0)
        monitor.connect(address)
        return monitor


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
