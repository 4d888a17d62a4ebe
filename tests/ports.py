"""Ports for meshes that tests start: free now, and of no other worker of the same run."""

import os
import socket
from contextlib import ExitStack

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
    bases = range(first, first + span - COUNT, COUNT)
    turn = os.getpid() % len(bases)  # runs beside each other begin at different places too
    for base in (*bases[turn:], *bases[:turn]):
        if _are_free(range(base, base + COUNT)):
            return base
    raise AssertionError(f"no {COUNT} free ports in a row between {first} and {first + span} on loopback")


def _are_free(ports: range) -> bool:
    with ExitStack() as held:
        for port in ports:
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
