"""For all tests of the console: hundreds of consoles come and go, and the collector of garbage would look through all else each time."""

import gc
from collections.abc import Iterator

import pytest

YOUNG_COUNT = 20_000
"""Objects that came since, before the young ones are looked through; by default 700."""


@pytest.fixture(scope="session")
def frozen() -> None:
    """What was imported stays: nobody has to look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def seldom_collected(frozen: None) -> Iterator[None]:
    """Garbage is looked for less often, while these tests run."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_COUNT, *before[1:])
    yield
    gc.set_threshold(*before)
