"""Sockets for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.io.hub import Hub
from tests.wire.doorrig import House, HouseAt


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The hub of the nodes under test; where a shell ran it has closed it already."""
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Hub]:
    """A second context: another process as far as ZeroMQ can tell."""
    made = Hub()
    yield made
    made.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[HouseAt]:
    """Builds houses with a door of a link, which are closed when the test ends."""
    made: list[House] = []

    def build(link: str) -> House:
        made.append(House(link, tmp_path))
        return made[-1]

    yield build
    for each in made:
        each.close()
