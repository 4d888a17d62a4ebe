"""How long to wait before something is tried again: twice as long each time nobody answered, up to a bound."""

DOUBLINGS_MAX = 3
"""A repeat comes at most eight times later than the first (``timers.repeat_ms``)."""


def backoff_ns(first_ns: int, vain_count: int, doublings_max: int = DOUBLINGS_MAX) -> int:
    """The pause after ``vain_count`` tries in vain: ``first_ns`` after none, doubled for each, ``doublings_max`` times at most."""
    assert vain_count >= 0, f"{vain_count} tries in vain"
    return first_ns << min(vain_count, doublings_max)
