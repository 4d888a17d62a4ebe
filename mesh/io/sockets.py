"""ZeroMQ sockets with every setting that keeps them from hanging, dropping or dying unnoticed.

With ``mesh/io/hub.py``, which makes a ``Socket`` for one link, and the probe of doors the only file of ``mesh`` that imports zmq. What
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
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec
import zmq
from zmq.backend import Socket as PlainSocket

from mesh import links
from mesh.backoff import backoff_ns
from mesh.io.peers import Peers
from mesh.io.ports import reset_if_own
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
_REFUSALS = (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
"""How it ends where the other side has not the key that was expected."""
_TRIES = (zmq.EVENT_CONNECT_DELAYED, zmq.EVENT_CONNECT_RETRIED, zmq.EVENT_CONNECTED)
WATCHED = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
for _event in (*_ENDS, *_TRIES):
    WATCHED |= _event
_USER = "User-Id"
NOBODY = bytes(32)
"""The key of nobody: a handshake that fails, and is tried again."""
_EVENT_HEAD = struct.Struct("=HI")
_READABLE = ("ROUTER", "DEALER", "SUB", "PULL")
_NOWAIT = int(zmq.NOBLOCK)
_NOWAIT_MORE = int(zmq.NOBLOCK | zmq.SNDMORE)
_EVENTS, _POLLIN = int(zmq.EVENTS), int(zmq.POLLIN)

Received: TypeAlias = tuple[int, tuple[bytes, ...]]
"""A peer's number (0 except at a ROUTER) and the frames of one message; none where they were dropped unread."""


class Keys(msgspec.Struct, frozen=True):
    """A CURVE pair, 32 bytes each."""

    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"Keys({self.public.hex()[:16]}…)"


class Way(msgspec.Struct, frozen=True):
    """How a guarded socket is dialled: with which pair, and the keys of whom is expected there, the likeliest first; asked each time."""

    keys: Callable[[], Keys]
    servers: Callable[[], list[bytes]]


class Socket:
    """One socket of one link. Owned by one thread. ``peer`` is 0 everywhere but at a ROUTER.

    ``is_guarded``: who is at the other end is known by his key. ``way``: how it is dialled, None: without a key.
    """

    def __init__(
        self,
        plain: zmq.Socket[bytes],
        link: str,
        kind: str,
        endpoint: str,
        monitor: zmq.Socket[bytes] | None,
        is_guarded: bool = False,
        way: Way | None = None,
    ) -> None:
        self.link = link
        self.kind = kind
        self.endpoint = endpoint
        self.is_readable = kind in _READABLE
        self.is_dialled = monitor is not None
        """Whether this side connects (and is told when the connection is made and lost)."""
        self.is_up = False
        """Whether a connecting socket has its connection now."""
        self.is_guarded = is_guarded
        self.user = ""
        """At a guarded socket, the key in hex of who sent the last message."""
        self.bound_anew: Callable[[], zmq.Socket[bytes]] | None = None
        """Makes the socket that takes the place of a bound one."""
        self._way = way
        self.endpoints: tuple[str, ...] = (endpoint,)
        """Where a bound one listens."""
        self._dialled_key = self._own_key = b""
        self._server_key = b""
        """Which of the keys of whom is dialled is tried."""
        self._refused_count = 0
        self._monitor = monitor
        self._take(plain)
        self._routes = kind == "ROUTER"
        self.peers = Peers()
        """Who is connected to a ROUTER; nobody elsewhere."""
        self._renew_at_ns = NEVER
        self._renewed_count = 0
        """Times it connected again since it last had its connection."""
        self._is_left = False
        """Whether it has left a connection by itself, of which no monitor tells."""
        self._was_own = False
        """Whether the last connection was one to itself: what the monitor still says of it is not heard."""

    def _take(self, plain: zmq.Socket[bytes]) -> None:
        self._plain = plain
        # The methods below pyzmq's convenience layer: the same calls without half a microsecond of argument checks each.
        self._send_frame = PlainSocket.send.__get__(plain)
        self._receive_frame = PlainSocket.recv.__get__(plain)
        self._get = PlainSocket.get.__get__(plain)

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
            if self.is_guarded:
                self.user = frame.get(_USER)
            return 0, tuple(frames)
        peer = self.peers.heard(frames[0])
        if self.is_guarded:
            user = frame.get(_USER)
            if peer.user != user:
                if peer.user:  # somebody else has this routing id now
                    self.peers.forget(peer.number)
                    peer = self.peers.heard(frames[0])
                peer.user = user
            self.user = peer.user  # one object for all of his messages, whose hash is known
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
        if self._is_left:
            self.is_up = self._is_left = False
            changed.append(False)
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
            elif event in _REFUSALS and self._next_server():
                self._dial_again()  # once for each key that there is; then at libzmq's own pace
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
        self.dial()

    def dial(self) -> None:
        """Connect, with the key that is to be tried now. Raises ZMQError for an address that is none."""
        servers = self._way.servers() if self._way is not None else []
        if self._way is not None:
            key = self._server_key if self._server_key in servers else next(iter(servers), NOBODY)
            own = self._way.keys()
            for option, value in ((zmq.CURVE_SERVERKEY, key), (zmq.CURVE_PUBLICKEY, own.public), (zmq.CURVE_SECRETKEY, own.secret)):
                self._plain.set(option, value)
            self._dialled_key, self._own_key = key, own.public
        self._plain.connect(self.endpoint)

    def _next_server(self) -> bool:
        """Try the next key of whom is dialled; False where there is no other."""
        servers = self._way.servers() if self._way is not None else []
        if len(servers) < 2:
            return False
        self._refused_count += 1
        at = servers.index(self._dialled_key) + 1 if self._dialled_key in servers else 0
        self._server_key = servers[at % len(servers)]
        return self._refused_count % len(servers) != 0

    def redial_if_changed(self) -> bool:
        """Dial again where the key of who is dialled is good no more, or our own is another; whether it did."""
        if self._way is None:
            return False
        servers = self._way.servers()
        is_known = self._dialled_key in servers or (not servers and self._dialled_key == NOBODY)
        if is_known and self._way.keys().public == self._own_key:
            return False
        self._is_left = self.is_up
        self._dial_again()
        return True

    def evict(self) -> None:
        """Close every connection of a bound socket that has no peers one by one (PUB), and listen again: who may comes back by himself."""
        assert self.bound_anew is not None, "only a bound socket evicts"
        for endpoint in self.endpoints:
            self._plain.unbind(endpoint)
        self._plain.close(0)
        self._take(self.bound_anew())

    def waited_for(self) -> "list[zmq.Socket[bytes]]":
        """What a client without a loop waits on."""
        readable = [self._plain] if self.is_readable else []
        return [*readable, self._monitor] if self._monitor is not None else readable

    def close(self, linger_ms: int = 0) -> None:
        """Close; what was sent in the last moment has ``linger_ms`` to leave."""
        if self._monitor is not None:
            self._plain.disable_monitor()
            self._monitor.close(0)
        self._plain.close(linger_ms)
