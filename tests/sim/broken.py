"""What a check of a simulated mesh raises."""


class Broken(Exception):
    """An invariant does not hold. ``name`` is DESIGN's, ``key`` what it is about."""

    def __init__(self, name: str, text: str, key: str = "") -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.key = key
