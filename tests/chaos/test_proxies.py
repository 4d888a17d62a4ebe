"""The proxies between the nodes: what passes, what is held, what is reset, and that nothing of it stays behind."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mesh.config import parse
from tests.chaos.plan import configuration
from tests.chaos.proxies import DOWN, OPERATOR, Proxies, Route
from tests.ports import free_base_port

pytestmark = pytest.mark.wire
LIMIT_S = 20


@contextmanager
def proxied() -> Iterator[tuple[Proxies, Route, socket.socket]]:
    """The proxies of a mesh of four, one of their routes, and a listener at its end."""
    text = configuration(1, 4, Path("record")).replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}", 1)
    proxies = Proxies(parse(text))
    try:
        route = next(route for route in proxies.routes if route.dialler == OPERATOR)
        host, _, port = route.endpoint.removeprefix("tcp://").rpartition(":")
        with socket.create_server((host, int(port))) as listener:
            listener.settimeout(LIMIT_S)
            yield proxies, route, listener
    finally:
        proxies.close()


@contextmanager
def connected(route: Route, listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection through a route."""
    host, _, port = route.detour.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), LIMIT_S) as here:
        there, _ = listener.accept()
        there.settimeout(LIMIT_S)
        with there:
            yield here, there


def test_every_connection_of_the_mesh_has_a_route(tmp_path: Path) -> None:
    """Nodes, workers, the load: each dialler has the endpoints it dials, and each route a port of its own."""
    with proxied() as (proxies, _, _):
        proxies.write(tmp_path / "detours.json")
        table = json.loads((tmp_path / "detours.json").read_text())
        assert {"local-1", "master-1", "router-1", "account.a1.terminal", OPERATOR} <= table.keys()
        assert len(table["local-1"]) == 4
        ports = [detour for row in table.values() for detour in row.values()]
        assert len(ports) == len(set(ports)) == len(proxies.routes)


def test_what_is_held_comes_when_it_is_freed() -> None:
    """One way is held: the other passes; freed, all of it comes in its order."""
    with proxied() as (proxies, route, listener), connected(route, listener) as (here, there):
        here.sendall(b"up")
        assert there.recv(10) == b"up"
        proxies.each([route], lambda route: route.hold(DOWN))
        there.sendall(b"held ")
        here.sendall(b"still up")
        assert there.recv(10) == b"still up"
        here.settimeout(0.2)
        with pytest.raises(TimeoutError):
            here.recv(10)
        here.settimeout(LIMIT_S)
        there.sendall(b"back")
        proxies.each([route], lambda route: route.free(DOWN))
        got = b""
        while len(got) < 9:
            got += here.recv(10)
        assert got == b"held back"


def test_two_holds_need_two_frees_and_healing_one() -> None:
    """Faults may overlap: the link is open when the last of them is over, or when all heals."""
    with proxied() as (proxies, route, listener), connected(route, listener) as (here, there):
        for _ in range(2):
            proxies.each([route], Route.hold)
        proxies.each([route], Route.free)
        here.sendall(b"x")
        there.settimeout(0.2)
        with pytest.raises(TimeoutError):
            there.recv(1)
        there.settimeout(LIMIT_S)
        proxies.heal()
        assert there.recv(1) == b"x"


def test_a_cut_resets_both_ends() -> None:
    """Both ends see a reset, and the route takes a new connection."""
    with proxied() as (proxies, route, listener):
        with connected(route, listener) as (here, there):
            here.sendall(b"x")
            assert there.recv(1) == b"x"
            proxies.each([route], Route.cut)
            for end in (here, there):
                end.settimeout(LIMIT_S)
                with pytest.raises(ConnectionResetError):
                    end.recv(1)
        with connected(route, listener) as (here, there):
            here.sendall(b"y")
            assert there.recv(1) == b"y"


def test_nothing_stays_behind() -> None:
    """Closed: no thread, no port."""
    with proxied() as (_, route, listener), connected(route, listener):
        port = int(route.detour.rpartition(":")[2])
    assert "proxies" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), LIMIT_S)
