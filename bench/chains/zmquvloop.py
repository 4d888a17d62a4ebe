"""``pyzmq-uvloop``: the same sockets on uvloop and nothing else: the floor that our own figures are held against.

The descriptor is edge-triggered: what woke the loop is drained, and the socket asked once more before the loop waits again. A relay sends
on another socket than it receives on, so no send uses up an edge. The source waits for no message and needs no loop.
"""

import asyncio
from typing import Any

import uvloop
import zmq
from zmq.backend import Socket as PlainSocket

from bench.chains.control import Control
from bench.chains.place import Place
from bench.chains.turn import send_blocking
from bench.chains.zmqends import NOWAIT, Ends, receiving, sending

_EVENTS, _POLLIN = int(zmq.EVENTS), int(zmq.POLLIN)


def run(place: Place, control: Control) -> None:
    """One stage. Raises what a callback raised."""
    ends = Ends(place, control)
    if ends.inbound is None:
        assert ends.outbound is not None
        send_blocking(control, place.payload_bytes, sending(ends.outbound, ends.peer, NOWAIT))
    receive = receiving(ends.inbound, NOWAIT)
    on_message = control.tally.take if ends.outbound is None else sending(ends.outbound, ends.peer, NOWAIT)
    get = PlainSocket.get.__get__(ends.inbound)

    def drain() -> None:
        while get(_EVENTS) & _POLLIN:
            on_message(receive())

    failures: list[BaseException] = []

    def on_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failures.append(context.get("exception") or RuntimeError(context["message"]))
        loop.stop()

    loop = uvloop.new_event_loop()
    loop.set_exception_handler(on_failure)
    loop.add_reader(get(zmq.FD), drain)
    loop.call_soon(drain)  # an edge before this moment is gone
    control.up()
    loop.run_forever()
    raise failures[0]
