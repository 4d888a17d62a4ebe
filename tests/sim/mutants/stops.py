"""Stops that bind too late, are forgotten, or are said to bind when they do not."""

from tests.sim.mutants.mutant import Mutant

STOPS = (
    Mutant(
        "latched_before_durable",
        "§7: LATCHED after it is durable",
        "nodes/local/stopping.py",
        "return [state.latch(), *effects, commit, *self._home.ask_grant(now_ns)]",
        "return [state.latch(), *effects, *durable(now_ns), state.commits.make(puts, lambda _: []), *self._home.ask_grant(now_ns)]",
    ),
    Mutant(
        "latch_forgotten_at_boot",
        "I9: a stop outlives the process",
        "nodes/local/core.py",
        "        for _key, record in by_kind.get(KILL_ITEM, []):\n",
        "        for _key, record in ():\n",
    ),
    Mutant(
        "latch_word_not_counted",
        "§6.4: the latch word counts changes of the kill set",
        "nodes/local/ladder.py",
        "        if result.item is not None:\n            self.latch_count += 1\n",
        "        if result.item is not None:\n",
    ),
    Mutant(
        "undo_deletes",
        "§7: nothing is ever removed from the kill set",
        "mesh/killset.py",
        "                self._ended.setdefault(ended, key)\n",
        "                self._raw.pop(ended, None)\n                self._entries.pop(ended, None)\n",
    ),
    Mutant(
        "undo_before_its_entry_lost",
        "§7: an undo may come before the entries it ends",
        "mesh/killset.py",
        "                self._ended.setdefault(ended, key)\n",
        "                self._ended |= {ended: key} if ended in self._entries else {}\n",
    ),
    Mutant(
        "killset_replaced",
        "§7: merge is union",
        "nodes/stops.py",
        "        self.killset.add(key, raw, verified.item)\n",
        "        self.killset.__init__()\n        self.killset.add(key, raw, verified.item)\n",
    ),
    Mutant(
        "level_kept_past_a_stop",
        "§7: a stop binds at once: what was looked up before it is not asked again",
        "nodes/local/ladder.py",
        "        self._levels.clear()\n",
        "",
    ),
    Mutant(
        "in_flight_not_named",
        "§7: LATCHED names each OPEN handed over without RESULT",
        "nodes/local/desk.py",
        "if job.record.action == OPEN and job.record.state in (CALLED, UNKNOWN)]",
        "if job.record.action == OPEN and job.record.state == UNKNOWN]",
    ),
)
