"""What a decision is known by."""

from nodes.decisions import key_of


def test_a_sid_is_known_by_run_and_source() -> None:
    """The same sid of another run or source is another signal."""
    keys = {key_of("r", "s", "x"), key_of("q", "s", "x"), key_of("r", "t", "x"), key_of("rs", "", "x")}
    assert len(keys) == 4
