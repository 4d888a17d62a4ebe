"""The shrinker leaves the faults a failure needs, and prints the line that repeats it."""

import subprocess
import sys

import pytest

from mesh.units import MS_NS
from tests.sim.mutants.mutant import CHECKOUT
from tests.sim.shrink import shrink
from tests.sim.simulate import Result, again, simulate

KINDS = ["crash", "pause", "reset", "stops"]


def run_of(needed: frozenset[str], needed_ms: int, other: str = "") -> "tuple[list[frozenset[str]], object]":
    """A run that breaks I1 with these kinds and all faults until then; without ``other`` it breaks something else."""
    asked: list[frozenset[str]] = []

    def run(off: frozenset[str], until_ms: int) -> Result:
        asked.append(off)
        kinds = [kind for kind in KINDS if kind not in off]
        struck_ns = [at_ms * MS_NS for at_ms in (100, 2_000, 3_500, 9_000)]
        broken = "I1" if needed <= set(kinds) and (not until_ms or until_ms >= needed_ms) else ""
        if other in off:
            broken = "L1"
        return Result(1, kinds=kinds, struck_ns=struck_ns, broken=broken)

    return asked, run


def test_what_is_not_needed_is_turned_off() -> None:
    """Kinds first, then the last faults."""
    _, run = run_of(frozenset(("pause", "stops")), 3_500)
    assert shrink(run) == (frozenset(("crash", "reset")), 3_500)  # type: ignore[arg-type]


def test_another_failure_is_not_the_same() -> None:
    """A kind whose absence breaks another invariant is needed."""
    _, run = run_of(frozenset(("stops",)), 100, other="crash")
    assert shrink(run) == (frozenset(("pause", "reset")), 100)  # type: ignore[arg-type]


def test_what_was_off_stays_off() -> None:
    """The shrinker goes on where a person began."""
    asked, run = run_of(frozenset(("stops",)), 100)
    assert shrink(run, frozenset(("crash",)))[0] == frozenset(("crash", "pause", "reset"))  # type: ignore[arg-type]
    assert all("crash" in off for off in asked)


def test_nothing_to_shrink() -> None:
    """A seed that breaks nothing says so."""
    _, run = run_of(frozenset(("other",)), 0)
    with pytest.raises(ValueError, match="breaks nothing"):
        shrink(run)  # type: ignore[arg-type]


def test_the_line_that_repeats_a_seed() -> None:
    """As it is typed."""
    assert again(17, frozenset(), frozenset(), False) == "make sim SEED=17"
    assert again(17, frozenset(("stops", "crash")), frozenset(("pause",)), True, 900) == (
        "make sim SEED=17 OFF=crash,stops ONLY=pause UNTIL=900 LONG=1"
    )


@pytest.mark.slow
def test_no_fault_strikes_after_the_end() -> None:
    """UNTIL ends the faults and leaves those before as they were."""
    whole, cut = simulate(12), simulate(12, until_ms=5_000)
    assert cut.struck_ns
    assert cut.struck_ns == [at_ns for at_ns in whole.struck_ns if at_ns <= 5_000 * MS_NS][: len(cut.struck_ns)]
    assert max(cut.struck_ns) <= 5_000 * MS_NS


@pytest.mark.slow
def test_a_planted_bug_is_shrunk() -> None:
    """From the swarm's faults to those that it takes, by the command line."""
    words = "from tests.sim.mutants.mutant import plant; from tests.sim.mutants.catalogue import mutant_of; plant(mutant_of({!r})); "
    words += "import sys; sys.argv[1:] = ['--seed', '1', '--shrink']; from tests.sim.simulate import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", words.format("published_before_commit")], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].startswith("make sim SEED=1 OFF="), "nothing but the code is needed: every kind is off"
    assert "I6: " in done.stdout
