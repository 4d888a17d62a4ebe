"""Hellos that are not accepted."""

from mesh.core import Note
from mesh.counters import Counters
from mesh.hello import refused, version_refusal
from mesh.messages import PROTOCOL_VERSION


def test_only_our_version_is_spoken() -> None:
    """Ours is no reason to refuse; of any other both numbers are said."""
    assert version_refusal(PROTOCOL_VERSION) == ""
    assert version_refusal(PROTOCOL_VERSION + 1) == f"version={PROTOCOL_VERSION + 1} ours={PROTOCOL_VERSION}"


def test_refused_is_counted_and_told() -> None:
    """One counter and one name in the log, whichever node it was."""
    counters = Counters()
    assert refused(counters, "router-1", "why") == Note("error", "hello_refused", {"who": "router-1", "why": "why"})
    assert counters.totals == {"stranger_count": 1}
