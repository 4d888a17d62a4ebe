"""Calls that must not be made: a second time, too late, under another's name, by a worker whose local is gone."""

from tests.sim.mutants.mutant import Mutant

CALLS = (
    Mutant(
        "resend_on_timeout",
        "§6.3: a time-out proves nothing; nothing is sent again after it",
        "nodes/local/retcodes.py",
        "    names.TRADE_RETCODE_TIMEOUT: UNKNOWN,",
        "    names.TRADE_RETCODE_TIMEOUT: RETRY,",
    ),
    Mutant(
        "resend_after_lost_worker",
        "§6.3: a call that a worker took with it is UNKNOWN",
        "nodes/local/desk.py",
        'self._lose(job, f"worker={reason}", now_ns)',
        "self._again(job, RETRY, now_ns)",
    ),
    Mutant(
        "resend_after_restart",
        "§6.3: an INTENT without a result is UNKNOWN after a restart",
        "nodes/local/attempts.py",
        '    (INTENT, "restart"): UNKNOWN,',
        '    (INTENT, "restart"): QUEUED,',
    ),
    Mutant(
        "in_hand_forgotten_at_start",
        "§6.8: an INTENT makes an oid known, also to the next life",
        "nodes/local/core.py",
        "orders = [decoded(record) for _key, record in by_kind.get(ORDER_ROW, [])]",
        "orders: list[OrderRecord] = []",
    ),
    Mutant(
        "known_forgotten_at_start",
        "§6.8: oids are kept for ever; a known one is answered with what is stored",
        "nodes/local/core.py",
        "for kind in (OUTCOME, KNOWN):",
        "for kind in (OUTCOME,):",
    ),
    Mutant(
        "attempt_2_before_result_1",
        "§6.3: the next attempt only after the RESULT of the last",
        "nodes/local/desk.py",
        '''        """Report an order that has not ended, as UNKNOWN or WORKING."""
        return''',
        '''        """Report an order that has not ended, as UNKNOWN or WORKING."""
        if job.record.state == CALLED:
            self.at, self._job = "", None
            return self._again(job, RETRY, now_ns)
        return''',
    ),
    Mutant(
        "magic_without_attempt",
        "§6: magic is made of (oid, account, attempt)",
        "mesh/ids.py",
        "_magic((oid, account, attempt))",
        "_magic((oid, account, 1))",
    ),
    Mutant(
        "orphan_worker_sends",
        "§6.4: a worker dies with its local (planted in the model of its death: the real one is in nodes/io/lifeline.py)",
        "tests/sim/simworker.py",
        '''        """The local is gone, and so is its worker."""
        self._new()''',
        '''        """The local is gone, and so is its worker."""''',
    ),
    Mutant(
        "worker_skips_deadline",
        "§6.4, I3: the worker looks at the deadline directly before order_send",
        "nodes/io/venue.py",
        "if order.deadline_ns and now_ns > order.deadline_ns:",
        "if order.deadline_ns and now_ns < 0:",
    ),
    Mutant(
        "worker_skips_latch",
        "§6.4: a call handed over under another count of the latch word comes back unsent",
        "nodes/io/venue.py",
        "if latch_count != order.latch_count:",
        "if latch_count < order.latch_count:",
    ),
    Mutant(
        "deadline_from_arrival",
        "§6.5, I3: an OPEN's deadline is the master's, not so long after it came",
        "nodes/local/intents.py",
        "return min(local_ns, job.arrived_ns + self._open_deadline_ns)",
        "return max(local_ns, job.arrived_ns + self._open_deadline_ns)",
    ),
)
