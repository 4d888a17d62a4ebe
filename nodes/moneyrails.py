"""Rules about money: what the day has lost already, and what the account can bear."""

from collections.abc import Iterable

from mesh.messages.accounts import SymbolSpec
from mesh.units import E8, text_from_e8
from nodes.amounts import percent_text
from nodes.dayloss import BROKEN, day_limit_e8, day_loss_e8, drawdown_e8
from nodes.limits import TIMES_E8
from nodes.openask import OpenAsk
from nodes.positions import Holding
from nodes.sizing import PERCENT, is_tradable, worth_e8


def daily_loss(ask: OpenAsk) -> str | None:
    """The day has broken its limit."""
    if ask.marks.level < BROKEN:
        return None
    limit_e8 = day_limit_e8(ask.marks, ask.day_rule)
    if limit_e8 is None:
        return None
    return f"used={text_from_e8(day_loss_e8(ask.marks, ask.account), 2)} limit={text_from_e8(limit_e8, 2)}"


def drawdown(ask: OpenAsk) -> str | None:
    """Equity against its high-water mark."""
    limit_e8 = ask.limits.drawdown_percent_e8
    if limit_e8 is None:
        return None
    lost_e8, mark_e8 = drawdown_e8(ask.marks, ask.account)
    if lost_e8 * PERCENT * E8 < max(0, mark_e8) * limit_e8:
        return None
    return f"used={percent_text(lost_e8, mark_e8)}% limit={text_from_e8(limit_e8, 2)}%"


def risk(ask: OpenAsk) -> str | None:
    """Loss at the SL against equity."""
    limit_e8 = ask.limits.risk_percent_e8
    if limit_e8 is None:
        return None
    equity_e8 = max(0, ask.account.equity_e8)
    if ask.sl_distance_e8 <= 0:
        return f"sl=none limit={text_from_e8(limit_e8, 2)}%"
    loss_e8 = worth_e8(ask.contract, ask.sl_distance_e8, ask.volume_e8)
    if loss_e8 * PERCENT * E8 <= equity_e8 * limit_e8:
        return None
    return f"loss={text_from_e8(loss_e8, 2)} used={percent_text(loss_e8, equity_e8)}% limit={text_from_e8(limit_e8, 2)}%"


def exposure_e8(holdings: Iterable[Holding], specs: dict[str, SymbolSpec]) -> tuple[int, str]:
    """(notional of all holdings that stay, the first symbol that has no price in money or nothing)."""
    total_e8 = 0
    spec: SymbolSpec | None = None
    for holding in holdings:
        if holding.closing:
            continue
        if spec is None or spec.symbol != holding.symbol:
            spec = specs.get(holding.symbol)
            if spec is None or not is_tradable(spec):
                return total_e8, holding.symbol
        total_e8 += worth_e8(spec, holding.price_e8, holding.volume_e8)
    return total_e8, ""


def exposure_cap_e8(times_e8: int, positions_count: int | None, equity_e8: int, held_e8: int) -> int:
    """Notional a volume sized by risk may have under an exposure rail of ``times_e8``: the room left, and one position's share."""
    all_e8 = max(0, equity_e8) * times_e8 // TIMES_E8
    return min(all_e8 - held_e8, all_e8 // (positions_count or 1))


def exposure(ask: OpenAsk) -> str | None:
    """Notional of everything held, with this opening, against equity."""
    limit_e8 = ask.limits.exposure_times_e8
    if limit_e8 is None:
        return None
    held_e8, unpriced = exposure_e8(ask.holdings, ask.specs)
    if unpriced:
        return f"unpriced={unpriced} limit={text_from_e8(limit_e8, 2)}x"
    total_e8 = held_e8 + worth_e8(ask.contract, ask.price.entry_e8(ask.side), ask.volume_e8)
    equity_e8 = max(0, ask.account.equity_e8)
    if total_e8 * TIMES_E8 <= equity_e8 * limit_e8:
        return None
    times = text_from_e8(total_e8 * E8 // equity_e8, 2) if equity_e8 else "inf"
    return f"notional={text_from_e8(total_e8, 2)} used={times}x limit={text_from_e8(limit_e8, 2)}x"


def margin_level(ask: OpenAsk) -> str | None:
    """Equity against the margin after this opening and those in flight."""
    limit_e8 = ask.limits.margin_level_percent_e8
    if limit_e8 is None:
        return None
    margin_e8 = ask.account.margin_e8 + ask.contract.margin_per_lot_e8 * ask.volume_e8 // E8
    for holding in ask.staying:
        spec = ask.specs.get(holding.symbol)
        if holding.ticket == 0 and spec is not None:
            margin_e8 += spec.margin_per_lot_e8 * holding.volume_e8 // E8
    if margin_e8 <= 0 or ask.account.equity_e8 * PERCENT * E8 >= margin_e8 * limit_e8:
        return None
    return f"level={percent_text(ask.account.equity_e8, margin_e8)}% limit={text_from_e8(limit_e8, 2)}%"
