"""The comparison of two runs: a verdict only beyond the noise, the same from either side, and about machines said first."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench import noise
from bench.compare import FASTER, REPEAT, SLOWER, Row, compare, joined, unit_of, verdict_of
from bench.noise import HIGHER, LOWER, ROUNDS_MIN, SAME, SAME_SHARE, UNDECIDED, Between, of_rounds, of_spreads
from bench.results import Measured
from tests.bench.madeup import MACHINE, figure, measured, rounds, run

STEADY = (100.0, 101.0, 99.0, 100.5, 99.5, 100.2)
NUMBERS = st.lists(st.floats(1.0, 1_000.0), min_size=1, max_size=12)


def row(rows: list[Row], what: str, part: str = "whole") -> Row:
    """The row of a percentile of a stage."""
    (found,) = [one for one in rows if (one.part, one.what) == (part, what)]
    return found


def test_bounds_are_those_of_the_rank_test() -> None:
    """The critical values of Mann and Whitney at 1 %, two-sided, are 0, 2, 16 and 51: the bound is the next ratio."""
    assert [noise._rank(count, count) for count in (4, 5, 6, 10, 15)] == [0, 1, 3, 17, 52]
    assert sum(noise._ways(5, 5)) == 252
    exact, normal = noise._rank(noise.EXACT_MAX, noise.EXACT_MAX), noise._rank(noise.EXACT_MAX, noise.EXACT_MAX + 1)
    assert exact < normal < exact * 1.1


@given(NUMBERS, NUMBERS)
def test_sides_may_be_swapped(a: list[float], b: list[float]) -> None:
    """A against B is the inverse of B against A, and the ratio lies between its bounds."""
    there, back = of_rounds(a, b), of_rounds(b, a)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there.low <= there.ratio <= there.high
        assert there.ratio * back.ratio == pytest.approx(1)
        assert there.low * back.high == pytest.approx(1)


def test_same_distribution_is_hardly_ever_called_different() -> None:
    """Of 400 comparisons of the same thing with itself, at most one in fifty has a verdict of faster or slower."""
    draw = random.Random(7)

    def side() -> list[float]:
        return [draw.lognormvariate(0, 0.3) for _ in range(8)]

    verdicts = [found.verdict for _ in range(400) if (found := of_rounds(side(), side()))]
    assert len(verdicts) == 400
    assert sum(verdict in (LOWER, HIGHER) for verdict in verdicts) <= 8


def test_fewer_than_five_rounds_never_decide() -> None:
    """However far apart they lie: 4 × 4 rounds may fall so by chance too often."""
    assert of_rounds([1.0] * (ROUNDS_MIN - 1), [100.0] * (ROUNDS_MIN - 1)) is None
    assert of_rounds([1.0], [100.0] * 20) is None
    assert of_rounds([1.0] * ROUNDS_MIN, [100.0] * ROUNDS_MIN) == Between(pytest.approx(100), pytest.approx(100), pytest.approx(100))
    assert of_rounds([0.0] * ROUNDS_MIN, [1.0] * ROUNDS_MIN) is None


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.8, FASTER), (1.25, SLOWER), (1.0, SAME), (1 + SAME_SHARE / 2, SAME)],
    ids=["faster", "slower", "same", "hardly"],
)
def test_verdict_on_steady_rounds(factor: float, verdict: str) -> None:
    """A fifth is a difference; two and a half percent, though beyond this noise, is none that matters."""
    found = compare(run(rounds(STEADY)), run(rounds([value * factor for value in STEADY])))
    p50 = row(found.pairs[0].rows, "p50")
    assert (p50.verdict, p50.why) == (verdict, "")
    assert p50.ratio == pytest.approx(factor, rel=0.02)


def test_verdict_within_the_noise_is_undecided() -> None:
    """Rounds that lie far apart cannot tell a tenth, and it is not called equal either."""
    wild = [60.0, 150.0, 80.0, 120.0, 95.0, 105.0]
    p50 = row(compare(run(rounds(wild)), run(rounds([value * 1.1 for value in wild]))).pairs[0].rows, "p50")
    assert p50.verdict == UNDECIDED
    assert p50.between is not None
    assert p50.why == ""


def test_single_rounds_are_undecided_and_say_what_to_do() -> None:
    """One measurement tells nothing of its noise."""
    p50 = row(compare(run(rounds([100.0])), run(rounds([300.0]))).pairs[0].rows, "p50")
    assert (p50.verdict, p50.why, p50.between) == (UNDECIDED, REPEAT, None)
    assert "--rounds 5" in REPEAT
    assert p50.ratio == pytest.approx(3, rel=0.05)


def test_percentile_that_a_round_cannot_tell_has_no_row() -> None:
    """A thousand messages a round tell p99.9 and the max, not p99.99, though six rounds have six thousand."""
    rows = compare(run(rounds(STEADY)), run(rounds(STEADY))).pairs[0].rows
    assert [one.what for one in rows] == ["p50", "p90", "p99", "p99.9", "max"]
    few = compare(run([measured(100.0, count=20)] * 6), run([measured(100.0, count=20)] * 6)).pairs[0].rows
    assert [one.what for one in few] == ["p50", "p90", "max"]


def test_only_the_same_setting_is_a_pair() -> None:
    """Another idle strategy, another rate, another variant is another thing, and is named."""
    other_rate = Measured("hop", "mesh", {"idle": "wait"}, 500.0)
    found = compare(run(rounds(STEADY, idle="wait")), run([*rounds(STEADY, idle="spin"), other_rate]))
    assert not found.pairs
    assert found.only_a == ["hop mesh (1,000/s, idle=wait)"]
    assert found.only_b == ["hop mesh (1,000/s, idle=spin)", "hop mesh (500/s, idle=wait)"]


def test_variant_that_could_not_run_on_one_side_is_told() -> None:
    """With the reason; where it ran on neither side there is nothing to say."""
    missing = [Measured("hop", name, {}, 1_000.0, not_run="not installed: nats-server") for name in ("nats", "redis")]
    found = compare(run([*rounds(STEADY, "nats"), missing[1]]), run(missing))
    assert found.only_a == ["hop nats (1,000/s): not installed: nats-server on the other side"]
    assert (found.only_b, found.pairs) == ([], [])


def test_machines_that_differ_are_told() -> None:
    """The processor, how many, and how fast a fixed piece of work is, from a tenth on; versions are notes."""
    mine = run(rounds(STEADY), commit="aaaaaaaaaaaa")
    same = compare(mine, run(rounds(STEADY), machine=replace(MACHINE, work_us=109.0, python="3.12.1"), commit="bbbbbbbbbbbb"))
    assert not same.machines
    assert same.notes == ["python: A 3.11.7, B 3.12.1"]
    other = compare(mine, run(rounds(STEADY), machine=replace(MACHINE, cpu="Other", cpu_count=2, work_us=112.0)))
    assert [text.partition(":")[0] for text in other.machines] == ["processor", "processors", "the same piece of Python"]
    assert "A 100 µs, B 112 µs (1.12×)" in other.machines[2]


def test_troubles_of_either_side_are_notes() -> None:
    """Lost messages of all rounds are summed, and warnings that differ in their numbers only are told once."""
    lossy = [measured(100.0, seed=seed, lost=2) for seed in range(3)]
    late = [replace(one, warnings=["2 messages lost", f"rate 9{at}0/s reached, 1000/s asked"]) for at, one in enumerate(lossy)]
    notes = compare(run(late), run(rounds(STEADY), commit="b")).notes
    assert notes == [
        "A: hop mesh (1,000/s): 6 lost",
        "A: hop mesh (1,000/s): rate 900/s reached, 1000/s asked (so, or nearly so, 3 times)",
    ]


def test_numbers_that_are_no_latencies_are_compared_too() -> None:
    """By the unit their name ends with: more a second is faster, fewer ns is faster, and of anything else it is just said."""
    names = {"send_loop_ms": "ms", "orders_per_s": "/s", "bytes/s": "/s", "an_order": "", "pack (ns)": "ns", "share": ""}
    assert {name: unit_of(name) for name in names} == names
    lower = Between(0.5, 0.4, 0.6)
    assert [verdict_of(lower, unit) for unit in ("ms", "×", "x", "/s", "")] == [FASTER, FASTER, FASTER, SLOWER, LOWER]
    higher = Between(2.0, 1.9, 2.1)
    assert [verdict_of(higher, unit) for unit in ("ns", "/s", "")] == [SLOWER, FASTER, HIGHER]

    def side(factor: float) -> list[Measured]:
        return [Measured("status", "mesh", values={"taken_per_s": factor * (1_000 + seed), "zero_ms": 0.0}) for seed in range(6)]

    rows = compare(run(side(1.0)), run(side(1.3))).pairs[0].rows
    assert (row(rows, "taken_per_s", "").verdict, row(rows, "zero_ms", "").verdict) == (FASTER, UNDECIDED)
    assert "not above 0" in row(rows, "zero_ms", "").why


def test_figures_are_compared_by_their_spread() -> None:
    """A narrow spread over many repetitions decides, a wide one or few do not; a rate's direction is the other one."""
    verdicts = {
        name: compare(run(figures=[a]), run(figures=[b])).figures[0].verdict
        for name, a, b in (
            ("apart", figure(1.0), figure(1.2)),
            ("same", figure(1.0), figure(1.01)),
            ("wide", figure(1.0, spread=0.5), figure(1.2, spread=0.5)),
            ("few", figure(1.0, repeats=3), figure(1.2, repeats=3)),
            ("rate", figure(30_000.0, unit="/s"), figure(40_000.0, unit="/s")),
        )
    }
    assert verdicts == {"apart": SLOWER, "same": SAME, "wide": UNDECIDED, "few": UNDECIDED, "rate": FASTER}
    assert of_spreads(0.0, 0.0, 15, 1.0, 0.0, 15) is None
    missing = compare(run(figures=[figure(1.0)]), run(figures=[figure(1.0, name="gc_pause_ms")]))
    assert (missing.only_a, missing.only_b) == (["figure flow_bare_p50"], ["figure gc_pause_ms"])


def test_several_runs_of_a_side_are_its_rounds() -> None:
    """Five runs of one round each decide where one alone does not, and their figures are told apart by the runs."""
    a = [run([one], [figure(1.0 + at / 1_000)]) for at, one in enumerate(rounds(STEADY[:5]))]
    b = [run([one], [figure(1.5 + at / 1_000)]) for at, one in enumerate(rounds([value * 2 for value in STEADY[:5]]))]
    found = compare(joined(a), joined(b))
    assert row(found.pairs[0].rows, "p50").verdict == SLOWER
    assert (found.figures[0].verdict, found.figures[0].a_count) == (SLOWER, 5)
    assert joined(a).took_s == 60.0


def test_side_of_two_commits_or_machines_is_refused() -> None:
    """It would be compared with itself."""
    with pytest.raises(ValueError, match="commits 0123456789ab and other"):
        joined([run(), run(commit="other")])
    with pytest.raises(ValueError, match="Made-up 1000 and of Other"):
        joined([run(), run(machine=replace(MACHINE, cpu="Other"))])
