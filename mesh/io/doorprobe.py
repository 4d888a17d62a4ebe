"""Each door is tried before its node runs: with a key made up for it, which nobody knows. Let in, the node must not run.

A socket without a domain, a domain that nobody answers for, an answering socket that came too late: libzmq says nothing of any of them,
and lets everybody in.
"""

import time

import zmq

from mesh.errors import BadConfig, NotReady
from mesh.io.hub import Hub

PROBE_MS = 3_000
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
_DIALS = {"ROUTER": zmq.DEALER, "PUB": zmq.SUB, "PULL": zmq.PUSH}


def probe(hub: Hub, kind: str, endpoint: str, public: bytes) -> None:
    """Knock at the door that listens at ``endpoint`` and has this public key. Raises BadConfig where a stranger's key opens it,
    NotReady where nobody answered in time.
    """
    context = zmq.Context(io_threads=1)
    stranger = context.socket(_DIALS[kind])
    try:
        stranger.set(zmq.LINGER, 0)
        own_public, own_secret = zmq.curve_keypair()
        for option, value in ((zmq.CURVE_SERVERKEY, public), (zmq.CURVE_PUBLICKEY, own_public), (zmq.CURVE_SECRETKEY, own_secret)):
            stranger.set(option, value)
        monitor = stranger.get_monitor_socket(_EVENTS, f"inproc://probe-{endpoint}")
        stranger.connect(reachable(endpoint))
        event = _event(hub, monitor)
    finally:
        stranger.disable_monitor()
        context.destroy(linger=0)
    if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
        raise BadConfig(f"{endpoint} lets in a key that nobody knows: this node does not run; tell the authors")
    if event is None:
        raise NotReady(
            f"{endpoint} did not answer a stranger within {PROBE_MS} ms: whether it would refuse him is not known, so this node does not "
            "run yet; it is tried again, see whether this host has too much to do"
        )


def reachable(endpoint: str) -> str:
    """Where a door that listens at every address is dialled."""
    return endpoint.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _event(hub: Hub, monitor: "zmq.Socket[bytes]") -> int | None:
    """How the handshake ended; the doors are answered meanwhile, for no loop runs yet."""
    end_s = time.monotonic() + PROBE_MS / 1_000
    while time.monotonic() < end_s:
        hub.answer_doors()
        if monitor.poll(1):
            return int.from_bytes(monitor.recv_multipart()[0][:2], "little")
    return None
