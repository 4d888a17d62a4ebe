"""What a deal does to an account's margin, and whether its equity bears that."""

from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.matching import share_e8
from nodes.terminal.records import Position


def margin_after_e8(
    account: Account, book: SymbolBook, is_buy: bool, volume_e8: int, price_e8: int, position: Position | None
) -> int:
    """The account's margin after a deal. ``position``: what it closes when hedging, or meets when netting."""
    exposure = account.exposures.get(book.spec.name)
    if exposure is None:
        return account.margin_e8 + account.margin_of_e8(book, volume_e8, price_e8)
    if position is not None and position.type != (names.POSITION_TYPE_BUY if is_buy else names.POSITION_TYPE_SELL):
        if volume_e8 <= position.volume_e8:
            return account.margin_e8 - exposure.margin_e8 + exposure.margin_with_e8(*_released(account, position, volume_e8))
        turned_e8 = account.margin_of_e8(book, volume_e8 - position.volume_e8, price_e8)
        return account.margin_e8 - position.margin_e8 + turned_e8
    more_e8 = account.margin_of_e8(book, volume_e8, price_e8)
    more = (volume_e8, more_e8, 0, 0) if is_buy else (0, 0, volume_e8, more_e8)
    return account.margin_e8 - exposure.margin_e8 + exposure.margin_with_e8(*more)


def margin_after_close_by_e8(account: Account, position: Position, other: Position) -> int:
    """The account's margin after two opposite positions have closed each other."""
    exposure, volume_e8 = account.exposures[position.symbol], min(position.volume_e8, other.volume_e8)
    legs = _released(account, position, volume_e8), _released(account, other, volume_e8)
    return account.margin_e8 - exposure.margin_e8 + exposure.margin_with_e8(*map(sum, zip(*legs, strict=True)))


def _released(account: Account, position: Position, volume_e8: int) -> tuple[int, int, int, int]:
    """What closing a volume of a position adds (less than nothing) to volume and margin, long and short."""
    rest_e8 = share_e8(account, position.margin_e8, position.volume_e8 - volume_e8, position.volume_e8)
    margin_e8 = rest_e8 - position.margin_e8
    return (-volume_e8, margin_e8, 0, 0) if position.type == names.POSITION_TYPE_BUY else (0, 0, -volume_e8, margin_e8)


def has_money(
    account: Account, book: SymbolBook, is_buy: bool, volume_e8: int, price_e8: int, position: Position | None
) -> bool:
    """Whether the equity bears the margin after an opening deal; a deal that binds no more is always borne."""
    margin_e8 = margin_after_e8(account, book, is_buy, volume_e8, price_e8, position)
    return margin_e8 <= account.margin_e8 or account.has_free_e8(margin_e8)
