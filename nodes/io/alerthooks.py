"""Ways by which a notice leaves: an address that takes JSON by HTTP, and a program that reads it. Each try ends in time, or is ended.

An address may hold a secret: nothing here says it, nor what a server answered beyond its number.
"""

import http.client
import os
import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Protocol
from urllib.parse import urlsplit

from mesh.addresses import is_loopback
from mesh.errors import BadConfig
from mesh.io.system import kill_group, may_others
from mesh.settings import AlertsSection
from nodes.io.secretkeys import child_environment

FILE = "file:"
FILE_BYTES_MAX = 4_096
KEY = "alerts.webhook (not shown: it may hold a secret)"
ALLOWED = "allowed: https://HOST…, http:// on this machine alone, or file:PATH of a file with one of them"
SAID_BYTES_MAX = 300


class HookFailed(Exception):
    """One try failed; the text says how, and no secret. ``is_final``: another try would be the same."""

    def __init__(self, text: str, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


class Hook(Protocol):
    """One way."""

    name: str

    def send(self, body: bytes) -> None:
        """Deliver it. Raises HookFailed."""


class WebhookHook:
    """POSTs to an address; its certificate is verified, a redirection is not followed, the answer is not read. Raises BadConfig."""

    name = "webhook"

    def __init__(self, address: str, timeout_s: float) -> None:
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            raise BadConfig(f"{KEY}: is no address; {ALLOWED}") from None
        if (
            not address.isascii()
            or not address.isprintable()
            or " " in address
            or parts.scheme not in ("http", "https")
            or not parts.hostname
        ):
            raise BadConfig(f"{KEY}: is no address of HTTP; {ALLOWED}")
        if parts.username is not None or parts.password is not None:
            raise BadConfig(f"{KEY}: has a user in front of its host, which no server would see; put the secret into the path")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise BadConfig(f"{KEY}: without TLS the network would read it; {ALLOWED}")
        try:
            parts.hostname.encode("idna")
        except UnicodeError:
            raise BadConfig(f"{KEY}: its host is no name that can be looked up; {ALLOWED}") from None
        self._host = parts.hostname
        self._port = port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeout_s = timeout_s

    def send(self, body: bytes) -> None:
        """One POST: so long to connect at most, and so long for all the rest, however slowly it drips. Raises HookFailed."""
        connection = self._connection()
        cut = Timer(self._timeout_s, _cut_off, (connection,))
        cut.daemon = True
        try:
            connection.connect()
            cut.start()
            connection.request("POST", self._target, body, {"Content-Type": "application/json", "User-Agent": "trademesh"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise HookFailed(f"{type(error).__name__}: {_plain(error)}") from None
        finally:
            cut.cancel()
            connection.close()
        if not 200 <= status < 300:
            raise HookFailed(f"HTTP {status}", is_final=300 <= status < 500 and status not in (408, 425, 429))

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)


def _cut_off(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)


def _plain(error: Exception) -> str:
    """What went wrong, without the address: errors of sockets and of TLS name hosts at most."""
    if isinstance(error, OSError):
        return str(error.strerror or error)[:SAID_BYTES_MAX]
    return "the answer is no HTTP, or was cut off"


class CommandHook:
    """Starts a program without a shell, in a process group of its own, and writes the JSON to its input."""

    name = "command"

    def __init__(self, words: list[str], timeout_s: float) -> None:
        self._words = words
        self._timeout_s = timeout_s

    def send(self, body: bytes) -> None:
        """One run; 0 is delivered. What takes longer is killed, with all it has started in its group. Raises HookFailed."""
        try:
            process = subprocess.Popen(
                self._words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=child_environment(),
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise HookFailed(f"{self._words[0]}: cannot be started: {error.strerror}") from None
        except ValueError:
            raise HookFailed(f"{self._words[0]!r}: a word of the command cannot be handed over", is_final=True) from None
        try:
            _, said = process.communicate(body, self._timeout_s)
        except subprocess.TimeoutExpired:
            _kill_group(process)  # not reaped yet: its number is still its own
            raise HookFailed(f"{self._words[0]}: took longer than {self._timeout_s:g} s and was killed") from None
        if process.returncode:
            words = said[-SAID_BYTES_MAX:].decode("utf-8", "replace").strip()
            raise HookFailed(f"{self._words[0]}: exit {process.returncode}{': ' if words else ''}{words}")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of it: what it started is in its group."""
    with suppress(OSError):
        kill_group(process)
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def hooks_of(alerts: AlertsSection) -> list[Hook]:
    """The ways that are configured. Raises BadConfig."""
    timeout_s = alerts.timeout_ms / 1_000
    found: list[Hook] = []
    if alerts.webhook:
        found.append(WebhookHook(webhook_of(alerts.webhook), timeout_s))
    if alerts.command:
        found.append(CommandHook(alerts.command, timeout_s))
    return found


def webhook_of(webhook: str) -> str:
    """The address itself, out of its file where there is one. Raises BadConfig."""
    if not webhook.startswith(FILE):
        return webhook
    path = Path(webhook.removeprefix(FILE))
    try:
        with path.open("rb") as file:
            mode, raw = os.fstat(file.fileno()).st_mode, file.read(FILE_BYTES_MAX + 1)
        text = raw.decode("ascii").strip()
    except OSError as error:
        raise BadConfig(f"alerts.webhook = {webhook}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadConfig(f"alerts.webhook = {webhook}: holds no address in plain letters") from None
    if may_others(mode):
        raise BadConfig(f"alerts.webhook = {webhook}: others may read it; `chmod 600 {path}`")
    if len(raw) > FILE_BYTES_MAX or not text:
        raise BadConfig(f"alerts.webhook = {webhook}: holds no address, or more than one; one line is expected")
    return text
