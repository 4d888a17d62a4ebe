"""Answers of commands: one name each."""

import ast

from mesh import answercodes
from tests.tidy import project_root, sources
from tests.tidy_source import Source


def test_code_is_spelled_in_its_catalogue_alone() -> None:
    """Who answers and who reads the answer mean the same word: neither writes it out."""
    words = {value for name, value in vars(answercodes).items() if name.isupper()}
    spelled = [
        f"{source.path}:{node.lineno}: {node.value}"
        for source in sources(project_root())
        if isinstance(source, Source) and source.folder in ("mesh", "nodes", "tui") and source.path != "mesh/answercodes.py"
        for node in source.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in words
    ]
    assert (spelled, len(words)) == ([], 17)
