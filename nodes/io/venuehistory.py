"""The history of an account in spans that fit into one answer.

A terminal answers with a whole span of time or, where that is too long to be sent, with ``-3 Terminal: Out of memory``. Then the
span is halved until it fits, and the next one is twice as long as the last that did. Spans are whole seconds of server time, both
ends included, and end far beyond the server's now: its clock is not ours.
"""

from collections.abc import Callable
from typing import Any

from nodes.terminal.lasterror import OUT_OF_MEMORY

FOREVER_S = 2**31 - 1
"""The package cuts times to 32 bits of seconds; this is far more than the day past now that fresh deals need."""

Span = Callable[[int, int], Any]
"""``history_deals_get`` or ``history_orders_get``: from a second to a second; None where it cannot."""


class History:
    """Reads of histories of one terminal. ``last_error`` as the package has it."""

    def __init__(self, last_error: Callable[[], tuple[int, str]]) -> None:
        self._last_error = last_error
        self._width_s = FOREVER_S
        """As long a span as may fit: what has fitted, and twice that after each that did."""

    def page(self, span: Span, from_s: int) -> tuple[list[Any], int] | None:
        """The first rows there are from a second on, and the second after them, 0 where there are no more; None where it cannot."""
        while True:
            to_s = min(FOREVER_S, from_s + self._width_s)
            rows = span(from_s, to_s)
            if rows is None:
                if self._last_error()[0] != OUT_OF_MEMORY[0] or to_s <= from_s:
                    return None
                self._width_s = (to_s - from_s) // 2
                continue
            self._width_s = min(FOREVER_S, 2 * max(1, self._width_s))
            if to_s == FOREVER_S:
                return list(rows), 0
            if rows:
                return list(rows), to_s + 1
            from_s = to_s + 1

    def all(self, span: Span, from_s: int) -> list[Any] | None:
        """All rows from a second on; None where it cannot."""
        found: list[Any] = []
        while True:
            page = self.page(span, from_s)
            if page is None:
                return None
            rows, from_s = page
            found += rows
            if not from_s:
                return found
