"""Deals of an account for one who asks page after page: each is told once, as many at a time as a message holds.

A history is read from a moment on, again and again, for a terminal may show deals late and out of order. What of it was told is
remembered by ticket, and counts as told once a read says that it goes on after that answer (``VenueRead.after``): of an answer that
was lost on the way everything is told again. A history that fills many pages is fetched once for them all, and once more at the end:
only a page that was fetched whole in the very read it answers says that there are no more deals.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from mesh.messages.venue import VenueRead
from nodes.io.venuehistory import History, Span

DEALS_MAX = 512

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
        """Rows fetched and not told, of which so many are in answers that were taken …"""
        self._at = 0
        self._next_s = 0
        """… and the second of the server at which the history goes on after them; 0: that was its end."""
        self.is_at_hand = False
        """Whether the page that is asked for was fetched already."""
        self.revision: int | None = None
        """Of the account's books, when all there was had been told; None: there may be more."""

    def begin(self, read: VenueRead) -> None:
        """A read has come; what it goes on after was taken."""
        if read.after and read.after == self._call:
            self._told.update((deal.ticket, self._utc_ns(deal.time_msc)) for deal in self._page)
            self._at += len(self._page)
            self._taken = read.after
        else:
            if read.after != self._taken:
                self._told, self._taken = {}, read.after
            self._forget()
        if read.deals_from_ns != self._from_ns:
            self._from_ns = read.deals_from_ns
            self._told = {ticket: at_ns for ticket, at_ns in self._told.items() if at_ns >= self._from_ns}
            self._forget()
        self._call, self._page = read.call, []
        self.is_at_hand = self._at < len(self._waiting)

    def _forget(self) -> None:
        """What is at hand is fetched again."""
        self._waiting, self._at, self._next_s, self.revision = [], 0, 0, None

    def page(self, span: Span, revision: int | None) -> tuple[list[Any], bool] | None:
        """Rows of the next page, oldest first, and whether there may be more; None where the terminal cannot say.

        ``span``: ``history_deals_get``. ``revision``: of the account's books as they are read, None where it is unknown.
        """
        is_whole = False
        if not self.is_at_hand:
            fetched = self._fetch(span)
            if fetched is None:
                return None
            is_whole = fetched
        self._page = self._waiting[self._at : self._at + DEALS_MAX]
        has_more = not is_whole or len(self._page) < len(self._waiting)
        self.revision = None if has_more else revision
        return self._page, has_more

    def _fetch(self, span: Span) -> bool | None:
        """Read on until something was not told; whether that was the whole history, None where the terminal cannot say."""
        first_s = self._first_s(self._from_ns)
        from_s, is_whole = self._next_s or first_s, not self._next_s
        while True:
            page = self._history.page(span, from_s)
            if page is None:
                return None
            rows, from_s = page
            fresh = [deal for deal in rows if deal.ticket not in self._told and self._utc_ns(deal.time_msc) >= self._from_ns]
            if fresh or (is_whole and not from_s):
                self._waiting, self._at, self._next_s = sorted(fresh, key=_by_time), 0, from_s
                return is_whole and not from_s
            if not from_s:
                from_s, is_whole = first_s, True
