"""A run whose terminal is closed: it ends as by any other hand, and what it says then goes nowhere instead of ending it early."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from nodes.io.cli.watching import BY_HAND, HANGUP, Ending

RUN = """
import sys, threading
from pathlib import Path
from nodes.io.cli.watching import Ending
ending = Ending()
ending.listen()
print("listening", flush=True)
while not ending.reason:
    threading.Event().wait(0.01)
print("a summary that nobody reads", flush=True)
print("and a warning", file=sys.stderr, flush=True)
Path(sys.argv[1]).write_text(ending.reason)
"""


@pytest.mark.slow
def test_a_closed_terminal_ends_the_run_and_lets_it_finish(tmp_path: Path) -> None:
    """What it prints after that is no error, and its files are written."""
    ours, theirs = pty.openpty()
    written = tmp_path / "written"
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(written)],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"listening" not in said:
            said += os.read(ours, 1_024)
        os.close(ours)
        assert process.wait(30) == 0
    assert written.read_text() == "SIGHUP (its terminal was closed)"


def test_whoever_asked_for_hang_ups_to_be_ignored_is_not_ended_by_one() -> None:
    """As nohup does: the run goes on, and every other signal still ends it."""
    before = {number: signal.getsignal(number) for number in BY_HAND}
    assert HANGUP is not None
    signal.signal(HANGUP, signal.SIG_IGN)
    ending = Ending()
    ending.listen()
    try:
        assert signal.getsignal(HANGUP) == signal.SIG_IGN
        os.kill(os.getpid(), HANGUP)
        assert ending.reason == ""
        os.kill(os.getpid(), signal.SIGTERM)
        assert ending.reason == "SIGTERM"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_closed_terminal_is_an_end_by_hand() -> None:
    """Nobody is missed who was still coming up then."""
    ending = Ending()
    assert HANGUP is not None
    ending.ask(BY_HAND[HANGUP])
    assert ending.is_by_hand
