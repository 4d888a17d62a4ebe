"""Times as people and other programs read them: ISO 8601, UTC, microseconds."""

from datetime import UTC, datetime, timedelta

from mesh.units import US_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_of(time_ns: int) -> str:
    """UTC nanoseconds as text; what is below a microsecond is cut off."""
    return (_EPOCH + timedelta(microseconds=time_ns // US_NS)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
