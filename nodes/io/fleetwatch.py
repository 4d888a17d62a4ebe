"""supervisord's event listener: tells the routers of nodes of this host that are down and cannot say so themselves.

It speaks supervisord's protocol on its standard input and output, and answers each event before it does anything with it: supervisord never
waits for it, and nothing is started, stopped or traded by it. A node that is down is told as the node itself would tell its health, by the
same link, with the node's own door key, which lies on this host and which nobody uses meanwhile: so it needs no right of its own, no
file, and works on any host, also on one whose only node is the one that is down. What tells is loaded when the first one is down.

supervisord sleeps up to a second before it looks who has ended, and again before it starts him anew. It wakes for whoever asks it
something: so it is asked the moment a process ends.
"""

import argparse
import http.client
import os
import selectors
import socket
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

from mesh.phases import DOWN_PHASES
from nodes.io.childends import ChildEnds
from nodes.io.exitlog import last_exit
from nodes.io.lifeline import die_with_parent
from nodes.io.outputs import last_line

if TYPE_CHECKING:
    from nodes.downnodes import DownNodes, Ending
    from nodes.io.downtelling import DownTelling

SERVER = "SUPERVISOR_SERVER_URL"
"""Where supervisord's children find its socket."""
READY = b"READY\n"
DONE = b"RESULT 2\nOK" + READY
TELL_S = 0.5
"""So often it is told again, as health is."""
ANSWER_S = 2.0
"""Who is down is told again though supervisord itself stands still."""
READ_BYTES = 65_536
SAID_MAX = 300
"""Characters of a node's last words that are told."""


class Events:
    """What supervisord writes, in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, piece: bytes) -> Iterator[tuple[str, str, int]]:
        """(event, process, its id or 0) of each whole event there is now. Raises ValueError for what supervisord never writes."""
        self._rest += piece
        while True:
            head, newline, rest = self._rest.partition(b"\n")
            if not newline:
                return
            headers = _words(head)
            length_bytes = int(headers.get("len", "none"))
            if len(rest) < length_bytes:
                return
            self._rest = rest[length_bytes:]
            words = _words(rest[:length_bytes])
            yield headers.get("eventname", ""), words.get("processname", ""), int(words.get("pid", "0"))


class Watch:
    """The events of one supervisord, and who is told of them."""

    def __init__(self, config: Path, state: Path, ends: ChildEnds) -> None:
        self._config = config
        self._state = state
        self._ends = ends
        self._down: DownNodes | None = None
        self._telling: DownTelling | None = None

    def take(self, event: str, process: str, pid: int = 0) -> None:
        """One event; ``pid``: as what the process runs, or ran."""
        if event.endswith("RUNNING"):
            self._ends.watch(process, pid)
        if self._down is None:
            if not event.endswith(DOWN_PHASES):
                return
            from nodes.downnodes import DownNodes

            self._down = DownNodes(self._how_ended)
        self._down.take(event, process, time.time_ns())

    def catch_up(self) -> None:
        """Who was down before this process was there."""
        for row in _processes():
            self.take(f"PROCESS_STATE_{row['statename']}", row["name"], row["pid"])

    def ended(self, process: str) -> None:
        """Have supervisord look after a process that has just ended."""
        self._ends.forget(process)
        _processes()

    def tell(self) -> bool:
        """Tell of all that are down; whether there is anything to tell again."""
        if self._down is None or not (self._down.all or self._telling is not None):
            return False
        if self._telling is None:
            from nodes.io.downtelling import DownTelling

            self._telling = DownTelling(self._config, self._state)
        self._telling.tell(self._down.all)
        if not self._down.all:
            self._telling = None
        return bool(self._down.all)

    def _how_ended(self, process: str) -> "Ending":
        from nodes.downnodes import Ending

        row = next((row for row in _processes() if row["name"] == process), None)
        if row is None:
            return Ending(-1, "supervisord does not say how it ended")
        said = last_line(self._state / "log" / f"{process}.out")[:SAID_MAX]
        code = int(row["exitstatus"])
        if code == 0 and row["spawnerr"]:  # it ended before its time: then the code is in supervisord's log alone
            end = last_exit(self._state / "log" / "supervisord.log", process)
            code = (end.exit_code or 0) if end is not None else 0
        # supervisord's own words are of use where the process has left no code: it never began, or ended well before its time
        how = f"exit status {code}" if code > 0 else str(row["spawnerr"]) or ("ended by a signal" if code < 0 else "exit status 0")
        return Ending(code, f"{how} ({said})" if said else how)


def run(watch: Watch, selector: selectors.BaseSelector, stdin: int = 0, stdout: int = 1) -> int:
    """Take events until supervisord has gone. ``selector``: where ends of processes show."""
    events = Events()
    selector.register(stdin, selectors.EVENT_READ)
    os.write(stdout, READY)
    watch.catch_up()
    limit_s: float | None = TELL_S
    while True:
        ready = [key for key, _ in selector.select(limit_s)]
        for process in [key.data for key in ready if key.data]:
            watch.ended(process)
        if any(key.fd == stdin for key in ready):
            piece = os.read(stdin, READ_BYTES)
            if not piece:
                return 0
            for event, process, pid in events.take(piece):
                os.write(stdout, DONE)
                watch.take(event, process, pid)
                limit_s = TELL_S
        elif not ready and not watch.tell():
            limit_s = None


def _processes() -> list[dict[str, Any]]:
    """What supervisord says of all its processes; nothing where it cannot be asked."""
    from supervisor.xmlrpc import SupervisorTransport

    url = os.environ.get(SERVER, "")
    if not url:
        return []  # its configuration has no socket
    transport = SupervisorTransport(None, None, url)
    server: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    try:
        rows: list[dict[str, Any]] = server.supervisor.getAllProcessInfo()
        return rows
    except (OSError, xmlrpc.client.Error, http.client.HTTPException, ExpatError):
        return []
    finally:
        transport.close()


def _words(line: bytes) -> dict[str, str]:
    """``key:value`` words."""
    return dict(word.partition(":")[::2] for word in line.decode("utf-8", "replace").split())


def main() -> int:
    """What supervisord starts."""
    die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m nodes.io.fleetwatch", description="Tell routers of nodes that are down.")
    parser.add_argument("--config", type=Path, required=True, help="the configuration: TOML, or the JSON `mesh up` wrote")
    parser.add_argument("--state", type=Path, required=True, help="where the keys and the outputs of the nodes are")
    chosen = parser.parse_args()
    socket.setdefaulttimeout(ANSWER_S)
    with selectors.DefaultSelector() as selector:
        return run(Watch(chosen.config, chosen.state, ChildEnds(selector)), selector)


if __name__ == "__main__":
    sys.exit(main())
