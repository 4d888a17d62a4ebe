"""Hellos that are not accepted."""

from mesh.core import Note
from mesh.counters import Counters
from mesh.hello import refused, version_refusal
from mesh.messages import PROTOCOL_VERSION


def test_our_version_and_its_neighbours_are_spoken() -> None:
    """Hosts are brought to another version one by one; of one further off, and of none, both numbers are said."""
    assert version_refusal(PROTOCOL_VERSION) == version_refusal(PROTOCOL_VERSION + 1) == ""
    for other in (PROTOCOL_VERSION + 2, 0):
        assert version_refusal(other) == f"version={other} ours={PROTOCOL_VERSION}"


def test_refused_is_counted_and_told() -> None:
    """One counter and one name in the log, whichever node it was."""
    counters = Counters()
    assert refused(counters, "router-1", "why") == Note("error", "hello_refused", {"who": "router-1", "why": "why"})
    assert counters.totals == {"stranger_count": 1}
