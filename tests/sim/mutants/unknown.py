"""Attempts whose result nobody heard, taken for what they are not."""

from tests.sim.mutants.mutant import Mutant

UNKNOWN = (
    Mutant(
        "unknown_is_failed",
        "§6.3: an unknown result is no refusal",
        "nodes/local/desk.py",
        'return self._lose(job, f"retcode=',
        'return self._end(job, Ending("REJECTED", "no_answer"), now_ns)\n            return self._lose(job, f"retcode=',
    ),
    Mutant(
        "not_found_at_once",
        "§6.3: absent after the settle window is NOT_FOUND, not absent once",
        "nodes/local/lostattempts.py",
        "if not is_settled and (now_ns - job.settling_ns",
        "if False and (now_ns - job.settling_ns",
    ),
    Mutant(
        "settle_window_zero",
        "§6.3: looks alone prove no absence, time has to pass",
        "nodes/local/lostattempts.py",
        "(now_ns - job.settling_ns < self._settle_ns or job.find_count < FINDS_MIN)",
        "job.find_count < FINDS_MIN",
    ),
    Mutant(
        "unknown_blocks_nothing",
        "§6.3: UNKNOWN blocks new opens of that symbol",
        "nodes/local/intents.py",
        "if lost := self._jobs.unknown_in(record.symbol):",
        'if lost := self._jobs.unknown_in(""):',
    ),
)
