"""What makes an account stop itself (DESIGN §7): its equity stop, its day's loss, too many orders that fail or break a cap, a host's word.

Each is an entry of this local over its own account, which only a person can end. It says who pulled it and why, and is set once: while it
binds not again, for a day's loss once a day, for the others not before a person has ended it.
"""

from mesh.config import Config
from mesh.messages.control import FREEZE
from mesh.units import text_from_e8
from nodes.dayloss import day_limit_e8, day_loss_e8, day_rule_of
from nodes.failures import Failures
from nodes.local.accountbook import AccountBook
from nodes.local.equitystop import EquityStop
from nodes.local.ladder import Ladder
from nodes.stops import DAILY_LOSS, EQUITY_STOP, ERRORS, HOST

CAPS = "CAPS"
"""The rule of a stop: its hard caps were broken again and again."""
DENY = "deny"


class Tripwires:
    """Those of one account."""

    def __init__(self, account: str, config: Config, book: AccountBook, equity_stop: EquityStop, ladder: Ladder) -> None:
        self._account = account
        self._book = book
        self._equity_stop = equity_stop
        self._ladder = ladder
        self._failures = Failures()
        self._too_many = ""
        """What is to be said of failures that were too many."""
        caps = config.caps_of(account)
        self._breaches = Failures(caps.breach_count, caps.breach_window_ms)
        self._breached = ""
        """The same of breaches."""
        self._host: tuple[str, str] | None = None
        """Level and words of the host, not obeyed yet."""
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take the limits of a configuration."""
        rails = config.rails_of(self._account)
        self._day_rule = None if rails.daily_loss_action == DENY else day_rule_of(rails, config.zone_of(self._account))
        self._failures.limit(rails.errors_count, rails.errors_window_ms)

    def failed(self, why: str) -> None:
        """An opening was refused by the venue, or nobody knows what became of an attempt."""
        self._too_many = self._failures.add(self._book.market_ns, why) or self._too_many

    def breached(self, now_ns: int, why: str) -> None:
        """A cap has refused an open. By the monotonic clock: market time is a word of whom caps do not trust."""
        self._breached = self._breaches.add(now_ns, why) or self._breached

    def host(self, level: str, why: str) -> None:
        """Somebody on this host wants it stopped, without any network."""
        self._host = (level, why)

    def pulled(self, wall_ns: int, is_day_read: bool) -> list[bytes]:
        """Entries that are to be set now, signed. ``is_day_read``: the newest read counts for the day (``venueside``)."""
        found: list[bytes] = []
        if self._host is not None:
            level, why = self._host
            self._host = None
            found += self._entry(HOST, why, wall_ns, level)
        if self._equity_stop.is_reached:
            found += self._entry(EQUITY_STOP, (self._equity_stop.objection() or "").partition(" ")[2], wall_ns)
        if is_day_read:
            found += self._day_loss(wall_ns)
        if self._too_many:
            found += self._entry(ERRORS, self._too_many, wall_ns)
            self._too_many = ""
        if self._breached:
            found += self._entry(CAPS, self._breached, wall_ns)
            self._breached = ""
        return found

    def _day_loss(self, wall_ns: int) -> list[bytes]:
        """The day has lost what it may: by the limit itself, where the guard's own rule stands at twice of it."""
        book, rule = self._book, self._day_rule
        if rule is None or book.newest is None or not book.is_complete:
            return []
        limit_e8 = day_limit_e8(book.marks, rule)
        loss_e8 = day_loss_e8(book.marks, book.newest)
        if limit_e8 is None or loss_e8 < limit_e8 or book.marks.base_e8 <= 0:
            return []
        if self._ladder.stops.has_issued(DAILY_LOSS, book.marks.day):
            return []
        why = f"used={text_from_e8(loss_e8, 2)} limit={text_from_e8(limit_e8, 2)}"
        return self._entry(DAILY_LOSS, why, wall_ns, nonce=book.marks.day)

    def _entry(self, rule: str, why: str, wall_ns: int, level: str = FREEZE, nonce: int = 0) -> list[bytes]:
        """A stop, unless one of this rule binds at this level already."""
        stops = self._ladder.stops
        return [] if stops.binds(rule, level) else [stops.issued(level, f"account:{self._account}", rule, why, wall_ns, nonce)]
