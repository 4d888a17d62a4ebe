"""Which nodes of a host are down, by supervisord's events, and what is said of them."""

from mesh.codec import decode_untrusted, encode
from nodes.downnodes import Down, DownNodes, Ending, health_of_down
from nodes.io.cli.show import done_by

CRASHED, REFUSED, TOLD = Ending(1, "exit status 1"), Ending(78, "exit status 78"), Ending(0, "exit status 0")


def told(*events: str, ending: Ending = CRASHED) -> list[Down]:
    down = DownNodes(lambda _process: ending)
    for at_ns, event in enumerate(events, start=1):
        down.take(f"PROCESS_STATE_{event}", "local-1", at_ns)
    return down.all


def test_crash_is_told_until_it_runs_again() -> None:
    """Since its first end, how often, how; not while it is being started, for then it may speak for itself."""
    assert told("EXITED") == [Down("local-1", "EXITED", 1, 1, CRASHED, 1)]
    assert told("EXITED", "STARTING") == []
    assert told("EXITED", "STARTING", "BACKOFF") == [Down("local-1", "BACKOFF", 1, 2, CRASHED, 2)]
    assert told("EXITED", "STARTING", "BACKOFF", "FATAL") == [Down("local-1", "FATAL", 1, 2, CRASHED, 3)]
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
    down = Down("local-1", "FATAL", 1_767_600_000_000_000_000, 7, Ending(78, "exit status 78 (" + "x" * 2_000 + ")"), 9)
    health = decode_untrusted(encode(health_of_down(down, "local-1", "local", 5, "1.0", "abc")))
    assert (health.node, health.phase, health.pid) == ("local-1", "FATAL", 0)
    assert health.facts["ended"].startswith("exit status 78 (xxx")
    assert (health.notes[0].level, health.notes[0].name) == ("critical", "node_down")
    assert done_by({"role": "local", "health": {"facts": health.facts, "counters": {}}}) == health.facts["ended"]
