"""The catalogue of counters holds every number a node counts."""

import ast
import re

import pytest

from mesh.counters import CATALOGUE, Counters
from mesh.messages.health import Counters as CountersField
from tests.tidy import project_root


def counted_names() -> dict[str, str]:
    """Every name given as text to ``add`` or ``keep_max`` in mesh and nodes → a file that does."""
    names: dict[str, str] = {}
    root = project_root()
    for path in sorted((*root.glob("mesh/**/*.py"), *root.glob("nodes/**/*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("add", "keep_max"):
                first = node.args[0] if node.args else None
                if "counters" in ast.unparse(node.func.value) and isinstance(first, ast.Constant):
                    names[str(first.value)] = path.relative_to(root).as_posix()
    return names


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


def test_every_counter_used_is_in_the_catalogue() -> None:
    """No node can crash because it counts something for which the catalogue has no sentence."""
    names = counted_names()
    assert "bad_frame_count" in names
    assert not {name: path for name, path in names.items() if name not in CATALOGUE}


def test_catalogue_fits_health() -> None:
    """All counters together fit in one NodeHealth, and each has a name with its unit and a sentence."""
    most = CountersField.__metadata__[0].max_length
    assert len(CATALOGUE) < most
    for name, sentence in CATALOGUE.items():
        assert re.fullmatch(r"[a-z_]+_(count|us_max)", name)
        assert len(sentence.split()) >= 2
