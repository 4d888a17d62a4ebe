"""The catalogue of counters holds every number a node counts."""

import ast
import re

import pytest

from mesh.counters import CATALOGUE, Counters, is_told
from mesh.messages.health import Counters as CountersField
from tests.tidy import project_root


def counted_in(text: str) -> list[str]:
    """Every name given as text to ``add`` or ``keep_max`` of counters, also where one of several is chosen there."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in ("add", "keep_max"):
            continue
        if "counters" in ast.unparse(node.func.value) and node.args:
            chosen = node.args[0]
            parts = (chosen.body, chosen.orelse) if isinstance(chosen, ast.IfExp) else (chosen,)
            names += [str(part.value) for part in parts if isinstance(part, ast.Constant)]
    return names


def sources() -> dict[str, str]:
    """The text of every file that may count, but for the catalogue's own."""
    root = project_root()
    paths = sorted((*root.glob("mesh/**/*.py"), *root.glob("nodes/**/*.py")))
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in paths if path != root / "mesh" / "counters.py"}


def test_adds_up() -> None:
    """A counter is the sum of what was added to it."""
    counters = Counters()
    counters.add("tick_count")
    counters.add("tick_count", 4)
    assert counters.totals == {"tick_count": 5}


def test_keeps_the_largest() -> None:
    """A maximum only grows, and zero counts as a value."""
    counters = Counters()
    for value, largest in ((0, 0), (7, 7), (3, 7)):
        counters.keep_max("commit_us_max", value)
        assert counters.totals == {"commit_us_max": largest}


def test_unknown_name_is_a_bug() -> None:
    """A name outside the catalogue is refused at its first use."""
    with pytest.raises(AssertionError, match="is not in the catalogue"):
        Counters().add("nonsense_count")
    with pytest.raises(AssertionError, match="is not in the catalogue"):
        Counters().keep_max("nonsense_us_max", 1)


def test_names_counted_are_found() -> None:
    """The search below sees a plain name, one of two, and a maximum; it does not take a set's ``add`` for one."""
    lines = ("self.counters.add('a_count', 2)", "counters.add('b_count' if x else 'c_count')", "s.counters.keep_max('d_us_max', 1)")
    text = "\n".join((*lines, "seen.add('e_count')"))
    assert counted_in(text) == ["a_count", "b_count", "c_count", "d_us_max"]


def test_every_counter_used_is_in_the_catalogue() -> None:
    """No node can crash because it counts something for which the catalogue has no sentence."""
    counted = {path: counted_in(text) for path, text in sources().items()}
    assert {name for names in counted.values() for name in names} >= {"bad_frame_count", "denied_line_count", "commit_us_max"}
    assert not {path: name for path, names in counted.items() for name in names if name not in CATALOGUE}


def test_every_counter_of_the_catalogue_is_counted() -> None:
    """A name nobody counts would stay zero in silence, and look as if all were well."""
    texts = sources().values()
    assert not [name for name in CATALOGUE if not any(f'"{name}"' in text for text in texts)]


def test_floods_are_told_sparingly() -> None:
    """The first ten of something, then one of a thousand."""
    assert [count for count in range(1, 3_001) if is_told(count)] == [*range(1, 11), 1_000, 2_000, 3_000]


def test_catalogue_fits_health() -> None:
    """All counters together fit in one NodeHealth, and each has a name with its unit and a sentence."""
    most = CountersField.__metadata__[0].max_length
    assert len(CATALOGUE) < most
    for name, sentence in CATALOGUE.items():
        assert re.fullmatch(r"[a-z_]+_(count|us_max)", name)
        assert len(sentence.split()) >= 2
