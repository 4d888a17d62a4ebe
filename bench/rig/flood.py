"""One who means ill at the control sockets: forged stops and hellos as fast as they go out, from one connection to each.

``python -m bench.rig.flood ENDPOINT…`` says ``up``, floods, and ends with its input; then it says how many went out.
"""

import secrets
import sys
import threading

import zmq

from mesh.codec import encode
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.control import FREEZE, Entry, OperatorHello, Signed

BATCH = 64
FULL_S = 0.001
"""Where no connection takes more, it is tried again after this."""


def forged() -> bytes:
    """A stop with a signature that is none; each another one, so that it has to be looked at."""
    entry = Entry("operator", secrets.randbits(62), 1, FREEZE, "all", "flood")
    return encode(Signed(encode(entry), secrets.token_bytes(64)))


def flood(endpoints: list[str], is_over: threading.Event) -> int:
    """Send until it is over; how many messages went out."""
    context = zmq.Context()
    sockets = []
    for endpoint in endpoints:
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        sockets.append(socket)
    hello, count = encode(OperatorHello("flood", 1, PROTOCOL_VERSION)), 0
    while not is_over.is_set():
        before = count
        for socket in sockets:
            for number in range(BATCH):
                try:
                    socket.send(forged() if number % 2 else hello, zmq.NOBLOCK)
                except zmq.Again:
                    break
                count += 1
        if count == before:
            is_over.wait(FULL_S)
    context.destroy(0)
    return count


def main() -> None:
    """Until the input ends."""
    is_over = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=await_end, daemon=True).start()
    print("up", flush=True)
    print(flood(sys.argv[1:], is_over), flush=True)


if __name__ == "__main__":
    main()
