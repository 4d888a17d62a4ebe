"""How far another host's clock is: never outside its error, told for people, and read by nothing that decides."""

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mesh.clockoffset import DRIFT_PPM, KEPT_NS, UNKNOWN, ClockOffset
from mesh.units import MS_NS, SECOND_NS
from tests.tidy import project_root

WAY_NS = st.integers(0, 50 * MS_NS)
ASKS = st.lists(st.tuples(st.integers(0, 20 * SECOND_NS), WAY_NS, WAY_NS), min_size=1, max_size=12)


@given(ASKS, st.integers(-(10**15), 10**15), st.integers(-DRIFT_PPM, DRIFT_PPM), st.integers(0, KEPT_NS))
def test_true_offset_is_always_within_the_error(
    asks: list[tuple[int, int, int]], ahead_ns: int, drift_ppm: int, later_ns: int
) -> None:
    """Whatever the ways there and back, and though the clocks run apart: now, and as long as the estimate is told."""
    clock = ClockOffset()
    now_ns = 0

    def theirs_ns(at_ns: int) -> int:
        return at_ns + ahead_ns + at_ns * drift_ppm // 1_000_000

    for pause_ns, way_ns, back_ns in asks:
        asked_ns = now_ns + pause_ns
        now_ns = asked_ns + way_ns + back_ns
        clock.heard(1, asked_ns, theirs_ns(asked_ns + way_ns), now_ns)
        offset_ns, error_ns = clock.estimate(now_ns)
        assert abs(theirs_ns(now_ns) - now_ns - offset_ns) <= error_ns
        assert error_ns <= (way_ns + back_ns) * (500_000 + DRIFT_PPM) // 1_000_000 + 3, "never worse than the newest alone"
    offset_ns, error_ns = clock.estimate(now_ns + later_ns)
    assert (offset_ns, error_ns) == UNKNOWN or abs(theirs_ns(now_ns + later_ns) - now_ns - later_ns - offset_ns) <= error_ns


def test_best_of_the_last_minute_is_told() -> None:
    """A worse one does not take its place, nor is it forgotten for one that only became as bad by its age."""
    clock = ClockOffset()
    assert clock.estimate(0) == UNKNOWN
    clock.heard(1, 0, 1_000_050, 100)
    assert clock.estimate(100) == (1_000_000, 52)
    clock.heard(1, 1_000, 1_900_000, 901_000)
    assert clock.estimate(901_000) == (1_000_000, 52 + 90)
    clock.heard(1, 2_000_000, 3_000_200, 2_000_400)
    assert clock.estimate(2_000_400)[0] == 1_000_000
    clock.heard(1, 2_100_000, 3_100_240, 2_100_400)
    assert clock.estimate(2_100_400) == (1_000_040, 202)


def test_estimate_of_over_a_minute_ago_is_none() -> None:
    """It is unknown then, and any newer one takes its place, however bad."""
    clock = ClockOffset()
    clock.heard(1, 0, 7, 0)
    assert clock.estimate(KEPT_NS)[1] == 2 + KEPT_NS * DRIFT_PPM // 1_000_000
    assert clock.estimate(KEPT_NS + 1) == UNKNOWN
    clock.heard(1, KEPT_NS, 5, KEPT_NS + SECOND_NS)
    assert clock.estimate(KEPT_NS + SECOND_NS)[1] > SECOND_NS // 2


def test_estimate_that_cannot_be_true_any_more_is_given_up() -> None:
    """The other clock was moved, which nobody tells us: a worse answer far from the best one takes its place."""
    clock = ClockOffset()
    clock.heard(1, 0, 1_000_005, 10)
    clock.heard(1, 2_000, 1_003_000, 4_000)
    assert clock.estimate(4_000) == (1_000_000, 7)
    clock.heard(1, 6_000, 1_009_000, 8_000)
    assert clock.estimate(8_000) == (1_002_000, 1_002)


def test_another_epoch_is_another_clock() -> None:
    """Its master may run on another host: what was known of the last one is forgotten, and its late answers are not taken."""
    clock = ClockOffset()
    clock.heard(4, 0, 500, 10)
    clock.heard(5, 20, 9_000_030, 40)
    assert clock.estimate(40) == (9_000_000, 12)
    clock.heard(4, 50, 550, 50)
    assert clock.estimate(50) == (9_000_000, 12)


def test_clock_that_was_moved_is_known_no_more() -> None:
    """Until the next answer; one exact to the nanosecond has an error all the same, for 0 means unknown."""
    clock = ClockOffset()
    clock.heard(1, 5, 5, 5)
    assert clock.estimate(5) == (0, 2)
    clock.drop()
    assert clock.estimate(5) == UNKNOWN


TELLS = {
    "master_clock": ["nodes/local/core.py", "nodes/local/homelink.py", "nodes/local/state.py", "nodes/router/core.py",
                     "nodes/router/masterlink.py", "nodes/router/state.py"],
    "estimate": ["nodes/local/core.py", "nodes/router/core.py"],
    "clock_offset": ["mesh/io/health.py"],
    "clock_offset_ns": ["mesh/metrics.py", "mesh/steps.py", "nodes/io/cli/tables.py", "nodes/io/doctor/clocks.py"],
    "clock_error_ns": ["mesh/metrics.py", "mesh/steps.py", "nodes/io/cli/tables.py", "nodes/io/doctor/clocks.py"],
}  # fmt: skip
"""What leads to an estimate → the files that take hold of it: to feed it, to tell it, to show it."""


def attributes_of(path: Path) -> set[str]:
    """What leads to an estimate and is read or set of something in a file."""
    text = path.read_text("utf-8")
    if not any(word in text for word in TELLS):
        return set()
    return {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)} & TELLS.keys()


def test_nothing_that_decides_reads_an_offset() -> None:
    """Only who feeds it, tells it in a health, and shows it; in cores it goes nowhere but into their ``clock_offset``."""
    root = project_root()
    found = {path.relative_to(root).as_posix(): attributes_of(path) for path in (*root.glob("mesh/**/*.py"), *root.glob("nodes/**/*.py"))}
    assert {word: sorted(path for path, names in found.items() if word in names) for word in TELLS} == TELLS
    for path in TELLS["estimate"]:
        (function,) = [
            node for node in ast.walk(ast.parse((root / path).read_text("utf-8")))
            if isinstance(node, ast.FunctionDef) and ".estimate(" in ast.unparse(node)
        ]  # fmt: skip
        assert function.name == "clock_offset"
