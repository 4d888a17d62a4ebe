"""A planted bug: one text of one source file replaced by another as the file is imported, never on disk.

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


class Mutant(msgspec.Struct, frozen=True):
    """``rule``: what of DESIGN it breaks. ``path``: from the checkout's root; ``before`` is there once, and becomes ``after``."""

    name: str
    rule: str
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
        assert count == 1, f"mutant {self.name}: its text is {count} times in {self.path}, not once; plant it anew:\n{self.before}"
        assert self.before != self.after, f"mutant {self.name} changes nothing"
        return source.replace(self.before, self.after)


class _Changed(SourceFileLoader):
    """Loads the file with the bug, past all compiled files."""

    def __init__(self, mutant: Mutant, path: str) -> None:
        super().__init__(mutant.module, path)
        self._source = mutant.source()

    def get_code(self, fullname: str) -> CodeType:
        """The code of the changed source."""
        return self.source_to_code(self._source.encode(), self.path)


class _Finder(MetaPathFinder):
    """Finds the one file, before all others."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The file's spec, with our loader; None for any other."""
        if fullname != self._mutant.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec, f"{fullname} is not found"
        assert spec.origin, f"{fullname} has no file"
        spec.loader = _Changed(self._mutant, spec.origin)
        return spec


def plant(mutant: Mutant) -> None:
    """Have this process import the file with the bug. Raises AssertionError where that is too late, or its text is not there."""
    assert mutant.module not in sys.modules, f"{mutant.module} is imported already: {mutant.name} has to be planted before"
    mutant.source()
    sys.meta_path.insert(0, _Finder(mutant))
