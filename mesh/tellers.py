"""Whose outcomes there are, in a list: a life and the first number it told, pair after pair, the newest last.

Life 0: nobody's (skipped numbers), or nobody knows whose.
"""

TELLERS_MAX = 64
"""Numbers of a list: 32 lives that told something."""


def pairs_of(tellers: list[int]) -> list[tuple[int, int]]:
    """(life, first number), the oldest first."""
    return list(zip(tellers[::2], tellers[1::2], strict=False))


def with_teller(tellers: list[int], life: int, f: int) -> list[int]:
    """The list once ``life`` has told number ``f``; the same one where it told the number before, too."""
    return tellers if tellers[-2:-1] == [life] else [*tellers, life, f][-TELLERS_MAX:]
