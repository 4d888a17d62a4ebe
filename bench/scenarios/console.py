"""``console``: how soon the console answers a key, and how much of a processor it takes, while 5,000 words a second come in.

The console is a process on a terminal of its own (a pty of 200 × 60), a publisher plays the router of 1,000 accounts with ten positions
each. A key is answered when the terminal gets what it brings to the front: a page's own words. ``page_…_cpu_percent``: of one processor,
while that page is in front and no key is pressed; ``rss_mb`` at the end. POSIX only.
"""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.rig.layout import free_ports, layout
from bench.scenario import Options, Progress, Scenario

LOCALS, SMOKE_LOCALS = 1_000, 4
POSITIONS_EACH = 10
RATE, SMOKE_RATE = 5_000.0, 200.0
SECONDS, SMOKE_SECONDS = 15.0, 1.0
ROUNDS, SMOKE_ROUNDS = 20, 2
ROWS, COLUMNS = 60, 200
PATIENCE_S = 60.0
PAGES = {"1": b"exposure", "2": b"lag", "3": b"ticket", "4": b"FLATTEN", "5": b"p99", "6": b"event"}
"""Key → words, in any case, that only its page shows."""
FIRST = next(iter(PAGES.items()))
"""In front when it begins, so that its key says nothing new then."""
WARM_S, SMOKE_WARM_S = 5.0, 0.5


class Terminal:
    """The other end of the console's terminal."""

    def __init__(self, words: list[str]) -> None:
        self._fd, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)

    def read(self, timeout_s: float) -> bytes:
        """What it writes within a time; nothing where it writes nothing."""
        ready, _, _ = select.select([self._fd], [], [], timeout_s)
        return os.read(self._fd, 1 << 16) if ready else b""

    def drain(self, seconds: float) -> int:
        """Read for a while; how many bytes."""
        end_s, count = time.monotonic() + seconds, 0
        while (left_s := end_s - time.monotonic()) > 0:
            count += len(self.read(left_s))
        return count

    def press(self, key: str, words: bytes) -> int:
        """ns from a key until the terminal has got these words. Raises TimeoutError."""
        self.drain(0.15)
        seen = b""
        began_ns = time.perf_counter_ns()
        os.write(self._fd, key.encode())
        while words.lower() not in seen.lower():
            seen = seen[-4_096:] + self.read(1.0)
            if time.perf_counter_ns() - began_ns > PATIENCE_S * 1e9:
                raise TimeoutError(f"key {key}: no {words!r} on the terminal within {PATIENCE_S:g} s")
        return time.perf_counter_ns() - began_ns

    def close(self) -> None:
        """End the console."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._fd)


@contextlib.contextmanager
def shown(locals_count: int, rate: float) -> Iterator[Terminal]:
    """A console of so many accounts whose router tells so much."""
    config = layout(locals_count)
    endpoint = f"tcp://127.0.0.1:{free_ports(1)}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_bytes(config.effective())
        words = [sys.executable, "-m", "bench.rig.fronts", endpoint, str(path), str(POSITIONS_EACH), str(rate)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as publisher:
            terminal: Terminal | None = None
            try:
                assert publisher.stdout is not None
                publisher.stdout.readline()
                terminal = Terminal([sys.executable, "-m", "bench.rig.consoleprocess", endpoint, str(path)])
                yield terminal
            finally:
                if terminal is not None:
                    terminal.close()
                publisher.kill()


def cpu_percent(terminal: Terminal, seconds: float) -> float:
    """Of one processor, while it is only looked at."""
    process = psutil.Process(terminal.process.pid)
    before, began_s = process.cpu_times(), time.monotonic()
    terminal.drain(seconds)
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / (time.monotonic() - began_s)


def run(options: Options, progress: Progress) -> list[Measured]:
    """Each page in front in turn; then keys."""
    is_smoke = options.is_smoke
    locals_count = options.locals or (SMOKE_LOCALS if is_smoke else LOCALS)
    rate = options.rate or (SMOKE_RATE if is_smoke else RATE)
    seconds = options.seconds or (SMOKE_SECONDS if is_smoke else SECONDS)
    rounds = options.rounds or (SMOKE_ROUNDS if is_smoke else ROUNDS)
    progress.begin("console", len(PAGES) + rounds)
    settings: dict[str, int | float | str] = {"locals": locals_count, "positions": locals_count * POSITIONS_EACH, "rate": rate}
    with shown(locals_count, rate) as terminal:
        terminal.press(*FIRST)
        terminal.drain(SMOKE_WARM_S if is_smoke else WARM_S)
        values: dict[str, float] = {}
        for key, words in reversed(PAGES.items()):
            terminal.press(key, words)
            values[f"page_{key}_cpu_percent"] = cpu_percent(terminal, seconds)
            progress.advance()
        taken_ns: list[int] = []
        for _ in range(rounds):
            for key, words in (*list(PAGES.items())[1:], FIRST):
                taken_ns.append(terminal.press(key, words))
            progress.advance()
        values["rss_mb"] = psutil.Process(terminal.process.pid).memory_info().rss / 2**20
    counted = Counted(sent=len(taken_ns), received=len(taken_ns))
    stages = {"whole": Stage.of(Latencies(taken_ns))}
    return [Measured("console", "keys", settings, rate, counted=counted, stages=stages, values=values)]


SCENARIO = Scenario("console", "1,000 accounts on the console: how soon it answers a key, and what of a processor it takes", run)
