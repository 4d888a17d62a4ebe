"""The phases: one list, which costs nobody anything to read."""

import ast
from pathlib import Path

from mesh import phases
from mesh.phases import DOWN_PHASES, LEAVING_PHASES, PHASES, UP_PHASES


def test_the_listener_of_supervisord_can_afford_it() -> None:
    """It has to stay small on every host: the list imports nothing."""
    tree = ast.parse(Path(phases.__file__).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_no_phase_means_two_things() -> None:
    """Who speaks for itself is not down; who is up or leaving speaks for itself."""
    assert not set(PHASES) & set(DOWN_PHASES)
    assert {*UP_PHASES, *LEAVING_PHASES} <= set(PHASES)
