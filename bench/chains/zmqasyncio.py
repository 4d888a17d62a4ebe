"""``zmq-asyncio``: the same sockets through ``zmq.asyncio``, a future a message, on uvloop."""

import uvloop
import zmq
import zmq.asyncio

from bench.chains.control import Control
from bench.chains.place import Place
from bench.chains.turn import send_on_loop
from bench.chains.zmqends import Ends


def run(place: Place, control: Control) -> None:
    """One stage. Does not return."""
    ends = Ends(place, control)
    uvloop.run(_run(place, control, ends))


async def _run(place: Place, control: Control, ends: Ends) -> None:
    envelope = [ends.peer] if ends.peer else []
    outbound = None if ends.outbound is None else zmq.asyncio.Socket.from_socket(ends.outbound)
    if ends.inbound is None:
        assert outbound is not None

        async def send(message: bytes) -> None:
            await outbound.send_multipart([*envelope, message])

        await send_on_loop(control, place.payload_bytes, send)
    inbound = zmq.asyncio.Socket.from_socket(ends.inbound)
    control.up()
    while True:
        message = (await inbound.recv_multipart())[-1]
        if outbound is None:
            control.tally.take(message)
        else:
            await outbound.send_multipart([*envelope, message])
