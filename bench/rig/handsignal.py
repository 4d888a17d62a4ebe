"""The signals that measurements send: an operator's hand opens the smallest lot, or closes what is open."""

from bench.rig.layout import SYMBOL
from bench.rig.market import PRICE_E8
from mesh.messages.signals import MANUAL, OPERATOR, Signal
from mesh.units import E8

LOT_E8 = E8 // 100


def hand_signal(number: int, accounts: list[str], stamp_ns: int, side: int = 1) -> Signal:
    """The ``number``-th, which is its sid, for these accounts, sent at ``stamp_ns``. ``side`` 0: close."""
    return Signal(
        sid=str(number), source=OPERATOR, kind=MANUAL, symbol=SYMBOL, timeframe="M1", bar_start_ns=0, close_e8=PRICE_E8, ts_event_ns=0,
        stamp_ns=stamp_ns, side=side, accounts=accounts, volume_e8=LOT_E8 if side else 0,
    )  # fmt: skip


def turn_signal(number: int, accounts: list[str], stamp_ns: int) -> Signal:
    """The ``number``-th of a load that leaves nothing open: one account after the other opens, then one after the other closes."""
    turn, place = divmod(number, len(accounts))
    return hand_signal(number, [accounts[place]], stamp_ns, side=1 - turn % 2)
