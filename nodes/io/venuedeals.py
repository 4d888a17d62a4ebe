"""Deals of an account for one who asks page after page: each is told once, as many at a time as a message holds.

A history is read from a moment on, again and again, for a terminal may show deals late and out of order. What of it was told is
remembered by ticket, and counts as told once a read says that it goes on after that answer (``VenueRead.after``): of an answer that
was lost on the way everything is told again, and a read that is done twice tells the same.

One **pass** goes through the history from its beginning to its end, fetched once for all the pages it fills, a few spans a read where
the terminal answers with spans only: a read stays short however long the history is. There are no more deals once a pass has found
nothing but what its last answer tells.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from mesh.messages.venue import VenueRead
from nodes.io.venuehistory import History, Span

DEALS_MAX = 512
SPANS_MAX = 4
"""Spans without anything new that one read goes through."""

_by_time = attrgetter("time_msc", "ticket")


class DealPages:
    """The way of one reader through the deals. ``utc_ns``: a time of the server in ms as UTC; ``first_s``: UTC as its second."""

    def __init__(self, history: History, utc_ns: Callable[[int], int], first_s: Callable[[int], int]) -> None:
        self._history = history
        self._utc_ns = utc_ns
        self._first_s = first_s
        self._from_ns = 0
        self._told: dict[int, int] = {}
        """Ticket → UTC of deals in answers that were taken, the last of which is …"""
        self._taken = 0
        self._call = 0
        """The newest answer; whether it was taken the next read says."""
        self._page: list[Any] = []
        self._waiting: list[Any] = []
        """Rows fetched and not told yet."""
        self.is_at_hand = False
        """Whether the page that is asked for is among them."""
        self._place = (0, True)
        """Where the pass goes on: the second of the server, 0 for its beginning, and whether it has found nothing new so far …"""
        self._next_place = (0, True)
        """… and that after the newest answer."""
        self._began: int | None = None
        """Revision of the account's books at the beginning of the pass."""
        self.revision: int | None = None
        """Of the books, when all there was had been told; None: there may be more."""

    def begin(self, read: VenueRead) -> None:
        """A read has come; what it goes on after was taken."""
        if read.after and read.after == self._call:
            self._told.update((deal.ticket, self._utc_ns(deal.time_msc)) for deal in self._page)
            self._waiting = self._waiting[len(self._page) :]
            self._place = self._next_place
            self._taken = read.after
        else:
            if read.after != self._taken:
                self._told, self._taken = {}, read.after
            self._forget()
        if read.deals_from_ns < self._from_ns:
            self._forget()  # of a moment that has moved on all there was is told still: nothing is fetched for that
        if read.deals_from_ns != self._from_ns:
            self._from_ns = read.deals_from_ns
            self._told = {ticket: at_ns for ticket, at_ns in self._told.items() if at_ns >= self._from_ns}
        self._call, self._page = read.call, []
        self.is_at_hand = bool(self._waiting)

    def _forget(self) -> None:
        """A pass begins anew."""
        self._waiting, self._place, self._next_place, self.revision = [], (0, True), (0, True), None

    @property
    def fetched_s(self) -> int:
        """The second of the server from which the page that is asked for has to be fetched; 0: it is at hand."""
        return 0 if self.is_at_hand else self._place[0] or self._first_s(self._from_ns)

    def page(self, span: Span, revision: int | None) -> tuple[list[Any], bool] | None:
        """Rows of the next page, oldest first, and whether there may be more; None where the terminal cannot say.

        ``span``: ``history_deals_get``. ``revision``: of the account's books as they are read, None where it is unknown.
        """
        has_more = True
        if not self.is_at_hand:
            fetched = self._fetch(span, revision)
            if fetched is None:
                return None
            has_more = not fetched
        self._page = self._waiting[:DEALS_MAX]
        self.revision = None if has_more else self._began
        return self._page, has_more

    def _fetch(self, span: Span, revision: int | None) -> bool | None:
        """Go on with the pass until something new is found; whether this was all there is, None where the terminal cannot say."""
        from_s, is_bare = self._place
        if not from_s:
            from_s, self._began = self._first_s(self._from_ns), revision
        fresh: list[Any] = []
        for _ in range(SPANS_MAX):
            page = self._history.page(span, from_s)
            if page is None:
                return None
            rows, from_s = page
            # a history begins at a whole second: what was before the moment in that second would come again and again
            fresh = [deal for deal in rows if deal.ticket not in self._told and self._utc_ns(deal.time_msc) >= self._from_ns]
            if fresh or not from_s:
                break
        self._waiting = sorted(fresh, key=_by_time)
        self._next_place = (from_s, is_bare and not fresh) if from_s else (0, True)
        return is_bare and not from_s and len(fresh) <= DEALS_MAX
