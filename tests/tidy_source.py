"""What a tidy rule is given: one file with its place in the house, and the questions all rules ask of it."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

FOLDERS = ("mesh", "nodes", "tui", "bench", "tests")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Violation:
    """One line that breaks one rule."""

    rule: str
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


@dataclass(frozen=True)
class Source:
    """One file. ``path`` is relative to the checkout, with slashes; ``tree`` is None for what is not Python."""

    path: str
    text: str
    tree: ast.Module | None

    @property
    def folder(self) -> str:
        """The top-level folder, or the file's own name at the top."""
        return self.path.split("/")[0]

    @property
    def is_pure(self) -> bool:
        """All of mesh/ and nodes/ except their io/ folders."""
        return self.folder in ("mesh", "nodes") and "io" not in self.path.split("/")[1:-1]

    @property
    def is_cli(self) -> bool:
        """The command, which prints and may reach the console and the bench."""
        return self.path.startswith("nodes/io/cli/")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree; none for what is not Python."""
        return [] if self.tree is None else list(ast.walk(self.tree))

    @cached_property
    def nodes_not_run(self) -> frozenset[int]:
        """``id()`` of every node that is not run where the file is imported: inside a function, or for type checkers alone."""
        outer = [node for node in self.nodes if isinstance(node, FUNCTION) or _is_for_types(node)]
        return frozenset(id(inner) for node in outer for inner in ast.walk(node))

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """Each import statement with the full dotted name it brings in (``from a import b`` gives ``a.b``)."""
        package = self.path.removesuffix(".py").split("/")[:-1]
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node, alias.name
            elif isinstance(node, ast.ImportFrom):
                start = package[: len(package) - node.level + 1] if node.level else []
                base = [*start, node.module] if node.module else start
                for alias in node.names:
                    yield node, ".".join([*base, alias.name])


Rule = Callable[[Source], Iterator[tuple[int, str]]]
"""From a file to the lines that break the rule, each with what is wrong and what to do."""


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def is_under(name: str, *packages: str) -> bool:
    """Whether a dotted name is one of ``packages`` or lies inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def line_of(node: ast.AST) -> int:
    """The line a node begins on."""
    return int(getattr(node, "lineno", 1))
