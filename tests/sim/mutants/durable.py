"""What goes out before it is on disk."""

from tests.sim.mutants.mutant import Mutant

DURABLE = (
    Mutant(
        "intent_not_synced",
        "I2: INTENT is durable before the call",
        "nodes/local/desk.py",
        "return [state.commits.make(puts, lambda now_ns: self._call(job, attempt, now_ns))]",
        "return [Commit(0, tuple(puts)), *self._call(job, attempt, job.arrived_ns)]",
    ),
    Mutant(
        "published_before_commit",
        "I6: what is published is durable",
        "nodes/master/deciding.py",
        "return [*told.decided(decision), state.commits.make(puts, lambda durable_ns: self._publish(decision, durable_ns))]",
        "return [*told.decided(decision), state.commits.make(puts, nothing_follows), *self._publish(decision, now_ns)]",
    ),
    Mutant(
        "accepted_before_commit",
        "I6: ACCEPTED is said of what is durable",
        "nodes/master/deciding.py",
        "        return [*told.decided(decision), state.commits.make(puts,",
        "        early = [Send(DECIDE, self._asking[key], SignalAnswer(signal.sid, ACCEPTED))]\n"
        "        return [*early, *told.decided(decision), state.commits.make(puts,",
    ),
    Mutant(
        "final_ack_before_commit",
        "§6.8: an outcome is acked after the master's commit",
        "nodes/master/backchannel.py",
        "        commit = state.commits.make(puts, lambda durable_ns: self._durable(account, f, peer, durable_ns, now_ns))\n",
        "        commit = state.commits.make(puts, nothing_follows)\n"
        "        return [*taken.notes, *events, *self._durable(account, f, peer, now_ns, now_ns), commit]\n",
    ),
    Mutant(
        "outcome_told_before_commit",
        "§6.3: RESULT is durable before it is told",
        "nodes/local/state.py",
        "        return [self.commits.make([*puts, *rows, self.meta_put()], durable)]",
        "        return [self.tell(numbered), self.commits.make([*puts, *rows, self.meta_put()], durable)]",
    ),
    Mutant(
        "order_acked_before_stored",
        "§6.2, §6.7: an order is acked once it is stored or answered",
        "nodes/local/orderintake.py",
        "        job.ks.append(target.k)\n        if body.action == OPEN",
        "        state.stream.settle(target.k)\n        if body.action == OPEN",
    ),
    Mutant(
        "order_acked_before_its_end_is_durable",
        "§6.2: what ends at once is acked after that commit",
        "nodes/local/finishing.py",
        "            effects.append(state.commits.make([], lambda durable_ns: state.settle(e, ks, durable_ns)))\n",
        "            effects += state.settle(e, ks, now_ns)\n",
    ),
    Mutant(
        "epoch_published_before_durable",
        "§6: an epoch is durable before its first publish",
        "nodes/master/core.py",
        """        commit = self._state.commits.make(puts, lambda durable_ns: self._begin(again, durable_ns))
        lines = len(""",
        """        commit = self._state.commits.make(puts, lambda durable_ns: [*self._begin([], durable_ns)])
        early = [send for decision in again for send in self._deciding.send_out(decision, now_ns)]
        return (*early, commit)
        lines = len(""",
    ),
)
