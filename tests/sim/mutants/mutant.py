"""A planted bug: a text of a source file replaced by another as the file is imported, never on disk.

A rule that two guards keep is broken in both at once (``also``): a bug in one of them changes nothing that can be seen.

What is planted has to be planted before anything imports the file; a text that is gone, or there more than once, is an error.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import msgspec

CHECKOUT = Path(__file__).resolve().parent.parent.parent.parent


class Change(msgspec.Struct, frozen=True):
    """One text of one file. ``path``: from the checkout's root; ``before`` is there once, and becomes ``after``."""

    path: str
    before: str
    after: str

    @property
    def module(self) -> str:
        """The file as it is imported."""
        return self.path.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """The file with the bug. Raises AssertionError where the text is not there exactly once, or nothing changes."""
        source = (CHECKOUT / self.path).read_text("utf-8")
        count = source.count(self.before)
        assert count == 1, f"its text is {count} times in {self.path}, not once; plant it anew:\n{self.before}"
        assert self.before != self.after, f"{self.path} stays as it is"
        return source.replace(self.before, self.after)


class Mutant(msgspec.Struct, frozen=True):
    """``rule``: what of DESIGN it breaks, by one change, and by those that ``also`` are needed where more than one guard keeps the rule."""

    name: str
    rule: str
    path: str
    before: str
    after: str
    also: tuple[Change, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All that is planted."""
        return (Change(self.path, self.before, self.after), *self.also)


class _Changed(SourceFileLoader):
    """Loads the file with the bug, past all compiled files."""

    def __init__(self, change: Change, path: str) -> None:
        super().__init__(change.module, path)
        self._source = change.source()

    def get_code(self, fullname: str) -> CodeType:
        """The code of the changed source."""
        return self.source_to_code(self._source.encode(), self.path)


class _Finder(MetaPathFinder):
    """Finds the one file, before all others."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The file's spec, with our loader; None for any other."""
        if fullname != self._change.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec, f"{fullname} is not found"
        assert spec.origin, f"{fullname} has no file"
        spec.loader = _Changed(self._change, spec.origin)
        return spec


def plant(mutant: Mutant) -> None:
    """Have this process import the files with the bug. Raises AssertionError where that is too late, or a text is not there."""
    for change in mutant.changes:
        assert change.module not in sys.modules, f"{change.module} is imported already: {mutant.name} has to be planted before"
        change.source()
    sys.meta_path[:0] = [_Finder(change) for change in mutant.changes]
