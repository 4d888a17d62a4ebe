"""What one account holds in one symbol, as sums: margin, and a lower bound of the floating result, in constant time.

MetaTrader rounds the result of each position to cents, so the exact sum needs all of them. The sums here give a bound
that is short of it by at most a cent a position (and the spread of a conversion): enough to say that nothing can happen to
an account, which is the answer to nearly every tick.
"""

from nodes.terminal import names
from nodes.terminal.book import SymbolBook
from nodes.terminal.conversion import Route, rounded_e8
from nodes.terminal.records import Position

_PRICE_MAX_E8 = 2**62


class Exposure:
    """The sums over an account's positions in a symbol. Volumes in e8 lots, costs in e8 lots × e8 price."""

    __slots__ = (
        "book",
        "books",
        "count",
        "divisor",
        "long_cost",
        "long_margin_e8",
        "long_open_high_e8",
        "long_volume_e8",
        "margin_e8",
        "route",
        "scale",
        "short_cost",
        "short_margin_e8",
        "short_open_low_e8",
        "short_volume_e8",
        "swap_e8",
        "unit_e8",
    )

    def __init__(self, book: SymbolBook, route: Route, unit_e8: int) -> None:
        self.book = book
        self.books = (book, *(leg.book for leg in route.legs))
        """Whose quotes value the positions: the symbol's, and those of the conversion."""
        self.route = route
        self.unit_e8 = unit_e8
        self.scale, self.divisor = book.spec.profit_scale
        self.margin_e8 = 0
        """Margin bound by the symbol, as of the last ``settle_e8``."""
        self.count = 0
        self.swap_e8 = 0
        self.long_volume_e8 = self.long_cost = self.long_margin_e8 = 0
        self.short_volume_e8 = self.short_cost = self.short_margin_e8 = 0
        self.long_open_high_e8 = 0
        self.short_open_low_e8 = _PRICE_MAX_E8

    def add(self, position: Position, sign: int) -> None:
        """Count a position in (sign 1) or out again (sign -1)."""
        volume_e8 = sign * position.volume_e8
        self.count += sign
        self.swap_e8 += sign * position.swap_e8
        if position.type == names.POSITION_TYPE_BUY:
            self.long_volume_e8 += volume_e8
            self.long_cost += volume_e8 * position.price_open_e8
            self.long_margin_e8 += sign * position.margin_e8
            self.long_open_high_e8 = max(self.long_open_high_e8, position.price_open_e8) if self.long_volume_e8 else 0
        else:
            self.short_volume_e8 += volume_e8
            self.short_cost += volume_e8 * position.price_open_e8
            self.short_margin_e8 += sign * position.margin_e8
            self.short_open_low_e8 = (
                min(self.short_open_low_e8, position.price_open_e8) if self.short_volume_e8 else _PRICE_MAX_E8
            )

    def settle_e8(self) -> int:
        """Take stock of the margin after positions came or went; by how much it has changed."""
        before_e8 = self.margin_e8
        self.margin_e8 = self.margin_with_e8(0, 0, 0, 0)
        return self.margin_e8 - before_e8

    def margin_with_e8(self, long_volume_e8: int, long_margin_e8: int, short_volume_e8: int, short_margin_e8: int) -> int:
        """Margin with this much more on either side.

        Covered volume is charged by the hedged contract size (MetaTrader 5 help, "Margin calculation for retail forex"):
        by default one leg of the two, at the average rate of both; with ``margin_hedged_use_leg`` the dearer leg is all.
        """
        long_volume_e8 += self.long_volume_e8
        long_margin_e8 += self.long_margin_e8
        short_volume_e8 += self.short_volume_e8
        short_margin_e8 += self.short_margin_e8
        covered_e8 = min(long_volume_e8, short_volume_e8)
        if covered_e8 == 0:
            return long_margin_e8 + short_margin_e8
        spec = self.book.spec
        if spec.margin_hedged_use_leg:
            return max(long_margin_e8, short_margin_e8)
        hedged_e8 = spec.contract_size_e8 if spec.margin_hedged_e8 < 0 else spec.margin_hedged_e8
        both_margin_e8, both_volume_e8 = long_margin_e8 + short_margin_e8, long_volume_e8 + short_volume_e8
        covered_margin_e8 = rounded_e8(
            both_margin_e8 * covered_e8 * hedged_e8, both_volume_e8 * spec.contract_size_e8, self.unit_e8
        )
        if long_volume_e8 >= short_volume_e8:
            open_margin_e8, open_volume_e8, leg_volume_e8 = long_margin_e8, long_volume_e8 - covered_e8, long_volume_e8
        else:
            open_margin_e8, open_volume_e8, leg_volume_e8 = short_margin_e8, short_volume_e8 - covered_e8, short_volume_e8
        return covered_margin_e8 + rounded_e8(open_margin_e8 * open_volume_e8, leg_volume_e8, self.unit_e8)

    @property
    def floor_e8(self) -> int:
        """No more than the floating result, swap included, anywhere within the range of the quotes.

        With P the sum in the profit currency and L ≥ 0 the losses in it, gains P + L convert at the lowest rate and losses
        at the highest: the result is at least P × lowest − L × (highest − lowest), less a rounding for each position.
        """
        book, route = self.book, self.route
        if not book.has_quote or not route.is_ready:
            return self.swap_e8
        bid_e8, ask_e8 = book.bid_low_e8, book.ask_high_e8
        gain = self.long_volume_e8 * bid_e8 - self.long_cost + self.short_cost - self.short_volume_e8 * ask_e8
        scale, divisor = self.scale, self.divisor
        rounding_e8 = self.count * self.unit_e8 + 1
        if not route.legs and route.fixed == (1, 1):
            return gain * scale // divisor - rounding_e8 + self.swap_e8
        loss = 0
        if self.long_volume_e8:
            loss += self.long_volume_e8 * max(0, self.long_open_high_e8 - bid_e8)
        if self.short_volume_e8:
            loss += self.short_volume_e8 * max(0, ask_e8 - self.short_open_low_e8)
        least, least_divisor = route.least
        most, most_divisor = route.most
        gain_e8 = gain * scale * least // (divisor * least_divisor)
        spread, spread_divisor = most * least_divisor - least * most_divisor, most_divisor * least_divisor
        return gain_e8 - loss * scale * spread // (divisor * spread_divisor) - 1 - rounding_e8 + self.swap_e8
