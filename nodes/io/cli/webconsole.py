"""``mesh console --serve``: the console in a browser. Each tab is a process of its own, which textual-serve starts and shows.

There is no password and nothing is encrypted, so that it listens to this machine alone unless told otherwise. A web page of somebody else
cannot reach it through the operator's own browser, which would let it: only pages that came from here open a console.
"""

import errno
import shlex
import socket
import subprocess
import sys
from urllib.parse import urlsplit

from mesh.addresses import address_of, host_port, is_any, is_loopback
from mesh.errors import BadConfig, MeshError, PortInUse
from mesh.io.ports import holder_of
from nodes.io.cli.plaintext import say

TITLE = "trademesh"


def serve_console(words: list[str], host: str, port: int, watch_only: bool) -> int:
    """Serve consoles, each by the command line ``words``, until Ctrl-C. Raises PortInUse, BadConfig for a host that is none here."""
    from aiohttp import web
    from textual_serve.server import Server

    class OwnPages(Server):
        """A console for pages that came from here alone, under whatever name of this machine they were asked for."""

        async def handle_index(self, request: web.Request) -> web.StreamResponse:
            self.public_url = f"http://{request.host}"  # where this page finds the rest of it; nothing is awaited before that is used
            return await super().handle_index(request)

        async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
            if not is_own_page(request.headers.get("Origin", ""), request.host, host):
                raise web.HTTPForbidden(text=f"a console opens in a page of {url_of(host, port)} alone")
            return await super().handle_websocket(request)

    url = url_of(host, port)
    warning = warning_of(host, port, watch_only)
    if warning:
        say(warning, sys.stderr, at_once=True)
    does = "looks only" if watch_only else "can stop and trade"
    say(f"the console listens at {url} and {does}; Ctrl-C ends it", at_once=True)
    try:
        OwnPages(command_line(words), host, port, TITLE, url).serve()
    except OSError as error:
        raise _why_not(host, port, error) from None
    return 0


def command_line(words: list[str]) -> str:
    """The words as one line for this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def url_of(host: str, port: int) -> str:
    """Where a browser finds it: by this machine's name where it listens at all of its addresses."""
    return f"http://{host_port(socket.gethostname() if is_any(host) else host, port)}"


def is_own_page(origin: str, asked: str, host: str) -> bool:
    """Whether a page is one of ours. ``origin``: where it came from, as every browser tells; ``asked``: whom it asks (``Host``).

    Both are the same, and no name that somebody else may have had point to this machine.
    """
    name = urlsplit(f"http://{asked}").hostname or ""
    if origin != f"http://{asked}":
        return False
    if is_loopback(host):
        return is_loopback(name)
    return address_of(name) is not None or name in (host, socket.gethostname())


def warning_of(host: str, port: int, watch_only: bool) -> str:
    """What is said where others than this machine reach it; empty where none do."""
    if is_loopback(host):
        return ""
    can = "sees the accounts" if watch_only else "sees the accounts, can stop them and trade on them"
    tunnel = f"leave --host out, and on your own machine: ssh -L {port}:127.0.0.1:{port} THIS-HOST, then http://127.0.0.1:{port}"
    return f"mesh: WARNING: --host {host}: everybody who reaches port {port} {can}: there is no password and no encryption. Safer: {tunnel}"


def _why_not(host: str, port: int, error: OSError) -> MeshError:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(f"port {port} of {host} is in use by {holder_of(port)}; give another --port")
    return BadConfig(f"cannot listen at {host}, port {port}: {error.strerror or error}; give a --host of this machine, or another --port")
