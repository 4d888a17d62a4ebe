"""What a node receives from: a socket, or something that is none, under the name its core gives it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mesh import links
from mesh.core import Envelope, LinkDown, LinkUp
from mesh.io.sockets import Socket
from mesh.messages.base import Msg
from mesh.rates import LENGTH_SHIFT, Meters, is_stop

if TYPE_CHECKING:
    from mesh.io.node import Node

BATCH_COUNT = 64
"""Messages taken from one socket before the next one, and the control socket again, have their turn."""
BURST_COUNT = 2
"""After so many in a row another one is likely."""
PRIORITY = (
    links.CONTROL, links.ORDERS, links.LOCALS, links.REPLAY, links.DECIDE, links.SIGNALS, links.MARKET, links.WORKER,
    links.VENUE, links.STATUS, links.FRONT,
)  # fmt: skip
"""The order in which links are read on every pass."""


class Attachment(Protocol):
    """The other end of a link that is no socket (a worker's pipe)."""

    def fileno(self) -> int:
        """What to wait on; -1: nothing now. May change (a new process, a new pipe), and be closed, in ``receive`` and ``close`` alone: the
        loop ends the whole process (libuv: abort) where it is about to wait on a descriptor that is closed.
        """

    def receive(self) -> list[Msg]:
        """What came, without waiting. Called when readable and at each poll of the loop besides, so it may also look after its process."""

    def send(self, message: Msg) -> None:
        """Hand a message over, without waiting."""

    def started(self) -> None:
        """The loop runs now: spawn what has to be spawned."""

    def close(self) -> None:
        """The node ends."""


class Inlet:
    """Something a node receives from. ``is_hot``: has to be looked at, because it woke the loop or was sent on; ``is_sure``: something is
    there, most likely. ``guarded_as``: the link whose door it is, empty where it is none. ``meters``: how much its guests have said.
    """

    __slots__ = ("attachment", "fileno", "guarded_as", "is_hot", "is_sure", "link", "meters", "node", "priority", "socket")

    def __init__(
        self, node: "Node", link: str, socket: Socket | None, attachment: Attachment | None, guarded_as: str = ""
    ) -> None:
        self.node = node
        self.guarded_as = guarded_as
        self.meters = Meters(guarded_as) if guarded_as else None
        self.link = link
        self.socket = socket
        self.attachment = attachment
        self.priority = PRIORITY.index(link.split(".")[0])
        self.is_hot = self.is_sure = False
        self.fileno = -1
        """The descriptor the loop waits on for this inlet."""

    def has_more(self) -> bool:
        """Whether something is there: asked of one that is hot, which it is no longer where nothing is."""
        if self.socket is not None:
            self.is_hot = self.is_sure = self.socket.pending()
        return self.is_hot

    def drain(self, now_ns: int, clock: Callable[[], int]) -> int:
        """Take a batch; stays hot where more may be there. The time after it.

        The clock is read anew after each message (0.1 µs): a grant names the time at which it was made, which must not be from before
        its question was asked, as the beginning of a long pass would be.
        """
        node = self.node
        if self.attachment is not None:
            self.is_hot = False
            for message in self.attachment.receive():
                node.take(Envelope(self.link, 0, message), now_ns)
                now_ns = clock()
            return now_ns
        assert self.socket is not None
        if self.socket.is_dialled and not self.socket.is_up:
            self.tell_changes(now_ns)  # a core hears that its link is up before it hears anything over it
        socket, meters, receive_one = self.socket, self.meters, self.socket.receive_one
        is_sure, self.is_sure = self.is_sure, False
        for count in range(BATCH_COUNT):
            received = receive_one(is_sure if count == 0 else count >= BURST_COUNT)
            if received is None:
                self.is_hot = False
                break
            peer, frames = received
            if meters is None or not frames:
                node.take_frames(self, peer, frames, now_ns)
            else:
                meter = meters[socket.user]
                meter.left_count = left_count = meter.left_count - 1 - (len(frames[0]) >> LENGTH_SHIFT)
                if left_count >= 0 or meter.draws(now_ns) or self._is_urgent(peer, frames[0], now_ns):
                    node.take_frames(self, peer, frames, now_ns)
            now_ns = clock()
        return now_ns

    def _is_urgent(self, peer: int, frame: bytes, now_ns: int) -> bool:
        """What is over a rate is counted and dropped, but for a few stops of each connection."""
        assert self.socket is not None and self.meters is not None, "a rate is of a door"
        if self.link == links.CONTROL and is_stop(frame) and self.socket.peers.may_stop(peer, now_ns):
            return True
        self.node.drop_over_rate(self, self.meters[self.socket.user].news())
        return False

    def tell_changes(self, now_ns: int) -> None:
        """Tell the core at once when the connection of a link it dials was made or lost."""
        assert self.socket is not None
        for is_up in self.socket.changes(now_ns):
            notice = LinkUp() if is_up else LinkDown()
            if type(notice) in self.node.core.handlers:
                self.node.take(Envelope(self.link, 0, notice), now_ns)
