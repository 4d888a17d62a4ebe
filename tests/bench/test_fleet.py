"""Scenarios over a whole mesh under a real supervisord: each does its work, every kind of node comes back, nothing is left behind. No time
is judged.
"""

from collections.abc import Iterator

import psutil
import pytest

from bench.results import Measured
from bench.rig.fleetmesh import SUPERVISOR, WORKER
from bench.scenario import Options, Silent
from bench.scenarios import idle, restart, soak
from mesh.links import ROLES
from nodes.io.supervisorconf import WATCH

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
SMOKE = Options(is_smoke=True)


@pytest.fixture(autouse=True)
def nobody_stays() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def by_variant(found: list[Measured]) -> dict[str, list[Measured]]:
    rounds: dict[str, list[Measured]] = {}
    for one in found:
        rounds.setdefault(one.variant, []).append(one)
    return rounds


def test_soak_accounts_for_every_order_and_looks_at_every_process() -> None:
    """Orders open and close and each has its end; the light locals' states flow; each process has its vitals, each loop its lag."""
    found = by_variant(soak.SCENARIO.run(SMOKE, Silent()))
    flows = found.pop(soak.FLOW)
    (ledger,) = found.pop(soak.LEDGER)
    sent = sum(flow.counted.sent for flow in flows)
    assert sum(flow.values["accepted_count"] for flow in flows) == sent == soak.SMOKE_SECONDS * soak.RATE
    assert (ledger.values["lines"], ledger.values["open_lines"]) == (sent, 0)
    assert sum(count for name, count in ledger.values.items() if name.endswith("_count")) == sent
    assert 0 < sum(flow.counted.received for flow in flows) <= sent
    assert all(flow.values["states_a_second"] > soak.SMOKE_STATES_RATE / 2 for flow in flows)
    nodes = soak.soaked(soak.SMOKE_LOCALS, 0).node
    workers = {f"{WORKER}local-{number}" for number in range(1, soak.SMOKE_LOCALS + 1)}
    assert found.keys() == {*nodes, *workers, SUPERVISOR, WATCH}
    for name, rounds in found.items():
        assert all(one.values["rss_mib"] > one.values["uss_mib"] > 1 and one.values["descriptors"] > 2 for one in rounds), name
        assert sum(one.values["restarts"] for one in rounds) == 0, name
        assert any(soak.LAG in one.stages for one in rounds) == (name in nodes), name


def test_each_kind_of_node_comes_back_after_kill_9() -> None:
    """Under supervisord, by its own word READY, and the whole mesh with it."""
    found = by_variant(restart.SCENARIO.run(SMOKE, Silent()))
    config = restart.killed_mesh()
    assert {config.role_of(name) for name in found} == set(ROLES)
    for rounds in found.values():
        (one,) = rounds
        assert one.stages["begun"].ns["p50"] <= one.stages["whole"].ns["p50"] < restart.BACK_S * 1e9
    assert found["local-1"][0].stages["leave"].ns["p50"] > 0


def test_idle_demo_is_weighed_process_by_process() -> None:
    """Eleven nodes, four workers, supervisord and its listener, and all of them together."""
    found = by_variant(idle.SCENARIO.run(SMOKE, Silent()))
    whole = found.pop(idle.WHOLE)[0].values
    assert len(found) == 17
    assert whole["rss_mib"] == pytest.approx(sum(rounds[0].values["rss_mib"] for rounds in found.values()))
    assert all(found[name][0].values["passes_a_second"] > 0 for name in idle.demo().node)
