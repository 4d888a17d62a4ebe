"""Runs cores on an event loop: the only place where messages, time and disk meet what decides.

One pass: drain a batch from each socket that may have something, control first, the clock read before each message; let cores whose
deadline has passed act; make what was to be committed durable in one transaction; deliver what needs no socket (Durable among it);
again until quiet. Effects are done at once, in their order. Nothing here looks inside a message.

ZeroMQ's descriptors are edge-triggered, and sending uses up the edge: so an inlet that was sent on is looked at again before
the loop waits. A poll each 250 ms looks at all of them (what it finds in an idle loop is counted, ``rescued_wakeup_count``: must stay 0),
beats for the watchdog, measures the loop's lag, and does what can wait (``mesh/io/upkeep.py``) and what others have asked for
(``every``): to be woken costs an idle process more than what it then does, so all of it shares one wake-up.
"""

import asyncio
import gc
import signal
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal

from mesh import links
from mesh.core import Envelope, Halt, HostStop, LinkUp, Note, Stop, WallDrift, WallStep
from mesh.io import system
from mesh.io.clock import monotonic_ns, wall_ns
from mesh.io.hub import Hub
from mesh.io.inlet import Inlet
from mesh.io.node import Inbox, Node
from mesh.io.upkeep import Upkeep
from mesh.io.wallwatch import WallWatch
from mesh.io.watchdog import Watchdog
from mesh.messages.control import FREEZE
from mesh.units import MS_NS, NEVER

PASS_NS = 2 * MS_NS
"""After this the loop's other callbacks have their turn: signals, timers, and sockets on which something came, a stop among it."""
INBOX_MAX = 1_024
"""Messages without a socket delivered in one round: nodes that answer each other for ever do not shut out the sockets."""
POLL_MS = 250
HARD_STOP_MS = 1_000
"""Patience beyond the drain; a core that does not come to its end is ended."""
STALLED_S = 5.0
"""A loop that stands still for longer is ended by the watchdog."""
LINGER_MS = 100
"""At an orderly end the last messages have this long to leave. Nothing correct depends on it."""

GARBAGE_THRESHOLDS = (500, 3, 1_000_000)
"""When the interpreter collects by itself: the young each 500 new containers, the middle ones each fourth time, so that it never walks more
than 2,000 (0.1 ms; as it comes it walks 7,700); the oldest never: see ``Upkeep``.
"""

Idle = Literal["wait", "yield", "spin"]


class Shell:
    """One process's nodes on one loop.

    ``idle``: between messages wait in the kernel, or yield, or spin (both burn a processor to be awake when one comes).
    ``takes_signals``: SIGTERM and SIGINT ask the nodes to stop; only in a main thread.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        idle: Idle = "wait",
        drain_ms: int = 5_000,
        health_ms: int = 1_000,
        takes_signals: bool = True,
        clock: Callable[[], int] = monotonic_ns,
        wall_clock: Callable[[], int] = wall_ns,
    ) -> None:
        self._hub = hub
        self._wall_watch = WallWatch(clock, wall_clock)
        self._idle = idle
        self._drain_ms = drain_ms
        self._takes_signals = takes_signals
        self._clock = clock
        self._loop = system.new_loop()
        self._nodes: list[Node] = []
        self._inlets: list[Inlet] = []
        self._inbox: Inbox = deque()
        self._upkeep = Upkeep(health_ms * MS_NS)
        self._handlers_before: dict[signal.Signals, Any] = {}
        self._failure: BaseException | None = None
        self._is_scheduled = False
        self._is_stopping = False
        self._exit_code: int | None = None
        self.halt_reason = ""
        """Why ``run`` ended with a code other than 0."""
        self._armed_ns = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._pass_count = 0
        self._wake_count = 0
        """Times a descriptor or a deadline woke the loop; the poll itself does not count."""
        self._wake_count_at_poll = 0
        self._commit_count = 0
        """Passes in which something waited for a commit: at a master or local an order, as a rule, at a router a stop."""
        self._commit_count_at_poll = 0
        self._beat = 0
        self._poll_due_ns = 0

    def add(self, node: Node) -> None:
        """Let a node run here."""
        node.inbox = self._inbox
        self._nodes.append(node)

    def run(self) -> int:
        """Run until every node has halted, or one with a code other than 0. The exit code.

        Raises what a core or its store raised: a MeshError to be told, anything else is a bug of ours and ends the process.
        """
        with ExitStack() as stack:
            stack.callback(self._close)
            self._loop.set_exception_handler(self._on_failure)
            stack.callback(gc.set_threshold, *gc.get_threshold())
            self._start()
            names = ", ".join(node.identity.name for node in self._nodes)
            watchdog = Watchdog(lambda: self._beat, names, STALLED_S)
            watchdog.start()
            stack.callback(watchdog.close)
            stack.callback(gc.unfreeze)
            self._upkeep.start(self._clock())
            stack.callback(self._upkeep.stop)
            gc.set_threshold(*GARBAGE_THRESHOLDS)
            self._loop.run_forever()
        if self._failure is not None:
            raise self._failure
        return self._exit_code or 0

    def stop(self, code: int = 0) -> None:
        """Ask all nodes to stop, from any thread."""
        self._loop.call_soon_threadsafe(self._on_stop, code)

    def every(self, period_ms: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` each ``period_ms``, or as many polls as that is, on the same loop."""
        self._upkeep.every(-(-period_ms // POLL_MS), callback)

    def host_stop(self, level: str, why: str) -> None:
        """Tell the nodes that somebody on this host wants them stopped; on the loop's own thread."""
        for node in self._nodes:
            if HostStop in node.core.handlers:
                self._inbox.append((node, Envelope(links.SHELL, 0, HostStop(level, why))))
        self._schedule()

    # start and end

    def _start(self) -> None:
        """Recover, start, then listen to the loop: what came meanwhile waits in ZeroMQ."""
        for node in self._nodes:
            now_ns = self._clock()
            rows = node.store.load() if node.store is not None else []
            node.do(node.core.recover(rows, now_ns))
            node.do(node.core.start(self._clock()))
            for link, partners in node.partners.items():
                if any(partner.number == 0 for partner in partners) and link not in node.inlets:
                    node.tell(link, LinkUp())
        self._make_durable()  # what recovery decided holds before anybody is heard
        if self._takes_signals:
            for number in system.stop_signals():
                self._take_signal(number, self._on_stop)
            for number in system.freeze_signals():
                self._take_signal(number, partial(self.host_stop, FREEZE, number.name))
        every_inlet = [inlet for node in self._nodes for inlet in node.inlets.values()]
        self._inlets = sorted(every_inlet, key=lambda inlet: inlet.priority)
        for inlet in self._inlets:
            inlet.is_hot = True
            if inlet.socket is not None and inlet.socket.is_dialled:
                self._loop.add_reader(inlet.socket.monitor_fileno(), self._on_monitor, inlet)
                self._loop.call_soon(self._on_monitor, inlet)  # an edge before this moment is gone
            if inlet.attachment is not None:
                inlet.attachment.started()
            self._listen(inlet)
        if self._hub.asked_fileno() >= 0:
            self._loop.add_reader(self._hub.asked_fileno(), self._hub.answer_doors)
        self._poll_due_ns = self._clock()
        self._loop.call_soon(self._poll)
        self._schedule()
        if self._idle != "wait":
            self._loop.call_soon(self._stay_awake)

    def _take_signal(self, number: signal.Signals, callback: Callable[[], None]) -> None:
        """uvloop forgets what comes between its handler and its first round: until then it is noted here."""
        self._handlers_before[number] = signal.getsignal(number)
        came: list[int] = []
        signal.signal(number, lambda what, _frame: came.append(what))

        def take() -> None:
            system.take_signal(self._loop, number, callback)
            if came:
                callback()

        self._loop.call_soon(take)

    def _listen(self, inlet: Inlet, is_anew: bool = False) -> None:
        """Wait on the descriptor the inlet has now. ``is_anew``: though its number is the same, it may be another one."""
        source = inlet.socket or inlet.attachment
        assert source is not None
        if inlet.socket is not None and not inlet.socket.is_readable:
            return
        fileno = source.fileno()
        if fileno == inlet.fileno and not is_anew:
            return
        if inlet.fileno >= 0:
            self._loop.remove_reader(inlet.fileno)
        inlet.fileno = fileno
        if fileno >= 0:
            self._loop.add_reader(fileno, self._on_readable, inlet)

    def _on_stop(self, code: int = 0) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        for node in self._nodes:
            node.log.note(Note("info", "stop_asked", {}))
            if Stop in node.core.handlers:
                self._inbox.append((node, Envelope(links.SHELL, 0, Stop())))
            elif node.halt is None:
                node.halt = Halt(code, "asked to stop")
        self._loop.call_later((self._drain_ms + HARD_STOP_MS) / 1_000, self._on_hard_stop)
        self._schedule()

    def _on_hard_stop(self) -> None:
        for node in self._nodes:
            if node.halt is None:
                node.log.note(Note("warning", "drain_cut_short", {"phase": node.core.phase()}))
        self._exit_code = 0 if self._exit_code is None else self._exit_code
        self._loop.stop()

    def _on_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception left a callback: the process ends with the first one."""
        if self._failure is None:
            self._failure = context.get("exception") or AssertionError(context["message"])
            for node in self._nodes:
                node.log.note(Note("critical", "failed", {"error": repr(self._failure)[:500]}))
        self._loop.stop()

    def _close(self) -> None:
        """Close everything, whatever of it fails."""
        with ExitStack() as stack:
            stack.callback(self._loop.close)
            for number, handler in self._handlers_before.items():
                stack.callback(signal.signal, number, handler)
            stack.callback(self._hub.close, LINGER_MS if self._failure is None else 0)
            for node in self._nodes:
                stack.callback(node.close)
            if self._failure is None and self._exit_code == 0:
                self._upkeep.push_health(self._nodes, self._clock())

    # the pass

    def _on_readable(self, inlet: Inlet) -> None:
        inlet.is_hot = inlet.is_sure = True
        self._wake_count += 1
        self._schedule()

    def _schedule(self) -> None:
        """A pass as soon as every descriptor that is ready now has said so: then control comes first."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._pass)

    def _pass(self) -> None:
        self._is_scheduled = False
        if self._failure is not None:
            return  # the loop is ending; after a failed commit nothing may be sent
        until_ns = self._clock() + PASS_NS
        while True:
            self._round()
            if self._exit_code is not None:
                return
            if not self._has_more():
                break
            if self._clock() >= until_ns:
                self._schedule()
                break
        self._arm()

    def _has_more(self) -> bool:
        """Whether another round has something to do. What was only sent on is asked here: a round costs more than the question."""
        if self._inbox:
            return True
        for inlet in self._inlets:  # noqa: SIM110 - a loop costs a third of any(…), once a pass
            if inlet.is_hot and inlet.has_more():
                return True
        return False

    def _round(self) -> None:
        self._pass_count += 1
        now_ns = self._clock()
        step_ns = self._wall_watch.step_ns(now_ns)
        if step_ns:
            self._on_wall_step(step_ns, now_ns)
        for inlet in self._inlets:
            if inlet.is_hot:
                now_ns = inlet.drain(now_ns, self._clock)
                if inlet.attachment is not None:
                    self._listen(inlet)
        self._deliver(now_ns)
        for node in self._nodes:
            if node.core.deadline_ns <= now_ns and node.halt is None:
                node.do(node.core.on_deadline(max(now_ns, node.core.deadline_ns)))
        self._make_durable()
        self._check_halted()

    def _on_wall_step(self, step_ns: int, now_ns: int) -> None:
        """Told before anything that came meanwhile is looked at."""
        for node in self._nodes:
            node.log.note(Note("warning", "wall_clock_stepped", {"step_ms": step_ns // MS_NS}))
            if WallStep in node.core.handlers:
                node.take(Envelope(links.SHELL, 0, WallStep(step_ns)), now_ns)

    def _make_durable(self) -> None:
        """Commit what was asked for, tell it, and again what follows from that."""
        while self._commit():
            self._commit_count += 1
            self._deliver(self._clock())

    def _deliver(self, now_ns: int) -> None:
        """What needs no socket, oldest first."""
        inbox = self._inbox
        for _ in range(min(len(inbox), INBOX_MAX)):
            node, envelope = inbox.popleft()
            node.take(envelope, now_ns)

    def _commit(self) -> bool:
        return any([node.commit() for node in self._nodes])  # a list: each commits, whatever those before it did

    def _check_halted(self) -> None:
        halts = [node.halt for node in self._nodes if node.halt is not None]
        if not halts or self._exit_code is not None:
            return
        bad = next((halt for halt in halts if halt.code != 0), None)
        if bad is None and len(halts) < len(self._nodes):
            return
        for node in self._nodes:
            node.commit_all()
            if node.halt is not None:
                level = "info" if node.halt.code == 0 else "error"
                node.log.note(Note(level, "halted", {"code": node.halt.code, "reason": node.halt.reason}))
        self._exit_code = bad.code if bad is not None else 0
        self.halt_reason = bad.reason if bad is not None else ""
        self._loop.stop()

    def _arm(self) -> None:
        """Have one timer at the earliest deadline or before it; a timer that comes early arms the next."""
        next_ns = NEVER
        for node in self._nodes:
            if node.core.deadline_ns < next_ns and node.halt is None:
                next_ns = node.core.deadline_ns
        if next_ns >= self._armed_ns:
            return
        left_ns = next_ns - self._clock()
        if left_ns <= 0:
            self._schedule()
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_ns = next_ns
        # The loop counts whole milliseconds: rounded up, so that it does not turn idly until the deadline is reached.
        self._timer = self._loop.call_later(-(-left_ns // MS_NS) / 1_000, self._on_timer)

    def _on_timer(self) -> None:
        self._armed_ns, self._timer = NEVER, None
        self._wake_count += 1
        self._pass()

    def _stay_awake(self) -> None:
        if self._idle == "yield":
            system.give_way()
        self._loop.call_soon(self._stay_awake)

    def _on_monitor(self, inlet: Inlet) -> None:
        assert inlet.socket is not None
        self._wake_count += 1
        inlet.tell_changes(self._clock())
        inlet.is_hot = inlet.socket.is_readable
        self._schedule()

    def _poll(self) -> None:
        now_ns = self._clock()
        self._beat += 1
        self._upkeep.lagged(now_ns - self._poll_due_ns)
        self._poll_due_ns = now_ns + POLL_MS * MS_NS
        self._loop.call_later(POLL_MS / 1_000, self._poll)
        is_idle = self._wake_count == self._wake_count_at_poll and not self._is_scheduled
        is_quiet = self._commit_count == self._commit_count_at_poll and not self._is_scheduled
        self._wake_count_at_poll, self._commit_count_at_poll = self._wake_count, self._commit_count
        drift_ns = self._wall_watch.drift_ns()
        for node in self._nodes:
            node.counters.totals["pass_count"] = self._pass_count
            if drift_ns:
                node.tell(links.SHELL, WallDrift(drift_ns))
        self._hub.answer_doors()
        self._upkeep.turn(self._nodes, self._inlets, now_ns, is_idle=is_idle, is_quiet=is_quiet)
        self._upkeep.lagged(self._clock() - now_ns)
        for inlet in self._inlets:
            if inlet.attachment is not None:
                self._listen(inlet, is_anew=True)
        self._schedule()
