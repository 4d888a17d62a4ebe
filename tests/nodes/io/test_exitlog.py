"""supervisord's log: each end of a process once, with how it was."""

from pathlib import Path

from nodes.io.exitlog import Exit, ExitLog

SPAWNED = "2026-01-05 10:00:00,000 INFO spawned: 'cci-1' with pid 7\n"
CRASHED = "2026-01-05 10:00:01,000 WARN exited: cci-1 (exit status 1; not expected)\n"
KILLED = "2026-01-05 10:00:02,000 WARN exited: local-1 (terminated by SIGSEGV (core dumped); not expected)\n"
BY_RULE = "2026-01-05 10:00:03,000 INFO exited: local-2 (exit status 78; expected)\n"
STOPPED = "2026-01-05 10:00:04,000 INFO stopped: router-1 (exit status 0)\n"


def test_each_end_is_told_once_and_what_was_stopped_is_none(tmp_path: Path) -> None:
    """Exit codes and signals; a line that is still being written waits for its end; an older run's are not ours."""
    path = tmp_path / "supervisord.log"
    path.write_text(CRASHED)
    log = ExitLog(path)
    assert log.news() == []
    with path.open("a") as file:
        file.write(SPAWNED + CRASHED + KILLED + STOPPED + BY_RULE[:40])
    ends = log.news()
    assert ends == [Exit("cci-1", "exit status 1"), Exit("local-1", "terminated by SIGSEGV (core dumped)")]
    assert [end.exit_code for end in ends] == [1, None]
    with path.open("a") as file:
        file.write(BY_RULE[40:])
    assert [(end.process, end.exit_code) for end in log.news()] == [("local-2", 78)]
    assert log.news() == []


def test_log_that_is_begun_anew_or_gone_is_no_error(tmp_path: Path) -> None:
    """supervisord turns over a log that is full; where there is none, nothing is known."""
    path = tmp_path / "supervisord.log"
    assert ExitLog(path).news() == []
    path.write_text(SPAWNED * 10)
    log = ExitLog(path)
    path.write_text(CRASHED)
    assert [end.process for end in log.news()] == ["cci-1"]
