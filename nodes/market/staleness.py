"""FEED_STALE: a symbol that is traded now and had no tick for too long; it ends with the next tick, or with the session."""

from mesh.core import Effect, Emit, Note
from mesh.counters import Counters
from mesh.events import FEED
from mesh.units import MS_NS
from nodes.market.sessions import Sessions
from nodes.ticks import TickColumns

FEED_STALE, FEED_FRESH = "FEED_STALE", "FEED_FRESH"


class Staleness:
    """Of all symbols of a live market."""

    def __init__(self, sessions: Sessions, symbols: tuple[str, ...], stale_ms: int, counters: Counters) -> None:
        self._sessions = sessions
        self._limit_ns = stale_ms * MS_NS
        self._counters = counters
        self._last_ns = dict.fromkeys(symbols, 0)
        self._stale: dict[str, None] = {}

    @property
    def stale(self) -> list[str]:
        """The symbols that are stale."""
        return list(self._stale)

    def took(self, ticks: TickColumns) -> None:
        """Ticks came."""
        self._sessions.learn(ticks)
        for index, symbol in enumerate(ticks.symbols):
            times_ns = ticks.time_ns[ticks.symbol_index == index]
            if len(times_ns):
                self._last_ns[symbol] = int(times_ns[-1])

    def begin(self, market_ns: int) -> None:
        """Look from here on: a symbol without a tick so far is silent since now."""
        for symbol, last_ns in self._last_ns.items():
            self._last_ns[symbol] = last_ns or market_ns

    def look(self, market_ns: int, unanswered_ns: int) -> list[Effect]:
        """What became stale or fresh at a market time, where the terminal has not answered since ``unanswered_ns``."""
        out: list[Effect] = []
        for symbol, last_ns in self._last_ns.items():
            silent_ns = max(0, market_ns - last_ns) + unanswered_ns
            is_stale = silent_ns >= self._limit_ns
            if is_stale and not self._sessions.is_open(symbol, market_ns + unanswered_ns):
                self._last_ns[symbol], is_stale = market_ns, False  # silence counts from where the next session begins
            if is_stale == (symbol in self._stale):
                continue
            if is_stale:
                self._stale[symbol] = None
                self._counters.add("feed_stale_count")
            else:
                del self._stale[symbol]
            out += self._told(FEED_STALE if is_stale else FEED_FRESH, symbol, silent_ns, market_ns)
        return out

    def _told(self, code: str, symbol: str, silent_ns: int, market_ns: int) -> list[Effect]:
        fields = {"code": code, "symbol": symbol, "silent_ms": silent_ns // MS_NS, "limit_ms": self._limit_ns // MS_NS}
        level = "error" if code == FEED_STALE else "info"
        return [Note(level, code.lower(), fields), Emit(market_ns, "", FEED, fields)]
