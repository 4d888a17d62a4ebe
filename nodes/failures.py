"""How often something failed lately: so many in so long of market time."""

from collections import deque

from mesh.units import MS_NS


class Failures:
    """The newest failures. ``count`` None: they are not counted; ``window_ms``: in which so many are too many."""

    def __init__(self, count: int | None = None, window_ms: int = 0) -> None:
        self._failed_ns: deque[int] = deque()
        self.limit(count, window_ms)

    def limit(self, count: int | None, window_ms: int) -> None:
        """So many in so long are too many from now on; those there were still count."""
        self._count = count
        self._window_ns = window_ms * MS_NS
        self._failed_ns = deque(self._failed_ns, maxlen=count or 1)

    def add(self, market_ns: int, why: str) -> str:
        """One more: what to say where it is one too many (then counting begins anew); empty where it is not."""
        self._failed_ns.append(market_ns)
        span_ns = market_ns - self._failed_ns[0]
        if self._count is None or len(self._failed_ns) < self._count or span_ns > self._window_ns:
            return ""
        self._failed_ns.clear()
        return f"count={self._count} in_ms={span_ns // MS_NS} last={why}"
