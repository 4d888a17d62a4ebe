"""How much worse than its quote a market order fills: drawn from (seed, attempt), never from when it comes."""

_MASK_64 = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
"""The step of splitmix64's states."""


def attempt_seed(magic: int, turn: int) -> int:
    """What a request draws from: its magic; those that share one step on from there."""
    return magic + (turn - 1) * _GOLDEN


def slippage_points(seed: int, attempt_seed: int, most: int) -> int:
    """0 to ``most`` points, each as likely."""
    return _mixed(seed ^ _mixed(attempt_seed)) % (most + 1) if most else 0


def _mixed(value: int) -> int:
    """splitmix64's finaliser (Steele, Lea, Flood 2014): 64 bits that look drawn."""
    value = (value + _GOLDEN) & _MASK_64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK_64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK_64
    return value ^ (value >> 31)
