"""The hard caps of one account: plain numbers of whoever owns its host, which no master, no strategy and no forged order can move.

They are asked about every attempt to open, and nothing else is refused by them. The rate is of calls that open or close, as they were
made: a call counts from its answer, for it was made no later, by the monotonic clock; market time is a master's word. It outlives the
process: until its RESULT is durable its INTENT stands for a call, from then on the row here does.
"""

from collections import deque
from collections.abc import Callable

from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Put
from mesh.messages.base import Int64, Msg
from mesh.messages.orders import CLOSE, OPEN
from mesh.units import E8, MINUTE_NS, MS_NS, SECOND_NS, text_from_e8
from nodes.amounts import amount_text
from nodes.local.attempts import OrderRecord
from nodes.sizing import PERCENT, e8_of

CALLS = "calls"
"""Kind of the one row: the calls of the last minute."""
CAP = "CAP_"
"""How the word of each of these refusals begins."""


class CallsRecord(Msg):
    """When calls were made, ascending, by the monotonic clock of that start of the host; ``wall_ns``: the wall clock at the last."""

    times_ns: list[Int64]
    wall_ns: Int64


class Caps:
    """Those of one account."""

    def __init__(self, account: str, config: Config) -> None:
        caps = config.caps_of(account)
        rates = ((caps.orders_per_second_count, SECOND_NS), (caps.orders_per_minute_count, MINUTE_NS))
        self._rates = [(count, span_ns) for count, span_ns in rates if count is not None]
        self._lots_e8 = None if caps.lots is None else e8_of(caps.lots)
        self._positions_count = caps.positions_count
        symbols = config.capped_symbols_of(account)
        self._symbols = None if symbols is None else dict.fromkeys(symbols)
        self._collar_percent_e8 = None if caps.price_collar_percent is None else e8_of(caps.price_collar_percent)
        self._calls_ns: deque[int] = deque(maxlen=max((count for count, _ in self._rates), default=0))
        """Ascending; as many of the newest as a cap can ask for."""
        self._wall_ns = 0
        """The wall clock at the newest of them."""
        self._is_unsaved = False

    # what is counted

    def called(self, action: str, now_ns: int, wall_ns: int) -> None:
        """An attempt was at the venue, or may have been, at ``now_ns`` at the latest."""
        if self._rates and action in (OPEN, CLOSE):
            self._calls_ns.append(now_ns)
            self._wall_ns = wall_ns
            self._is_unsaved = True

    def rows(self) -> list[Put]:
        """The row, where it has changed since it was asked for: for the commit of the RESULT."""
        if not self._is_unsaved:
            return []
        self._is_unsaved = False
        while self._calls_ns[0] <= self._calls_ns[-1] - MINUTE_NS:
            self._calls_ns.popleft()
        return [Put(CALLS, b"", encode(CallsRecord([*self._calls_ns], self._wall_ns)))]

    def restore(self, record: bytes, now_ns: int, wall_ns: int) -> None:
        """Take the row of the store.

        The host may have started anew since, and the store may be on another one: of the two clocks the one that has gone less far is
        believed, and one that went back says that no time has passed.
        """
        kept = decode_record_untrusted(record, CallsRecord)
        last_ns = kept.times_ns[-1]
        gone_ns = max(0, min(now_ns - last_ns, wall_ns - kept.wall_ns))
        self._calls_ns.extend(now_ns - gone_ns - (last_ns - at_ns) for at_ns in kept.times_ns)
        self._wall_ns = wall_ns

    # what is refused

    def objection(self, record: OrderRecord, count_positions: Callable[[], int], now_ns: int) -> str | None:
        """``CAP_WORD used=… limit=…`` of the first cap that an attempt to open would break; None where it breaks none.

        ``count_positions``: positions there are, and such as may be there already; asked only where they are capped.
        """
        if self._symbols is not None and record.symbol not in self._symbols:
            return f"{CAP}SYMBOL used={record.symbol} limit={','.join(self._symbols)}"[:200]
        if self._lots_e8 is not None and record.volume_e8 > self._lots_e8:
            return f"{CAP}LOTS used={amount_text(record.volume_e8)} limit={amount_text(self._lots_e8)}"
        if self._collar_percent_e8 is not None and record.seen_price_e8 <= 0:
            return f"{CAP}COLLAR used=no_price {self._collar_text(self._collar_percent_e8)}"
        if self._positions_count is not None and (used_count := count_positions()) >= self._positions_count:
            return f"{CAP}POSITIONS used={used_count} limit={self._positions_count}"
        for count, span_ns in self._rates:
            if len(self._calls_ns) >= count and self._calls_ns[-count] > now_ns - span_ns:
                used_count = sum(at_ns > now_ns - span_ns for at_ns in self._calls_ns)
                return f"{CAP}RATE used={used_count} limit={count} in_ms={span_ns // MS_NS}"
        return None

    def collar_e8(self, price_e8: int, guards_e8: int) -> int:
        """How far the price at the call may be from the decision's: the narrower of the guard's and the cap's; 0: as far as it likes."""
        own_e8 = self._own_collar_e8(price_e8)
        return min(own_e8, guards_e8) if own_e8 and guards_e8 else own_e8 or guards_e8

    def collar_detail(self, detail: str, price_e8: int, guards_e8: int) -> str:
        """What to say of an open that the worker found outside of the collar: the cap's word, unless the guard's is narrower."""
        if self._collar_percent_e8 is None or self.collar_e8(price_e8, guards_e8) < self._own_collar_e8(price_e8):
            return detail
        return f"{CAP}{detail} {self._collar_text(self._collar_percent_e8)}"

    def _own_collar_e8(self, price_e8: int) -> int:
        """The cap's; never so narrow that it would be none."""
        return 0 if self._collar_percent_e8 is None else max(1, price_e8 * self._collar_percent_e8 // (PERCENT * E8))

    @staticmethod
    def _collar_text(percent_e8: int) -> str:
        return f"limit={text_from_e8(percent_e8, 2)}%"


def is_breach(detail: str) -> bool:
    """Whether this is what a cap has refused an open with."""
    return detail.startswith(CAP)
