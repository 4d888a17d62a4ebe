"""Live changes that hold too early, are forgotten, or depend on the order in which they came."""

from tests.sim.mutants.mutant import Mutant

REVISIONS = (
    Mutant(
        "change_made_before_its_activation",
        "R1: a live change is in force once an activation names it",
        "mesh/revisions.py",
        "sorted((-item.number, key) for key, item in self._revisions.items() if key in self._in_force)",
        "sorted((-item.number, key) for key, item in self._revisions.items())",
    ),
    Mutant(
        "changes_made_as_they_came",
        "R1: what runs follows from the set, not from the order in which it came",
        "mesh/revisions.py",
        "        in_force = sorted((-item.number, key) for key, item in self._revisions.items() if key in self._in_force)",
        "        in_force = [(-item.number, key) for key, item in self._revisions.items() if key in self._in_force]",
    ),
    Mutant(
        "change_forgotten_at_boot",
        "R1: a live change outlives the process",
        "nodes/stops.py",
        "        self.killset.add(key, raw, item)\n        self.revisions.take(key, item)\n",
        "        self.killset.add(key, raw, item)\n",
    ),
    Mutant(
        "change_passed_over_by_the_master",
        "R1: the master decides by the changes that it holds",
        "nodes/master/core.py",
        "            effects = handler(envelope, now_ns)\n            self._revise()\n            return effects\n",
        "            effects = handler(envelope, now_ns)\n            return effects\n",
    ),
    Mutant(
        "change_passed_over_by_a_local",
        "R1: a local's limits are those of the changes that it holds",
        "nodes/local/core.py",
        "        return (*effects, *self._home.hellos()) if self._revise() else effects\n",
        "        return effects\n",
    ),
)
