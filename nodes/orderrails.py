"""Rules about the order: is its market fit, is there room beside what is held, is it sound."""

from mesh.units import E8, MS_NS, text_from_e8
from nodes.amounts import percent_text
from nodes.codes import NOBODY
from nodes.limits import TIMES_E8, over_count
from nodes.openask import OpenAsk
from nodes.sizing import PERCENT


def no_quote(ask: OpenAsk) -> str | None:
    """The market has not quoted the symbol yet."""
    return None if ask.quote is not None else f"symbol={ask.symbol}"


def stale_quote(ask: OpenAsk) -> str | None:
    """The age of the newest quote in a live market: where the feed is silent, nobody knows the price."""
    age_ns, limit_ns = ask.market_ns - ask.price.market_ns, ask.quote_stale_ns
    if limit_ns is None or age_ns <= limit_ns:
        return None
    return f"age_ms={age_ns // MS_NS} limit_ms={limit_ns // MS_NS}"


def spread(ask: OpenAsk) -> str | None:
    """The spread against its usual one."""
    limit_e8, median_e8 = ask.limits.spread_times_e8, ask.median_spread_e8
    if limit_e8 is None or median_e8 is None or ask.price.spread_e8 * TIMES_E8 <= median_e8 * limit_e8:
        return None
    now_text, usual_text = text_from_e8(ask.price.spread_e8), text_from_e8(median_e8)
    return f"spread={now_text} median={usual_text} limit={text_from_e8(limit_e8, 2)}x"


def collar(ask: OpenAsk) -> str | None:
    """How far the price is from what the signal saw."""
    limit_e8 = ask.limits.collar_percent_e8
    if limit_e8 is None or ask.reference_e8 <= 0:
        return None
    moved_e8 = abs(ask.price.bid_e8 - ask.reference_e8)
    if moved_e8 * PERCENT * E8 <= ask.reference_e8 * limit_e8:
        return None
    return f"moved={percent_text(moved_e8, ask.reference_e8)}% limit={text_from_e8(limit_e8, 2)}%"


def positions_symbol(ask: OpenAsk) -> str | None:
    """Positions of the symbol."""
    limit_count = ask.limits.positions_per_symbol_count
    if limit_count is None:
        return None
    symbol = ask.contract.symbol
    return over_count(sum([holding.symbol == symbol for holding in ask.staying]), limit_count)


def positions(ask: OpenAsk) -> str | None:
    """Positions in all."""
    limit_count = ask.limits.positions_count
    return None if limit_count is None else over_count(len(ask.staying), limit_count)


def netting(ask: OpenAsk) -> str | None:
    """On a netting account a symbol has one position: an opening would reduce, reverse or merge into one not its own."""
    if ask.account.hedging:
        return None
    for holding in ask.staying:
        if holding.symbol == ask.contract.symbol and (holding.side != ask.side or holding.strategy != ask.strategy):
            return f"position={holding.ticket} side={holding.side} strategy={holding.strategy or NOBODY}"
    return None


def no_atr(ask: OpenAsk) -> str | None:
    """SL or TP by ATR without an ATR."""
    return "atr=none" if ask.needs_atr else None


def stops(ask: OpenAsk) -> str | None:
    """The SL against what the broker takes."""
    # A stop is measured from the price at which the position would close: it has to clear the spread too.
    contract = ask.contract
    level_e8 = contract.stops_level_points * contract.point_e8 + ask.price.spread_e8 + contract.tick_size_e8
    if not 0 < ask.sl_distance_e8 < level_e8:
        return None
    return f"sl_distance={text_from_e8(ask.sl_distance_e8)} least={text_from_e8(level_e8)}"


def volume(ask: OpenAsk) -> str | None:
    """Sizing left no volume."""
    return None if ask.volume_e8 > 0 else f"below_min={text_from_e8(ask.contract.volume_min_e8, 2)}"
