"""The simulated server with all its accounts: ticks and requests in, changes of the books out.

Pure: market time comes with every call and never runs back, prices are fixed point, and nothing is drawn but the slippage,
from (seed, attempt). ``open`` once, after ``restore`` where there is a journal; then ``on_tick`` / ``on_ticks`` /
``on_time`` as the market goes and ``order_send`` as accounts trade. Each returns the changes of that call; a journal that
writes them in one transaction can be handed back to ``restore`` and gives the same books.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from mesh.errors import BadConfig
from mesh.units import NEVER
from nodes.terminal import actions, bulk, checks, names, reactions, swaps
from nodes.terminal.account import Account, AccountState
from nodes.terminal.book import SymbolBook
from nodes.terminal.conversion import Converter
from nodes.terminal.history import Column, History
from nodes.terminal.margin import profit_e8
from nodes.terminal.records import (
    QUOTE,
    AccountRow,
    Change,
    CheckResult,
    Deal,
    Order,
    OrderResult,
    Position,
    QuoteRow,
    TradeRequest,
)
from nodes.terminal.retcodes import REFUSED_LOCALLY, TEXTS
from nodes.terminal.server_time import ServerClock
from nodes.terminal.settings import AccountConfig, FixedRate, TerminalConfig
from nodes.terminal.slippage import slippage_points
from nodes.terminal.symbols import SymbolSpec

Changes = tuple[Change, ...]
_NONE: Changes = ()


class Terminal:
    """All symbols and accounts of one simulated server. Raises BadConfig for accounts or symbols that do not fit."""

    __slots__ = (
        "_changes",
        "_converter",
        "_event_ns",
        "_expiries",
        "_fired",
        "_rollover_day",
        "accounts",
        "books",
        "clock",
        "config",
        "now_ns",
    )

    def __init__(
        self, config: TerminalConfig, accounts: Iterable[AccountConfig], symbols: Iterable[SymbolSpec]
    ) -> None:
        self.config = config
        self.clock = ServerClock(config.server_zone)
        self.now_ns = 0
        """Market time of the last call."""
        self.books: dict[str, SymbolBook] = {}
        for spec in symbols:
            history = History(config.ticks_kept_count, config.bars_kept_count)
            if spec.name in self.books:
                raise BadConfig(f"symbol {spec.name} is listed twice")
            self.books[spec.name] = SymbolBook(spec, history, self._is_live)
        self._converter = Converter(self.books.values(), config.fixed_rates)
        self._changes: list[Change] = []
        self.accounts: dict[int, Account] = {}
        for account in accounts:
            if account.login in self.accounts:
                raise BadConfig(f"account {account.login} is listed twice")
            self.accounts[account.login] = Account(account, self._converter, self.books.__getitem__, self._changes)
            for book in self.books.values():
                self._converter.route(book.spec.currency_profit, account.currency)
                self._converter.route(book.spec.currency_margin, account.currency)
                self._converter.route(swaps.currency_of(book.spec, account.currency), account.currency)
        self._expiries: list[tuple[int, int, int]] = []
        self._event_ns = NEVER
        self._rollover_day = 0
        self._fired: list[int] = []

    def _is_live(self, login: int, ticket: int, kind: int, price_e8: int) -> bool:
        return self.accounts[login].level_price_e8(ticket, kind) == price_e8

    # --- start ------------------------------------------------------------------------------------------------------

    def restore(self, rows: Iterable[Change]) -> None:
        """Take the rows of a journal (each once, in the order written). Accounts and symbols no longer there: BadConfig."""
        for change in rows:
            row = change.row
            if isinstance(row, QuoteRow):
                if row.symbol in self.books:
                    self.books[row.symbol].quote(row.time_ns, row.bid_e8, row.ask_e8)
                continue
            account = self.accounts.get(change.login)
            if account is None or row is None:
                raise BadConfig(f"the journal has account {change.login}, the configuration has not: add it again")
            symbol = "" if isinstance(row, AccountRow) else row.symbol
            if isinstance(row, Position | Order) and symbol not in self.books:
                raise BadConfig(f"the journal has trades in {symbol}, the configuration has not: add the symbol again")
            account.load(change.kind, row)
            if isinstance(row, Order) and row.ticket in account.orders:
                self._expect(change.login, row)
        self._changes.clear()

    def open(self, now_ns: int) -> Changes:
        """Begin at a market time: accounts that never were get their deposit, nights that passed their swap."""
        self.now_ns = max(self.now_ns, now_ns)
        day = self.clock.day(self.now_ns)
        for account in self.accounts.values():
            if account.rollover_day == 0:
                account.rollover_day = day
            if account.ticket_count == 0:
                account.open(self.now_ns)
        self._rollover_day = min((account.rollover_day for account in self.accounts.values()), default=day)
        self._set_event()
        self._advance(now_ns)
        return self._taken()

    # --- the market -------------------------------------------------------------------------------------------------

    def on_tick(self, symbol: str, time_ns: int, bid_e8: int, ask_e8: int) -> Changes:
        """A new quote; both prices above zero, the bid may be above the ask."""
        self.take_tick(symbol, time_ns, bid_e8, ask_e8)
        return self._taken()

    def take_tick(self, symbol: str, time_ns: int, bid_e8: int, ask_e8: int) -> None:
        """A new quote whose changes are handed out later, with those of the stretch it belongs to."""
        if time_ns > self.now_ns:
            self.now_ns = time_ns
            if time_ns >= self._event_ns:
                self._advance(time_ns)
        book = self.books[symbol]
        book.quote(time_ns, bid_e8, ask_e8)
        book.history.append(time_ns, bid_e8, ask_e8)
        if not book.is_idle:
            self._react(book)

    def on_ticks(
        self,
        symbol_index: NDArray[np.uint16],
        time_ns: Column,
        bid_e8: Column,
        ask_e8: Column,
        symbols: tuple[str, ...],
        start: int,
        stop: int,
        stop_at_change: bool = False,
    ) -> tuple[int, Changes]:
        """Ticks ``start`` to ``stop`` of columns, as if one by one. Returns where it stopped, and the changes.

        Stops early after the tick at which an equity watch fired (``take_fired`` tells whose), and with
        ``stop_at_change`` after the first tick that changed any books.
        """
        ticks = bulk.split(self.books, symbol_index, time_ns, bid_e8, ask_e8, symbols, start, stop)
        return bulk.play(self, ticks, stop_at_change), self._taken()

    def on_time(self, now_ns: int) -> Changes:
        """Market time passed without a tick: expirations and swap that are due."""
        self._advance(now_ns)
        return self._taken()

    def watch(self, login: int, equity_below_e8: int | None) -> None:
        """Stop at the tick after which an account's equity is below this; it fires once. None: no watch."""
        self.accounts[login].watch_e8 = equity_below_e8

    def take_fired(self) -> tuple[int, ...]:
        """The logins whose watch fired since the last call."""
        fired = tuple(self._fired)
        self._fired.clear()
        return fired

    @property
    def has_fired(self) -> bool:
        """Whether a watch has fired that nobody took yet."""
        return bool(self._fired)

    @property
    def has_changes(self) -> bool:
        """Whether books changed since changes were handed out."""
        return bool(self._changes)

    @property
    def event_ns(self) -> int:
        """When time alone will change something: the next expiration or rollover."""
        return self._event_ns

    def _react(self, book: SymbolBook) -> None:
        """What a quote sets off, in a fixed order: rests of orders, levels, then the accounts it moves."""
        if book.resting:
            for login, ticket in list(book.resting):
                reactions.take_rest(self.accounts[login], book, ticket, self.now_ns)
        while not book.is_quiet and (met := book.take_met()):
            login, ticket, kind = met
            reactions.meet_level(self.accounts[login], book, ticket, kind, self.now_ns)
        for login in list(book.exposed):
            account = self.accounts[login]
            if account.is_safe():
                continue
            reactions.stop_out(account, self.books, self.now_ns)
            if account.watch_e8 is not None and account.equity_e8() < account.watch_e8:
                account.watch_e8 = None
                self._fired.append(login)

    # --- time -------------------------------------------------------------------------------------------------------

    def _advance(self, now_ns: int) -> None:
        while self._event_ns <= now_ns:
            at_ns = self._event_ns
            if self._expiries and self._expiries[0][0] <= at_ns:
                due_ns, login, ticket = heapq.heappop(self._expiries)
                account = self.accounts[login]
                order = account.orders.get(ticket)
                if order is not None and order.execution_ns == due_ns:
                    reactions.fill_placed(account, self.books[order.symbol], order, at_ns)
                elif order is not None and order.expiration_ns == due_ns:
                    reactions.expire(account, order, at_ns)
            else:
                self._rollover_day += 1
                for account in self.accounts.values():
                    swaps.roll_over(account, self.books, max(account.rollover_day, self._rollover_day), at_ns)
            self._set_event()
        self.now_ns = max(self.now_ns, now_ns)

    def _set_event(self) -> None:
        midnight_ns = self.clock.midnight_ns(self._rollover_day + 1)
        self._event_ns = min(midnight_ns, self._expiries[0][0]) if self._expiries else midnight_ns

    def _expect(self, login: int, order: Order) -> None:
        due_ns = order.execution_ns or order.expiration_ns
        if due_ns:
            heapq.heappush(self._expiries, (due_ns, login, order.ticket))
            self._event_ns = min(self._event_ns, due_ns)

    def _taken(self) -> Changes:
        if not self._changes:
            return _NONE
        login = 0
        for change in tuple(self._changes):
            if change.login != login:
                login = change.login
                self.accounts[login].flush()
        changes = tuple(self._changes)
        self._changes.clear()
        return changes

    # --- requests ---------------------------------------------------------------------------------------------------

    def deposit(self, login: int, amount_e8: int, now_ns: int, comment: str = "Deposit") -> Changes:
        """A balance operation: money in, or out where it is negative."""
        self._advance(now_ns)
        self.accounts[login].add_balance(amount_e8, comment, self.now_ns)
        return self._taken()

    def order_send(
        self, login: int, request: TradeRequest, now_ns: int, attempt_seed: int, placed_ns: int = 0
    ) -> tuple[OrderResult, Changes]:
        """Execute a trade request at a market time, or refuse it. ``attempt_seed`` draws its slippage.

        ``placed_ns``: a deal is only placed now (10008) and filled then.
        """
        if now_ns > self.now_ns:
            self._advance(now_ns)
        account = self.accounts[login]
        asked = self._asked(account, request)
        code = checks.refusal(asked)
        request_id = 0
        if code not in REFUSED_LOCALLY:
            account.request_count += 1
            request_id = account.request_count
        if code or asked.book is None:
            return actions.refused(code, request_id), self._taken()
        if placed_ns and request.action == names.TRADE_ACTION_DEAL:
            result = actions.place(asked, asked.book, placed_ns, request_id)
        else:
            slipped_points = slippage_points(self.config.seed, attempt_seed, self.config.slippage_points_max)
            result = actions.execute(asked, asked.book, slipped_points, request_id)
        order = account.orders.get(result.order)
        if order is not None:
            self._expect(login, order)
        return result, self._taken()

    def refuse(self, login: int, request: TradeRequest, code: int) -> OrderResult:
        """The server refuses a request without a look at it, with the quote where that is asked for (a requote)."""
        account, book = self.accounts[login], self.books.get(request.symbol)
        account.request_count += 1
        is_requote = code == names.TRADE_RETCODE_REQUOTE and book is not None
        quote = (book.bid_e8, book.ask_e8) if is_requote and book is not None else (0, 0)
        return actions.refused(code, account.request_count, *quote)

    def order_check(self, login: int, request: TradeRequest, now_ns: int) -> tuple[CheckResult, Changes]:
        """What ``order_send`` would refuse a request with, and the account as it would be after it."""
        self._advance(now_ns)
        asked = self._asked(self.accounts[login], request)
        code = checks.refusal(asked)
        if asked.book is None:
            return CheckResult(code, comment=TEXTS[code]), self._taken()
        return actions.checked(asked, asked.book, code), self._taken()

    def _asked(self, account: Account, request: TradeRequest) -> checks.Asked:
        """The request with its symbol's book: modifying an order or a position needs no symbol of its own."""
        symbol = request.symbol
        if request.action == names.TRADE_ACTION_DEAL:
            return checks.Asked(account, self.books.get(symbol), request, self.now_ns, self.clock)
        if request.action in (names.TRADE_ACTION_MODIFY, names.TRADE_ACTION_REMOVE):
            order = account.orders.get(request.order)
            symbol = symbol if order is None else order.symbol
        elif not symbol and request.action in (names.TRADE_ACTION_SLTP, names.TRADE_ACTION_CLOSE_BY):
            position = account.positions.get(request.position)
            symbol = symbol if position is None else position.symbol
        if symbol != request.symbol:
            request = msgspec.structs.replace(request, symbol=symbol)
        return checks.Asked(account, self.books.get(symbol), request, self.now_ns, self.clock)

    # --- reads ------------------------------------------------------------------------------------------------------

    def positions(self, login: int) -> tuple[Position, ...]:
        """Open positions, oldest first."""
        return tuple(self.accounts[login].positions.values())

    def orders(self, login: int) -> tuple[Order, ...]:
        """Live orders, oldest first."""
        return tuple(self.accounts[login].orders.values())

    def deals(self, login: int, from_ns: int, to_ns: int) -> list[Deal]:
        """Deals of a span of market time, both ends included, oldest first."""
        deals = self.accounts[login].deals
        first = bisect_left(deals, from_ns, key=lambda deal: deal.time_ns)
        return deals[first : bisect_right(deals, to_ns, key=lambda deal: deal.time_ns)]

    def history_orders(self, login: int, from_ns: int, to_ns: int) -> list[Order]:
        """Orders done in a span of market time, both ends included, in the order in which they were done."""
        orders = self.accounts[login].history_orders
        first = bisect_left(orders, from_ns, key=lambda order: order.time_done_ns)
        return orders[first : bisect_right(orders, to_ns, key=lambda order: order.time_done_ns)]

    def account_state(self, login: int) -> AccountState:
        """Balance, equity, margin and what is free, right now."""
        return self.accounts[login].state()

    def tick(self, symbol: str) -> QuoteRow | None:
        """The last quote of a symbol; None before the first, and for an unknown symbol."""
        book = self.books.get(symbol)
        return None if book is None or not book.has_quote else self._quote(book)

    def fixed_in_use(self) -> tuple[FixedRate, ...]:
        """The fixed rates some conversion goes by: no symbol makes it."""
        return self._converter.fixed_in_use()

    def next_open_ns(self, symbol: str, now_ns: int) -> int:
        """The first market time from ``now_ns`` on at which a symbol trades: ``now_ns`` itself while it is open."""
        spec = self.books[symbol].spec
        if not spec.sessions:
            return now_ns
        return self.clock.market_ns(spec.next_open_ns(self.clock.server_ns(now_ns)))

    def quote_rows(self) -> Changes:
        """The last quotes of all symbols that had one, as rows for the journal."""
        return tuple(
            Change(QUOTE, 0, book.spec.name, self._quote(book)) for book in self.books.values() if book.has_quote
        )

    def _quote(self, book: SymbolBook) -> QuoteRow:
        return QuoteRow(book.spec.name, book.time_ns, book.bid_e8, book.ask_e8)

    def order_calc_margin(self, login: int, symbol: str, volume_e8: int, price_e8: int) -> int | None:
        """Margin a volume binds at a price, by itself; None for an unknown symbol or a currency without a quote."""
        account, book = self.accounts[login], self.books.get(symbol)
        if book is None or not account.route(book.spec.currency_margin).is_ready:
            return None
        return account.margin_of_e8(book, volume_e8, price_e8)

    def order_calc_profit(
        self, login: int, is_buy: bool, symbol: str, volume_e8: int, open_e8: int, close_e8: int
    ) -> int | None:
        """What a volume makes from one price to another; None for an unknown symbol or a currency without a quote."""
        account, book = self.accounts[login], self.books.get(symbol)
        if book is None:
            return None
        route = account.route(book.spec.currency_profit)
        if not route.is_ready:
            return None
        return profit_e8(book.spec, route, account.unit_e8, is_buy, volume_e8, open_e8, close_e8)
