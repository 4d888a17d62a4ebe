"""A smoke pass of each scenario: it runs, everything sent arrives once, nothing is left behind. No time is judged.

Those over a whole mesh under supervisord are in test_fleet.py.
"""

import psutil
import pytest

from bench.results import Measured
from bench.scenario import Options, Scenario
from bench.scenarios import console, core, fanout, flow, growth, hop, kill, rates, status, storm, venue

SMOKE = Options(is_smoke=True)
IN_PROCESSES = [flow, rates, hop, fanout, status, kill, storm, venue, console]


class Steps:
    """A bar that counts."""

    def __init__(self) -> None:
        self.asked = self.done = 0

    def begin(self, what: str, steps: int) -> None:
        """So many more."""
        assert what
        self.asked += steps

    def advance(self) -> None:
        """One is done."""
        self.done += 1


def smoke(scenario: Scenario) -> list[Measured]:
    """Run it; what it measured, each with what it sent."""
    steps = Steps()
    found = scenario.run(SMOKE, steps)
    assert steps.done > 0
    assert found
    assert {one.scenario for one in found} == {scenario.name}
    return found


@pytest.mark.wire
@pytest.mark.parametrize("module", IN_PROCESSES, ids=lambda module: module.SCENARIO.name)
def test_all_that_is_sent_arrives_once_and_no_process_stays(module: object) -> None:
    """Each way of each scenario that runs in processes of its own."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    for one in smoke(module.SCENARIO):  # type: ignore[attr-defined]
        assert not one.not_run
        counted = one.counted
        assert counted.sent == counted.received > 0, one.variant
        assert (counted.lost, counted.doubled, counted.damaged, counted.out_of_order) == (0, 0, 0, 0), one.variant
        assert all(stage.ns["p50"] > 0 for name, stage in one.stages.items() if name in ("whole", "mesh", "last")), one.variant
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_every_handler_on_the_path_of_an_order_is_timed() -> None:
    """By role and message, as often as an order calls it."""
    found = {one.variant: one for one in smoke(core.SCENARIO)}
    for name in ("signals Signal", "master Signal", "router Order", "local Order", "local VenueResult", "master Outcome"):
        assert found[name].values["an_order"] == 1.0, name
        assert 0 < found[name].values["least_ns"] <= found[name].values["median_ns"], name
    assert found["codec encode Signal"].values["median_ns"] > 0


def test_growth_is_played_along_each_curve() -> None:
    """Each size of each curve has its cost."""
    found = smoke(growth.SCENARIO)
    sizes = {curve: [one.settings[curve] for one in found if one.variant == curve] for curve in growth.SMOKE_CURVES}
    assert sizes == {curve: list(sizes) for curve, sizes in growth.SMOKE_CURVES.items()}
    assert all(one.values["an_order_us"] > 0 for one in found)
