"""Sockets for the tests of this folder."""

from collections.abc import Iterator

import pytest

from mesh.io.sockets import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    """The hub of the shell, which closes it."""
    return Hub()


@pytest.fixture
def other() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.close()
