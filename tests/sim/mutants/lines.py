"""Lines that are ended by who may not, or not shown."""

from tests.sim.mutants.mutant import Mutant

LINES = (
    Mutant(
        "silent_open_ended_by_master",
        "§6.10: only a local ends a line it may have received",
        "nodes/master/deciding.py",
        "            self._state.ledger.mark(line, UNCONFIRMED)\n",
        '            self._state.ledger.end(line, "EXPIRED", "silent", 0, None)\n',
    ),
    Mutant(
        "silent_line_not_shown",
        "§6.10, I5: an OPEN silent past its deadline is UNCONFIRMED",
        "nodes/master/deciding.py",
        "            state.timers.set((ORDER_TIMER,",
        "            None and state.timers.set((ORDER_TIMER,",
    ),
    Mutant(
        "state_code_ends_a_line",
        "§6.10: WORKING and UNKNOWN are states, no ends",
        "nodes/master/intake.py",
        "if not outcome.final or outcome.code not in FINAL_CODES:",
        "if outcome.code == WORKING:",
    ),
)
