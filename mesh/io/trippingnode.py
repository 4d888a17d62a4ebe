"""A node with failpoints between its effects: what a shell runs where ``MESH_FAILPOINT`` has something for it (``mesh.io.failpoint``)."""

from typing import Any

from mesh.core import Effects, Send, singly
from mesh.io.failpoint import Failpoints
from mesh.io.node import Node


class TrippingNode(Node):
    """A node with failpoints around its commits and its sends."""

    def __init__(self, points: Failpoints, *parts: Any) -> None:
        super().__init__(*parts)
        self._failpoints = points

    def commit_all(self) -> None:
        """As any node's, with ``commit.KIND`` before and ``committed.KIND`` after it."""
        kinds = dict.fromkeys(put.kind for commit in self._commits for put in commit.puts)
        for kind in kinds:
            self._failpoints.reach(f"commit.{kind}")
        super().commit_all()
        for kind in kinds:
            self._failpoints.reach(f"committed.{kind}")

    def do(self, effects: Effects) -> None:
        """As any node's, with ``send.MESSAGE`` before and ``sent.MESSAGE`` after each send."""
        for effect in singly(effects):
            name = type(effect.message).__name__ if isinstance(effect, Send) else ""
            if name:
                self._failpoints.reach(f"send.{name}")
            super().do((effect,))
            if name:
                self._failpoints.reach(f"sent.{name}")
