"""``nats``: nats-py on uvloop, a subject a hop, all through one nats-server."""

import asyncio

import nats
import uvloop
from nats.aio.msg import Msg

from bench.chains.control import Control
from bench.chains.place import HOST, Place
from bench.chains.turn import send_on_loop


def run(place: Place, control: Control) -> None:
    """One stage. Does not return."""
    uvloop.run(_run(place, control))


async def _run(place: Place, control: Control) -> None:
    control.join()
    client = await nats.connect(f"nats://{HOST}:{place.port}")
    if place.is_source:

        async def send(message: bytes) -> None:
            await client.publish(place.topic_out, message)
            while client.pending_data_size:  # the client writes in a task of its own
                await asyncio.sleep(0)

        await send_on_loop(control, place.payload_bytes, send)

    async def forward(message: Msg) -> None:
        await client.publish(place.topic_out, message.data)

    async def take(message: Msg) -> None:
        control.tally.take(message.data)

    await client.subscribe(place.topic_in, cb=take if place.is_sink else forward)
    control.up()
    await asyncio.Event().wait()
