"""How much a guest may say at a door, and what becomes of one who says more.

A rate is of a key, however many connections it has: who floods loses his own voice and nobody else's. What exceeds it is dropped unread,
which loses nothing on the way of an order, where all is repeated until it is answered: hellos, asks, acks, outcomes, signals, stops. Rates
are far above what a node ever says, so that no honest one meets them. An operator's key that is over its rate for ten seconds is not read
at all until it has been within it for as long; a node's always has its rate: what nodes repeat until it is answered would else keep them
silent for ever.
"""

from mesh.budget import Budget
from mesh.codec import encode
from mesh.links import CONTROL, LOCALS, MARKET, REPLAY, STATUS, VENUE
from mesh.messages.control import Signed
from mesh.units import SECOND_NS

RATES: dict[str, tuple[int, int]] = {
    LOCALS: (5_000, 50_000),
    STATUS: (5_000, 50_000),
    CONTROL: (1_000, 5_000),
    REPLAY: (50_000, 200_000),
    MARKET: (200_000, 1_000_000),
    VENUE: (200_000, 1_000_000),
}
"""By link: messages a second, and as many at once; else RATE_DEFAULT. A local says some 30 a second; after a replay of 10,000 records an
ack and an outcome of each. What is said to a recorded market or a simulated broker answers or awaits an answer, as fast as both can: none
of it is said again, and no order waits for it, so that only nonsense is above the rate. On the replay link a router hands on what
1,000 locals repeat: 64 outcomes each in two seconds, where a master has forgotten them.
"""
RATE_DEFAULT = (20_000, 100_000)
SILENCING = (CONTROL,)
"""Links where who is over his rate for long is read no more."""
LENGTH_SHIFT = 12
"""A message counts once more for each whole 4 KB of its first frame, which is what is decoded."""
DRAWN_COUNT = 256
"""So many are drawn at once: a message within the rate costs no arithmetic of time."""
SUSTAINED_NS = QUIET_NS = 10 * SECOND_NS
"""Who is over his rate for so long is not read any more; who is within it for so long is, again."""
OVER_RATE, SILENCED = "OVER_RATE", "SILENCED"
"""What is said of him when it begins, and when he is not read any more."""
STOPS_PER_S, STOPS_BURST = 2, 20
"""Stops of one connection that are read though its key is over its rate: a script of his that runs wild holds up no FREEZE."""
_STOP_HEAD = encode(Signed(b"", b""))[:2]


def is_stop(frame: bytes) -> bool:
    """Whether these bytes begin as a signed stop does."""
    return frame.startswith(_STOP_HEAD)


class Meter:
    """One guest at one link. ``left_count``: drawn and not used up; an inlet takes from it by itself, a call for each message would cost it
    as much again, and has it drawn anew where it is below zero.
    """

    __slots__ = ("_budget", "_is_silencing", "_news", "_over_ns", "_since_ns", "is_silenced", "left_count")

    def __init__(self, per_s: int, burst_count: int, is_silencing: bool = False) -> None:
        self._is_silencing = is_silencing
        self._budget = Budget(per_s, burst_count)
        self.left_count = 0
        self._since_ns: int | None = None
        """Since when he has been over his rate again and again."""
        self._over_ns = 0
        """When he was over it last."""
        self.is_silenced = False
        """Whether nothing of him is read."""
        self._news = ""

    def news(self) -> str:
        """OVER_RATE or SILENCED, once for each time it begins; else empty."""
        told, self._news = self._news, ""
        return told

    def draws(self, now_ns: int) -> bool:
        """Whether there is enough for what was taken beyond what was left, and he is read."""
        need_count = -self.left_count
        drawn_count = self._budget.draw(need_count if self.is_silenced else max(need_count, DRAWN_COUNT), now_ns)
        self.left_count = max(0, drawn_count - need_count)
        if drawn_count < need_count:
            self._is_over(now_ns)
            return False
        if self._since_ns is not None and now_ns - self._over_ns >= QUIET_NS:
            self._since_ns = None
            self.is_silenced = False
        return not self.is_silenced

    def _is_over(self, now_ns: int) -> None:
        if self._since_ns is None or (not self.is_silenced and now_ns - self._over_ns >= QUIET_NS):
            self._since_ns, self._news = now_ns, OVER_RATE
        self._over_ns = now_ns
        if self._is_silencing and not self.is_silenced and now_ns - self._since_ns >= SUSTAINED_NS:
            self.is_silenced, self._news = True, SILENCED


class Meters(dict[str, Meter]):
    """By his key in hex, everybody's at one link: there as soon as he is looked for."""

    def __init__(self, link: str) -> None:
        super().__init__()
        name = link.split(".")[0]
        self._rate = RATES.get(name, RATE_DEFAULT)
        self._is_silencing = name in SILENCING

    def __missing__(self, user: str) -> Meter:
        made = self[user] = Meter(*self._rate, self._is_silencing)
        return made
