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
        "placed_is_filled",
        "§6.3: an order that was placed has not been filled",
        "nodes/io/venue.py",
        "if result.retcode == names.TRADE_RETCODE_PLACED:",
        "if result.retcode < 0:",
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
        "absent_without_server",
        "§6.3: a terminal that does not see its server proves no absence",
        "nodes/local/lostattempts.py",
        "        if not connected:\n",
        "        if connected is None:\n",
    ),
    Mutant(
        "unknown_blocks_nothing",
        "§6.3: UNKNOWN blocks new opens of that symbol",
        "nodes/local/intents.py",
        "if self._jobs.blocks_opens(record.symbol):",
        'if self._jobs.blocks_opens(""):',
    ),
    Mutant(
        "late_fill_not_watched",
        "§6.3: what is NOT_FOUND may still turn up: FILLED_LATE",
        "nodes/local/finishing.py",
        "            puts += state.late.watch(record)\n        if record.action == OPEN and record.attempt",
        "            pass\n        if record.action == OPEN and record.attempt",
    ),
    Mutant(
        "late_fill_ignored",
        "§6.3: FILLED_LATE takes the place of NOT_FOUND in the ledger",
        "nodes/master/intake.py",
        "if (line.code, outcome.code) == (NOT_FOUND, FILLED_LATE):",
        "if (line.code, outcome.code) == (FILLED_LATE, NOT_FOUND):",
    ),
    Mutant(
        "lost_attempt_forgotten",
        "§6.3: each attempt without a result is looked for, not the last alone",
        "nodes/local/attempts.py",
        "return [*(number for number in record.lost if number != record.attempt), record.attempt][-LOST_MAX:]",
        "return [record.attempt]",
    ),
)
