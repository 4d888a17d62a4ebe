"""One real router between a master that only announces and a crowd of locals that trade nothing: what a router alone does.

The crowd is spread over a few processes; a thousand locals are a thousand connections all the same.
"""


import numpy as np
from numpy.typing import NDArray

from bench.rig.layout import layout
from bench.rig.processes import Asked, Processes
from nodes.io.keyfiles import Inventory, write_inventory

A_PROCESS = 500
"""Locals of the crowd in one process."""
Arrays = dict[str, NDArray[np.int64]]


class CrowdRig:
    """``timed``: the link whose messages the router's process times, one by one, and their frames: ``orders=2``."""

    def __init__(self, locals_count: int, timed: str = "") -> None:
        self.locals_count = locals_count
        self._timed = timed
        self._processes = Processes()
        self._master: Asked | None = None
        self._router: Asked | None = None
        self._crowds: list[Asked] = []

    def start(self) -> None:
        """Bring all up; every local is welcome then."""
        self._processes.open()
        config = layout(self.locals_count)
        path = self._processes.folder / "mesh.json"
        path.write_bytes(config.effective())
        write_inventory(self._processes.folder, Inventory())  # a crowd sets no stops
        options = ["--config", str(path), "--state", str(self._processes.folder)]
        self._master = self._processes.start("master-1", "bench.rig.process", "master-1", "--announcer", *options)
        timed = ["--timed", self._timed] if self._timed else []
        self._router = self._processes.start("router-1", "bench.rig.process", "router-1", *timed, *options)
        self._router.await_lines({"router-1 READY"})
        for first in range(1, self.locals_count + 1, A_PROCESS):
            count = min(A_PROCESS, self.locals_count + 1 - first)
            endpoints = [config.endpoint("router-1", link) for link in ("locals", "status")]
            words = [*endpoints, str(first), str(count), config.fingerprint]
            self._crowds.append(self._processes.start(f"crowd from {first}", "bench.rig.crowd", *words))
        for crowd in self._crowds:
            crowd.await_lines({"up"})

    def close(self) -> None:
        """End all."""
        self._processes.close()

    @property
    def crowds_count(self) -> int:
        """Processes of the crowd."""
        return len(self._crowds)

    @property
    def router(self) -> Asked:
        """The router's process."""
        assert self._router is not None, "start comes first"
        return self._router

    @property
    def master(self) -> Asked:
        """The announcer's process."""
        assert self._master is not None, "start comes first"
        return self._master

    def spent_ns(self) -> NDArray[np.int64]:
        """ns spent on each message of the timed link since the last call: (passed, processor time), a row a message."""
        path = self._processes.folder / "spent.npy"
        self.router.ask(f"spent {path}")
        return np.asarray(np.load(path), dtype=np.int64)

    def arrivals(self) -> Arrays:
        """When each order came to each local since the last call: ``at_ns``, ``number`` of the local, ``n`` of its record."""
        path = self._processes.folder / "arrived.npz"
        parts: list[Arrays] = []
        for crowd in self._crowds:
            crowd.ask(f"take {path}")
            with np.load(path) as arrays:
                parts.append({name: arrays[name] for name in arrays.files})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def states(self, rate: float, count: int) -> float:
        """Have the crowd push so many states at this rate in all, every process its share; the rate it came to."""
        share = count // self.crowds_count
        for crowd in self._crowds:
            crowd.say(f"states {rate / self.crowds_count} {share}")
        took_s = max(float(crowd.answer().split()[1]) for crowd in self._crowds)
        return share * self.crowds_count / took_s

    def again(self) -> list[int]:
        """Cut every connection; ns until each local was welcome again."""
        for crowd in self._crowds:
            crowd.say("again")
        return [int(word) for crowd in self._crowds for word in crowd.answer().split()]
