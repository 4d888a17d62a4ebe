"""What the rows of the page Trades come to: counts, lots, and money by currency."""

from collections.abc import Iterable

from tui.amounts import amount, lots_text
from tui.stopwords import counted
from tui.traderows import OPEN_RESULTS, DealRow, OrderRow, PositionRow, code_mark

TRADES = ("BUY", "SELL")
"""Kinds of deals that are trades; the profit of any other is money that was moved."""


class Sums:
    """Money by currency: amounts of different ones are never added."""

    def __init__(self) -> None:
        self._sums_e8: dict[str, int] = {}

    def add(self, currency: str, value_e8: int) -> None:
        """One amount."""
        self._sums_e8[currency] = self._sums_e8.get(currency, 0) + value_e8

    def words(self) -> str:
        """All of them, by currency."""
        return ", ".join(f"{amount(value_e8, is_signed=True)} {currency or '?'}" for currency, value_e8 in sorted(self._sums_e8.items()))


def position_totals(rows: Iterable[PositionRow]) -> str:
    """What positions come to."""
    count = foreign_count = stale_count = volume_e8 = 0
    profits, swaps = Sums(), Sums()
    for row in rows:
        seen, position = row.seen, row.position
        count += 1
        foreign_count += not position.ours
        stale_count += seen.how != "fresh"
        volume_e8 += position.volume_e8
        profits.add(seen.currency, position.profit_e8)
        if position.swap_e8:
            swaps.add(seen.currency, position.swap_e8)
    if not count:
        return ""
    words = [counted(count, "position"), f"{lots_text(volume_e8)} lots", f"profit {profits.words()}"]
    words += [f"swap {swaps.words()}"] if swaps.words() else []
    words += [f"* {foreign_count} not ours"] if foreign_count else []
    words += [f"○ {stale_count} of them old"] if stale_count else []
    return "  ".join(words)


def order_totals(rows: Iterable[OrderRow]) -> str:
    """What orders come to: by how they ended, those of an open result first."""
    count = volume_e8 = 0
    codes: dict[str, int] = {}
    profits = Sums()
    for row in rows:
        count += 1
        codes[row.code] = codes.get(row.code, 0) + 1
        volume_e8 += 0 if row.is_resting else row.volume_e8
        if row.profit_e8:
            profits.add(row.seen.currency, row.profit_e8)
    if not count:
        return ""
    words = [counted(count, "order"), f"{lots_text(volume_e8)} lots"]
    words += [f"profit {profits.words()}"] if profits.words() else []
    order = sorted(codes, key=lambda code: (code not in OPEN_RESULTS, -codes[code], code))
    return "  ".join(words + [f"{code_mark(code)} {code} {codes[code]}" for code in order])


def deal_totals(rows: Iterable[DealRow]) -> str:
    """What deals come to; money that was moved is told apart from what was traded."""
    count = volume_e8 = 0
    profits, costs, moved = Sums(), Sums(), Sums()
    for row in rows:
        deal, currency = row.deal, row.seen.currency
        count += 1
        if deal.kind in TRADES:
            volume_e8 += deal.volume_e8
            profits.add(currency, deal.profit_e8)
            costs.add(currency, deal.commission_e8 + deal.swap_e8)
        else:
            moved.add(currency, deal.profit_e8 + deal.commission_e8 + deal.swap_e8)
    if not count:
        return ""
    words = [counted(count, "deal"), f"{lots_text(volume_e8)} lots"]
    words += [f"profit {profits.words()}", f"costs {costs.words()}"] if profits.words() else []
    words += [f"moved {moved.words()}"] if moved.words() else []
    return "  ".join(words)
