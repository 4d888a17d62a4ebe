"""One simulated account: its books, and the sums that are kept beside them.

Nothing is decided here. ``put_*``, ``drop_*`` and ``add_deal`` keep positions, orders, deals, levels and sums in step and
write each change to the list the engine hands out with every call. History is the account's ledger and grows with it.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from nodes.terminal import names
from nodes.terminal.book import STOP_LOSS, TAKE_PROFIT, SymbolBook, activation_kind
from nodes.terminal.conversion import Converter, Route
from nodes.terminal.exposure import Exposure
from nodes.terminal.margin import MarginTerms, margin_terms, profit_e8
from nodes.terminal.records import (
    ACCOUNT,
    DEAL,
    HISTORY_ORDER,
    ORDER,
    POSITION,
    AccountRow,
    Change,
    Deal,
    Order,
    Position,
)
from nodes.terminal.settings import TICKET_SPAN, AccountConfig

_HUNDRED_E8 = 10_000_000_000


class AccountState(NamedTuple):
    """The money of an account at one moment; ``margin_level_e8`` in percent, 0 without margin."""

    balance_e8: int
    credit_e8: int
    profit_e8: int
    equity_e8: int
    margin_e8: int
    margin_free_e8: int
    margin_level_e8: int


class Account:
    """The books of one account. ``book_of`` gives the book of a symbol's name."""

    __slots__ = (
        "_book_of",
        "_changes",
        "_converter",
        "_is_row_changed",
        "_kept_exposures",
        "_margin_terms",
        "_reopened",
        "_routes",
        "balance_e8",
        "config",
        "credit_e8",
        "deals",
        "deals_of_position",
        "exposures",
        "history_orders",
        "history_positions",
        "history_tickets",
        "is_hedging",
        "login",
        "margin_e8",
        "netted",
        "orders",
        "positions",
        "request_count",
        "revision",
        "rollover_day",
        "ticket_count",
        "unit_e8",
        "watch_e8",
    )

    def __init__(
        self,
        config: AccountConfig,
        converter: Converter,
        book_of: Callable[[str], SymbolBook],
        changes: list[Change],
    ) -> None:
        self.config = config
        self.login = config.login
        self.is_hedging = config.is_hedging
        self.unit_e8 = config.unit_e8
        self._converter = converter
        self._book_of = book_of
        self._routes: dict[str, Route] = {}
        self._margin_terms: dict[str, MarginTerms] = {}
        self._changes = changes
        self._is_row_changed = False
        self.balance_e8 = 0
        self.credit_e8 = 0
        self.ticket_count = 0
        self.rollover_day = 0
        self.request_count = 0
        """Requests that reached the server since the start; not kept: a new session counts anew."""
        self.revision = 0
        """How often its books have changed since the start."""
        self.positions: dict[int, Position] = {}
        self._reopened: dict[int, int] = {}
        """Identifier → ticket of positions that have another ticket by now."""
        self.orders: dict[int, Order] = {}
        self.history_orders: list[Order] = []
        self.history_tickets: dict[int, Order] = {}
        self.history_positions: dict[int, list[Order]] = {}
        self.deals: list[Deal] = []
        self.deals_of_position: dict[int, list[Deal]] = {}
        self.exposures: dict[str, Exposure] = {}
        """By symbol, where positions are open."""
        self._kept_exposures: dict[str, Exposure] = {}
        """Those of symbols once traded too: the sums of an exposure are back at nothing when its last position goes."""
        self.netted: dict[str, int] = {}
        """Symbol → ticket of its one position, on netting accounts."""
        self.margin_e8 = 0
        self.watch_e8: int | None = None

    # --- rows -------------------------------------------------------------------------------------------------------

    def next_ticket(self) -> int:
        """A ticket nobody else on the server has: of an order or a deal."""
        self.ticket_count += 1
        self._is_row_changed = True
        return self.login * TICKET_SPAN + self.ticket_count

    def put_position(self, position: Position) -> None:
        """A position is there, or is now this."""
        old = self.positions.get(position.ticket)
        self._count(position, old)
        self.positions[position.ticket] = position
        if position.ticket != position.identifier:
            self._reopened[position.identifier] = position.ticket
        if not self.is_hedging:
            self.netted[position.symbol] = position.ticket
        book = self._book_of(position.symbol)
        if position.sl_e8 and (old is None or old.sl_e8 != position.sl_e8):
            book.put_exit(self.login, position.ticket, position.type, STOP_LOSS, position.sl_e8)
        if position.tp_e8 and (old is None or old.tp_e8 != position.tp_e8):
            book.put_exit(self.login, position.ticket, position.type, TAKE_PROFIT, position.tp_e8)
        self._changes.append(Change(POSITION, self.login, position.ticket, position))

    def earn_swap(self, position: Position, swap_e8: int, now_ns: int) -> None:
        """A position earned (or paid) swap: booked when it is closed."""
        self.put_position(msgspec.structs.replace(position, swap_e8=position.swap_e8 + swap_e8, time_update_ns=now_ns))

    def position_by_id(self, identifier: int) -> Position | None:
        """The position of an identifier: what its ticket was when it was opened, and still is unless it was reopened."""
        ticket = self._reopened.get(identifier, identifier) if self._reopened else identifier
        return self.positions.get(ticket)

    def drop_position(self, position: Position) -> None:
        """A position is no more."""
        del self.positions[position.ticket]
        self._reopened.pop(position.identifier, None)
        self.netted.pop(position.symbol, None)
        self._count(None, position)
        self._changes.append(Change(POSITION, self.login, position.ticket, None))

    def put_order(self, order: Order) -> None:
        """An order is live, or is now this."""
        old = self.orders.get(order.ticket)
        self.orders[order.ticket] = order
        book = self._book_of(order.symbol)
        if order.state == names.ORDER_STATE_PARTIAL:
            book.resting[self.login, order.ticket] = None
        elif order.execution_ns:
            pass  # filled by time, not by price
        elif old is None or old.price_open_e8 != order.price_open_e8 or old.type != order.type:
            book.put_activation(self.login, order.ticket, order.type, order.price_open_e8)
        self._changes.append(Change(ORDER, self.login, order.ticket, order))

    def finish_order(self, order: Order) -> None:
        """An order is done: it leaves the live ones, where it was one, for the history."""
        if self.orders.pop(order.ticket, None) is not None:
            self._book_of(order.symbol).resting.pop((self.login, order.ticket), None)
            self._changes.append(Change(ORDER, self.login, order.ticket, None))
        self._remember_order(order)
        self._changes.append(Change(HISTORY_ORDER, self.login, order.ticket, order))

    def add_deal(self, deal: Deal) -> None:
        """A deal happened: the balance takes its profit, swap, commission and fee; a credit is no balance."""
        if deal.type == names.DEAL_TYPE_CREDIT:
            self.credit_e8 += deal.profit_e8
        else:
            self.balance_e8 += deal.profit_e8 + deal.swap_e8 + deal.commission_e8 + deal.fee_e8
        self._is_row_changed = True
        self._remember_deal(deal)
        self._changes.append(Change(DEAL, self.login, deal.ticket, deal))

    def open(self, now_ns: int) -> None:
        """The first money of an account that never was."""
        if self.config.deposit_e8:
            self.add_balance(self.config.deposit_e8, "Deposit", now_ns)
        if self.config.credit_e8:
            self.add_balance(self.config.credit_e8, "Credit", now_ns, names.DEAL_TYPE_CREDIT)

    def add_balance(self, amount_e8: int, comment: str, now_ns: int, kind: int = names.DEAL_TYPE_BALANCE) -> None:
        """A balance operation: money in, or out where it is negative; a deal without order, symbol and volume.

        ``kind`` DEAL_TYPE_CREDIT: lent by the broker, part of the equity and not of the balance.
        """
        entry, reason = names.DEAL_ENTRY_IN, names.DEAL_REASON_CLIENT
        ticket = self.next_ticket()
        self.add_deal(Deal(ticket, 0, "", kind, entry, 0, 0, reason, 0, 0, amount_e8, 0, 0, 0, now_ns, comment))

    def end_days(self, day: int) -> None:
        """Swap is charged up to the midnight at which server day ``day`` begins."""
        self.rollover_day = day
        # without a position nothing was charged: the row may wait for the next change
        self._is_row_changed = self._is_row_changed or bool(self.positions)

    def flush(self) -> None:
        """Its books have changed: write the account's own row, where it did since the last time."""
        self.revision += 1
        if self._is_row_changed:
            self._is_row_changed = False
            self._changes.append(Change(ACCOUNT, self.login, self.login, self.row()))

    def row(self) -> AccountRow:
        """The account's own row."""
        return AccountRow(self.login, self.balance_e8, self.credit_e8, self.ticket_count, self.rollover_day)

    def load(self, kind: str, row: Position | Order | Deal | AccountRow) -> None:
        """Take a row from the journal. Orders of the history and deals come in the order in which they were written."""
        if isinstance(row, AccountRow):
            self.balance_e8, self.credit_e8 = row.balance_e8, row.credit_e8
            self.ticket_count, self.rollover_day = row.ticket_count, row.rollover_day
        elif isinstance(row, Position):
            self.put_position(row)
        elif isinstance(row, Deal):
            self._remember_deal(row)
        elif kind == ORDER:
            self.put_order(row)
        else:
            self._remember_order(row)

    def _remember_order(self, order: Order) -> None:
        self.history_orders.append(order)
        self.history_tickets[order.ticket] = order
        self.history_positions.setdefault(order.position_id, []).append(order)

    def _remember_deal(self, deal: Deal) -> None:
        self.deals.append(deal)
        self.deals_of_position.setdefault(deal.position_id, []).append(deal)

    # --- sums -------------------------------------------------------------------------------------------------------

    def route(self, currency: str) -> Route:
        """The way from a currency to the deposit's."""
        route = self._routes.get(currency)
        if route is None:
            route = self._routes[currency] = self._converter.route(currency, self.config.currency)
        return route

    def _count(self, new: Position | None, old: Position | None) -> None:
        position = new or old
        assert position is not None
        symbol = position.symbol
        exposure = self.exposures.get(symbol)
        if exposure is None:
            exposure = self._kept_exposures.get(symbol)
            if exposure is None:
                book = self._book_of(symbol)
                exposure = Exposure(book, self.route(book.spec.currency_profit), self.unit_e8)
                self._kept_exposures[symbol] = exposure
            self.exposures[symbol] = exposure
            self._expose(exposure, 1)
        if new is not None:
            exposure.add(new, 1)
        if old is not None:
            exposure.add(old, -1)
        self.margin_e8 += exposure.settle_e8()
        if exposure.count == 0:
            del self.exposures[symbol]
            self._expose(exposure, -1)

    def _expose(self, exposure: Exposure, sign: int) -> None:
        """Tell the books whose quotes this account's equity hangs on."""
        for book in exposure.books:
            count = book.exposed.get(self.login, 0) + sign
            if count:
                book.exposed[self.login] = count
            else:
                del book.exposed[self.login]

    # --- money ------------------------------------------------------------------------------------------------------

    def closing_price_e8(self, position: Position) -> int:
        """The price at which a position would be closed now: the open price while there is no quote."""
        book = self._book_of(position.symbol)
        if not book.has_quote:
            return position.price_open_e8
        return book.bid_e8 if position.type == names.POSITION_TYPE_BUY else book.ask_e8

    def profit_e8(self, position: Position, volume_e8: int, price_e8: int) -> int:
        """What a volume of a position makes when it is closed at a price; 0 while its currency has no rate."""
        spec = self._book_of(position.symbol).spec
        route = self.route(spec.currency_profit)
        if not route.is_ready:
            return 0
        is_buy = position.type == names.POSITION_TYPE_BUY
        return profit_e8(spec, route, self.unit_e8, is_buy, volume_e8, position.price_open_e8, price_e8)

    def floating_e8(self) -> int:
        """The result of all open positions as they stand, swap included."""
        return sum(
            self.profit_e8(position, position.volume_e8, self.closing_price_e8(position)) + position.swap_e8
            for position in self.positions.values()
        )

    def equity_e8(self) -> int:
        """Balance, credit and floating result."""
        return self.balance_e8 + self.credit_e8 + self.floating_e8()

    def equity_floor_e8(self) -> int:
        """No more than the equity, anywhere within the range of the quotes; in time that does not grow with positions."""
        floor_e8 = self.balance_e8 + self.credit_e8
        for exposure in self.exposures.values():
            floor_e8 += exposure.floor_e8
        return floor_e8

    def has_free_e8(self, needed_e8: int) -> bool:
        """Whether the equity is at least this."""
        return self.equity_floor_e8() >= needed_e8 or self.equity_e8() >= needed_e8

    def margin_of_e8(self, book: SymbolBook, volume_e8: int, price_e8: int) -> int:
        """Margin a volume binds at a price, by itself."""
        terms = self._margin_terms.get(book.spec.name)
        if terms is None:
            spec, config = book.spec, self.config
            terms = margin_terms(spec, self.route(spec.currency_margin), config.currency, config.leverage)
            self._margin_terms[spec.name] = terms
        return terms.margin_e8(self.unit_e8, volume_e8, price_e8)

    def margin_level_e8(self, equity_e8: int, margin_e8: int) -> int:
        """Equity in percent of the margin; 0 where no margin is bound."""
        return equity_e8 * _HUNDRED_E8 // margin_e8 if margin_e8 else 0

    def state(self) -> AccountState:
        """Balance, equity, margin and what is free, right now."""
        equity_e8 = self.equity_e8()
        return AccountState(
            self.balance_e8,
            self.credit_e8,
            equity_e8 - self.balance_e8 - self.credit_e8,
            equity_e8,
            self.margin_e8,
            equity_e8 - self.margin_e8,
            self.margin_level_e8(equity_e8, self.margin_e8),
        )

    # --- danger -----------------------------------------------------------------------------------------------------

    def danger_e8(self) -> int:
        """The equity at or below which something happens: stop-out, or the equity watch."""
        stop_out_e8 = self.stop_out_e8()
        return stop_out_e8 if self.watch_e8 is None else max(stop_out_e8, self.watch_e8)

    def stop_out_e8(self) -> int:
        """The equity at which positions are closed: by margin level or money; without margin, just below nothing."""
        if self.margin_e8 == 0:
            return -1
        if self.config.margin_so_mode == names.ACCOUNT_STOPOUT_MODE_MONEY:
            return self.config.margin_so_so_e8
        return self.margin_e8 * self.config.margin_so_so_e8 // _HUNDRED_E8

    def is_safe(self) -> bool:
        """Whether the equity cannot reach the danger within the range of the quotes (False: it may)."""
        return self.equity_floor_e8() > self.danger_e8()

    def level_price_e8(self, ticket: int, kind: int) -> int:
        """Where a level of this account stands; 0 where there is none (see ``SymbolBook``)."""
        if kind == STOP_LOSS:
            position = self.positions.get(ticket)
            return 0 if position is None else position.sl_e8
        if kind == TAKE_PROFIT:
            position = self.positions.get(ticket)
            return 0 if position is None else position.tp_e8
        order = self.orders.get(ticket)
        if order is None or order.state != names.ORDER_STATE_PLACED or order.execution_ns:
            return 0
        return order.price_open_e8 if kind == activation_kind(order.type) else 0
