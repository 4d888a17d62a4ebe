"""A closed bar as lines of the events file: one for each CCI period, with exact decimals."""

from decimal import Decimal

from mesh.core import Effect, Emit
from mesh.events import BAR
from nodes.indicator.streams import BarStream, ClosedBar


def bar_events(stream: BarStream, closed: ClosedBar, digits: int) -> list[Effect]:
    """A line for each CCI period of the bar; prices are exact decimals with the symbol's digits."""
    bar, spec = closed.bar, stream.spec
    event = {
        "symbol": spec.symbol,
        "timeframe": spec.timeframe,
        "open": _decimal(bar.open_e8, digits),
        "high": _decimal(bar.high_e8, digits),
        "low": _decimal(bar.low_e8, digits),
        "close": _decimal(bar.close_e8, digits),
        "tick_volume": bar.tick_volume,
    }
    return [
        Emit(bar.start_ns, "", BAR, {**event, "period": period, "cci": cci if cci == cci else None})
        for period, cci in zip(spec.levels_e8, closed.ccis.tolist(), strict=True)
    ]


def _decimal(price_e8: int, digits: int) -> Decimal:
    """The price with the symbol's digits; with all eight where it has more than those."""
    whole, rest = divmod(price_e8, 10 ** (8 - digits))
    return Decimal(price_e8).scaleb(-8) if rest else Decimal(whole).scaleb(-digits)
