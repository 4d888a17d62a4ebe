"""The stop as one account feels it: levels by symbol and strategy from the kill set, and the latch word.

The latch word counts changes of the kill set. A call is handed to the worker under one count and comes back unsent under
another, so between a stop's arrival and the terminal no open slips through.
"""

from mesh.bounded import keep
from mesh.config import Config
from mesh.core import Put
from mesh.keyring import NodeKeys
from mesh.killset import item_of
from mesh.messages.control import FLATTEN, LADDER, LATCHED_MAX, Undo
from nodes.stops import Result, Stops
from nodes.symbolnames import SymbolNames

LEVELS_MAX = 1_024
"""Pairs of a symbol and a strategy whose level is kept."""


class Ladder:
    """The kill set of one local."""

    def __init__(self, name: str, account: str, config: Config, keys: NodeKeys) -> None:
        self._account = account
        self._stops = Stops(name, keys, config)
        self._names = SymbolNames(config)
        self.latch_count = 1
        """The latch word: grows with every item and every epoch taken."""
        self.floor_count = 0
        """How often in this life something was taken past which nothing decided before is opened: an undo, a change of the limits."""
        self.is_clear = True
        """No stop is live, of whatever scope."""
        self._levels: dict[tuple[str, str], str] = {}
        """By symbol and strategy, since the set changed last."""
        self._durable: dict[bytes, None] = {}

    def restore(self, raw: bytes) -> None:
        """Take a row of the store."""
        self._stops.restore(raw)
        self._changed()
        self._durable[item_of(raw)[0]] = None

    @property
    def stops(self) -> Stops:
        """The set and its rows."""
        return self._stops

    @property
    def digest(self) -> bytes:
        """The kill set's digest."""
        return self._stops.killset.digest

    def take_untrusted(self, raw: bytes, now_ns: int) -> Result:
        """Merge one item: it binds at once."""
        before = self._stops.revisions.current
        result = self._stops.take_untrusted(raw, now_ns)
        if result.item is not None:
            self.latch_count += 1
            # what was decided before more was allowed, or by other limits, is opened no more
            self.floor_count += isinstance(result.item, Undo) or self._stops.revisions.current is not before
            self._changed()
        return result

    def _changed(self) -> None:
        self.is_clear = not self._stops.killset.live()
        self._levels.clear()

    def kept(self, puts: list[Put]) -> None:
        """Rows of items are on disk."""
        self._durable.update(dict.fromkeys(put.key for put in puts))

    def is_durable(self, key: bytes) -> bool:
        """Whether an item outlives this process."""
        return key in self._durable

    def durable(self) -> list[bytes]:
        """Ids of the items that outlive this process, sorted: what may be said to be held; of very many the newest."""
        return sorted([*self._durable][-LATCHED_MAX:])

    def level(self, broker_symbol: str = "", strategy: str = "") -> str:
        """The highest live level that matches the account, and a symbol (by either name) and strategy where given."""
        level = self._levels.get((broker_symbol, strategy))
        if level is None:
            level = self._level(broker_symbol, strategy)
            keep(self._levels, (broker_symbol, strategy), level, LEVELS_MAX)
        return level

    def _level(self, broker_symbol: str, strategy: str) -> str:
        killset = self._stops.killset
        level = killset.level_for(self._account, broker_symbol, strategy)
        if not broker_symbol or level == FLATTEN:
            return level
        ours = self._names.our_name(broker_symbol)
        if ours and ours != broker_symbol:
            other = killset.level_for(self._account, ours, strategy)
            level = max(level, other, key=LADDER.index)
        return level
