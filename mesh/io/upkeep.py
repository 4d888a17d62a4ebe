"""What can wait for the loop's next poll: health, links given up, missed wake-ups, heads of audits, logs, checkpoints, garbage."""

import gc
import select
import time
from collections.abc import Callable

from mesh import links
from mesh.codec import encode
from mesh.core import Envelope, Note, PeerLost, Send
from mesh.io.health import ProcessMeter, health_of
from mesh.io.inlet import Inlet
from mesh.io.node import Node
from mesh.units import SECOND_NS, US_NS

FLUSH_NS = SECOND_NS
COLLECT_NS = 30 * SECOND_NS
COLLECT_NS_MAX = 3_600 * SECOND_NS
"""Garbage of the oldest generation is collected when idle, and at the latest after this: at 20 orders a second it takes a master 40 ms and
others 0.2 to 6, and finds some 60 objects of each minute at most (what goes in great numbers is freed without it)."""


class Upkeep:
    """Done for all nodes of a process at each poll of its shell."""

    def __init__(self, health_ns: int) -> None:
        self.lag_us_max = 0
        """The loop's largest lag since health was last published; work that can wait lags what cannot."""
        self._health_ns = health_ns
        self._health_at_ns = 0
        self._flush_at_ns = 0
        self._collected_ns = 0
        self._meter = ProcessMeter()
        self._pause_us_max = 0
        """The longest garbage collection that something may have waited for."""
        self._pause_began_ns = 0
        self._poll_count = 0
        self._others: list[tuple[int, Callable[[], None]]] = []
        """Each so many polls, what others want done."""

    def lagged(self, ns: int) -> None:
        """The loop was late by so much, or has done nothing else for so long."""
        self.lag_us_max = max(self.lag_us_max, ns // US_NS)

    def every(self, polls_count: int, callback: Callable[[], None]) -> None:
        """Have something else done each so many polls."""
        self._others.append((polls_count, callback))

    def start(self, now_ns: int) -> None:
        """What is there now stays: freeze it, so that the collector need not walk it again. ``stop`` has to follow."""
        gc.collect()
        gc.freeze()
        gc.callbacks.append(self._on_collection)
        self._collected_ns = now_ns

    def stop(self) -> None:
        """The process trades no more."""
        gc.callbacks.remove(self._on_collection)

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        """The interpreter collects, in the middle of whatever it was at. By this thread's processor time: where the system gives the
        processor to somebody else meanwhile, that is no pause of the collector's.
        """
        if phase == "start":
            self._pause_began_ns = time.thread_time_ns()
        else:
            self._pause_us_max = max(self._pause_us_max, (time.thread_time_ns() - self._pause_began_ns) // US_NS)

    def turn(self, nodes: list[Node], inlets: list[Inlet], now_ns: int, *, is_idle: bool, is_quiet: bool) -> None:
        """One poll's work; whatever can receive is hot afterwards. ``is_idle``: nothing has woken the loop since the poll before, which in
        a mesh full of heartbeats is rare; ``is_quiet``: nothing has waited for a commit since, and nothing waits now.
        """
        if is_idle:
            count_missed(inlets)
        for inlet in inlets:
            look_after(inlet, now_ns)
        for node in nodes:
            if node.heads is not None:
                node.heads.turn(is_quiet, now_ns)
        for node in nodes:
            node.commit_all()
        if now_ns >= self._health_at_ns or any(node.core.phase() != node.shown_phase for node in nodes):
            self.push_health(nodes, now_ns)
        if now_ns >= self._flush_at_ns:
            self._flush_at_ns = now_ns + FLUSH_NS
            for node in nodes:
                node.flush(is_quiet)
        since_ns = now_ns - self._collected_ns
        if since_ns >= COLLECT_NS_MAX or (is_idle and since_ns >= COLLECT_NS):
            self._collected_ns = now_ns
            paused_us = self._pause_us_max
            gc.collect()
            self._pause_us_max = paused_us if is_idle else self._pause_us_max  # nothing waited for it
        self._poll_count += 1
        for polls_count, callback in self._others:
            if self._poll_count % polls_count == 0:
                callback()

    def push_health(self, nodes: list[Node], now_ns: int) -> None:
        """Each node's health to every router; a router's own straight to its core."""
        self._health_at_ns = now_ns + self._health_ns
        for node in nodes:
            node.counters.keep_max("gc_pause_us_max", self._pause_us_max)
            folder = node.store.path.parent if node.store is not None else None
            health = health_of(node.identity, node.core, self._meter, self.lag_us_max, now_ns, folder, node.log.told())
            node.shown_phase, node.told_health = health.phase, (now_ns, health)
            node.do(tuple(Send(link, 0, health) for link in node.health_links))
            if links.STATUS in node.inlets:
                node.inbox.append((node, Envelope(links.STATUS, 0, health, (encode(health),))))
        self.lag_us_max = 0


def count_missed(inlets: list[Inlet]) -> None:
    """Count data whose wake-up was missed: it is there, though its descriptor does not say so. Must find nothing, ever.

    Told for certain only when nothing has woken the loop for a whole poll; what is there is taken after any poll.
    """
    waiting = {inlet.fileno: inlet for inlet in inlets if inlet.socket is not None and inlet.fileno >= 0}
    ready = select.select(list(waiting), [], [], 0)[0] if waiting else []
    for fileno, inlet in waiting.items():
        if fileno not in ready and inlet.socket is not None and inlet.socket.pending():
            inlet.node.counters.add("rescued_wakeup_count")


def look_after(inlet: Inlet, now_ns: int) -> None:
    """It is hot, whatever its descriptor has said; links that libzmq has given up are made anew, peers too many told as lost."""
    inlet.is_hot = inlet.socket is None or inlet.socket.is_readable
    if inlet.socket is None:
        return
    if inlet.socket.renew(now_ns):
        inlet.node.log.note(Note("warning", "link_renewed", {"link": inlet.link, "endpoint": inlet.socket.endpoint}))
    for peer in inlet.socket.peers.evicted():
        inlet.node.tell(inlet.link, PeerLost(), peer)
