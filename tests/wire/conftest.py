"""Sockets for the tests of this folder."""

from collections.abc import Iterator

import pytest

from mesh.io.hub import Hub


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
