"""Tells the routers how nodes are that are down: as each of them would, by its own links and under its own key."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mesh import __version__
from mesh.codec import encode
from mesh.config import Config
from mesh.dials import dials_of
from mesh.errors import BadConfig, MeshError
from mesh.io.clock import monotonic_ns, random_life, wall_ns
from mesh.io.hub import Hub
from mesh.io.sockets import Socket, Way
from mesh.links import STATUS
from nodes.downnodes import Down, health_of_down
from nodes.io.doorfiles import node_doors
from nodes.io.locate import load


class DownTelling:
    """Of one host. A node whose key cannot be read is told by nobody: that is said once on stderr, and the others go on."""

    def __init__(self, config: Path, state: Path) -> None:
        self._config = load(config)
        self._state = state
        self._life = random_life()
        self._version = __version__
        self._links: dict[str, _Links] = {}
        self._refused: dict[str, None] = {}

    def tell(self, down: Sequence[Down]) -> None:
        """Tell of these processes' nodes; the links of those that are up again are closed."""
        nodes = {node: each for each in down for node in self._config.node if self._config.process_of(node) == each.process}
        for gone in [node for node in self._links if node not in nodes]:
            self._links.pop(gone).close()
        for node, each in nodes.items():
            links = self._links_of(node)
            if links is not None:
                role = self._config.role_of(node)
                links.send(encode(health_of_down(each, node, role, self._life, self._version, self._config.fingerprint)))

    def _links_of(self, node: str) -> "_Links | None":
        if node not in self._links and node not in self._refused:
            try:
                self._links[node] = _Links(node, self._config, self._state)
            except MeshError as error:
                self._refused[node] = None
                sys.stderr.write(f"mesh: nobody can be told that {node} is down: {error}\n")
        return self._links.get(node)


class _Links:
    """A node's links to its routers. Raises BadConfig where its key cannot be read or is none of the inventory."""

    def __init__(self, node: str, config: Config, state: Path) -> None:
        found = node_doors([node], config, state)
        self._hub = Hub()
        self._sockets: list[Socket] = []
        for dial in dials_of(config, node):
            if dial.link.name != STATUS:
                continue
            way = None
            if found is not None:
                doors, keys = found
                way = Way(partial(keys.__getitem__, node), _keys_of(doors.keys_of, dial.target))
            try:
                socket = self._hub.connect(dial.own_link, dial.link.connect_kind, config.endpoint(dial.target, dial.link.name), way)
            except BadConfig:
                self._hub.close()
                raise
            self._sockets.append(socket)

    def send(self, frame: bytes) -> None:
        """To each router that is there; a lost one is told again."""
        now_ns = monotonic_ns()
        for socket in self._sockets:
            socket.changes(now_ns)
            socket.renew(now_ns)
            socket.send(0, (frame,))

    def close(self) -> None:
        """The node speaks for itself again."""
        self._hub.close()


def _keys_of(keys_of: Callable[[str, int], list[bytes]], target: str) -> Callable[[], list[bytes]]:
    """A router's keys that are good when it is dialled."""
    return lambda: keys_of(target, wall_ns())
