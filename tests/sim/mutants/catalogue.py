"""Every planted bug, by name.

Two of those one thinks of first change nothing here. A grant reckoned from the local's own ask is sound where each question goes on
to the master (it cannot have been answered before it was asked): the bug is a later time, ``grant_reckoned_too_late``. Orders of a
lower epoch reach no local, because its router refuses them first: ``equal_epoch_taken_again`` and the masters' epochs stand for them.
Two show once in some thousand seeds (2953, 4858 of ``tests/sim/test_simulate.py``) and are held by ``tests/nodes/local/test_void.py``: an
opening of another life that ends unseen by a verdict, and one that is looked for while another life may still open it.
That a store was rolled back, its local and its master each find out: ``rollback_forgotten`` is planted in both, for either alone stops all
openings. ``tests/nodes/local/test_local_care.py`` and ``tests/nodes/master/test_rollback.py`` hold each.
"""

from tests.sim.mutants.calls import CALLS
from tests.sim.mutants.caps import CAPS
from tests.sim.mutants.closes import CLOSES
from tests.sim.mutants.durable import DURABLE
from tests.sim.mutants.epochs import EPOCHS
from tests.sim.mutants.grants import GRANTS
from tests.sim.mutants.lines import LINES
from tests.sim.mutants.mutant import Mutant
from tests.sim.mutants.numbers import NUMBERS
from tests.sim.mutants.revisions import REVISIONS
from tests.sim.mutants.seals import SEALS
from tests.sim.mutants.stops import STOPS
from tests.sim.mutants.unknown import UNKNOWN

MUTANTS: tuple[Mutant, ...] = (*DURABLE, *CALLS, *UNKNOWN, *EPOCHS, *NUMBERS, *GRANTS, *CLOSES, *STOPS, *CAPS, *LINES, *SEALS, *REVISIONS)
_BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
assert len(_BY_NAME) == len(MUTANTS), "two mutants have one name"


def mutant_of(name: str) -> Mutant:
    """A mutant by its name. Raises ValueError for any other."""
    if name not in _BY_NAME:
        raise ValueError(f"mutant {name!r}: {', '.join(_BY_NAME)} are there")
    return _BY_NAME[name]
