"""Many named deadlines behind one ``deadline_ns``: a heap with lazy deletion."""

from collections.abc import Hashable
from heapq import heappop, heappush
from typing import Generic, TypeVar

from mesh.units import NEVER

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Deadlines by key; setting a key again moves it."""

    __slots__ = ("_at", "_heap", "_order")

    def __init__(self) -> None:
        self._at: dict[K, int] = {}
        """Key → number of the setting that stands."""
        self._heap: list[tuple[int, int, K]] = []
        self._order = 0

    def set(self, key: K, at_ns: int) -> None:
        """Let ``key`` come due at ``at_ns``; NEVER cancels it."""
        if at_ns >= NEVER:
            self.cancel(key)
            return
        self._order = self._at[key] = order = self._order + 1
        heappush(self._heap, (at_ns, order, key))

    def set_if_unset(self, key: K, at_ns: int) -> None:
        """As ``set``, unless the key is running."""
        if key not in self._at:
            self.set(key, at_ns)

    def cancel(self, key: K) -> None:
        """Forget a key; unknown keys are fine."""
        self._at.pop(key, None)

    def is_set(self, key: K) -> bool:
        """Whether the key is running."""
        return key in self._at

    def due(self, now_ns: int) -> list[K]:
        """Keys that came due by ``now_ns``, in order of their deadlines; they stop running."""
        ready: list[K] = []
        heap, at = self._heap, self._at
        while heap and heap[0][0] <= now_ns:
            _, order, key = heappop(heap)
            if at.get(key) == order:
                del at[key]
                ready.append(key)
        return ready

    @property
    def next_ns(self) -> int:
        """The earliest deadline, NEVER where none runs."""
        heap, at = self._heap, self._at
        while heap:
            at_ns, order, key = heap[0]
            if at.get(key) == order:
                return at_ns
            heappop(heap)
        return NEVER
