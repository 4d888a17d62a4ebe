"""The orders of one epoch as they reach a local: what is missing, what may be acked, what has to wait for its turn.

``k`` is dense. An order is **received** when it came, **settled** when it is stored or answered; all up to ``acked_k`` are
settled, and that is what the router is told. An open is not run before everything below it came; a close need not wait.

**Older** is what was published before the master welcomed this life of the local: another life may have had it.
"""

GAPS_MAX = 16
"""Holes asked for at a time."""


class OrderStream:
    """Numbers of one epoch."""

    def __init__(self) -> None:
        self.e = 0
        self.acked_k = 0
        self._received_k = 0
        self._ahead: dict[int, bool] = {}
        """k above ``acked_k`` that came → whether it is settled."""
        self._older_k: int | None = None
        """Numbers up to it are older; None: not welcomed in this epoch yet, so any may be."""

    def restart(self, e: int, k: int) -> None:
        """Another epoch, or the state of this one as the store has it."""
        self.e = e
        self.acked_k = self._received_k = k
        self._ahead.clear()
        self._older_k = None

    def welcome(self, k_last: int) -> None:
        """The master has published up to ``k_last`` of this epoch; what counts is what it said first."""
        if self._older_k is None:
            self._older_k = k_last

    def is_older(self, e: int, k: int) -> bool:
        """Whether another life may have had a number of this epoch."""
        return e == self.e and (self._older_k is None or k <= self._older_k)

    @property
    def received_k(self) -> int:
        """All up to this came."""
        return self._received_k

    @property
    def waiting_count(self) -> int:
        """Orders that came and are not acked."""
        return len(self._ahead)

    def receive(self, k: int) -> bool:
        """An order came; False where it had come before."""
        if k <= self.acked_k or k in self._ahead:
            return False
        self._ahead[k] = False
        while self._received_k + 1 in self._ahead:
            self._received_k += 1
        return True

    def settle(self, k: int) -> bool:
        """An order is stored or answered; whether that moved ``acked_k``."""
        if k in self._ahead:
            self._ahead[k] = True
        before = self.acked_k
        while self._ahead.get(self.acked_k + 1):
            self.acked_k += 1
            del self._ahead[self.acked_k]
        return self.acked_k > before

    def gaps(self, k_last: int) -> list[tuple[int, int]]:
        """Ranges up to ``k_last`` that have not come."""
        found: list[tuple[int, int]] = []
        last = max(self._ahead, default=0)
        k = self._received_k + 1
        while k <= k_last and len(found) < GAPS_MAX:
            if k > last:
                found.append((k, k_last))
                break
            if k in self._ahead:
                k += 1
                continue
            start = k
            while k <= k_last and k <= last and k not in self._ahead:
                k += 1
            found.append((start, k - 1))
        return found
