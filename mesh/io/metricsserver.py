"""Serves one node's numbers by HTTP, from a thread of its own that reads what the loop has left there: the loop waits for nobody.

One request at a time, GET alone, a head of a few KB within two seconds: whoever asks badly keeps Prometheus waiting, never a node. The
interpreter's lock is shared all the same, so the thread rests after each metric: the loop waits for one of them at most, some 15 µs, not
for all, over 1 ms. It stays in the loop's scheduling class: a thread behind the others that holds the lock would hold up the loop with it.
"""

import socket
import socketserver
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Any

from mesh.addresses import host_port
from mesh.core import Note
from mesh.io.clock import monotonic_ns
from mesh.io.metricspage import CONTENT_TYPE, page_of
from mesh.io.node import Node

PATH = "/metrics"
HEAD_BYTES_MAX = 8_192
CLIENT_S = 2.0
"""So long may a request take to come, and its answer to be taken."""
REST_S = 0.0005
CLOSE_S = 0.5
END = b"\r\n\r\n"


class _Server(socketserver.TCPServer):
    """Listens for one node; ``failure``: what went wrong last in an answer, which is ours."""

    allow_reuse_address = True

    def __init__(self, node: Node, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.node = node
        self.failure = ""
        self.is_over = False
        super().__init__((host, port), _Answer)

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next client; where the system has no descriptor left for him, it is not asked again at once."""
        try:
            return super().get_request()
        except OSError:
            if not self.is_over:
                time.sleep(CLIENT_S)
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug, told in the node's log."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.failure = repr(error)[:300]


class _Answer(BaseHTTPRequestHandler):
    """One request."""

    server: _Server

    def setup(self) -> None:
        """Have the whole head of the request before it is looked at."""
        super().setup()
        self.connection.settimeout(CLIENT_S)
        self.rfile = BytesIO(head_of(self.connection))

    def do_GET(self) -> None:
        """The page, or what there is instead."""
        told = self.server.node.told_health
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", f"{PATH} is here\n".encode())
        elif told is None:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"the node has only just begun\n")
        else:
            at_ns, health = told
            pieces = []
            for piece in page_of(health, monotonic_ns() - at_ns):
                pieces.append(piece)
                time.sleep(REST_S)
            self._answer(HTTPStatus.OK, CONTENT_TYPE, b"".join(pieces))

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Nobody needs to know more."""
        return "trademesh"

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape is no news."""


def head_of(connection: socket.socket) -> bytes:
    """What a client says up to its empty line, as far as it comes in time and is not too long."""
    end_s, head = time.monotonic() + CLIENT_S, b""
    while END not in head and len(head) < HEAD_BYTES_MAX:
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("its request did not come in time")
        connection.settimeout(left_s)
        part = connection.recv(HEAD_BYTES_MAX)
        if not part:
            break
        head += part
    connection.settimeout(CLIENT_S)
    return head.partition(END)[0] + END if END in head else b""


class MetricsServer:
    """That of one node. ``look`` is called on the loop each second: a port that is taken is told once, and tried again."""

    def __init__(self, node: Node, host: str, port: int) -> None:
        self._node = node
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._why = ""

    @property
    def url(self) -> str:
        """Where the numbers are."""
        return f"http://{host_port(self._host, self._port)}{PATH}"

    def look(self) -> None:
        """Listen where nobody does; tell of what went wrong."""
        if self._server is None:
            self._begin()
        elif self._server.failure:
            failure, self._server.failure = self._server.failure, ""
            self._node.log.note(Note("error", "metrics_failed", {"url": self.url, "error": failure}))

    def _begin(self) -> None:
        try:
            server = _Server(self._node, self._host, self._port)
        except (OSError, OverflowError) as error:
            if str(error) != self._why:
                self._why = str(error)
                told = {"url": self.url, "why": self._why, "do": "free the port, or choose another metrics.base_port; the node goes on"}
                self._node.log.note(Note("warning", "metrics_not_served", told))
            return
        self._server, self._why = server, ""
        self._thread = threading.Thread(target=self._serve, args=(server,), name=f"metrics {self._node.identity.name}", daemon=True)
        self._thread.start()
        self._node.log.note(Note("info", "metrics_served", {"url": self.url}))

    def _serve(self, server: _Server) -> None:
        while not server.is_over:
            server.handle_request()

    def close(self) -> None:
        """Serve no more. A client that is just being answered is not waited for."""
        if self._server is not None and self._thread is not None:
            self._server.is_over = True
            with suppress(OSError):  # Windows has no such end of a socket that listens; there the thread ends with the process
                self._server.socket.shutdown(socket.SHUT_RDWR)
            self._thread.join(CLOSE_S)
            self._server.server_close()
