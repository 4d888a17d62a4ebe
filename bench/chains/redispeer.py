"""``redis``: redis-py's asyncio client on uvloop, pub/sub, a channel a hop, all through one redis-server.

A publish is a command that is answered, and the next one waits for the answer: on one connection it cannot be otherwise.
"""

import uvloop
from redis.asyncio import Redis

from bench.chains.control import Control
from bench.chains.place import HOST, Place
from bench.chains.turn import send_on_loop


def run(place: Place, control: Control) -> None:
    """One stage. Does not return."""
    uvloop.run(_run(place, control))


async def _run(place: Place, control: Control) -> None:
    control.join()
    client = Redis(host=HOST, port=place.port)

    async def send(message: bytes) -> None:
        await client.publish(place.topic_out, message)

    if place.is_source:
        await send_on_loop(control, place.payload_bytes, send)
    subscription = client.pubsub(ignore_subscribe_messages=True)
    await subscription.subscribe(place.topic_in)
    control.up()
    async for message in subscription.listen():
        if place.is_sink:
            control.tally.take(message["data"])
        else:
            await send(message["data"])
