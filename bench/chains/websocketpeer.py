"""``websockets``: the library of that name on uvloop, a server a hop, without compression: 256 bytes would only wait for it."""

import asyncio

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from bench.chains.control import Control
from bench.chains.place import HOST, Place
from bench.chains.turn import send_on_loop


def run(place: Place, control: Control) -> None:
    """One stage. Does not return."""
    uvloop.run(_source(place, control) if place.is_source else _receiver(place, control))


async def _source(place: Place, control: Control) -> None:
    control.join()
    async with connect(f"ws://{HOST}:{place.port_out}", compression=None, proxy=None) as outbound:
        await send_on_loop(control, place.payload_bytes, outbound.send)


async def _receiver(place: Place, control: Control) -> None:
    inbound: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def on_connection(connection: ServerConnection) -> None:
        inbound.set_result(connection)
        await connection.wait_closed()

    async with serve(on_connection, HOST, place.port_in, compression=None):
        control.join()
        if place.is_sink:
            async for message in await _joined(inbound, control):
                assert isinstance(message, bytes)
                control.tally.take(message)
            return
        async with connect(f"ws://{HOST}:{place.port_out}", compression=None, proxy=None) as outbound:
            async for message in await _joined(inbound, control):
                await outbound.send(message)


async def _joined(inbound: "asyncio.Future[ServerConnection]", control: Control) -> ServerConnection:
    connection = await inbound
    control.up()
    return connection
