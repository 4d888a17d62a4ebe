"""Serves the numbers of the nodes of one process, where the file has ``[metrics]``; what that needs is imported then alone."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from mesh.config import Config
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.outlets import metrics_of

LOOK_MS = 1_000


@contextmanager
def serving_metrics(nodes: Mapping[str, Node], config: Config, shell: Shell) -> Iterator[None]:
    """Each node's numbers, as long as the block lasts. It never fails: a port that cannot be had is told in that node's log."""
    places = metrics_of(config)
    with ExitStack() as stack:
        if places:
            from mesh.io.metricsserver import MetricsServer

            for name, node in nodes.items():
                server = MetricsServer(node, *places[name])
                stack.callback(server.close)
                server.look()
                shell.every(LOOK_MS, server.look)
        yield
