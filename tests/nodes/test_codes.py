"""Each name of a code is the code."""

from mesh.messages.outcomes import FINAL_CODES, STATE_CODES
from nodes import codes


def test_names_are_the_codes() -> None:
    """A code put elsewhere in its table does not change what a name means."""
    assert all(getattr(codes, code) == code for code in (*FINAL_CODES, *STATE_CODES))
