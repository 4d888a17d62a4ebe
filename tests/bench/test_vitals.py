"""What processes take: growth is told from its warm-up apart, and figures judge what they can and nothing more."""

import os
import time

import psutil
import pytest

from bench.latencies import Latencies
from bench.results import FAILS, HOLDS, UNDECIDED, Counted, Figure, Measured, Stage
from bench.scenarios import idle, restart, soak, storm
from bench.vitals import Vitals, growth
from mesh.units import MS_NS, SECOND_NS

HOUR_S = 3_600.0
BROKER_LAG_MS = 90


def stage(values_ns: list[int]) -> Stage:
    return Stage.of(Latencies(values_ns))


def soaked(
    rss_mib: list[float], seconds: float = HOUR_S, lag_ms: int = 1, lags: int = 2_000, states: float = 2_000.0, restarts: float = 0.0,
    lost: int = 0, unknown: int = 0, refused: int = 0, worst_ms: int = 0,
) -> dict[str, Figure]:  # fmt: skip
    settings: dict[str, int | float | str] = {"seconds": seconds, "states": 2_000.0, "rate": 20.0}
    found = []
    for number, size_mib in enumerate(rss_mib):
        values = {"rss_mib": size_mib, "descriptors": 40.0, "restarts": restarts}
        lags_ns = [lag_ms * MS_NS] * (lags // len(rss_mib)) + [worst_ms * MS_NS] * (worst_ms > 0 and number < 10)
        stalls = {"commit_us_max": 100.0 * number, "gc_pause_us_max": 0.0}
        found.append(Measured("soak", "master-1", settings, stages={"lag": stage(lags_ns)}, values=values | stalls))
        broker_ns = [BROKER_LAG_MS * MS_NS] * 20
        found.append(Measured("soak", "broker-1", settings, stages={"lag": stage(broker_ns)}, values=values | {"rss_mib": 10.0 * number}))
        found.append(Measured("soak", "worker of local-1", settings, values=values | {"rss_mib": 10.0 * number}))
        counted = Counted(sent=20, received=20 - refused)
        told = {"states_a_second": states, "accepted_count": 20.0}
        found.append(Measured("soak", "flow", settings, 20.0, 20.0, counted=counted, values=told))
    lines = 20.0 * len(rss_mib)
    ledger = {"lines": lines - unknown, "open_lines": float(lost), "filled_count": lines - lost - unknown}
    found.append(Measured("soak", "ledger", settings, values=ledger, warnings=["local-2: ladder FREEZE"] * (refused > 0)))
    return {figure.id: figure for figure in soak.judge(found)}


@pytest.mark.parametrize(
    ("values", "grown"),
    [([50.0] * 100, 0.0), ([*range(10), *[50.0] * 90], 0.0), ([*[1.0] * 50, *[3.0] * 50], 2.0), ([5.0, *[1.0] * 99], 0.0)],
    ids=["flat", "warm-up alone", "a step", "a beginning that was larger"],
)
def test_growth_counts_from_the_warm_up_on(values: list[float], grown: float) -> None:
    """Medians of the first and the last tenth of what is left."""
    assert growth(values) == grown


def test_growth_of_too_few_numbers_is_none() -> None:
    """Nine windows have no tenth."""
    assert growth([1.0] * 9) is None


def test_vitals_see_memory_descriptors_and_who_came_after_whom() -> None:
    """Of this very process; another one under its name is a restart."""
    vitals, own = Vitals(), psutil.Process()
    vitals.look({"one": own}, 0.0)
    with open(os.devnull, "rb"):
        vitals.look({"one": own}, 1.0)
    began_s = time.process_time()
    while time.process_time() < began_s + 0.05:
        pass
    taken = vitals.take()["one"]
    assert taken["rss_mib"] > taken["uss_mib"] > 1
    assert (taken["restarts"], taken["threads"] > 0) == (0, True)
    vitals.look({"one": own}, 2.0)
    later = vitals.take()["one"]
    assert later["descriptors"] == taken["descriptors"] - 1
    assert later["cpu_percent"] >= 4
    vitals.look({"one": own.parent() or own}, 3.0)
    assert vitals.take()["one"]["restarts"] == 1


def test_soak_of_an_hour_is_judged() -> None:
    """Flat holds, 6 MiB fails and names its node; growth of broker and workers and the broker's lag are told, and judged nowhere."""
    flat = soaked([70.0] * 120)
    assert {figure.holds for figure in flat.values()} == {HOLDS}
    assert flat["soak_lag_p999_ms"].how.endswith("; beside the nodes: broker-1 90.0 ms; longest commit since its start 11.9 ms (master-1)")
    grown = soaked([70.0 + number / 16 for number in range(120)])["soak_rss_growth_mib"]
    assert (grown.holds, grown.value > 5) == (FAILS, True)
    assert "most: master-1" in grown.how
    assert "broker-1" in grown.how


def test_soak_that_tells_too_little_decides_nothing() -> None:
    """Too short, or under less than the load it is of: undecided, with the reason."""
    short = soaked([70.0 + number / 16 for number in range(120)], seconds=300.0)["soak_rss_growth_mib"]
    assert (short.holds, "5 minutes, of 30 at least" in short.how) == (UNDECIDED, True)
    light = soaked([70.0] * 120, states=1_000.0)["soak_rss_growth_mib"]
    assert (light.holds, "rates were missed" in light.how) == (UNDECIDED, True)
    few = soaked([70.0] * 5)["soak_rss_growth_mib"]
    assert few.holds == UNDECIDED


@pytest.mark.parametrize(
    ("lag_ms", "lags", "worst_ms", "verdict"),
    [(1, 2_000, 0, HOLDS), (30, 2_000, 0, FAILS), (30, 500, 0, UNDECIDED), (1, 7_200, 30, UNDECIDED)],
    ids=["small", "large", "too few", "a few large ones: p99.9 of all looks may lie on either side"],
)
def test_lag_is_judged_by_what_its_largest_values_prove(lag_ms: int, lags: int, worst_ms: int, verdict: str) -> None:
    """Of two looks only the larger is known: a verdict has to hold whatever the other was."""
    assert soaked([70.0] * 120, lag_ms=lag_ms, lags=lags, worst_ms=worst_ms)["soak_lag_p999_ms"].holds == verdict


def test_soak_that_lost_an_order_or_a_node_fails() -> None:
    """However short it was: a line that is open still, a signal that has none, an account that trades no more."""
    found = soaked([70.0] * 120, seconds=60.0, restarts=1.0, lost=1, unknown=1)
    assert found["soak_lost_orders"].holds == found["soak_restarts"].holds == FAILS
    assert found["soak_lost_orders"].value == 2
    assert found["soak_refused_percent"].holds == HOLDS
    refused = soaked([70.0] * 120, refused=5)["soak_refused_percent"]
    assert (refused.holds, refused.value, "local-2: ladder FREEZE" in refused.how) == (FAILS, 25.0, True)


def test_restarts_are_judged_role_by_role() -> None:
    """By the slowest but one in a hundred."""
    found = [
        Measured("restart", node, stages={"whole": stage([seconds * SECOND_NS] * 10), "begun": stage([SECOND_NS] * 10)})
        for node, seconds in (("local-1", 2), ("master-1", 7))
    ]
    assert [(figure.id, figure.holds) for figure in restart.judge(found)] == [("restart_local-1_s", HOLDS), ("restart_master-1_s", FAILS)]


def test_storm_is_judged_by_its_worst_round() -> None:
    """The cut network's rounds are no restarts."""
    def of(variant: str, seconds: float) -> Measured:
        return Measured("storm", variant, {"locals": 200}, values={"all_ms": seconds * 1_000, "listens_ms": 900.0})

    (good,) = storm.judge([of("router", 30.0), of("router-killed", 2.0), of("router-killed", 2.9)])
    (bad,) = storm.judge([of("router-killed", 2.0), of("router-killed", 3.1)])
    assert (good.holds, good.value, bad.holds) == (HOLDS, 2.9, FAILS)


def test_idle_is_judged_without_the_node_that_has_numba() -> None:
    """Memory: the largest of the others. Processor time: everything."""
    def of(name: str, rss_mib: float, cpu_percent: float) -> Measured:
        return Measured("idle", name, {"seconds": 60.0}, values={"rss_mib": rss_mib, "cpu_percent": cpu_percent, "uss_mib": 1.0})

    cpu, rss = idle.judge([of("cci-1", 170.0, 1.0), of("market-1", 59.0, 1.0), of("local-1", 58.0, 1.0), of(idle.WHOLE, 0.0, 5.5)])
    assert (cpu.holds, rss.holds, rss.value) == (FAILS, HOLDS, 59.0)
