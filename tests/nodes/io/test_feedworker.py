"""The process that asks a live market's terminal: it answers over its pipe, is watched, killed where it hangs, and replaced."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.messages.base import Msg
from mesh.messages.feed import FeedAsk, FeedCursor, FeedLost, FeedTicks, FeedTold
from mesh.units import SECOND_NS
from nodes.io.feedworker import NAME, FeedAttachment
from tests.nodes.io.faketicks import CONFIG

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]

PACKAGE = '''
"""Stands in for the real package: a tick each second of the server's clock, for ever; the second 13 hangs."""
import signal
from types import SimpleNamespace as S

import numpy as np

DTYPE = [("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("last", "<f8"), ("volume", "<u8"), ("time_msc", "<i8"),
         ("flags", "<u4"), ("volume_real", "<f8")]

def initialize(*path, **words): return True
def last_error(): return (1, "Success")
def symbol_select(name, enable): return True
def terminal_info(): return S(connected=True)
def copy_ticks_from(name, date_s, count, flags):
    if date_s == 13:
        signal.pause()
    rows = np.zeros(5, DTYPE)
    rows["time_msc"] = (date_s + np.arange(5)) * 1000
    rows["bid"], rows["ask"] = 1.1, 1.2
    return rows
'''
PATIENCE_S = 20.0


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], FeedAttachment]]:
    """Makes the market's end, with a limit in ms for an answer."""
    (tmp_path / "MetaTrader5.py").write_text(PACKAGE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    config = parse(CONFIG.replace("[market]", '[market]\nfeeds = ["mt5,terminal=C:/terminal64.exe"]'))
    made: list[FeedAttachment] = []

    def make(limit_ms: int = 30_000) -> FeedAttachment:
        made.append(FeedAttachment(config, tmp_path / "state", limit_ms))
        return made[-1]

    yield make
    for attachment in made:
        attachment.close()


def ask(server_s: int, count: int = 0) -> FeedAsk:
    return FeedAsk(server_s, [FeedCursor("EURUSD", server_s * 1_000, count)], 0)


def heard(feed: FeedAttachment, wanted: type[Msg]) -> list[Msg]:
    """What came up to the next message of a kind, waited for on the pipe's descriptor; a new process is started on the way."""
    found: list[Msg] = []
    for _ in range(400):
        for message in feed.receive():
            found.append(message)
            if isinstance(message, wanted):
                return found
        descriptors = [feed.fileno()] if feed.fileno() >= 0 else []
        select.select(descriptors, [], [], PATIENCE_S / 400)
    raise AssertionError(f"no {wanted.__name__} came")


def await_process(feed: FeedAttachment) -> None:
    """Look after the feed until another process runs."""
    for _ in range(400):
        feed.receive()
        if feed.fileno() >= 0:
            return
        select.select([], [], [], PATIENCE_S / 400)
    raise AssertionError("no process came")


def test_question_starts_the_process_and_is_answered(feed: Callable[..., FeedAttachment]) -> None:
    """The market asks before its shell says that the loop runs; parts and end come over the pipe."""
    attachment = feed()
    attachment.send(ask(1_000))
    attachment.started()
    part, told = heard(attachment, FeedTold)
    assert isinstance(part, FeedTicks)
    assert isinstance(told, FeedTold)
    cursor = FeedCursor("EURUSD", 1_004_000, 1, (1_004 - 2 * 3_600) * SECOND_NS)
    assert (told.number, told.cursors, told.is_linked) == (1_000, [cursor], True)
    assert len(part.time_ns) == 5 * 8


def test_killed_process_is_told_and_the_next_one_goes_on_from_the_cursor(feed: Callable[..., FeedAttachment]) -> None:
    """kill -9: a FeedLost once, a new process, and what it is asked from is all it needs to know."""
    attachment = feed()
    attachment.send(ask(1_000))
    heard(attachment, FeedTold)
    before = attachment.pid
    os.kill(before, signal.SIGKILL)
    lost = heard(attachment, FeedLost)[-1]
    assert isinstance(lost, FeedLost)
    assert lost.reason == "the process that asks the terminal ended (exit -9)"
    await_process(attachment)
    assert attachment.pid not in (0, before)
    attachment.send(ask(1_004, 1))
    part, _told = heard(attachment, FeedTold)
    assert isinstance(part, FeedTicks)
    assert len(part.time_ns) == 4 * 8


def test_question_to_no_process_is_answered_at_once(feed: Callable[..., FeedAttachment]) -> None:
    """While none runs the market hears so, and asks again after a pause."""
    attachment = feed()
    attachment.send(ask(1_000))
    heard(attachment, FeedTold)
    os.kill(attachment.pid, signal.SIGKILL)
    heard(attachment, FeedLost)
    attachment.send(ask(1_004))
    (lost,) = attachment.receive()
    assert isinstance(lost, FeedLost)
    assert lost.reason == f"the process that asks the terminal ended (exit -9); {NAME} is started again"


def test_terminal_that_hangs_is_not_waited_for(feed: Callable[..., FeedAttachment]) -> None:
    """The package has no time-out: past the limit its process is killed, and another one asks."""
    attachment = feed(3_000)
    attachment.send(ask(1_000))
    heard(attachment, FeedTold)
    attachment.send(ask(13))
    lost = heard(attachment, FeedLost)[-1]
    assert isinstance(lost, FeedLost)
    assert lost.reason == "a question for ticks was not answered in 3000 ms, so the process that asks the terminal was killed (exit -9)"
    await_process(attachment)
    attachment.send(ask(1_000))
    heard(attachment, FeedTold)
