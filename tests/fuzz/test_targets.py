"""Whatever the bytes are: a value, or the one error its reader may raise. A part of what ``make fuzz`` does, the same in every run."""

import tracemalloc
from functools import cache
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh.codec import FRAME_COUNT_MAX, check_frames
from mesh.errors import BadFrame
from tests.fuzz.mutations import BROKEN
from tests.fuzz.table import TARGETS
from tests.fuzz.target import Finding, Target, finding_of

EXAMPLES_MAX = 50
MUTATIONS_MAX = 3
MEMORY_BYTES_MAX = 4 * 2**20
"""What a reader of one message may need: the message may announce as many elements and bytes as it likes."""
seeds_of = cache(lambda name: TARGETS[name].seeds())
every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


def told(target: Target, found: Finding | None) -> str:
    """What a person needs to see it again."""
    return f"{target.name}: {found.place}: {found.what}\n{found.raw!r}" if found else ""


@pytest.mark.slow
@every_target
def test_valid_input_is_read(target: Target) -> None:
    """What a target begins from is right: nothing is shown by refusing what was never valid."""
    seeds = seeds_of(target.name)
    assert seeds
    for seed in seeds:
        assert not told(target, finding_of(target, seed))
    if target.name not in ("store", "audit"):  # of damages only the first few are none
        for seed in seeds:
            target.read(seed)


@pytest.mark.slow
@every_target
@settings(max_examples=EXAMPLES_MAX, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_nearly_valid_input(target: Target, data: st.DataObject) -> None:
    """One value replaced by another, a field too many, bytes changed: a value or the one error, and nothing else."""
    raw = data.draw(st.sampled_from(seeds_of(target.name)))
    draw = Random(data.draw(st.integers(0, 2**32)))
    for _ in range(data.draw(st.integers(1, MUTATIONS_MAX))):
        raw = target.mutate(raw, draw)
    assert not told(target, finding_of(target, raw))


@pytest.mark.slow
@every_target
@settings(max_examples=EXAMPLES_MAX)
@given(raw=st.binary(max_size=200))
def test_any_bytes(target: Target, raw: bytes) -> None:
    """Bytes that nobody meant as anything."""
    assert not told(target, finding_of(target, raw))


@pytest.mark.parametrize("name", ["frame", "record", "node", "view"])
def test_memory_is_bounded(name: str) -> None:
    """A message of 60 KB that announces all the world's elements, in all ways there are, takes a few MB and no more."""
    target = TARGETS[name]
    for piece in BROKEN:
        for head in (b"", b"\x93", b"\x9f"):
            raw = (head + piece * (60_000 // len(piece)))[:60_000]
            tracemalloc.start()
            try:
                found = finding_of(target, raw)
                _, peak_bytes = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert not told(target, found)
            assert peak_bytes < MEMORY_BYTES_MAX, f"{piece[:8]!r} … takes {peak_bytes:,} bytes"


def test_harness_finds_what_is_wrong() -> None:
    """A target that raises what it may not, or gives a wrong value, is found with its place; what it may raise is no finding."""

    def read(raw: bytes) -> None:
        assert raw != b"wrong"
        raise {b"bad": BadFrame, b"worse": ValueError}[raw](raw.decode())

    target = Target("tried", (BadFrame,), lambda: [b"bad"], read, lambda raw, draw: raw)
    assert finding_of(target, b"bad") is None
    worse, wrong, other = (finding_of(target, raw) for raw in (b"worse", b"wrong", b"other"))
    assert worse is not None
    assert worse.place.startswith("ValueError at tests/fuzz/test_targets.py:")
    assert wrong is not None
    assert wrong.place.startswith("AssertionError at ")
    assert other is not None
    assert other.place not in (worse.place, wrong.place)


@pytest.mark.slow
@every_target
def test_mutations_are_many(target: Target) -> None:
    """What is tried is mostly not what it was made from, nor always the same: a mutator that does nothing would find nothing."""
    draw = Random(1)
    seeds = seeds_of(target.name)
    made = [target.mutate(seeds[turn % len(seeds)], draw) for turn in range(60)]
    assert sum(raw not in seeds for raw in made) > 30
    assert len(set(made)) > 30


@given(st.lists(st.binary(max_size=3), max_size=6))
def test_count_of_frames(frames: list[bytes]) -> None:
    """One or two frames are a message; none, or more, is refused."""
    if 1 <= len(frames) <= FRAME_COUNT_MAX:
        check_frames(frames)
    else:
        with pytest.raises(BadFrame):
            check_frames(frames)
