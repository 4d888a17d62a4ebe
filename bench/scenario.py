"""What a scenario is to the bench: a name, a line of help, and a function that measures.

Each lives in a file of its own under ``bench/scenarios`` as ``SCENARIO``; ``bench/catalogue.py`` lists them.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from bench.results import Figure, Measured


class Options(msgspec.Struct, frozen=True):
    """What the operator may vary; a scenario takes what concerns it. 0: its own default. ``is_smoke``: a few messages, nothing judged."""

    rate: float = 0.0
    seconds: float = 0.0
    rounds: int = 0
    locals: int = 0
    idle: str = "wait"
    is_smoke: bool = False
    state: str = ""
    """A folder for what nodes keep while measured; empty: a temporary one."""
    account: str = ""
    """Of ``venue``: a demo account of a configuration; empty: the simulated terminal."""
    symbol: str = ""
    config: str = ""
    """The configuration of that account; empty: the one that every verb finds."""


class Progress(Protocol):
    """The bar. A scenario says once how many steps it has and then counts them."""

    def begin(self, what: str, steps: int) -> None:
        """So many steps of this begin."""

    def advance(self) -> None:
        """One is done."""


class Silent:
    """A bar that nobody sees."""

    def begin(self, what: str, steps: int) -> None:
        """Nothing."""

    def advance(self) -> None:
        """Nothing."""


class Scenario(msgspec.Struct, frozen=True):
    """``run``: measure under these options. It raises ValueError for options it cannot run with, and leaves no process behind.
    ``judge``: what was measured against what the project promises, where it is this scenario that tells.
    """

    name: str
    help: str
    run: Callable[[Options, Progress], list[Measured]]
    judge: Callable[[Sequence[Measured]], list[Figure]] | None = None
