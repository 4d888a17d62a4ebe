"""The processes of one mesh on this host, under a real supervisord in its own session, reached by its UNIX socket only.

Nodes end when supervisord dies (``nodes.io.lifeline``), supervisord ends when ``mesh up`` dies (parent-death signal).
"""

import hashlib
import http.client
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from math import ceil
from pathlib import Path
from typing import IO, Any
from xml.parsers.expat import ExpatError

import msgspec
import psutil

from mesh.config import Config
from mesh.errors import BadUsage, NoMesh
from mesh.io.shell import HARD_STOP_MS
from mesh.io.system import root_name
from mesh.outlets import ALERTS_PROGRAM
from nodes.io.exitlog import ExitLog
from nodes.io.lifeline import die_with_parent
from nodes.io.secretkeys import child_environment
from nodes.io.supervisorconf import START_ORDER, SupervisorConf
from nodes.io.supervisorconf import STAY_DOWN as STAY_DOWN

COMMAND = (sys.executable, "-m", "supervisor.supervisord")
SOCKET_PATH_BYTES_MAX = 100
"""A UNIX socket's path may have 107 bytes; supervisord adds its pid while it binds."""
STOP_ORDER = ("market", "indicator", "signals", "master", "local", "router", "broker")
"""The feed first, what records last: nothing in flight loses its way back."""
KNOCK_S = 0.05
"""So often supervisord is woken while it ends."""
LISTEN_S = 1.0
"""What supervisord said before it ended is read within this time."""
if sys.platform == "win32":
    ASK_TO_END = signal.SIGBREAK  # there is no `mesh up` to send it to
else:
    ASK_TO_END = signal.SIGUSR1
"""What `mesh down` sends to `mesh up`, so that its summary can tell who ended it."""


class FleetDown(NoMesh):
    """supervisord does not answer; the text says where it was looked for and what to do."""


class ProcessState(msgspec.Struct, frozen=True):
    """What supervisord says of one process."""

    name: str
    state: str
    pid: int


class Fleet:
    """One supervisord and its programs."""

    def __init__(self, config: Config, state: Path) -> None:
        self.config = config
        self.state = state
        self.conf = state / "supervisord.conf"
        self.socket = socket_path(state)
        self.exits = ExitLog(state / "log" / "supervisord.log", self.processes())
        self._child: subprocess.Popen[bytes] | None = None
        self._nodes: list[psutil.Process] = []
        """As last seen: they are waited for also where supervisord was killed and nobody knows them any more."""
        self._listener: threading.Thread | None = None
        self._words: deque[str] = deque(maxlen=1)
        self.stop_s = stop_s_of(config)

    def processes(self) -> dict[str, list[str]]:
        """Process name → its nodes, in the order in which they start; what tells of alerts has none."""
        table: dict[str, list[str]] = {}
        for role in START_ORDER:
            for node in self.config.nodes_of(role):
                table.setdefault(self.config.process_of(node), []).append(node)
        return table | ({ALERTS_PROGRAM: []} if self.config.settings.alerts is not None else {})

    def write_conf(self, effective: Path, events: bool) -> None:
        """Write supervisord.conf for this run."""
        for folder in ("log", "events", "run"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)
        paths = ["--config", str(effective), "--state", str(self.state)]
        programs = {
            process: [sys.executable, "-m", "nodes.io.run" if nodes else "nodes.io.alerting", *nodes, *paths]
            + (["--events"] if events and nodes else [])
            for process, nodes in self.processes().items()
        }
        watch = [sys.executable, "-m", "nodes.io.fleetwatch", *paths]
        conf = SupervisorConf(str(self.socket), str(self.state), programs, watch, self.stop_s, root_name())
        self.conf.write_text(conf.text().replace("%", "%%"), encoding="utf-8")

    def output(self, process: str) -> Path:
        """Where what a process prints is kept."""
        return self.state / "log" / f"{process}.out"

    def start(self) -> None:
        """Start supervisord in a session of its own; it ends when this process does. Raises BadUsage where there is none."""
        if sys.platform == "win32":
            raise BadUsage("supervisord runs on Linux and its kind; `mesh hosts build` writes a start script for each node on Windows")
        self.socket.unlink(missing_ok=True)
        self._child = subprocess.Popen(
            [*COMMAND, "-n", "-c", str(self.conf)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # Not a file: where the disk is full supervisord says so here, and would end if that failed too.
            stderr=subprocess.PIPE,
            # Its nodes get its environment: none of them has the passphrase, at the first start as at any other.
            env=child_environment(),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._child.stderr,), daemon=True)
        self._listener.start()

    def _listen(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                self._words.append(line.decode("utf-8", "replace").strip()[:300])

    def last_words(self) -> str:
        """The last thing that a supervisord which has ended said, beside its log."""
        if self._listener is not None:
            self._listener.join(LISTEN_S)
        return self._words[-1] if self._words else f"it said nothing; see {self.state}/log/supervisord.log"

    def alive(self) -> bool:
        """Whether the supervisord started here still runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """supervisord's process id, 0 before ``start``."""
        return self._child.pid if self._child else 0

    def states(self) -> list[ProcessState]:
        """What supervisord says of every program; its listener is none. Raises FleetDown."""
        rows: Any = self._ask(lambda rpc: rpc.getAllProcessInfo())
        self._nodes = [process for row in rows if row["pid"] for process in _process(row["pid"])]
        programs = self.processes()
        return [ProcessState(row["name"], row["statename"], row["pid"]) for row in rows if row["name"] in programs]

    def stop(self, processes: Iterable[str]) -> None:
        """Ask processes to end, without waiting; those that do not run are fine. Raises FleetDown."""
        for process in processes:
            self._ask_quietly(partial(_stop_process, process))

    def are_stopped(self, processes: Iterable[str]) -> bool:
        """Whether none of them runs any more. Raises FleetDown."""
        states = {process.name: process.state for process in self.states()}
        return all(states.get(name) in ("STOPPED", "EXITED", "FATAL", None) for name in processes)

    def restart(self, process: str) -> None:
        """Stop a process, wait for its end, start it. Raises FleetDown, BadUsage where another host runs it."""
        if process not in [known.name for known in self.states()]:
            hosts = ", ".join(dict.fromkeys(self.config.node[node].host for node in self.processes().get(process, [])))
            raise BadUsage(f"{process}: this host does not run it; `mesh restart` is for nodes of its own host ({hosts or 'none'})")
        self._ask_quietly(lambda rpc: rpc.stopProcess(process, True))
        self._ask_quietly(lambda rpc: rpc.startProcess(process, False))

    def stop_groups(self) -> list[list[str]]:
        """Processes in the order in which they are stopped, those of one step together; first of all what would tell that they are gone."""
        groups: list[list[str]] = []
        seen: list[str] = []
        for role in STOP_ORDER:
            group = [name for name in (self.config.process_of(node) for node in self.config.nodes_of(role)) if name not in seen]
            group = list(dict.fromkeys(group))
            seen += group
            if group:
                groups.append(group)
        if self.config.settings.alerts is not None:
            groups[0].append(ALERTS_PROGRAM)
        return groups

    def shutdown(self) -> None:
        """End supervisord and all that is left; kill what does not end. Never raises."""
        children = self._nodes + self._descendants()
        try:
            self._ask(lambda rpc: rpc.shutdown())
        except (FleetDown, xmlrpc.client.Fault):
            if self._child is not None:
                self._child.terminate()  # not listening yet, or ending already: the signal asks for the same
        is_over = self._ends_within(self.stop_s + 3)
        if self._child is None:
            return
        if not is_over:
            children += self._descendants()
            self._child.kill()
        self._child.wait()
        # Where supervisord could not wait for them, its children end by the parent-death signal: their stores are read next.
        for process in psutil.wait_procs(children, self.stop_s)[1]:
            with suppress(psutil.Error):
                process.kill()

    def _ends_within(self, limit_s: float) -> bool:
        """Whether supervisord ends in time. By itself it looks around once a second and has done with one of its programs each time; it
        does so at once for whoever asks it something.
        """
        end_s = time.monotonic() + limit_s
        while self._child.poll() is None if self._child is not None else self.socket.exists():
            if time.monotonic() >= end_s:
                return False
            with suppress(FleetDown, xmlrpc.client.Fault):
                self._ask(lambda rpc: rpc.getState())
            time.sleep(KNOCK_S)
        return True

    def _descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True) if self.alive() else []
        except psutil.Error:
            return []

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        from supervisor.xmlrpc import Faults, SupervisorTransport  # not there on Windows, where much else of the command works

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        server: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return question(server.supervisor)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                raise FleetDown(f"supervisord at {self.socket} is ending; start the mesh again with `mesh up`") from None
            raise
        except (OSError, xmlrpc.client.Error, http.client.HTTPException, ExpatError) as error:
            raise FleetDown(f"supervisord does not answer at {self.socket} ({error}); start the mesh with `mesh up`") from None
        finally:
            transport.close()

    def _ask_quietly(self, question: Callable[[Any], Any]) -> None:
        """A fault here means that the process is already as wanted."""
        try:
            self._ask(question)
        except xmlrpc.client.Fault:
            return


def stop_s_of(config: Config) -> int:
    """supervisord's patience with a node: what its shell takes at most, and a little."""
    return ceil((config.settings.timers.drain_ms + HARD_STOP_MS) / 1_000) + 1


def _process(pid: int) -> list[psutil.Process]:
    """The process of a pid, where there still is one: it remembers when that one began."""
    try:
        return [psutil.Process(pid)]
    except psutil.Error:
        return []


def _stop_process(process: str, rpc: Any) -> Any:
    return rpc.stopProcess(process, False)


def socket_path(state: Path) -> Path:
    """supervisord's UNIX socket: beside the state, or in the temporary folder where that path is too long."""
    path = state / "run" / "supervisor.sock"
    if len(str(path).encode()) <= SOCKET_PATH_BYTES_MAX:
        return path
    return Path(tempfile.gettempdir()) / f"trademesh-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}.sock"
