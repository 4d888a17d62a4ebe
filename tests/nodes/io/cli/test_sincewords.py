"""From when on, as people say it: so long ago, or a date or time."""

import pytest

from mesh.errors import BadUsage
from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.io.cli.sincewords import since_ns_of

NOW_NS = 1_767_600_000 * SECOND_NS
"""2026-01-05T08:00 UTC."""


@pytest.mark.parametrize(("words", "ago_ns"), [("30s", 30 * SECOND_NS), ("10m", 10 * MINUTE_NS), ("2h", 2 * HOUR_NS), ("3d", 3 * DAY_NS)])
def test_so_long_ago(words: str, ago_ns: int) -> None:
    """A number and its unit; what lies before all times is the first one, and not none."""
    assert since_ns_of(words, NOW_NS) == NOW_NS - ago_ns
    assert since_ns_of("999999d", NOW_NS) == 1


def test_times_are_utc() -> None:
    """A time without a zone is UTC; one with a zone is what it says; no word is no time."""
    assert since_ns_of("2026-01-05T08:00", NOW_NS) == NOW_NS
    assert since_ns_of("1970-01-02", NOW_NS) == DAY_NS
    assert since_ns_of("1970-01-01T01:00+01:00", NOW_NS) == 0
    assert since_ns_of("", NOW_NS) == 0


@pytest.mark.parametrize("words", ["yesterday", "2 h", "h", "-2h", "2w", "2026-13-01"])
def test_anything_else_is_refused(words: str) -> None:
    """With both ways to say it."""
    with pytest.raises(BadUsage, match=f"--since {words}: so long ago .*10m.* or a date or time in UTC such as 2026-01-05"):
        since_ns_of(words, NOW_NS)
