"""Times as text."""

import pytest

from mesh.texts import iso_of


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_767_600_000_123_456_789, "2026-01-05T08:00:00.123456Z"),
        (-1_000, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_text_of_a_time(time_ns: int, text: str) -> None:
    """UTC to the microsecond, whatever the zone of the host."""
    assert iso_of(time_ns) == text
