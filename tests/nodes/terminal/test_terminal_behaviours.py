"""BEHAVIOURS.md: all 25 numbers, every kind of fault, and tests that exist."""

import ast
import re
import typing
from pathlib import Path

from mesh.faults import Kind

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "nodes" / "terminal" / "BEHAVIOURS.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    part = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_named_test_exists() -> None:
    """Each `file::test` is a test function of that file."""
    assert len(NAMED) > 80
    for file, name in NAMED:
        tree = ast.parse((ROOT / "tests" / "nodes" / file).read_text(encoding="utf-8"))
        assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)], f"{file} has no {name}"


def test_all_25_behaviours_are_there_each_with_a_test() -> None:
    """Numbers 1 to 25 in order, and in each row what ours does and at least one test."""
    found = rows("The 25 behaviours")
    assert [int(row[0]) for row in found] == list(range(1, 26))
    assert all(len(row) == 4 and row[2] and "::test_" in row[3] for row in found)


def test_every_kind_of_fault_is_named_with_a_test() -> None:
    """No kind of mesh/faults.py is left out of the table, and each row has a test."""
    found = rows("What can be made to go wrong")
    assert all("::test_" in row[2] for row in found)
    named = [kind for row in found for kind in re.findall(r"`(\w+)`", row[1])]
    assert [kind for kind in typing.get_args(Kind) if kind not in named] == []
