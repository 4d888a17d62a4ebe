"""A whole mesh as ``mesh up`` runs one: under a real supervisord, doors with keys, stores on disk, a simulated broker, a worker a local."""

import http.client
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import psutil

from mesh.config import Config, configured
from mesh.outlets import metrics_of
from nodes.io.cli.client import Client
from nodes.io.cli.operate import unready
from nodes.io.fleet import Fleet, FleetDown
from nodes.io.keymaking import make_keys
from nodes.io.locate import write_effective
from nodes.io.supervisorconf import WATCH

READY_S = 180.0
PUMP_MS = 50
PAGE_S = 1.0
SUPERVISOR, WORKER = "supervisord", "worker of "
WORKER_MODULE, WATCH_MODULE = "nodes.io.worker", "nodes.io.fleetwatch"


class FleetMesh:
    """One mesh. ``folder``: where its state is made, and goes with it; empty: a temporary one. ``played``: nodes that others stand in for,
    so that supervisord starts none of them.
    """

    def __init__(self, config: Config, folder: str = "", played: Sequence[str] = ()) -> None:
        self.config = config
        self._folder = folder
        nodes = {name: node for name, node in config.node.items() if name not in played}
        served = {node.account for node in nodes.values()}
        accounts = {name: account for name, account in config.account.items() if name in served}
        self._run = configured(msgspec.structs.replace(config.settings, node=nodes, account=accounts))
        """What supervisord is told; the nodes themselves read all of it."""
        self._stack = ExitStack()
        self.state = Path()
        self._fleet: Fleet | None = None
        self._client: Client | None = None

    def start(self) -> None:
        """Bring all up; every node is READY then. Raises RuntimeError where one is not in time."""
        self.state = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=self._folder or None))).absolute()
        make_keys(self.config, self.state)
        self._fleet = fleet = Fleet(self._run, self.state)
        fleet.write_conf(write_effective(self.config, self.state), events=False)
        self._stack.callback(fleet.shutdown)
        fleet.start()
        self._client = Client(self.config, self.state)
        self._stack.callback(self._client.close)
        self.await_ready()

    def await_ready(self) -> None:
        """Until every node is READY, as a frontend sees it. Raises RuntimeError with who is not, and what supervisord says."""
        give_up_s = time.monotonic() + READY_S
        while waiting := unready(self._run, self.client):
            self.client.pump(PUMP_MS)
            if not self.fleet.alive():
                raise RuntimeError(f"supervisord has ended: {self.fleet.last_words()}")
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"not ready after {READY_S:g} s: {'; '.join(waiting)}")

    @property
    def fleet(self) -> Fleet:
        """supervisord and its programs."""
        assert self._fleet is not None, "start comes first"
        return self._fleet

    @property
    def client(self) -> Client:
        """A frontend that is attached to it."""
        assert self._client is not None, "start comes first"
        return self._client

    def pids(self) -> dict[str, int]:
        """Each program that runs now, by its name. Nothing while supervisord does not answer."""
        with suppress(FleetDown):
            return {state.name: state.pid for state in self.fleet.states() if state.pid}
        return {}

    def processes(self) -> dict[str, psutil.Process]:
        """Every process there is now: supervisord, its programs and its listener, each local's worker as ``worker of NODE``."""
        names = {pid: name for name, pid in self.pids().items()}
        found: dict[str, psutil.Process] = {}
        with suppress(psutil.Error):
            supervisor = psutil.Process(self.fleet.pid)
            found[SUPERVISOR] = supervisor
            for process in supervisor.children(recursive=True):
                with suppress(psutil.Error):
                    words, parent_pid = process.cmdline(), process.ppid()
                    if process.pid in names:
                        found[names[process.pid]] = process
                    elif WATCH_MODULE in words:
                        found[WATCH] = process
                    elif WORKER_MODULE in words and parent_pid in names:
                        found[WORKER + names[parent_pid]] = process
        return found

    def page(self, node: str) -> dict[str, float]:
        """What a node's own page of numbers says at this moment, by metric and labels; empty while it has none. Only with ``[metrics]``."""
        host, port = metrics_of(self.config)[node]
        try:
            with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=PAGE_S) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, http.client.HTTPException):
            return {}
        cut = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in cut}

    def close(self) -> None:
        """End all of it, and leave nothing behind."""
        self._stack.close()
