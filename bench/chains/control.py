"""A stage's side of the talk with the bench: lines at its input, answers at its output, and nothing of it on the measured path.

A stage says ``bound`` when it listens, is told ``join`` when all do, dials, and says ``up``. Meanwhile and later a thread of its own waits
for lines, asleep in the kernel while a segment runs:

- ``quiet``, ``loud``: garbage is collected now and not again, or as usual;
- ``send RATE COUNT FIRST`` (source): send; answered, when the last one is sent, with ``sent NANOSECONDS`` since the first was due;
- ``expect FIRST COUNT`` (sink): a segment begins; ``joined MS``: whether a probe has come, awaited so long;
- ``report`` (sink): answered, when all have come or no more do, with ``report DOUBLED DAMAGED OUT_OF_ORDER BYTES``, and then the delay of
  each message, int64.

The end of its input ends the process, whoever closed it.
"""

import gc
import os
import sys
import threading
import time
from collections.abc import Callable

from bench.chains.tally import Tally
from bench.chains.turn import Turn

SILENT_S = 3.0
"""When nothing has come for so long, the rest is lost."""
STRAY_S = 0.01
"""After the last message: what was doubled comes now."""


class Control:
    """One for each process. ``tally``: the sink's."""

    def __init__(self) -> None:
        self.tally = Tally()
        # Unbuffered: a thread that waits in a buffered read would hold a lock that the end of the interpreter wants.
        self._input = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - as long as the process
        self._output = open(os.dup(1), "wb")  # noqa: SIM115
        os.dup2(2, 1)  # what a library prints is no answer
        threading.excepthook = _end  # a stage that no longer hears would outlive the bench
        self._give: Callable[[Turn], object] | None = None
        self._handlers: dict[str, Callable[..., None]] = {
            "quiet": self._on_quiet,
            "loud": self._on_loud,
            "send": self._on_send,
            "expect": self._on_expect,
            "joined": self._on_joined,
            "report": self._on_report,
        }

    def join(self) -> None:
        """Say that this stage listens, and wait until all do. From then on the end of the input ends the process, wherever it waits."""
        self._say("bound")
        if self._input.readline() != b"join\n":
            sys.exit(0)
        threading.Thread(target=self._hear, daemon=True).start()

    def up(self, give: Callable[[Turn], object] | None = None) -> None:
        """Say that this stage has its connections. ``give``: called with each segment of a source, in another thread."""
        self._give = give
        self._say("up")

    def sent(self, turn: Turn) -> None:
        """Say that the last message of a segment is sent."""
        self._say(f"sent {turn.took_ns()}")

    def _say(self, line: str, raw: bytes = b"") -> None:
        self._output.write(f"{line}\n".encode() + raw)
        self._output.flush()

    def _hear(self) -> None:
        for line in iter(self._input.readline, b""):
            name, *words = line.decode().split()
            self._handlers[name](*words)
        os._exit(0)

    def _on_quiet(self) -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        gc.disable()
        self._say("quiet")

    def _on_loud(self) -> None:
        gc.enable()
        self._say("loud")

    def _on_send(self, rate: str, count: str, first: str) -> None:
        assert self._give is not None, "only a source sends"
        self._give(Turn(float(rate), int(count), int(first)))

    def _on_expect(self, first: str, count: str) -> None:
        self.tally.expect(int(first), int(count))
        self._say("expect")

    def _on_joined(self, wait_ms: str) -> None:
        self._say(f"joined {int(self.tally.joined.wait(int(wait_ms) / 1_000))}")

    def _on_report(self) -> None:
        tally = self.tally
        seen = -1
        while not tally.complete.wait(SILENT_S) and tally.received != seen:
            seen = tally.received
        time.sleep(STRAY_S)
        raw = tally.delays_ns.tobytes()
        self._say(f"report {tally.doubled} {tally.damaged} {tally.out_of_order} {len(raw)}", raw)


def _end(failure: threading.ExceptHookArgs) -> None:
    assert failure.exc_value is not None
    sys.excepthook(failure.exc_type, failure.exc_value, failure.exc_traceback)
    sys.stderr.flush()
    os._exit(1)
