"""Sources → signals → master: something happened that a strategy may act on.

At least once, answered, in order for each source. ``sid`` is the source's own unique string: the same signal can never
become two orders.
"""

from mesh.messages.base import Code, Count, Int64, Life, Msg, Name, Sid, Text

ACCEPTED = "ACCEPTED"
REFUSED_CODES = (
    "MALFORMED",
    "UNKNOWN_SOURCE",
    "UNKNOWN_SYMBOL",
    "UNKNOWN_ACCOUNT",
    "OVER_CREDIT",
    "TOO_OLD",
    "NOT_AUTHORISED",
)
"""Why a signal is refused. A repeated ``sid`` is not refused: it gets the stored answer."""

CCI_UP = "cci_up"
CCI_DOWN = "cci_down"
PATTERN = "pattern"
MANUAL = "manual"
OPERATOR = "operator"
"""The source of signals by hand."""
SIGNAL_KINDS = (CCI_UP, CCI_DOWN, PATTERN, MANUAL)


class SourceHello(Msg, tag=20):
    """A source of signals is there (again)."""

    source: Name
    life: Life
    version: Count
    config_hash: Text


class SourceWelcome(Msg, tag=21):
    """The source may have ``credit_count`` unanswered signals at most."""

    credit_count: Count


class Signal(Msg, tag=22):
    """One signal. ``kind`` is one of SIGNAL_KINDS.

    ``cci_up`` / ``cci_down``: on the bar that began at ``bar_start_ns`` the CCI of ``period`` crossed ``level_e8``
    (``value_e8`` is its value). ``pattern``: ``name`` says which. ``manual``: an operator's ``side`` (1 buy, -1 sell, 0 close)
    for ``accounts``. ``patterns`` are the bits of nodes.patterns for that bar, ``atr_e8`` the average true range by
    period of ``atr_periods`` (same order), both so that one message holds all a rule needs.
    """

    sid: Sid
    source: Name
    kind: Code
    symbol: Name
    timeframe: str
    bar_start_ns: Int64
    close_e8: Int64
    ts_event_ns: Int64
    """Market time at which the bar closed (or the hand moved)."""
    stamp_ns: Count
    """The source's monotonic clock when it sent this first (stage `signal`)."""
    name: str = ""
    period: Count = 0
    level_e8: Int64 = 0
    value_e8: Int64 = 0
    patterns: Count = 0
    atr_periods: list[Count] = []
    atr_e8: list[Int64] = []
    side: Int64 = 0
    accounts: list[Name] = []
    volume_e8: Count = 0
    waited_ns: Count = 0
    """Set by the signals node each time it sends: how long it has held the signal (the age of one by hand)."""


class SignalAnswer(Msg, tag=23):
    """ACCEPTED (durable at the master) or a refusal's code, for ``sid``."""

    sid: Sid
    code: Code
    text: Text = ""
