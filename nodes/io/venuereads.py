"""What the adapter reads from a terminal, as messages: floats become fixed point, server time becomes UTC.

Where an answer says how often the account's books have changed, orders and deals are read again only when they did; a real terminal
does not say, so there everything is read each time. Positions always are: their prices move without their books.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from mesh.config import Config
from mesh.io.clock import wall_ns
from mesh.messages.accounts import PendingOrder, SymbolSpec
from mesh.messages.venue import VenueFind, VenueFound, VenueLost, VenueRead, VenueState
from mesh.units import DAY_NS, HOUR_NS, MS_NS, SECOND_NS, e8_from_float
from nodes.clockdrift import ClockDrift
from nodes.io.package import Package
from nodes.io.venuedeals import DealPages
from nodes.io.venuefind import Books, found_in, traces_of
from nodes.io.venuehistory import History
from nodes.io.venueidentity import Identity, switched_off
from nodes.io.venuelimits import cut
from nodes.io.venuerows import Positions, deal_of, pending_of
from nodes.terminal import names
from nodes.terminal.server_time import ServerClock

SPEC_REFRESH_NS = HOUR_NS
"""Tick values and margins move with prices: looked at again this often (market time), and told where they changed."""
CONTRACT_NS = 60 * SECOND_NS
"""How old the terms of a symbol may be when an order is made from them."""
POSITIONS_MAX = 512
"""Positions, and orders, that a state carries."""
READS_MAX = 3
"""Where a terminal answers call by call, a state is read again where the balance moved meanwhile."""


class Fill(NamedTuple):
    """The deals of an order: lots, their average price, their profit, and the position they belong to."""

    volume_e8: int
    price_e8: int
    profit_e8: int
    position_id: int


class Reader:
    """Reads of one account. ``identity``: whose the answers must be. ``now_ns``: UTC, against which a real server's clock is held."""

    def __init__(self, account: str, config: Config, package: Package, identity: Identity, now_ns: Callable[[], int] = wall_ns) -> None:
        self._account = account
        self._package = package
        self._module = package.module
        self._identity = identity
        self._now_ns = now_ns
        self._history = History(package.module.last_error)
        self._clock = ServerClock(config.zone_of(account))
        self._drift = ClockDrift(config.zone_of(account))
        self._ours = tuple(config.broker_symbol(account, symbol) for symbol in config.settings.market.symbols)
        self._symbols = list(self._ours)
        """Ours, and those in which somebody else holds something."""
        self._specs: dict[str, SymbolSpec] = {}
        self._specs_at_ns = 0
        self._positions = Positions(self._utc)
        self._orders: list[PendingOrder] = []
        self._deals = {is_anew: DealPages(self._history, self._utc, self._first_s) for is_anew in (False, True)}
        """For the account's own reads, and for those that are made for an operator."""
        self._newest_ms = 0
        """Server time of the newest quote seen."""
        self._contracts: dict[str, tuple[int, Any]] = {}
        """By symbol, when it was read and its ``symbol_info``."""

    # times

    def _utc(self, server_ms: int) -> int:
        """A time in ms of the server's wall clock as UTC ns; 0 stays 0."""
        return self._clock.market_ns(server_ms * MS_NS) if server_ms else 0

    def market_ns(self) -> int:
        """Market time: what the terminal says it is, else the newest quote's time."""
        for symbol in self._package.clock_symbols(self._symbols):
            self.tick(symbol)
        return self.seen_ns()

    def seen_ns(self) -> int:
        """Market time as far as it was seen, without a call."""
        return self._package.market_ns(lambda: self._utc(self._newest_ms))

    def tick(self, symbol: str) -> Any:
        """The newest quote of a symbol; None where there is none."""
        tick = self._module.symbol_info_tick(symbol)
        if tick is not None:
            self._newest_ms = max(self._newest_ms, tick.time_msc)
        return tick

    # symbols

    def select_symbols(self) -> list[SymbolSpec]:
        """Put our symbols into the Market Watch; those the broker has."""
        self._specs = {}
        for symbol in self._symbols:
            self._module.symbol_select(symbol, True)
        changed = self._changed_specs(0, [])
        self._specs_at_ns = 0
        return changed

    def _changed_specs(self, block: int, held: list[str]) -> list[SymbolSpec]:
        """Specifications that are new or changed since they were last told; also of symbols that are not ours and held."""
        now_ns = self.market_ns()
        more = [symbol for symbol in dict.fromkeys(held) if symbol not in self._symbols]
        self._symbols += more
        # Before its first quote a symbol has no margin: such a one is looked at again the next time.
        is_whole = all(spec.margin_per_lot_e8 for spec in self._specs.values() if spec.symbol in self._ours)
        is_young = is_whole and now_ns - self._specs_at_ns < SPEC_REFRESH_NS
        if self._specs and not more and (is_young or not self._package.may_reread_terms(block)):
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
        tick = self.tick(symbol)
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

    def state(self, read: VenueRead) -> VenueState | VenueLost | None:
        """Account, positions, orders and deals; None where the terminal does not answer, VenueLost where it is another account's."""
        deals = self._deals[read.anew]
        deals.begin(read)
        for _ in range(READS_MAX):
            is_one_moment = self._package.before_read(deals.fetched_s, deals.revision)
            before = None if is_one_moment else self._module.account_info()
            if lost := self._lost_to_another(before):
                return lost
            state = self._state(read, deals)
            if before is None or not isinstance(state, VenueState) or e8_from_float(before.balance) == state.balance_e8:
                break
        return state

    def _lost_to_another(self, info: Any) -> VenueLost | None:
        """That an ``account_info`` is another account's; None where it is ours, or there is none."""
        objection = self._identity.objection(info) if info is not None else ""
        return VenueLost(cut(objection)) if objection else None

    def _state(self, read: VenueRead, pages: DealPages) -> VenueState | VenueLost | None:
        module = self._module
        terminal, positions = module.terminal_info(), module.positions_get()
        if terminal is None or positions is None:
            return None
        revision = self._package.revision()
        is_changed = revision is None or revision != pages.revision
        is_fetched = is_changed and not pages.is_at_hand
        live = module.orders_get() if is_fetched else ()
        page = pages.page(module.history_deals_get, revision) if is_changed else ([], False)
        # After all the rest: what another account shows meanwhile must not be told as ours.
        info = module.account_info()
        if live is None or page is None or info is None:
            return None
        if lost := self._lost_to_another(info):
            return lost
        rows, more_deals = page
        if is_fetched:
            self._orders = [pending_of(order, self._utc) for order in live]
        symbols = self._changed_specs(read.block, [position.symbol for position in positions])
        if symbols and (lost := self._lost_to_another(module.account_info())):
            return lost
        remarks, market_ns, orders = switched_off(info, terminal), self.market_ns(), self._orders
        is_partial = len(positions) > POSITIONS_MAX or len(orders) > POSITIONS_MAX
        if is_partial:
            remarks.append(f"{len(positions)} positions and {len(orders)} orders: {POSITIONS_MAX} of each can be looked after")
            # those with a magic first: ours have one
            positions, orders = (sorted(rows, key=lambda row: row.magic == 0)[:POSITIONS_MAX] for rows in (positions, orders))
        return VenueState(
            call=read.call,
            block=read.block,
            revision=revision or 0,
            market_ns=market_ns,
            balance_e8=e8_from_float(info.balance),
            equity_e8=e8_from_float(info.equity),
            margin_e8=e8_from_float(info.margin),
            margin_free_e8=e8_from_float(info.margin_free),
            margin_level_e8=e8_from_float(info.margin_level),
            connected=terminal.connected,
            trade_allowed=not remarks,
            positions=self._positions.told(positions),
            orders=orders,
            deals=[deal_of(deal, self._account, self._utc) for deal in rows],
            symbols=symbols,
            more_deals=more_deals,
            remark=cut("; ".join([*remarks, *self._clock_remark(market_ns)])),
            is_partial=is_partial,
            ping_us=max(0, terminal.ping_last),
        )

    def _clock_remark(self, newest_ns: int) -> list[str]:
        """Whether the server's clock is the configured one."""
        if not newest_ns:
            return []
        offset_ns = self._clock.server_ns(newest_ns) - newest_ns
        remark = self._package.clock_remark(self._drift, newest_ns, offset_ns, self._now_ns())
        return [remark] if remark else []

    # deals

    def _first_s(self, from_ns: int) -> int:
        """The server's second at which a history begins."""
        return max(1, self._clock.server_ns(from_ns) // SECOND_NS) if from_ns > DAY_NS else 1

    def fill(self, order_ticket: int) -> Fill | None:
        """What an order did, all its deals together; None where the terminal shows none (yet)."""
        deals = self._module.history_deals_get(ticket=order_ticket)  # this ticket is the order's
        lots = sum(deal.volume for deal in deals or ())
        if not lots:
            return None
        return Fill(
            volume_e8=e8_from_float(lots),
            price_e8=e8_from_float(sum(deal.price * deal.volume for deal in deals) / lots),
            profit_e8=e8_from_float(sum(deal.profit for deal in deals)),
            position_id=deals[-1].position_id,
        )

    def contract(self, symbol: str, now_ns: int) -> Any:
        """The ``symbol_info`` of a symbol for what brokers change seldom, at most ``CONTRACT_NS`` old; None where there is none.

        It is the longest of all structures, and with a real terminal a round trip less on the way of an order.
        """
        read_ns, info = self._contracts.get(symbol, (0, None))
        if info is None or now_ns - read_ns >= CONTRACT_NS:
            info = self._module.symbol_info(symbol)
            self._contracts[symbol] = now_ns, info
        return info

    def forget_contract(self, symbol: str) -> None:
        """An order was refused for its form: the broker may have changed its terms."""
        self._contracts.pop(symbol, None)

    def forget_contracts(self) -> None:
        """Another account was seen: what was read may be its broker's."""
        self._contracts.clear()

    # reconcile

    def find(self, wanted: VenueFind) -> VenueFound | VenueLost | None:
        """What became of an order's attempts; None where the terminal does not answer, VenueLost where it is another account's."""
        module = self._module
        if lost := self._lost_to_another(module.account_info()):
            return lost
        terminal, live = module.terminal_info(), module.orders_get()
        first_s = max(1, (self._clock.server_ns(wanted.since_ns) - DAY_NS) // SECOND_NS)
        orders = self._history.all(module.history_orders_get, first_s)
        deals = self._history.all(module.history_deals_get, first_s)
        positions, info = module.positions_get(), module.account_info()
        if terminal is None or live is None or orders is None or deals is None or positions is None or info is None:
            return None
        if lost := self._lost_to_another(info):
            return lost
        attempt, traces = traces_of(wanted, Books(live, orders, deals, positions), self._identity.is_hedging)
        return found_in(wanted, attempt, traces, self.market_ns(), bool(terminal.connected))
