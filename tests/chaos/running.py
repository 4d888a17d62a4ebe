"""The mesh under chaos as its operator has it: `mesh up` with a real supervisord, processes by node, restarts of what stays down."""

import json
import mmap
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from nodes.io.fleet import Fleet, FleetDown, ProcessState
from nodes.io.keymaking import make_keys
from nodes.io.lifeline import die_with_parent
from nodes.io.secret import hand_over
from tests.chaos.proxies import Proxies
from tests.e2e.meshrig import Rig

NAME = "chaos"
_STEP = struct.Struct("<q")


class Mesh:
    """A mesh that runs. ``rig``: its folder and its command."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.config = rig.config
        self.state = rig.folder / NAME
        self.record = Path(self.config.settings.broker.record)
        self.armed = rig.folder / "failpoints"
        self._step_path = rig.folder / "wall-step"
        self.up: subprocess.Popen[bytes] | None = None
        self.up_count = 0
        self.is_deaf = False
        """supervisord stands still: whoever asks it waits as long."""
        self.proxies = Proxies(self.config)
        self.fleet = Fleet(self.config, self.state)
        make_keys(self.config, self.state)  # before anybody dials
        self.armed.mkdir()
        self._step_path.write_bytes(_STEP.pack(0))
        self.proxies.write(rig.folder / "detours.json")
        rig.environment |= {
            "MESH_DETOUR": str(rig.folder / "detours.json"),
            "MESH_FAILPOINT": f"@{self.armed}",
            "MESH_WALL_STEP": str(self._step_path),
        }

    def start(self) -> None:
        """`mesh up`, again on the same state where it was there before."""
        self.up_count += 1
        output = (self.rig.folder / f"up-{self.up_count}.out").open("wb")
        with output:
            self.up = subprocess.Popen(
                self.rig.command(*self.rig.up_words(NAME)[:-2]),  # no events: the stores are the books here
                cwd=self.rig.folder, env=self.rig.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip

    def crash(self) -> None:
        """Every process of the mesh dies at once, as when its host does. ``start`` brings it up again."""
        assert self.up is not None
        with suppress(psutil.Error):
            children = psutil.Process(self.up.pid).children()
            for supervisor in children:
                supervisor.suspend()  # it must not start anybody again
            for process in [*self.descendants(), *children]:
                with suppress(psutil.Error):
                    process.kill()
        self.up.kill()
        self.up.wait()
        self.up = None
        self.is_deaf = False

    def descendants(self) -> list[psutil.Process]:
        """Every process below `mesh up`."""
        try:
            return list(psutil.Process(self.up.pid).children(recursive=True)) if self.up is not None else []
        except psutil.Error:
            return []

    def check(self) -> None:
        """`mesh up` runs, unless it was made to crash: it never ends by itself."""
        if self.up is not None and self.up.poll() is not None:
            path = self.rig.folder / f"up-{self.up_count}.out"
            words = path.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise AssertionError(f"`mesh up` ended by itself, exit {self.up.returncode}: {words}")

    def finish(self, limit_s: float = 60.0) -> tuple[int | None, str]:
        """Ctrl-C; its exit code (None: it did not end, and is killed with all that it started) and what it printed."""
        assert self.up is not None
        self.up.send_signal(signal.SIGINT)
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = self.up.wait(limit_s)
        self._end_all()
        return code, (self.rig.folder / f"up-{self.up_count}.out").read_text(encoding="utf-8", errors="replace")

    def pids(self) -> dict[str, int]:
        """Process → pid of those that run; nothing while supervisord does not answer."""
        return {state.name: state.pid for state in self._states() if state.pid and state.state in ("RUNNING", "STARTING")}

    def down(self) -> list[str]:
        """Processes that supervisord has given up."""
        return [state.name for state in self._states() if state.state in ("EXITED", "FATAL", "STOPPED")]

    def _states(self) -> list[ProcessState]:
        if self.is_deaf:
            return []
        try:
            return self.fleet.states()
        except FleetDown:
            return []

    def restart(self, process: str) -> None:
        """What an operator does with a process that stays down."""
        if not self.is_deaf:
            with suppress(FleetDown):
                self.fleet.restart(process)

    def workers(self, pid: int, account: str = "") -> list[int]:
        """Pids of the workers of the locals of a process, or of one account's alone."""
        words = {"nodes.io.worker", account} if account else {"nodes.io.worker"}
        try:
            return [child.pid for child in psutil.Process(pid).children() if words <= set(child.cmdline())]
        except psutil.Error:
            return []

    def children_of_up(self) -> list[int]:
        """supervisord's pid, where `mesh up` has one."""
        try:
            return [child.pid for child in psutil.Process(self.up.pid).children()] if self.up is not None else []
        except psutil.Error:
            return []

    def step_wall(self, step_ns: int) -> None:
        """Let the wall clock of every process be off by so much."""
        with self._step_path.open("r+b") as file, mmap.mmap(file.fileno(), _STEP.size) as memory:
            _STEP.pack_into(memory, 0, step_ns)

    def second(self, node: str) -> subprocess.Popen[bytes]:
        """The same node once more, by hand."""
        return self._by_hand("nodes.io.run", node, "--config", str(self.state / "effective.json"), "--state", str(self.state))

    def second_worker(self, account: str) -> subprocess.Popen[bytes]:
        """The same worker once more. It holds both ends of its pipe: nobody asks it anything, and it does not end for want of somebody."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            hand_over(ours, None)  # it reads this before it looks for its lock
            ends = (theirs.fileno(), ours.fileno())
            settings = self.state / "run" / f"worker-{account}.json"
            return self._by_hand("nodes.io.worker", str(settings), account, str(self.state), str(ends[0]), pass_fds=ends)

    def _by_hand(self, module: str, *words: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        environment = {key: value for key, value in self.rig.environment.items() if key != "MESH_FAILPOINT"}
        return subprocess.Popen(
            [*self.rig.command()[:2], module, *words],
            cwd=self.rig.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=pass_fds,
        )  # fmt: skip

    def summary(self) -> dict[str, object]:
        """What the last `mesh up` summed up; empty where it did not come to that."""
        path = self.rig.folder / f"{NAME}.json"
        document: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return document

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal to a process that was just looked up; False where it is gone."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """Leave nothing behind: neither `mesh up` nor what it started."""
        self._end_all()
        self.proxies.close()

    def _end_all(self) -> None:
        if self.up is not None and self.up.poll() is None:
            left = self.descendants()
            for process in left:
                with suppress(psutil.Error):
                    process.resume()  # what stands still could not end
            self.up.kill()
            self.up.wait()
            for process in psutil.wait_procs(left, 8)[1]:
                with suppress(psutil.Error):
                    process.kill()


@contextmanager
def running(rig: Rig) -> Iterator[Mesh]:
    """A mesh that is gone when the block is left, however that is."""
    mesh = Mesh(rig)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.close()
