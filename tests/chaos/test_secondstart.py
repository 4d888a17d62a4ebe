"""A second copy of a node: how it ended is told from whether the first one was there all the while."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.chaos.secondstart import LIMIT_S, Ended, SecondStart

BEGAN_S = 1_000.0


@pytest.fixture
def first() -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until it is ended."""
    with _running() as process:
        yield process
        process.kill()


def _running() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_copy_that_runs_on_beside_the_first_is_no_free_place(first: subprocess.Popen[bytes]) -> None:
    """As where no lock holds it off: it is ended when its time is over, and found wanting."""
    with _running() as copy:
        second = SecondStart("local-1", first.pid, copy, BEGAN_S)
        assert second.look(BEGAN_S + LIMIT_S - 1) is None
        assert second.look(BEGAN_S + LIMIT_S) == Ended("local-1", None, False)
        assert copy.poll() is not None
    assert Ended("local-1", None, False).words == "local-1: ran on beside the first"


@pytest.mark.parametrize("is_reaped", [True, False])
def test_a_copy_may_run_where_the_first_has_gone(first: subprocess.Popen[bytes], is_reaped: bool) -> None:
    """Also while nobody has waited for what is left of it."""
    with _running() as copy:
        second = SecondStart("local-1", first.pid, copy, BEGAN_S)
        first.kill()
        _wait_dead(first, is_reaped)
        assert second.look(BEGAN_S + LIMIT_S) == Ended("local-1", None, True)
    assert Ended("local-1", None, True).words == "local-1: found the place free"


def _wait_dead(process: subprocess.Popen[bytes], is_reaped: bool) -> None:
    if is_reaped:
        process.wait()
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_copy_that_ends_is_told_at_once_with_its_code(first: subprocess.Popen[bytes]) -> None:
    """75 is what it has to be."""
    copy = subprocess.Popen([sys.executable, "-c", "raise SystemExit(75)"])
    copy.wait()
    ended = SecondStart("local-1", first.pid, copy, BEGAN_S).look(BEGAN_S)
    assert ended == Ended("local-1", 75, False)
    assert ended.words == "local-1: 75"
