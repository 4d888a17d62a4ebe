"""What the adapter reads from a terminal, as messages: floats become fixed point, server time becomes UTC.

With the simulated terminal each answer says how often the account's books have changed; orders and deals are read again only
when they did. A real terminal does not say, so there everything is read each time.
"""

from typing import Any

from mesh.config import Config
from mesh.messages.accounts import PendingOrder, Position, SymbolSpec
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueFind, VenueFound, VenueRead, VenueState
from mesh.units import DAY_NS, HOUR_NS, MS_NS, SECOND_NS, e8_from_float
from nodes.io.mt5session import SESSION
from nodes.terminal import names
from nodes.terminal.server_time import ServerClock

DEALS_MAX = 512
FOREVER_S = 2**31 - 1
"""The package cuts times to 32 bits of seconds."""
SPEC_REFRESH_NS = HOUR_NS
"""Tick values and margins move with prices: looked at again this often (market time), and told where they changed."""
WATCH_EQUITY = "watch_equity"
KINDS = {names.DEAL_TYPE_BUY: "BUY", names.DEAL_TYPE_SELL: "SELL", names.DEAL_TYPE_BALANCE: "BALANCE"}
ENTRIES = {
    names.DEAL_ENTRY_IN: "IN",
    names.DEAL_ENTRY_OUT: "OUT",
    names.DEAL_ENTRY_INOUT: "INOUT",
    names.DEAL_ENTRY_OUT_BY: "OUT_BY",
}
CAUSES = {
    names.DEAL_REASON_CLIENT: "CLIENT",
    names.DEAL_REASON_MOBILE: "MOBILE",
    names.DEAL_REASON_WEB: "WEB",
    names.DEAL_REASON_EXPERT: "EXPERT",
    names.DEAL_REASON_SL: "SL",
    names.DEAL_REASON_TP: "TP",
    names.DEAL_REASON_SO: "STOP_OUT",
}
FINAL_STATES = (names.ORDER_STATE_CANCELED, names.ORDER_STATE_REJECTED, names.ORDER_STATE_EXPIRED)


class Reader:
    """Reads of one account."""

    def __init__(self, account: str, config: Config, module: Any) -> None:
        self._account = account
        self._module = module
        self._clock = ServerClock(config.settings.broker.zone)
        self._is_simulated = config.account[account].terminal == "sim"
        self._symbols = [config.broker_symbol(account, symbol) for symbol in config.settings.market.symbols]
        self._specs: dict[str, SymbolSpec] = {}
        self._specs_at_ns = 0
        self._orders: list[PendingOrder] = []
        self._read_revision = -1
        self._read_from_ns = -1

    # times

    def _utc(self, server_ms: int) -> int:
        """A time in ms of the server's wall clock as UTC ns; 0 stays 0."""
        return self._clock.market_ns(server_ms * MS_NS) if server_ms else 0

    def market_ns(self) -> int:
        """Market time: the stamp of the simulated terminal, else the newest quote's time."""
        if self._is_simulated:
            return int(SESSION.stamp[2])
        newest = 0
        for symbol in self._symbols:
            tick = self._module.symbol_info_tick(symbol)
            newest = max(newest, tick.time_msc if tick is not None else 0)
        return self._utc(newest)

    # symbols

    def select_symbols(self) -> list[SymbolSpec]:
        """Put our symbols into the Market Watch; those the broker has."""
        self._specs = {}
        for symbol in self._symbols:
            self._module.symbol_select(symbol, True)
        changed = self._changed_specs(0)
        self._specs_at_ns = 0
        return changed

    def _changed_specs(self, block: int) -> list[SymbolSpec]:
        """Specifications that are new or changed since they were last told.

        In a simulated market they are looked at after a block that was asked for, not by the clock: sizes follow from them, and
        a run has to give the same ones at every pace.
        """
        now_ns = self.market_ns()
        # Before its first quote a symbol has no margin: such a one is looked at again the next time.
        is_whole = all(spec.margin_per_lot_e8 for spec in self._specs.values())
        is_young = is_whole and now_ns - self._specs_at_ns < SPEC_REFRESH_NS
        if self._specs and (is_young or (self._is_simulated and not block)):
            return []
        self._specs_at_ns = now_ns
        changed: list[SymbolSpec] = []
        for symbol in self._symbols:
            spec = self._spec(symbol)
            if spec is not None and self._specs.get(symbol) != spec:
                self._specs[symbol] = spec
                changed.append(spec)
        return changed

    def _spec(self, symbol: str) -> SymbolSpec | None:
        info = self._module.symbol_info(symbol)
        if info is None:
            return None
        tick = self._module.symbol_info_tick(symbol)
        price = tick.ask if tick is not None and tick.ask else info.ask
        margin = self._module.order_calc_margin(names.ORDER_TYPE_BUY, symbol, 1.0, price) if price else None
        return SymbolSpec(
            symbol=symbol,
            digits=info.digits,
            point_e8=e8_from_float(info.point),
            tick_size_e8=e8_from_float(info.trade_tick_size or info.point),
            tick_value_e8=e8_from_float(info.trade_tick_value),
            contract_size_e8=e8_from_float(info.trade_contract_size),
            volume_min_e8=e8_from_float(info.volume_min),
            volume_max_e8=e8_from_float(info.volume_max),
            volume_step_e8=e8_from_float(info.volume_step),
            stops_level_points=info.trade_stops_level,
            margin_per_lot_e8=e8_from_float(margin) if margin else 0,
            trade_mode=info.trade_mode,
            filling_mode=info.filling_mode,
            execution_mode=info.trade_exemode,
        )

    # state

    def state(self, read: VenueRead) -> VenueState | None:
        """Account, positions, orders and deals; None where the terminal does not answer."""
        module = self._module
        if self._is_simulated:
            known = self._read_revision if read.deals_from_ns == self._read_from_ns else -1
            deals_call = ["history_deals_get", self._first_s(read.deals_from_ns), FOREVER_S, 0, 0]
            SESSION.ahead([["account_info"], ["positions_get", 0, ""]], [["orders_get", 0, ""], deals_call], known)
        info = module.account_info()
        if info is None:
            return None
        revision = SESSION.stamp[1] if self._is_simulated else 0
        positions = module.positions_get()
        if positions is None:
            return None
        deals: list[DealReport] = []
        more_deals = False
        if not self._is_simulated or (revision, read.deals_from_ns) != (self._read_revision, self._read_from_ns):
            orders, found = module.orders_get(), self._deals(read.deals_from_ns)
            if orders is None or found is None:
                return None
            self._orders = [self._pending(order) for order in orders]
            deals, more_deals = found[:DEALS_MAX], len(found) > DEALS_MAX
            if not more_deals:
                self._read_revision, self._read_from_ns = revision, read.deals_from_ns
        terminal = module.terminal_info() if not self._is_simulated else None
        return VenueState(
            call=read.call,
            block=read.block,
            revision=revision,
            market_ns=self.market_ns(),
            balance_e8=e8_from_float(info.balance),
            equity_e8=e8_from_float(info.equity),
            margin_e8=e8_from_float(info.margin),
            margin_free_e8=e8_from_float(info.margin_free),
            margin_level_e8=e8_from_float(info.margin_level),
            connected=terminal.connected if terminal is not None else True,
            trade_allowed=bool(info.trade_allowed and info.trade_expert and (terminal is None or terminal.trade_allowed)),
            positions=[self._position(position) for position in positions],
            orders=self._orders,
            deals=deals,
            symbols=self._changed_specs(read.block),
            more_deals=more_deals,
        )

    def _position(self, item: Any) -> Position:
        return Position(
            ticket=item.ticket,
            position_id=item.identifier,
            symbol=item.symbol,
            side=1 if item.type == names.POSITION_TYPE_BUY else -1,
            volume_e8=e8_from_float(item.volume),
            price_open_e8=e8_from_float(item.price_open),
            price_now_e8=e8_from_float(item.price_current),
            sl_e8=e8_from_float(item.sl),
            tp_e8=e8_from_float(item.tp),
            profit_e8=e8_from_float(item.profit),
            swap_e8=e8_from_float(item.swap),
            opened_ns=self._utc(item.time_msc),
            ours=False,
            magic=item.magic,
            comment=item.comment,
        )

    def _pending(self, item: Any) -> PendingOrder:
        return PendingOrder(
            ticket=item.ticket,
            symbol=item.symbol,
            kind=f"TYPE_{item.type}",
            volume_e8=e8_from_float(item.volume_current),
            price_e8=e8_from_float(item.price_open),
            sl_e8=e8_from_float(item.sl),
            tp_e8=e8_from_float(item.tp),
            expires_ns=self._utc(item.time_expiration * 1_000),
            ours=False,
            magic=item.magic,
        )

    # deals

    def _deals(self, from_ns: int) -> list[DealReport] | None:
        """Deals since ``from_ns``, oldest first, to beyond the server's now: its clock is not ours."""
        deals = self._module.history_deals_get(self._first_s(from_ns), FOREVER_S)
        if deals is None:
            return None
        return [self._deal_report(deal) for deal in sorted(deals, key=lambda deal: (deal.time_msc, deal.ticket))]

    def _first_s(self, from_ns: int) -> int:
        """The server's second at which a history begins."""
        return max(1, self._clock.server_ns(from_ns) // SECOND_NS) if from_ns > DAY_NS else 1

    def _deal_report(self, deal: Any) -> DealReport:
        return DealReport(
            account=self._account,
            deal_ticket=deal.ticket,
            order_ticket=deal.order,
            position_id=deal.position_id,
            symbol=deal.symbol,
            kind=KINDS.get(deal.type, f"TYPE_{deal.type}"),
            entry=ENTRIES.get(deal.entry, f"ENTRY_{deal.entry}"),
            cause=CAUSES.get(deal.reason, f"REASON_{deal.reason}"),
            volume_e8=e8_from_float(deal.volume),
            price_e8=e8_from_float(deal.price),
            profit_e8=e8_from_float(deal.profit),
            commission_e8=e8_from_float(deal.commission),
            swap_e8=e8_from_float(deal.swap),
            market_ns=self._utc(deal.time_msc),
            oid=NO_OID,
            comment=deal.comment,
        )

    def deal(self, order_ticket: int, deal_ticket: int) -> Any:
        """One deal of an order, or None where the terminal does not show it (yet)."""
        found = self._module.history_deals_get(ticket=order_ticket)  # this ticket is the order's
        return next((deal for deal in found or () if deal.ticket == deal_ticket), None)

    def quote_ahead(self, symbol: str, with_positions: bool) -> None:
        """Have the simulated terminal answer for a symbol, its quote and its positions in one message."""
        if self._is_simulated:
            positions = [["positions_get", 0, symbol]] if with_positions else []
            SESSION.ahead([["symbol_info", symbol], ["symbol_info_tick", symbol], *positions], [], -1)

    # reconcile

    def find(self, wanted: VenueFind) -> VenueFound | None:
        """Look for an attempt by its magic, then its comment: deals decide, a refused order proves that nothing was done."""
        first_s = max(1, (self._clock.server_ns(wanted.since_ns) - DAY_NS) // SECOND_NS)
        orders = self._module.history_orders_get(first_s, FOREVER_S)
        deals = self._module.history_deals_get(first_s, FOREVER_S)
        positions = self._module.positions_get()
        if orders is None or deals is None or positions is None:
            return None

        def matches(item: Any) -> bool:
            return bool(item.magic == wanted.magic or (wanted.comment and item.comment == wanted.comment))

        ours = [deal for deal in deals if matches(deal)]
        tickets = list(dict.fromkeys(deal.order for deal in ours))
        seen = [position for position in positions if matches(position)]
        refused = [order for order in orders if matches(order) and order.state in FINAL_STATES and not tickets]
        lots = sum(deal.volume for deal in ours)
        price = sum(deal.price * deal.volume for deal in ours) / lots if lots else 0.0
        hits = len(tickets) or min(1, len(seen))
        first = ours[0] if ours else None
        shown = seen[0] if seen else None
        return VenueFound(
            call=wanted.call,
            oid=wanted.oid,
            attempt=wanted.attempt,
            hits=hits,
            volume_e8=e8_from_float(lots) if lots else e8_from_float(shown.volume) if shown is not None else 0,
            price_e8=e8_from_float(price) if lots else e8_from_float(shown.price_open) if shown is not None else 0,
            order_ticket=first.order if first is not None else 0,
            position_ticket=first.position_id if first is not None else shown.ticket if shown is not None else 0,
            deal_ticket=first.ticket if first is not None else 0,
            rejected=bool(refused),
            market_ns=self.market_ns(),
        )

    def watch(self, equity_below_e8: int) -> None:
        """Let the simulated market stop where the equity falls below this; a real one cannot."""
        if self._is_simulated:
            SESSION.ask(WATCH_EQUITY, equity_below_e8)
