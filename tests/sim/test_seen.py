"""What checks take for durable."""

import pytest

from mesh.codec import encode
from mesh.core import Commit, Core, Put
from mesh.simnet import Place
from nodes import codes
from nodes.local.knownends import KnownRecord
from nodes.local.reports import KNOWN
from nodes.shortened import shortened
from tests.sim.seen import has_outcome
from tests.sim.simulate import simulate

OID = bytes(range(16))
LOTS_E8 = 5_000_000


@pytest.mark.parametrize(
    ("f", "code", "volume_e8", "is_held"),
    [
        (13, codes.FILLED_LATE, LOTS_E8, True),
        (7, codes.NOT_FOUND, 0, True),
        (7, codes.FILLED_LATE, LOTS_E8, False),
        (13, codes.NOT_FOUND, 0, False),
        (8, codes.NOT_FOUND, 0, False),
        (7, codes.CLOSED, LOTS_E8, False),
    ],
)
def test_end_that_was_told_anew_was_durable_before(f: int, code: str, volume_e8: int, is_held: bool) -> None:
    """An order ended NOT_FOUND and turned up: both may be told of it, each under its own number, and nothing else."""
    place = Place("local-1", lambda _life: Core())
    for at, known in enumerate((KnownRecord(7, False, codes.NOT_FOUND, 0), KnownRecord(13, True, codes.FILLED_LATE, LOTS_E8)), 1):
        place.disk.ask(Commit(at, (Put(KNOWN, OID, encode(known)),)), at)
    assert not has_outcome(place, shortened("a", 1, 7, OID, codes.NOT_FOUND, 0)), "not before it is durable"
    place.disk.write()
    assert has_outcome(place, shortened("a", 1, f, OID, code, volume_e8)) == is_held


@pytest.mark.slow
def test_end_on_its_way_to_a_master_that_has_lost_it_is_told_though_the_order_turns_up() -> None:
    """A cloned local, a person's wrong word and two masters: what had ended NOT_FOUND is revived while its fill becomes durable."""
    assert simulate(14_577).broken == ""
