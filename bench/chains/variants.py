"""The chains there are, by the name that is shown: how each is run, and what it needs on the machine."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """``module``: what its stages run. ``package``: of the Python client, as (import name, distribution), where there is one besides
    pyzmq. ``server``: the program all hops go through. ``hops_max``: how long such a chain can be.
    """

    module: str
    package: tuple[str, str] | None = None
    server: str = ""
    hops_max: int = 4


BARE = "pyzmq-uvloop"
"""The floor that ratios are against."""
MESH, MESH_IPC = "mesh", "mesh-ipc"
OURS = (MESH, MESH_IPC) if sys.platform == "linux" else (MESH,)
VARIANTS = {
    "tcp": Variant("bench.chains.tcp"),
    "pyzmq-blocking": Variant("bench.chains.zmqblocking"),
    BARE: Variant("bench.chains.zmquvloop", ("uvloop", "uvloop")),
    "zmq-asyncio": Variant("bench.chains.zmqasyncio", ("uvloop", "uvloop")),
    "nats": Variant("bench.chains.natspeer", ("nats", "nats-py"), "nats-server"),
    "redis": Variant("bench.chains.redispeer", ("redis", "redis"), "redis-server"),
    "websockets": Variant("bench.chains.websocketpeer", ("websockets", "websockets")),
    MESH: Variant("bench.chains.meshlink", hops_max=1),
    MESH_IPC: Variant("bench.chains.meshlink", hops_max=1),
}
PEERS = tuple(name for name in VARIANTS if name not in OURS)
