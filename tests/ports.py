"""Ports for meshes that tests start: free now, and of no other worker of the same run."""

import os
import socket as plain_socket

from bench.rig.layout import free_ports

FROM, TO = 21_000, 32_760
"""Above the bench's, below those the system gives to outgoing connections."""
WORKERS_MAX = 6
COUNT = 40
"""As many as a mesh may need."""


def free_base_port() -> int:
    """The first of COUNT ports in a row on which nobody listens.

    Each worker of xdist has a range of its own: two of them could find the same ports free at the same moment.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS_MAX
    span = (TO - FROM) // WORKERS_MAX
    first = FROM + worker * span
    return free_ports(COUNT, first, first + span)


def takes(socket: plain_socket.socket, port: int) -> bool:
    """Whether it gets a port now: the kernel may need a moment after the last close."""
    try:
        socket.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
