"""Whose fault an error is shows in its type, and each exit code has one meaning."""

import pytest

from mesh.errors import (
    EXIT_CODES,
    BadConfig,
    BadFeed,
    BadFrame,
    BadUsage,
    Fenced,
    MeshError,
    NoMesh,
    NotReady,
    PortInUse,
    StoreFailed,
    StoreInUse,
)

CONCRETE = [BadFrame, BadUsage, BadConfig, BadFeed, NoMesh, Fenced, StoreFailed, StoreInUse, PortInUse, NotReady]


def test_base_cannot_be_raised() -> None:
    """An error that names nobody's fault is itself a bug of ours."""
    with pytest.raises(AssertionError, match="abstract"):
        raise MeshError("something")


@pytest.mark.parametrize("error", CONCRETE)
def test_error_keeps_its_text_and_has_a_known_exit_code(error: type[MeshError]) -> None:
    """Each concrete error shows exactly the text it was given and ends with a code of the one table."""
    assert str(error("node.x.port = 0; allowed: 1 to 65535")) == "node.x.port = 0; allowed: 1 to 65535"
    assert error.exit_code in EXIT_CODES


def test_every_concrete_error_is_tested_here() -> None:
    """No subclass of MeshError in mesh.errors escapes the tests above."""
    assert [kind for kind in MeshError.__subclasses__() if kind.__module__ == "mesh.errors"] == CONCRETE


def test_exit_codes_are_those_of_the_design() -> None:
    """70 and 78 stay down under supervisord, 74 and 75 pass: the numbers are part of the interface."""
    assert (BadConfig.exit_code, Fenced.exit_code, StoreFailed.exit_code, StoreInUse.exit_code, PortInUse.exit_code) == (78, 70, 74, 75, 75)
    assert (BadUsage.exit_code, BadFeed.exit_code, NoMesh.exit_code) == (2, 65, 69)
    assert list(EXIT_CODES) == sorted(EXIT_CODES)
    assert all(0 <= code <= 255 and text for code, text in EXIT_CODES.items())
