"""Which nodes of a host are down, by supervisord's events; what the routers are told of them."""

import os
from pathlib import Path

import pytest

from mesh.codec import decode_untrusted, encode
from nodes.io import fleetwatch
from nodes.io.cli.show import done_by
from nodes.io.downnodes import Down, DownNodes, Ending, health_of_down
from nodes.io.fleetwatch import DONE, READY, Events, Watch, run

CRASHED, REFUSED, TOLD = Ending(1, "exit status 1"), Ending(78, "exit status 78"), Ending(0, "exit status 0")


def told(*events: str, ending: Ending = CRASHED) -> list[Down]:
    down = DownNodes(lambda _process: ending)
    for at_ns, event in enumerate(events, start=1):
        down.take(f"PROCESS_STATE_{event}", "local-1", at_ns)
    return down.all


def test_crash_is_told_until_it_runs_again() -> None:
    """Since its first end, how often, how; not while it is being started, for then it may speak for itself."""
    assert told("EXITED") == [Down("local-1", "EXITED", 1, 1, CRASHED)]
    assert told("EXITED", "STARTING") == []
    assert told("EXITED", "STARTING", "BACKOFF") == [Down("local-1", "BACKOFF", 1, 2, CRASHED)]
    assert told("EXITED", "STARTING", "BACKOFF", "FATAL") == [Down("local-1", "FATAL", 1, 2, CRASHED)]
    assert told("EXITED", "STARTING", "RUNNING") == []
    assert told("STARTING", "RUNNING", "EXITED")[0].since_ns == 3


def test_who_was_told_to_end_is_not_down() -> None:
    """A stop that was asked for, and an end by itself with 0."""
    assert told("STARTING", "RUNNING", "STOPPING", "STOPPED") == []
    assert told("EXITED", ending=TOLD) == []
    assert told("EXITED", "STARTING", "BACKOFF", "STOPPED") == []


def test_who_stays_down_is_told_though_somebody_stopped_it() -> None:
    """`mesh up` has supervisord try no more where the configuration is wrong (78): the node is down all the same."""
    assert [each.ending.code for each in told("STARTING", "BACKOFF", "STOPPED", ending=REFUSED)] == [78]
    assert told("STARTING", "BACKOFF", "STOPPED", "STARTING", "RUNNING", ending=REFUSED) == []


def test_events_of_others_change_nothing() -> None:
    """Two processes are two."""
    down = DownNodes(lambda _process: CRASHED)
    down.take("PROCESS_STATE_FATAL", "local-1", 1)
    down.take("PROCESS_STATE_RUNNING", "local-2", 2)
    assert [each.process for each in down.all] == ["local-1"]


def test_health_of_a_node_that_is_down() -> None:
    """Its phase says so, a fact and a note say how it ended and since when; the wire takes it, however much was said."""
    down = Down("local-1", "FATAL", 1_767_600_000_000_000_000, 7, Ending(78, "exit status 78 (" + "x" * 2_000 + ")"))
    health = decode_untrusted(encode(health_of_down(down, "local-1", "local", 5, "1.0", "abc")))
    assert (health.node, health.phase, health.pid) == ("local-1", "FATAL", 0)
    assert health.facts["ended"].startswith("exit status 78 (xxx")
    assert (health.notes[0].level, health.notes[0].name) == ("critical", "node_down")
    assert done_by({"role": "local", "health": {"facts": health.facts, "counters": {}}}) == health.facts["ended"]


EVENT = b"ver:3.0 server:supervisor serial:1 pool:w poolserial:1 eventname:PROCESS_STATE_EXITED len:"
PAYLOAD = b"processname:local-1 groupname:local-1 from_state:RUNNING expected:0 pid:7"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_come_in_pieces_of_any_size(size: int) -> None:
    """Each whole event once."""
    whole = (EVENT + b"%d\n" % len(PAYLOAD) + PAYLOAD) * 3
    events = Events()
    found = [event for begin in range(0, len(whole), size) for event in events.take(whole[begin : begin + size])]
    assert found == [("PROCESS_STATE_EXITED", "local-1")] * 3


def test_what_is_no_event_ends_the_listener() -> None:
    """supervisord writes nothing else: it starts a new listener, which asks how all processes are."""
    with pytest.raises(ValueError, match="none"):
        list(Events().take(b"something else\n"))


class Recorder(Watch):
    """Remembers what it was to take and to tell."""

    def __init__(self) -> None:
        super().__init__(Path("none"), Path("none"))
        self.taken: list[tuple[str, str]] = []

    def take(self, event: str, process: str) -> None:
        self.taken.append((event, process))


def test_each_event_is_answered_and_the_end_of_supervisord_is_its_own() -> None:
    """READY first, then a result and READY for each; when supervisord has gone it ends with 0."""
    their_end, stdin = os.pipe()[::-1]
    stdout, our_end = os.pipe()
    os.write(their_end, (EVENT + b"%d\n" % len(PAYLOAD) + PAYLOAD) * 2)
    os.close(their_end)
    watch = Recorder()
    assert run(watch, stdin, our_end) == 0
    os.close(our_end)
    assert os.read(stdout, 1_000) == READY + DONE * 2
    assert watch.taken == [("PROCESS_STATE_EXITED", "local-1")] * 2
    os.close(stdin)
    os.close(stdout)


def test_who_was_down_before_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A listener that is started again knows at once who is down, with its code and what it said last."""
    rows = [
        {"name": "local-1", "statename": "FATAL", "exitstatus": 78, "spawnerr": "Exited too quickly"},
        {"name": "local-2", "statename": "RUNNING", "exitstatus": 0, "spawnerr": ""},
        {"name": "local-3", "statename": "BACKOFF", "exitstatus": -1, "spawnerr": ""},
        {"name": "local-4", "statename": "FATAL", "exitstatus": 0, "spawnerr": "can't find command 'x'"},
    ]
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "local-1.out").write_text("Traceback\nmesh: local-1: its key is missing\n")
    monkeypatch.setattr(fleetwatch, "_processes", lambda: rows)
    watch = Watch(tmp_path / "none", tmp_path)
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
