"""What a signal must be to be taken: each refusal has a code and says what is allowed."""

import msgspec

from mesh.config import Config
from mesh.messages.signals import CCI_DOWN, CCI_UP, MANUAL, PATTERN, SIGNAL_KINDS, Signal
from nodes.symbolnames import SymbolNames
from nodes.timeframes import TIMEFRAMES, timeframe_of

LISTS_MAX = 64
"""Average true ranges of one signal."""
ACCOUNTS_MAX = 1_024

Refusal = tuple[str, str]
"""(code of ``mesh.messages.signals.REFUSED_CODES``, what is wrong and what is allowed)."""


def malformed(signal: Signal) -> str:
    """What is wrong with the form of a signal; empty where nothing is."""
    if signal.kind not in SIGNAL_KINDS:
        return f"kind {signal.kind!r}: {', '.join(SIGNAL_KINDS)} are known"
    if not timeframe_of(signal.timeframe):
        return f"timeframe {signal.timeframe!r}: {', '.join(TIMEFRAMES)} are known"
    if len(signal.atr_periods) != len(signal.atr_e8) or len(signal.atr_e8) > LISTS_MAX:
        return f"{len(signal.atr_periods)} ATR periods, {len(signal.atr_e8)} values: as many of each, at most {LISTS_MAX}"
    if signal.kind in (CCI_UP, CCI_DOWN) and (signal.period < 2 or signal.level_e8 == 0):
        return f"period {signal.period}, level {signal.level_e8}: a period from 2 and a level other than 0 are needed"
    if signal.kind == PATTERN and not signal.name:
        return "a pattern without its name"
    if signal.kind != MANUAL and signal.close_e8 <= 0:
        return f"close {signal.close_e8}: a price above 0 is needed"
    if signal.kind == MANUAL and signal.side not in (-1, 0, 1):
        return f"side {signal.side}: 1 buys, -1 sells, 0 closes"
    return ""


class SignalChecks:
    """Checks and normalises signals by one configuration."""

    def __init__(self, config: Config, sources: list[str]) -> None:
        self._sources = dict.fromkeys(sources)
        self._indicators = dict.fromkeys(config.nodes_of("indicator"))
        self._accounts = config.account
        self._names = SymbolNames(config)

    def is_source(self, source: str) -> bool:
        """Whether a source may send."""
        return source in self._sources

    def refusal(self, signal: Signal, source: str) -> Refusal | None:
        """Why a signal from ``source`` is refused; None where it is not."""
        if source not in self._sources:
            return "UNKNOWN_SOURCE", f"source {source!r}: {', '.join(self._sources)} may send"
        if signal.source != source:
            return "NOT_AUTHORISED", f"source {source!r} sent a signal of {signal.source!r}: only its own are taken"
        wrong = malformed(signal)
        if wrong:
            return "MALFORMED", wrong
        if signal.kind == MANUAL:
            unknown = [name for name in signal.accounts if name not in self._accounts]
            if unknown or not 0 < len(signal.accounts) <= ACCOUNTS_MAX:
                known = ", ".join(self._accounts)
                return "UNKNOWN_ACCOUNT", f"{', '.join(unknown) or len(signal.accounts)}: there are {known}"[:512]
        if not self.our_symbol(signal):
            return "UNKNOWN_SYMBOL", f"{signal.symbol}: no symbol of the market or of [symbol] in the configuration"
        return None

    def normalised(self, signal: Signal) -> Signal:
        """A signal that is not refused, in our own words: its symbol, its timeframe, each account once.

        Prices and times are in e8 and ns already.
        """
        accounts = list(dict.fromkeys(signal.accounts))
        return msgspec.structs.replace(
            signal, symbol=self.our_symbol(signal), timeframe=timeframe_of(signal.timeframe), accounts=accounts
        )

    def our_symbol(self, signal: Signal) -> str:
        """Our name of a signal's symbol. Indicators read the market itself: their names are ours already."""
        return signal.symbol if signal.source in self._indicators else self._names.our_name(signal.symbol)
