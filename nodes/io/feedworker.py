"""The process in which a live market's terminal is asked for ticks, and how the market's shell reaches it.

It lives apart from those that trade and keeps nothing: killed at any moment, the next one goes on from the cursors it is asked with.
"""

import sys
from pathlib import Path

from mesh.config import Config
from mesh.io.clock import wall_ns
from mesh.messages.base import Msg
from mesh.messages.feed import FeedAsk, FeedLost
from nodes.io.childprocess import ChildProcess, run_child
from nodes.io.livespec import live_spec
from nodes.io.pipe import Pipe
from nodes.io.secret import Secret

NAME = "the process that asks the terminal"
ANSWER_MS_MAX = 30_000
"""An answer that takes longer never comes: the process is killed. Opening a terminal and its first history take some seconds."""


class FeedAttachment:
    """The market's end."""

    def __init__(self, config: Config, state: Path, answer_ms_max: int = ANSWER_MS_MAX) -> None:
        self._child = ChildProcess(NAME, ("nodes.io.feedworker",), config, state / "run" / "feed.json", FeedLost)
        self._answer_ms_max = answer_ms_max

    @property
    def pid(self) -> int:
        """Of the process; 0 while there is none."""
        return self._child.pid

    def fileno(self) -> int:
        """The pipe's descriptor; -1 while there is no process."""
        return self._child.fileno()

    def started(self) -> None:
        """Start the process, where no question has started it already."""
        self._child.start()

    def send(self, message: Msg) -> None:
        """Hand a question over; the first one, which a market asks before its loop runs, starts the process."""
        if not self._child.was_started:
            self._child.start()
        self._child.send(message, "a question for ticks", self._answer_ms_max)

    def receive(self) -> list[Msg]:
        """What the process said; its death, once; a new one where it is time."""
        return self._child.receive()

    def close(self) -> None:
        """End the process."""
        self._child.close()


def work(config: Config, words: list[str], pipe: Pipe, secret: Secret | None = None) -> int:
    """Answer questions until the pipe ends; the exit code. Its terminal is logged in already: there is no secret."""
    from nodes.io.terminalticks import TerminalTicks

    spec = live_spec(config)
    assert spec is not None, "only a live market starts this"
    ticks = TerminalTicks(spec, config, None, wall_ns)
    try:
        while (messages := pipe.receive()) is not None:
            for message in messages:
                if isinstance(message, FeedAsk):
                    for part in ticks.answer(message):
                        pipe.send(part)
    except OSError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(run_child("feed", FeedLost, work))
