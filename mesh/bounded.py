"""Tables that remember the newest of something and never grow past a bound."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def keep(table: dict[K, V], key: K, value: V, count_max: int) -> None:
    """Put a value last, and forget the first past ``count_max``."""
    table.pop(key, None)
    table[key] = value
    if len(table) > count_max:
        del table[next(iter(table))]
