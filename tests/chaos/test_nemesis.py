"""The nemesis draws the same faults from the same seed, each kind once first, undoes them all, and restarts what stays down."""

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import nemesis as nemesis_module
from tests.chaos.nemesis import OPERATOR_S, Nemesis

KINDS = {"kill": 3.0, "pause": 2.0, "reset": 1.0}


class Acts:
    """Faults that only say what they would do; ``pause`` has no target at first."""

    def __init__(self, mesh: Any, draw: random.Random, later: Callable[[float, Callable[[], None]], None], *_unused: Any) -> None:
        self._draw = draw
        self._later = later
        self.undone: list[str] = []
        self.is_healed = False
        self.vain_count = 2

    def _done(self, kind: str) -> str:
        words = f"{kind} {self._draw.randrange(1_000)}"
        self._later(3.0, lambda: self.undone.append(words))
        return words

    def kill(self, now_s: float) -> str:
        return self._done("kill")

    def reset(self, now_s: float) -> str:
        return self._done("reset")

    def pause(self, now_s: float) -> str:
        self.vain_count -= 1
        return self._done("pause") if self.vain_count < 0 else ""

    def look(self, now_s: float) -> None:
        pass

    def heal(self, now_s: float) -> None:
        self.is_healed = True


class Mesh:
    """A mesh in which one process stays down until it is started again."""

    state = Path("nowhere")

    def __init__(self) -> None:
        self.stays_down = ["local-1"]

    def down(self) -> list[str]:
        return list(self.stays_down)

    def restart(self, process: str) -> None:
        self.stays_down.remove(process)


@pytest.fixture(autouse=True)
def plain_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nemesis_module, "KINDS", KINDS)
    monkeypatch.setattr(nemesis_module, "Faults", Acts)


def played(seed: int, seconds: int, mesh: Mesh) -> Nemesis:
    made: Any = Nemesis(mesh, seed, list(KINDS), (1.0, 2.0), None, None)  # type: ignore[arg-type]
    made.begin(0.0)
    for tenth in range(seconds * 10):
        made.poll(tenth / 10, True)
    return made


def test_one_seed_gives_one_sequence_and_each_kind_once_first() -> None:
    """Kinds, targets and moments are the seed's; what had no target is tried again; one fault every two seconds at least."""
    first, again, other = played(5, 60, Mesh()), played(5, 60, Mesh()), played(6, 60, Mesh())
    assert [(fault.at_s, fault.what) for fault in first.faults] == [(fault.at_s, fault.what) for fault in again.faults]
    assert [fault.what for fault in first.faults] != [fault.what for fault in other.faults]
    assert first.has_all
    assert {fault.kind for fault in first.faults[:4]} == set(KINDS)
    moments = [fault.at_s for fault in first.faults]
    assert len(moments) >= 30
    assert max(later - earlier for earlier, later in itertools.pairwise(moments)) <= 2.1


def test_all_is_undone_in_time_and_at_the_end() -> None:
    """Each after its three seconds; what is left when all heals."""
    made = played(5, 60, Mesh())
    acts: Any = made._acts
    late = [fault.what for fault in made.faults if fault.at_s < 56]
    assert [words for words in late if words not in acts.undone] == []
    made.heal(60.0)
    assert sorted(acts.undone) == sorted(fault.what for fault in made.faults)
    assert acts.is_healed


def test_what_stays_down_is_restarted_by_the_operator_after_a_while() -> None:
    """Not at once, and once."""
    mesh = Mesh()
    made = played(5, int(OPERATOR_S) - 1, mesh)
    assert made.restarted == []
    for tenth in range(20, 80):
        made.poll(tenth / 10, False)
    assert (made.restarted, mesh.stays_down) == (["local-1"], [])
