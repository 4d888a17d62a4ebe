"""What operating systems do differently: each branch with fakes of what only Windows has, and nowhere else than where it is said to be."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mesh.io import system

CHECKOUT = Path(__file__).resolve().parents[3]
ASKS = re.compile(r"\bsys\.platform\s*[!=]=|\bos\.name\s*[!=]=|\bplatform\.system\(")
BREAK = signal.SIGQUIT
"""Stands for SIGBREAK."""


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is told that it runs on Windows."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(signal, "SIGBREAK", BREAK, raising=False)


def test_each_module_that_asks_for_the_system_is_in_the_table() -> None:
    """And each that is in the table asks."""
    rows = [line.split("|")[1] for line in (system.__doc__ or "").splitlines() if line.startswith("| ") and "---" not in line]
    said = {name.strip() for row in rows[1:] for name in row.split(",")} | {"mesh/io/system"}
    paths = [path for top in ("mesh", "nodes", "tui") for path in (CHECKOUT / top).rglob("*.py")]
    asking = {str(path.relative_to(CHECKOUT).with_suffix("")) for path in paths if ASKS.search(path.read_text(encoding="utf-8"))}
    assert asking == said, "ask mesh/io/system, or give the module a row in its table"


def test_loop_here_is_uvloops() -> None:
    """It can wait on a descriptor, and take a signal."""
    loop = system.new_loop()
    assert type(loop).__module__.startswith("uvloop")
    loop.close()


def test_loop_on_windows_is_winloops_or_one_over_select(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where winloop is not installed asyncio's own is taken, not its default there, which cannot wait on ZeroMQ's descriptor."""
    fake, made = ModuleType("winloop"), asyncio.SelectorEventLoop()
    fake.new_event_loop = lambda: made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "winloop", fake)
    assert system.new_loop() is made
    made.close()
    monkeypatch.setitem(sys.modules, "winloop", None)
    loop = system.new_loop()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    loop.close()


def test_stops_are_asked_for_by_signals_that_there_are() -> None:
    """SIGUSR1 freezes here."""
    assert system.stop_signals() == (signal.SIGTERM, signal.SIGINT)
    assert system.freeze_signals() == (signal.SIGUSR1,)


def test_on_windows_ctrl_break_stops_and_nothing_freezes(windows: None) -> None:
    """Ctrl-Break is what another process can send there; without a signal that freezes there is nothing to ignore."""
    assert system.stop_signals() == (signal.SIGTERM, signal.SIGINT, BREAK)
    assert system.freeze_signals() == ()
    system.ignore_freeze_signals()


class Deaf(asyncio.SelectorEventLoop):
    """A loop that takes no signals, as asyncio's own on Windows."""

    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("kind", [Deaf, system.new_loop])
def test_signal_calls_back_whether_or_not_the_loop_takes_it(kind: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """In the loop's own thread and turn: the callback may do what any other may."""
    loop, before, called = kind(), signal.getsignal(signal.SIGUSR2), []

    def back() -> None:
        called.append(asyncio.events._get_running_loop())
        loop.stop()

    try:
        system.take_signal(loop, signal.SIGUSR2, back)
        loop.call_soon(signal.raise_signal, signal.SIGUSR2)
        loop.call_later(5, loop.stop)
        loop.run_forever()
        assert called == [loop]
    finally:
        loop.close()
        signal.signal(signal.SIGUSR2, before)


def test_a_process_ends_at_once_by_what_its_system_has(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """TerminateProcess on Windows, under the name of SIGTERM; of a group it alone."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(system.os, "kill", lambda pid, number: sent.append((pid, number)))
    monkeypatch.setattr(system.os, "getpid", lambda: 7)
    system.die()
    monkeypatch.setattr(sys, "platform", "linux")
    system.die()
    assert sent == [(7, signal.SIGTERM), (7, signal.SIGKILL)]


def test_a_group_is_killed_whole_and_on_windows_its_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that the killed process started ends with it here."""
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'input()'], stdin=0); print('up', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        system.kill_group(process)
        assert process.stdout.read() == b"", "its child had the other copy of this pipe"
        assert process.wait() == -signal.SIGKILL
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        monkeypatch.setattr(sys, "platform", "win32")
        system.kill_group(process)
        monkeypatch.undo()
        assert process.wait() == -signal.SIGKILL


def test_modes_say_who_may_read_but_not_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """There each file shows 0666, whoever may read it."""
    assert [system.may_others(mode) for mode in (0o100600, 0o100640, 0o100604, 0o100777)] == [False, True, True, True]
    monkeypatch.setattr(sys, "platform", "win32")
    assert not system.may_others(0o100666)


def test_root_has_a_name_and_others_are_not_asked_for_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """supervisord wants it said on purpose that it runs as root."""
    monkeypatch.setattr(system.os, "geteuid", lambda: 0)
    assert system.root_name() == "root"
    monkeypatch.setattr(system.os, "geteuid", lambda: 1_000)
    assert system.root_name() == ""
    monkeypatch.setattr(sys, "platform", "win32")
    assert system.root_name() == ""


@pytest.mark.parametrize("name", ["linux", "win32"])
def test_giving_way_comes_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that yields calls this all the time."""
    monkeypatch.setattr(sys, "platform", name)
    system.give_way()
