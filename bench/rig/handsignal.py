"""The signal that every measurement sends: an operator's hand opens the smallest lot."""

from bench.rig.layout import SYMBOL
from bench.rig.market import PRICE_E8
from mesh.messages.signals import MANUAL, OPERATOR, Signal
from mesh.units import E8

LOT_E8 = E8 // 100


def hand_signal(number: int, accounts: list[str], stamp_ns: int) -> Signal:
    """The ``number``-th, which is its sid, for these accounts, sent at ``stamp_ns``."""
    return Signal(
        sid=str(number), source=OPERATOR, kind=MANUAL, symbol=SYMBOL, timeframe="M1", bar_start_ns=0, close_e8=PRICE_E8, ts_event_ns=0,
        stamp_ns=stamp_ns, side=1, accounts=accounts, volume_e8=LOT_E8,
    )  # fmt: skip
