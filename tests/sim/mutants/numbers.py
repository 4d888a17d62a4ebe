"""Numbers that are lost, used twice, or said to be there when they are not."""

from tests.sim.mutants.mutant import Change, Mutant

NUMBERS = (
    Mutant(
        "k_shared_by_accounts",
        "§6: (e, k) is dense for each account",
        "nodes/master/orderlog.py",
        "                        account.k += 1\n                        draft.e, draft.n, draft.k = self.epoch, self.n, account.k\n",
        "                        account.k = self.n\n                        draft.e, draft.n, draft.k = self.epoch, self.n, account.k\n",
    ),
    Mutant(
        "gaps_not_asked",
        "§6.2: a local asks for what it lacks by (e, k)",
        "nodes/local/orderintake.py",
        "        if not gaps:\n            return []\n",
        "        if gaps or not gaps:\n            return []\n",
    ),
    Mutant(
        "k_last_ignored",
        "§6.6: by k_last a local learns what it lacks",
        "nodes/local/orderintake.py",
        "self.k_last = max(self.k_last, k_last)",
        "self.k_last = max(self.k_last, 0)",
    ),
    Mutant(
        "live_order_gapfilled",
        "§6.2: GAPFILL lists what is expired",
        "nodes/master/orderlog.py",
        "return now_ns >= record.deadline_ns or",
        "return now_ns < record.deadline_ns or",
    ),
    Mutant(
        "outcome_number_reused",
        "§6.10: outcomes are numbered without a hole and without a repeat",
        "nodes/local/reports.py",
        "self.f = self.durable_f = self.start_f = max(self.f, f)",
        "self.f = self.durable_f = self.start_f = max(self.pending, default=0)",
    ),
    Mutant(
        "final_not_repeated",
        "§6.3: FINAL is repeated until acked",
        "nodes/local/state.py",
        "return [self.tell(outcome) for outcome in self.reports.oldest()]",
        "return []",
    ),
    Mutant(
        "outcomes_taken_past_a_hole",
        "§6.8: the master acks the highest f below which nothing misses",
        "nodes/master/intake.py",
        "        account.stash[outcome.f] = outcome\n",
        "        account.stash[outcome.f] = outcome\n        account.f = max(account.f, outcome.f - 1)\n",
    ),
    Mutant(
        "router_answers_for_a_local",
        "§6.2: a router answers for nobody",
        "nodes/router/localwords.py",
        "return (Send(REPLAY, 0, outcome), *self._state.front.outcome(envelope, outcome, now_ns))",
        "from mesh.messages.outcomes import OutcomeAck\n\n"
        "        answer = OutcomeAck(outcome.account, outcome.f)\n"
        "        ack = self._state.peers.each([outcome.account], lambda local: Send(LOCALS, local.peer, answer))\n"
        "        return (Send(REPLAY, 0, outcome), *ack, *self._state.front.outcome(envelope, outcome, now_ns))",
    ),
    Mutant(
        "hello_forgets_outcomes",
        "§6.8: a local repeats all outcomes above f",
        "nodes/local/homelink.py",
        "        self._revival = Revival(state.reports, welcome.f) if welcome.f < state.reports.acked_f else None\n",
        "        state.reports.ack(state.reports.durable_f)\n",
    ),
    Mutant(
        "rollback_forgotten",
        "§6.8: whose store was rolled back only observes",
        "nodes/local/homelink.py",
        "            state.is_rolled_back = True\n",
        "",
        also=(Change("nodes/master/account.py", "self.is_rolled_back = not all(", "self.is_rolled_back = False and not all("),),
    ),
)
