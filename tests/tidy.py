"""The house rules that a program can check, and what is allowed to break one of them, with the reason.

``check(root)`` reads every Python file of the project and every text file beside them and returns what breaks a
rule. The rules are in ``tests/tidy_rules.py`` and ``tests/tidy_imports.py``; ``tests/test_tidy.py`` runs them over
the project, and each over snippets it must catch. Anything missing or unreadable is a violation, never a pass.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests import tidy_imports, tidy_rules
from tests.tidy_source import FOLDERS, Rule, Source, Violation

ALLOW: dict[tuple[str, str], str] = {
    ("float", "mesh/units.py"): "the one place where floats become fixed-point integers and back",
    ("float", "mesh/texts.py"): "what only people read",
    ("pure", "nodes/market/synthetic.py"): "Philox with key and counter given: a function of (seed, symbol, minute), no state",
    ("unit", "nodes/terminal/names.py"): "the constants of the MetaTrader5 package, under its own names",
    ("leftover", "tests/tidy_rules.py"): "names the words it forbids",
    ("leftover", "tests/test_tidy.py"): "shows the words that must be caught",
    ("machine", "tests/tidy_rules.py"): "names the texts it forbids",
    ("machine", "tests/test_tidy.py"): "shows the texts that must be caught",
}
"""(rule, path) → why this file may break this rule. A row that no longer excuses anything is a violation itself."""

RULES: dict[str, Rule] = {**tidy_imports.RULES, **tidy_rules.RULES}

NAMED_FILES = (*tidy_imports.NAMED_FILES, *tidy_rules.FLOAT_FILES)

ROOT_FILES = (
    ".ci/run", ".gitignore", "CHANGELOG.md", "DESIGN.md", "LICENSE", "Makefile", "README.md", "mesh/PROTOCOL.md",
    "pyproject.toml", "requirements.lock", "setup.cfg",
)
"""Text files that must be there; the text rules read these and what lies beside the code."""

TEXT_SUFFIXES = (".md", ".toml", ".tcss", ".cfg", ".sql", ".json")


def project_root() -> Path:
    """The checkout this file lies in."""
    return Path(__file__).resolve().parent.parent


def sources(root: Path) -> Iterator[Source | Violation]:
    """Every file the rules read, in a fixed order; a Violation for what is missing or cannot be parsed."""
    for name in ROOT_FILES:
        if (root / name).is_file():
            yield Source(name, (root / name).read_text("utf-8"), None)
        else:
            yield Violation("present", name, 1, "is missing")
    for folder in FOLDERS:
        paths = sorted(path for path in (root / folder).rglob("*") if path.is_file())
        if not any(path.suffix == ".py" for path in paths):
            yield Violation("present", folder, 1, "has no Python file")
        for path in paths:
            name = path.relative_to(root).as_posix()
            if path.suffix == ".py":
                yield parsed(name, path.read_text("utf-8"))
            elif path.suffix in TEXT_SUFFIXES and name not in ROOT_FILES:
                yield Source(name, path.read_text("utf-8"), None)


def absent(root: Path) -> Iterator[Violation]:
    """Files that a rule names and that are not there: a rule about nothing holds nothing."""
    for name in NAMED_FILES:
        if not (root / name).is_file():
            yield Violation("present", name, 1, "is named by a rule of tidy but is not there: drop its name, or put the new one")


def parsed(name: str, text: str) -> Source | Violation:
    """The source with its syntax tree, or the violation that it has none."""
    try:
        return Source(name, text, ast.parse(text, filename=name))
    except SyntaxError as error:
        return Violation("present", name, error.lineno or 1, f"is not Python: {error.msg}")


def violations_of(source: Source) -> Iterator[Violation]:
    """What breaks a rule in one file, allowed or not."""
    for name, rule in RULES.items():
        for line, text in rule(source):
            yield Violation(name, source.path, line, text)


def judge(found: list[Violation], allow: dict[tuple[str, str], str]) -> list[Violation]:
    """The violations that no row of ``allow`` excuses, and the rows that excuse nothing."""
    broken = {(violation.rule, violation.path): None for violation in found}
    kept = [violation for violation in found if (violation.rule, violation.path) not in allow]
    stale = [row for row in allow if row not in broken]
    return kept + [Violation("allow", path, 1, f"no longer breaks {rule!r}: drop its row") for rule, path in stale]


def check(root: Path) -> list[Violation]:
    """All that is untidy under ``root``."""
    found = list(absent(root))
    for source in sources(root):
        found.extend([source] if isinstance(source, Violation) else violations_of(source))
    return judge(found, ALLOW)
