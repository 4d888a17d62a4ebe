"""Swap: what a position pays or earns for each night it is held.

Formulas: MQL5 reference, "Symbol Properties", ENUM_SYMBOL_SWAP_MODE. Interest is annual, of a bank year of 360 days; modes that reopen
close the position at the end of the day and open it again at that price less its points.
"""

from mesh.units import E8
from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.conversion import Ratio, rounded_e8
from nodes.terminal.matching import close, fill
from nodes.terminal.records import Order, Position
from nodes.terminal.symbols import SymbolSpec

_WEEKDAY_OF_DAY_0 = names.DAY_OF_WEEK_THURSDAY
_BANK_YEAR_DAYS = 360
_REOPENS = (names.SYMBOL_SWAP_MODE_REOPEN_CURRENT, names.SYMBOL_SWAP_MODE_REOPEN_BID)
_INTERESTS = (names.SYMBOL_SWAP_MODE_INTEREST_CURRENT, names.SYMBOL_SWAP_MODE_INTEREST_OPEN)


def roll_over(account: Account, books: dict[str, SymbolBook], day: int, now_ns: int) -> None:
    """Charge the nights up to the midnight at which server day ``day`` begins."""
    for ended_day in range(account.rollover_day, day):
        weekday = (ended_day + _WEEKDAY_OF_DAY_0) % 7
        for position in list(account.positions.values()):
            _charge(account, books[position.symbol], position, weekday, now_ns)
    account.end_days(day)


def currency_of(spec: SymbolSpec, deposit_currency: str) -> str:
    """In which currency a symbol's swap is counted."""
    if spec.swap_mode == names.SYMBOL_SWAP_MODE_CURRENCY_SYMBOL:
        return spec.currency_base
    if spec.swap_mode == names.SYMBOL_SWAP_MODE_CURRENCY_MARGIN:
        return spec.currency_margin
    return deposit_currency if spec.swap_mode == names.SYMBOL_SWAP_MODE_CURRENCY_DEPOSIT else spec.currency_profit


def _nights(spec: SymbolSpec, weekday: int) -> int:
    """Saturdays and Sundays have no night of their own: the symbol's day of triple swap stands for the weekend."""
    if weekday == spec.swap_rollover3days:
        return 3
    return 0 if weekday in (names.DAY_OF_WEEK_SATURDAY, names.DAY_OF_WEEK_SUNDAY) else 1


def _charge(account: Account, book: SymbolBook, position: Position, weekday: int, now_ns: int) -> None:
    spec = book.spec
    rate_e8 = spec.swap_long_e8 if position.type == names.POSITION_TYPE_BUY else spec.swap_short_e8
    nights_count = _nights(spec, weekday)
    if spec.swap_mode == names.SYMBOL_SWAP_MODE_DISABLED or not rate_e8 or not nights_count:
        return
    if spec.swap_mode in _REOPENS:
        _reopen(account, book, position, rate_e8 * nights_count * spec.point_e8 // E8, now_ns)
        return
    route = account.route(currency_of(spec, account.config.currency))
    if not route.is_ready:
        return
    numerator, divisor = _night(account, spec, position, rate_e8)
    rate, rate_divisor = route.least if rate_e8 > 0 else route.most
    swap_e8 = rounded_e8(numerator * nights_count * rate, divisor * rate_divisor, account.unit_e8)
    if swap_e8:
        account.earn_swap(position, swap_e8, now_ns)


def _night(account: Account, spec: SymbolSpec, position: Position, rate_e8: int) -> Ratio:
    """One night of a position, as a fraction of e8 money in the currency of its swap."""
    scale, divisor = spec.profit_scale
    if spec.swap_mode == names.SYMBOL_SWAP_MODE_POINTS:
        return rate_e8 * spec.point_e8 * position.volume_e8 * scale, divisor * E8
    if spec.swap_mode in _INTERESTS:
        is_open = spec.swap_mode == names.SYMBOL_SWAP_MODE_INTEREST_OPEN
        price_e8 = position.price_open_e8 if is_open else account.closing_price_e8(position)
        return rate_e8 * price_e8 * position.volume_e8 * scale, divisor * E8 * 100 * _BANK_YEAR_DAYS
    return rate_e8 * position.volume_e8, E8  # money a lot


def _reopen(account: Account, book: SymbolBook, position: Position, better_e8: int, now_ns: int) -> None:
    """Close a position and open it again, ``better_e8`` better; it keeps its identifier and its levels, its ticket is new."""
    if not book.has_quote:
        return
    is_buy = position.type == names.POSITION_TYPE_BUY
    price_e8 = account.closing_price_e8(position)
    if book.spec.swap_mode == names.SYMBOL_SWAP_MODE_REOPEN_BID:
        price_e8 = book.bid_e8
    reason = names.DEAL_REASON_ROLLOVER
    close(account, book, position, reason, position.comment, price_e8, now_ns)
    price_e8 += -better_e8 if is_buy else better_e8
    order = Order(
        account.next_ticket(),
        position.symbol,
        position.type,
        names.ORDER_STATE_FILLED,
        names.ORDER_TIME_GTC,
        names.ORDER_FILLING_FOK,
        position.magic,
        reason,
        position.identifier,
        0,
        position.volume_e8,
        0,
        0,
        position.sl_e8,
        position.tp_e8,
        price_e8,
        0,
        now_ns,
        now_ns,
        0,
        position.comment,
    )
    account.finish_order(order)
    fill(account, book, order, position.volume_e8, price_e8, now_ns)
