"""TCP proxies between the nodes, one for each connection a node makes: what passes can be held, delayed, and cut with a reset.

A blackhole is what a lost network looks like to both ends: nothing comes, nothing is said to be wrong. TCP would bring what was sent
meanwhile once the network is back, or give up; so it is held here and brought, or reset. No privileges are needed, and no namespaces.
They run on a loop in a thread of their own.
"""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path

from mesh import links
from mesh.config import Config
from mesh.dials import dials_of

CHUNK_BYTES = 65_536
BOTH, UP, DOWN = "both", "up", "down"
"""Directions: up is from who dials to who listens."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""
OPERATOR = "operator"
"""The load's name among the diallers."""


class Route:
    """One connection's way: who dials, where it listens, and what is done to what passes."""

    def __init__(self, dialler: str, target: str, endpoint: str) -> None:
        self.dialler = dialler
        self.target = target
        self.endpoint = endpoint
        self.detour = ""
        self._closed = {UP: 0, DOWN: 0}
        self._open = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._delay_s = 0.0
        self._live: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        for event in self._open.values():
            event.set()

    async def listen(self) -> asyncio.Server:
        """Take connections at a free port."""
        host, _, port = self.endpoint.removeprefix("tcp://").rpartition(":")

        async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.CancelledError):  # at the end
                await self._pass(reader, writer, host, int(port))
            await _closed(writer)

        server = await asyncio.start_server(taken, "127.0.0.1", 0)
        self.detour = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        await self._open[UP].wait()
        try:
            there_reader, there_writer = await asyncio.open_connection(host, port)
        except OSError:
            _reset(writer)
            return
        for end in (writer, there_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._live[writer] = there_writer
        try:
            await asyncio.gather(self._pump(reader, there_writer, UP), self._pump(there_reader, writer, DOWN))
        finally:
            self._live.pop(writer, None)
            await _closed(there_writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._delay_s:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.Event().wait(), self._delay_s)
                await self._open[way].wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    # what a nemesis does, on the loop

    def hold(self, way: str = BOTH) -> None:
        """Let nothing pass that way any more."""
        for one in (UP, DOWN) if way == BOTH else (way,):
            self._closed[one] += 1
            self._open[one].clear()

    def free(self, way: str = BOTH) -> None:
        """Undo one ``hold``."""
        for one in (UP, DOWN) if way == BOTH else (way,):
            self._closed[one] = max(0, self._closed[one] - 1)
            if not self._closed[one]:
                self._open[one].set()

    def slow(self, delay_s: float) -> None:
        """Delay each chunk by so much; 0: none."""
        self._delay_s = delay_s

    def cut(self) -> None:
        """Reset every connection."""
        for here, there in list(self._live.items()):
            _reset(here)
            _reset(there)

    def heal(self) -> None:
        """All passes again."""
        self._delay_s = 0.0
        for way in (UP, DOWN):
            self._closed[way] = 0
            self._open[way].set()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def routes_of(config: Config) -> Iterator[Route]:
    """One for each connection of the mesh: between nodes, of each worker to the broker, and of the load."""
    for name in config.node:
        for dial in dials_of(config, name):
            yield Route(name, dial.target, config.endpoint(dial.target, dial.link.name))
    broker = config.nodes_of("broker")[0]
    for account in config.account:
        yield Route(f"account.{account}.terminal", broker, config.endpoint(broker, links.VENUE))
    signals = config.nodes_of("signals")[0]
    yield Route(OPERATOR, signals, config.endpoint(signals, links.SIGNALS))


class Proxies:
    """All routes of a mesh, and the thread they run in."""

    def __init__(self, config: Config) -> None:
        self._loop = asyncio.new_event_loop()
        self.routes: list[Route] = []
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._wait(self._listen(config))

    async def _listen(self, config: Config) -> None:
        for route in routes_of(config):
            self._servers.append(await route.listen())
            self.routes.append(route)

    def _wait(self, coroutine: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def write(self, path: Path) -> None:
        """The table that ``MESH_DETOUR`` names."""
        table: dict[str, dict[str, str]] = {}
        for route in self.routes:
            table.setdefault(route.dialler, {})[route.endpoint] = route.detour
        path.write_text(json.dumps(table), encoding="utf-8")

    def of(self, node: str) -> list[Route]:
        """The routes that begin or end at a node."""
        return [route for route in self.routes if node in (route.dialler, route.target)]

    def each(self, routes: list[Route], act: Callable[[Route], None]) -> None:
        """Do something to each of some routes, on their loop."""

        async def done() -> None:
            for route in routes:
                act(route)

        self._wait(done())

    def heal(self) -> None:
        """All passes everywhere."""
        self.each(self.routes, Route.heal)

    def close(self) -> None:
        """End every connection and the thread."""

        async def ended() -> None:
            for server in self._servers:
                server.close()
            for route in self.routes:
                route.heal()
                route.cut()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._wait(ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
