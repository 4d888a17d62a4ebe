"""When a local moves to its other router, and when it does not."""

import pytest

from mesh.units import MS_NS, SECOND_NS
from nodes.local.homing import Homing

START_NS = 10 * SECOND_NS
LATER_NS = START_NS + 6 * SECOND_NS


def homing(heard_ms: tuple[int | None, int | None], ages_ms: tuple[int, int] = (0, 0)) -> Homing:
    """A local whose routers were heard so long before LATER_NS, each with an answer of the master so old."""
    found = Homing(2, SECOND_NS, 5 * SECOND_NS)
    found.start(START_NS)
    for index, ms in enumerate(heard_ms):
        if ms is not None:
            found.heard(index, ages_ms[index] * MS_NS, LATER_NS - ms * MS_NS)
    return found


@pytest.mark.parametrize(
    ("heard_ms", "ages_ms", "moves"),
    [
        ((0, 0), (0, 0), False),
        ((1_001, 0), (0, 0), True),
        ((1_000, 0), (0, 0), False),
        ((1_001, 1_001), (0, 0), False),
        ((1_001, None), (0, 0), False),
        ((None, 0), (0, 0), True),
        ((0, 0), (2_001, 999), True),
        ((0, 0), (2_001, 1_000), False),
        ((0, 0), (2_000, 0), False),
        ((0, 0), (0, 5_000), False),
    ],
)
def test_moves_by_the_rule_alone(heard_ms: tuple[int | None, int | None], ages_ms: tuple[int, int], moves: bool) -> None:
    """It moves when home is silent, or home's master is over 2 s old while the other's is under 1 s; never to a silent one."""
    found = homing(heard_ms, ages_ms)
    assert (found.move(LATER_NS), vars(found)["home"]) == (moves, int(moves))


def test_moves_at_most_once_in_five_seconds_and_not_back_by_itself() -> None:
    """A first router that returns does not take the local back; when the second dies it may, 5 s after the last move."""
    found = homing((1_500, 0))
    assert found.move(LATER_NS)
    for second in range(1, 5):
        now_ns = LATER_NS + second * SECOND_NS
        found.heard(0, 0, now_ns)
        assert not found.move(now_ns)
    found.heard(0, 0, LATER_NS + 5 * SECOND_NS)
    assert found.move(LATER_NS + 5 * SECOND_NS)
    assert vars(found)["home"] == 0


def test_fleet_that_is_starting_does_not_move() -> None:
    """In the first seconds nobody moves, whatever is heard."""
    found = Homing(2, SECOND_NS, 5 * SECOND_NS)
    found.start(START_NS)
    found.heard(1, 0, START_NS + 2 * SECOND_NS)
    assert not found.move(START_NS + 2 * SECOND_NS)


def test_local_with_one_router_stays() -> None:
    """There is nowhere to go."""
    found = Homing(1, SECOND_NS, 5 * SECOND_NS)
    found.start(START_NS)
    assert not found.move(START_NS + 60 * SECOND_NS)


def test_from_a_router_that_is_leaving_it_moves_at_once() -> None:
    """Though it has moved a moment ago; not where the other one is leaving too, or silent."""
    found = homing((0, 0))
    found.heard(0, 0, LATER_NS, is_leaving=True)
    assert found.move(LATER_NS)
    found.heard(1, 0, LATER_NS, is_leaving=True)
    assert not found.move(LATER_NS), "both are leaving"
    found.heard(0, 0, LATER_NS)
    assert found.move(LATER_NS), "the first is back"
    silent = homing((0, 1_001))
    silent.heard(0, 0, LATER_NS, is_leaving=True)
    assert not silent.move(LATER_NS)


def test_from_a_router_that_is_leaving_it_goes_only_where_there_is_a_master() -> None:
    """To a router that has not heard of it for long: it would have no leave there; it stays until this one is silent."""
    found = homing((0, 0), (0, 1_500))
    found.heard(0, 0, LATER_NS, is_leaving=True)
    assert not found.move(LATER_NS)
