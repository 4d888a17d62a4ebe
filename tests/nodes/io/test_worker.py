"""A worker is a process of its own: one request at a time over its pipe, watched, replaced when it dies, ended with its local."""

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mesh.config import Config, parse
from mesh.messages.base import Msg
from mesh.messages.control import Ping
from mesh.messages.venue import VenueAttach, VenueAttached, VenueLatch, VenueLost, VenueRead, VenueResult, VenueSend, VenueState
from mesh.units import MS_NS
from nodes.io.latchword import LatchWord
from nodes.io.pipe import Pipe
from nodes.io.worker import ATTACH_MORE_MS, WorkerAttachment, latch_path, lock_path, work
from tests.nodes.io.faketicks import real_mesh
from tests.nodes.io.test_venuelimits import state_of

ROOT = Path(__file__).parents[3]
PACKAGE = '''
"""Stands in for the real package: an account, one symbol, and an order_send that hangs where it is told to."""
import signal
from types import SimpleNamespace as S

def initialize(path, **words): return True
def last_error(): return (1, "Success")
def account_info():
    return S(login=5001, server="real", currency="USD", leverage=100, margin_mode=2, trade_mode=0, trade_allowed=True, trade_expert=True)
def terminal_info(): return S(connected=True, trade_allowed=True, tradeapi_disabled=False, ping_last=41000, path="c:\\\\MT5")
def symbol_select(name, enable): return True
def symbol_info(name):
    return S(point=0.00001, digits=5, trade_tick_size=0.00001, trade_tick_value=1.0, trade_contract_size=100000.0, volume_min=0.01,
             volume_max=100.0, volume_step=0.01, trade_stops_level=0, trade_mode=4, filling_mode=3, trade_exemode=2, ask=1.1, bid=1.1)
def symbol_info_tick(name): return S(bid=1.1, ask=1.1, time_msc=1767600000000)
def order_calc_margin(action, name, lots, price): return 1000.0
def history_deals_get(*a, **k): return ()
def order_send(request):
    if request["comment"] == "hang":
        signal.pause()
    return S(retcode=10009, deal=0, order=7, volume=request["volume"], price=1.1, comment="done")
'''
CONFIG = real_mesh("C:/MT5/terminal64.exe")
PATIENCE_S = 20.0


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """An account whose package is the one above."""
    (tmp_path / "MetaTrader5.py").write_text(PACKAGE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    return parse(CONFIG)


@pytest.fixture
def worker(config: Config, tmp_path: Path) -> Iterator[WorkerAttachment]:
    """A running worker."""
    attachment = WorkerAttachment("one", config, tmp_path / "state")
    attachment.started()
    yield attachment
    attachment.close()


def heard(worker: WorkerAttachment, wanted: type[Msg]) -> Msg:
    """The next message of a kind, waited for on the pipe's descriptor; a new worker is started on the way."""
    for _ in range(400):
        for message in worker.receive():
            if isinstance(message, wanted):
                return message
        descriptors = [worker.fileno()] if worker.fileno() >= 0 else []
        select.select(descriptors, [], [], PATIENCE_S / 400)
    raise AssertionError(f"no {wanted.__name__} came")


def order(call: int = 1, comment: str = "tm", latch_count: int = 3) -> VenueSend:
    """An open."""
    return VenueSend(
        call, b"o" * 16, 1, 99, "OPEN", "EURUSD", 1, 10_000_000, 0, 0, 0, 0, 0, 20, 110_000_000, 0, 0, 0, latch_count, comment
    )


def pid_of(state: Path) -> int:
    """The process that holds the account."""
    return int(lock_path(state, 5001, "real").read_text())


@pytest.mark.slow
def test_worker_attaches_and_answers_one_request_after_the_other(worker: WorkerAttachment) -> None:
    """Requests are answered in order; the latch word set by the local is the one the worker sees."""
    worker.send(VenueLatch(3))
    worker.send(VenueAttach("one"))
    attached = heard(worker, VenueAttached)
    assert isinstance(attached, VenueAttached)
    assert (attached.login, attached.refused, len(attached.symbols)) == (5001, "", 1)
    worker.send(order())
    result = heard(worker, VenueResult)
    assert isinstance(result, VenueResult)
    assert (result.class_, result.order_ticket, result.volume_e8) == ("ACCEPTED", 7, 10_000_000)
    worker.send(VenueLatch(4))
    worker.send(order(2))
    late = heard(worker, VenueResult)
    assert isinstance(late, VenueResult)
    assert (late.class_, late.detail.split()[0]) == ("UNSENT", "LATCH")


@pytest.mark.slow
def test_worker_killed_in_a_call_is_told_lost_and_replaced(worker: WorkerAttachment, tmp_path: Path) -> None:
    """kill -9 while the terminal hangs: the local hears VenueLost once, and the next worker takes over the account."""
    worker.send(VenueLatch(3))
    worker.send(VenueAttach("one"))
    heard(worker, VenueAttached)
    first = pid_of(tmp_path / "state")
    worker.send(order(comment="hang"))
    os.kill(first, signal.SIGKILL)
    lost = heard(worker, VenueLost)
    assert isinstance(lost, VenueLost)
    assert "-9" in lost.reason
    worker.send(VenueAttach("one"))
    assert isinstance(heard(worker, VenueLost), VenueLost), "what is said to nobody is told lost too"
    while worker.fileno() < 0:
        worker.receive()
        select.select([], [], [], 0.02)
    worker.send(VenueAttach("one"))
    heard(worker, VenueAttached)
    assert pid_of(tmp_path / "state") != first


@pytest.mark.slow
def test_call_past_its_limit_costs_the_worker_its_life(tmp_path: Path, config: Config) -> None:
    """The terminal never answers: the worker is killed, the local hears in which call, and a new worker takes the account over."""
    del config  # what it sets up is needed
    attachment = WorkerAttachment("one", parse(CONFIG + "[timers]\nvenue_call_ms = 300\n"), tmp_path / "state")
    attachment.started()
    attachment.send(VenueLatch(3))
    attachment.send(VenueAttach("one"))
    heard(attachment, VenueAttached)
    first = pid_of(tmp_path / "state")
    attachment.send(order(comment="hang"))
    lost = heard(attachment, VenueLost)
    assert isinstance(lost, VenueLost)
    assert lost.reason.startswith("VenueSend OPEN EURUSD oid=6f6f6f")
    assert "attempt=1 was not answered in 300 ms" in lost.reason
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    while attachment.fileno() < 0:
        attachment.receive()
        select.select([], [], [], 0.02)
    attachment.send(VenueAttach("one"))
    heard(attachment, VenueAttached)
    attachment.close()


@pytest.fixture
def mute(config: Config, tmp_path: Path) -> Iterator[tuple[WorkerAttachment, Pipe]]:
    """A local's end whose worker is this test; and the worker's end."""
    attachment = WorkerAttachment("one", config, tmp_path / "state")
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    attachment._child._pipe = Pipe(ours)
    with theirs:
        yield attachment, Pipe(theirs)
    attachment.close()


def waited(attachment: WorkerAttachment, ms: int) -> list[str]:
    """What is told lost when the call in hand was made so much earlier."""
    attachment._child._asked_ns -= ms * MS_NS
    return [message.reason for message in drained(attachment) if isinstance(message, VenueLost)]


def test_attach_may_take_longer_than_another_call(mute: tuple[WorkerAttachment, Pipe]) -> None:
    """A terminal that has to be started is waited for; but not for ever."""
    attachment, _ = mute
    attachment.send(VenueAttach("one"))
    assert waited(attachment, 30_000) == []
    (reason,) = waited(attachment, ATTACH_MORE_MS)
    assert reason.startswith("VenueAttach was not answered in 50000 ms")


def test_limit_holds_for_the_call_in_hand_alone(mute: tuple[WorkerAttachment, Pipe]) -> None:
    """An answered call is over, a latch word is none, and the next one has the whole limit."""
    attachment, worker = mute
    assert waited(attachment, 60_000) == []
    attachment.send(VenueRead(1, 0, 0))
    worker.send(Ping("one", 1))
    assert waited(attachment, 60_000) == []
    attachment.send(VenueLatch(4))
    assert waited(attachment, 60_000) == []
    attachment.send(VenueRead(2, 0, 0))
    assert waited(attachment, 29_000) == []
    assert waited(attachment, 1_000) == ["VenueRead was not answered in 30000 ms, so the worker was killed (exit None)"]


@pytest.mark.slow
def test_worker_ends_with_its_local(config: Config, tmp_path: Path) -> None:
    """The end of the pipe is the end of the worker; its process is reaped."""
    attachment = WorkerAttachment("one", config, tmp_path / "state")
    attachment.started()
    attachment.send(VenueAttach("one"))
    heard(attachment, VenueAttached)
    pid = pid_of(tmp_path / "state")
    attachment.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_worker_without_the_package_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A real terminal on a machine where there can be none: the local hears key and value, stderr has one line."""
    (tmp_path / "MetaTrader5.py").write_text("raise ImportError('not for this system')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    attachment = WorkerAttachment("one", parse(CONFIG), tmp_path / "state")
    attachment.started()
    lost = heard(attachment, VenueLost)
    assert isinstance(lost, VenueLost)
    assert lost.reason.startswith('account.one.terminal = "C:/MT5/terminal64.exe": a real terminal needs the package MetaTrader5')
    while attachment.fileno() >= 0:
        select.select([attachment.fileno()], [], [], PATIENCE_S)
        assert attachment.receive() == [], "why it ended is told already"
    attachment.send(VenueAttach("one"))
    (again,) = drained(attachment)
    assert isinstance(again, VenueLost)
    assert again.reason == f"{lost.reason}; the worker is started again"
    attachment.close()
    assert capfd.readouterr().err == f"mesh: worker of one: {lost.reason}\n"


def test_message_to_no_worker_is_told_lost(config: Config, tmp_path: Path) -> None:
    """Before there is a worker nothing is silently dropped."""
    attachment = WorkerAttachment("one", config, tmp_path / "state")
    assert attachment.fileno() == -1
    attachment.send(VenueAttach("one"))
    attachment.send(VenueLatch(5))
    lost = [message for message in drained(attachment) if isinstance(message, VenueLost)]
    assert len(lost) == 1
    assert LatchWord(latch_path(tmp_path / "state", "one")).get() == 5
    attachment.close()


def drained(attachment: WorkerAttachment) -> list[Msg]:
    """What it has to say, without letting it start a worker."""
    attachment._child._start_at_ns = 2**63
    return attachment.receive()


def test_lock_is_of_a_login_at_a_server(tmp_path: Path) -> None:
    """Two servers may give out the same number; the name of one is no path to elsewhere."""
    assert lock_path(tmp_path, 5001, "A-Live") == lock_path(tmp_path, 5001, "A-Live")
    assert lock_path(tmp_path, 5001, "A-Live") != lock_path(tmp_path, 5001, "B-Live")
    assert lock_path(tmp_path, 5001, "../B Live/x").parent == tmp_path


def test_worker_says_nothing_that_its_local_cannot_read(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that no message can hold is left out before it is sent."""
    monkeypatch.setitem(sys.modules, "MetaTrader5", SimpleNamespace(last_error=None))
    monkeypatch.setattr("nodes.io.venue.Venue.handle", lambda _self, _message: state_of(-1, 5))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        local = Pipe(ours)
        local.send(VenueRead(1, 0, 0))
        ours.shutdown(socket.SHUT_WR)
        assert work(config, ["one", str(tmp_path)], Pipe(theirs)) == 0
        (state,) = local.receive() or []
    assert isinstance(state, VenueState)
    assert [held.ticket for held in state.positions] == [5]


def test_latch_word_is_shared_between_maps(tmp_path: Path) -> None:
    """What one process sets another one sees at once."""
    first, second = LatchWord(tmp_path / "run" / "latch.bin"), LatchWord(tmp_path / "run" / "latch.bin")
    first.set(7)
    assert second.get() == 7
    second.set(2**63)
    assert first.get() == 2**63
    first.close()
    second.close()
