"""Closes that wait, are lost, are said too early or take too much."""

from tests.sim.mutants.mutant import Mutant

CLOSES = (
    Mutant(
        "close_waits_behind_gap",
        "§6.7: a CLOSE may overtake",
        "nodes/local/orderintake.py",
        "if body.action == OPEN and target.k > state.stream.received_k:",
        "if target.k > state.stream.received_k:",
    ),
    Mutant(
        "close_expires",
        "§6.7: a CLOSE does not expire",
        "nodes/master/orderlog.py",
        "    if not record.deadline_ns:\n        return False\n",
        "",
    ),
    Mutant(
        "close_not_sent_again",
        "§6.8: a new master sends CLOSEs again under their oid",
        "nodes/master/recovery.py",
        "    if not closes:\n        return False\n",
        "    if closes or not closes:\n        return False\n",
    ),
    Mutant(
        "close_of_unknown_dropped",
        "§6.7: a CLOSE stands over an OPEN whose result is unknown",
        "nodes/local/intents.py",
        "(running.record.state in (INTENT, CALLED, UNKNOWN) or record.volume_e8 > 0):\n            return Wait(what=\"opening\")",
        "running.record.state in (INTENT, CALLED, UNKNOWN):\n            return End(codes.CLOSED, \"already=never_opened\")",
    ),
    Mutant(
        "superseded_open_runs",
        "§6.7: an OPEN that a full CLOSE came before is SUPERSEDED",
        "nodes/local/intents.py",
        """            state.openings.bar(record.ref_oid)
        return End(codes.CLOSED, "already=superseded")""",
        """            pass
        return End(codes.CLOSED, "already=superseded")""",
    ),
)
