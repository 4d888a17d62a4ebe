"""Lives of masters that are not kept apart."""

from tests.sim.mutants.mutant import Mutant

EPOCHS = (
    Mutant(
        "equal_epoch_taken_again",
        "§6.8: only a higher epoch is taken",
        "nodes/local/orderintake.py",
        "if order.e > state.stream.e:",
        "if order.e >= state.stream.e:",
    ),
    Mutant(
        "epoch_of_last_life",
        "§6: e is one life's; the next one's is above the stored one",
        "nodes/master/recovery.py",
        "    epoch = epoch_after(older, state.wall.at(now_ns), state.life)\n",
        "    epoch = max(older, default=0) or epoch_after(older, state.wall.at(now_ns), state.life)\n",
    ),
    Mutant(
        "epoch_from_wall_clock_alone",
        "§6: e is above the stored one whatever the wall clock says",
        "nodes/master/recovery.py",
        "seconds = max([wall_ns // SECOND_NS, *((e >> LIFE_BITS) + 1 for e in older)])",
        "seconds = wall_ns // SECOND_NS",
    ),
    Mutant(
        "dedupe_by_k_without_e",
        "§6: orders are known by (e, k)",
        "nodes/local/orderintake.py",
        "        state.stream.restart(e, 0)\n",
        "        state.stream.e = e\n",
    ),
    Mutant(
        "deadline_carried_into_new_epoch",
        "§6.5, §6.8: a new master sends no OPEN again; its deadline was of another clock",
        "nodes/master/recovery.py",
        "closes = [line.record for line in decision.lines if line.is_open and line.record.action == CLOSE]",
        "closes = [line.record for line in decision.lines if line.is_open]",
    ),
    Mutant(
        "life_before_is_forgotten",
        "§6.8: what an earlier life may have had is looked for before it ends",
        "nodes/master/account.py",
        "        self.stale_k = self.k\n        for line",
        "        for line",
    ),
    Mutant(
        "void_ends_unseen",
        "§6.8: a store may have been put back: VOID ends nothing without a look",
        "nodes/local/orderintake.py",
        "        job = Job(void_record(line, e), now_ns)\n",
        "        if not line.is_unsure:\n            return self._expire(line.oid, e, VOID, now_ns)\n"
        "        job = Job(void_record(line, e), now_ns)\n",
    ),
    Mutant(
        "list_never_asked_for_again",
        "§6.8: an account is decided for after LISTED, whatever was lost on its way",
        "nodes/master/backchannel.py",
        "        if account.is_known and account.listed_f < 0 and message.life == account.life:",
        "        if False:",
    ),
    Mutant(
        "answers_forgotten_at_start",
        "§6.1: a repeated sid gets the stored answer, also of the next life",
        "nodes/master/recovery.py",
        "    for key, _ in of_kind.get(SID, ()):\n",
        "    for key, _ in ():\n",
    ),
    Mutant(
        "older_master_goes_on",
        "§6.8: a master that hears of a later epoch ends",
        "nodes/master/backchannel.py",
        '        why = f"{node} has seen epoch {e}, ',
        '        return []\n        why = f"{node} has seen epoch {e}, ',
    ),
)
