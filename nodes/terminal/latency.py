"""How long the simulated broker takes for an order: drawn from what the order is, never from when or in which order it came.

Execution times have a long right tail: log-normal, ``median × exp(sigma × z)``. ``z`` is nearly normal (Irwin-Hall: the sum
of twelve uniform numbers has variance 1), taken from the bits of one hash; everything is exact decimals.
"""

from decimal import Context, Decimal
from hashlib import blake2b

import msgpack

from mesh.ids import draw_of
from mesh.units import MS_NS

COMMENT_PREFIX = "tm"
"""How the comments of our orders begin: see ``mesh.ids.comment_of``."""
_EXACT = Context(prec=20)
_UNIFORM_COUNT = 12
_UNIFORM_BITS = 5
"""Twelve of them fit in one 64-bit draw."""
_LONGEST_TIMES = 100
"""Nothing takes longer than this many medians."""


class Latency:
    """The latency of orders at one broker. ``sigma`` 0: always the median."""

    def __init__(self, seed: int, median_ms: int, sigma: Decimal) -> None:
        self._seed = seed
        self._median_ns = median_ms * MS_NS
        self._sigma = sigma

    def of(self, key: bytes) -> int:
        """Nanoseconds for the order known by ``key`` (see ``request_key``)."""
        if self._median_ns == 0 or self._sigma == 0:
            return self._median_ns
        drawn = draw_of(self._seed, key, 0, "latency")
        factor = _EXACT.exp(_EXACT.multiply(self._sigma, _normal(drawn)))
        return min(int(_EXACT.multiply(factor, Decimal(self._median_ns))), _LONGEST_TIMES * self._median_ns)


def request_key(login: int, magic: int, action: int, comment: str, plain: bytes, turn: int = 1) -> bytes:
    """What an order is known by: our comment (oid and attempt), else its account and magic, else all it says.

    So all accounts of one order take the same time, and what they did is settled once for all of them. Beyond the first its turn counts
    too: the orders of a script all have one magic.
    """
    known_by = [action, comment] if comment.startswith(COMMENT_PREFIX) else [login, action, magic or plain]
    packed = msgpack.packb(known_by if turn == 1 else [*known_by, turn])
    return blake2b(packed, digest_size=16, person=b"request").digest()


def _normal(drawn: int) -> Decimal:
    """A nearly normal number, within ±6, from 60 bits."""
    mask = (1 << _UNIFORM_BITS) - 1
    total = sum(drawn >> (_UNIFORM_BITS * index) & mask for index in range(_UNIFORM_COUNT))
    # twelve uniform numbers in the middle of 32 equal steps: their sum is total + 12 halves, its mean 6 × 32
    return _EXACT.divide(Decimal(2 * total + _UNIFORM_COUNT - _UNIFORM_COUNT * (mask + 1)), Decimal(2 * (mask + 1)))
