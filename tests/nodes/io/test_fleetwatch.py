"""supervisord's event listener: what it takes of events, answers at once, and asks for."""

import os
import selectors
import subprocess
import sys
from pathlib import Path

import pytest

from nodes.io import fleetwatch
from nodes.io.childends import ChildEnds
from nodes.io.fleetwatch import DONE, READY, Events, Watch, run

EVENT = b"ver:3.0 server:supervisor serial:1 pool:w poolserial:1 eventname:PROCESS_STATE_EXITED len:"
PAYLOAD = b"processname:local-1 groupname:local-1 from_state:RUNNING expected:0 pid:7"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_come_in_pieces_of_any_size(size: int) -> None:
    """Each whole event once."""
    whole = (EVENT + b"%d\n" % len(PAYLOAD) + PAYLOAD) * 3
    events = Events()
    found = [event for begin in range(0, len(whole), size) for event in events.take(whole[begin : begin + size])]
    assert found == [("PROCESS_STATE_EXITED", "local-1", 7)] * 3


def test_what_is_no_event_ends_the_listener() -> None:
    """supervisord writes nothing else: it starts a new listener, which asks how all processes are."""
    with pytest.raises(ValueError, match="none"):
        list(Events().take(b"something else\n"))


class Recorder(Watch):
    """Remembers what it was to take and to tell."""

    def __init__(self) -> None:
        super().__init__(Path("none"), Path("none"), ChildEnds(selectors.DefaultSelector()))
        self.taken: list[tuple[str, str, int]] = []

    def take(self, event: str, process: str, pid: int = 0) -> None:
        self.taken.append((event, process, pid))


def test_each_event_is_answered_and_the_end_of_supervisord_is_its_own() -> None:
    """READY first, then a result and READY for each; when supervisord has gone it ends with 0."""
    their_end, stdin = os.pipe()[::-1]
    stdout, our_end = os.pipe()
    os.write(their_end, (EVENT + b"%d\n" % len(PAYLOAD) + PAYLOAD) * 2)
    os.close(their_end)
    watch = Recorder()
    with selectors.DefaultSelector() as selector:
        assert run(watch, selector, stdin, our_end) == 0
    os.close(our_end)
    assert os.read(stdout, 1_000) == READY + DONE * 2
    assert watch.taken == [("PROCESS_STATE_EXITED", "local-1", 7)] * 2
    os.close(stdin)
    os.close(stdout)


def test_who_was_down_before_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A listener that is started again knows at once who is down, with its code and what it said last."""
    rows = [
        {"name": "local-1", "statename": "FATAL", "pid": 0, "exitstatus": 78, "spawnerr": "Exited too quickly"},
        {"name": "local-2", "statename": "RUNNING", "pid": 0, "exitstatus": 0, "spawnerr": ""},
        {"name": "local-3", "statename": "BACKOFF", "pid": 0, "exitstatus": -1, "spawnerr": ""},
        {"name": "local-4", "statename": "FATAL", "pid": 0, "exitstatus": 0, "spawnerr": "can't find command 'x'"},
    ]
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "local-1.out").write_text("Traceback\nmesh: local-1: its key is missing\n")
    monkeypatch.setattr(fleetwatch, "_processes", lambda: rows)
    watch = Watch(tmp_path / "none", tmp_path, ChildEnds(selectors.DefaultSelector()))
    watch.catch_up()
    assert watch._down is not None
    assert [(each.process, each.ending.code, each.ending.why) for each in watch._down.all] == [
        ("local-1", 78, "exit status 78 (mesh: local-1: its key is missing)"),
        ("local-3", -1, "ended by a signal"),
        ("local-4", 0, "can't find command 'x'"),
    ]


def test_supervisord_without_a_socket_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then only its events are known."""
    monkeypatch.delenv(fleetwatch.SERVER, raising=False)
    assert fleetwatch._processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="platform: descriptors of processes are Linux's")
def test_supervisord_is_asked_the_moment_a_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would sleep on else; what it is asked wakes it, once for each end."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    count = 0
    stdin, their_end = os.pipe()
    stdout, our_end = os.pipe()

    def processes() -> list[dict[str, object]]:
        nonlocal count
        count += 1
        if count == 1:
            process.kill()
        else:
            os.close(their_end)  # then the listener ends, too
        return [{"name": "local-1", "statename": "RUNNING", "pid": process.pid}]

    monkeypatch.setattr(fleetwatch, "_processes", processes)
    with selectors.DefaultSelector() as selector:
        ends = ChildEnds(selector)
        assert run(Watch(Path("none"), Path("none"), ends), selector, stdin, our_end) == 0
        assert (count, ends._descriptors) == (2, {})
    process.communicate()
    for descriptor in (stdin, stdout, our_end):
        os.close(descriptor)


def test_who_has_ended_already_is_not_watched() -> None:
    """There is no process any more, or never was one."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with selectors.DefaultSelector() as selector:
        ends = ChildEnds(selector)
        for pid in (process.pid, 0, -1):
            ends.watch("local-1", pid)
        ends.forget("local-1")
        assert not selector.get_map()
