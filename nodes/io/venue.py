"""The adapter to a MetaTrader 5 terminal: the same code for the real package and for ours, chosen by ``account.terminal``
(``nodes/io/package.py``).

It runs in a worker process, one request at a time, and decides nothing: prices are the current quote's, the three things that
must hold (deadline, grant, latch word) are looked at directly before ``order_send``, and what came back is classed by the one
table. ``None`` and unknown codes are UNKNOWN; nothing is ever sent twice here.
"""

from collections.abc import Callable
from typing import Any

from mesh.config import Config
from mesh.messages.base import Msg
from mesh.messages.orders import CANCEL, CLOSE, MODIFY, OPEN
from mesh.messages.venue import (
    VenueAttach,
    VenueAttached,
    VenueFind,
    VenueFound,
    VenueLost,
    VenueRead,
    VenueResult,
    VenueSend,
    VenueState,
    VenueWatch,
)
from mesh.units import E8, SECOND_NS, e8_from_float, float_from_e8, round_step, text_from_e8
from nodes.io.package import INITIALIZE_MS, package_of
from nodes.io.secret import Secret
from nodes.io.venueidentity import Identity
from nodes.io.venuelimits import cut
from nodes.io.venuereads import Reader
from nodes.local import retcodes
from nodes.terminal import names
from nodes.terminal.lasterror import UNAUTHORISED
from nodes.terminal.symbols import SYMBOL_FILLING_FOK, SYMBOL_FILLING_IOC

UNFORESEEN = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What building a request raises where a terminal shows what nobody thought of."""
TRY_PASSWORD_NS = 30 * SECOND_NS
"""A password that was refused is given again only after so long: servers shut out who is wrong too often."""
VOLUME_SLACK_E8 = 1_000
"""Lots closer than this are the same: volumes come back as floats."""


def _lots(volume_e8: int) -> str:
    """Lots as people write them, without zeros that say nothing."""
    return text_from_e8(volume_e8).rstrip("0").rstrip(".")


class Unsent(Exception):
    """The attempt was not handed to the terminal; its text is the reason."""


class Venue:
    """One account's terminal. ``latch`` reads the latch word, ``clock`` the monotonic time deadlines are on.

    ``module`` takes the place of the package that the terminal's word asks for. Raises BadConfig where that cannot be had here.
    ``password``: the terminal is logged in with it; without one it is logged in already, or has kept its own.
    """

    def __init__(
        self,
        account: str,
        config: Config,
        module: Any,
        latch: Callable[[], int],
        clock: Callable[[], int],
        password: Secret | None = None,
    ) -> None:
        self._account = account
        self._local = config.local_of(account)
        self._password = password
        self._shut_out: VenueAttached | None = None
        """What is answered until the password is tried again."""
        self._try_again_ns = 0
        self._section = config.account[account]
        self._package = package_of(config, f"account.{account}.terminal", self._section.terminal, module)
        self._module = self._package.module
        self._latch = latch
        self._clock = clock
        self._identity = Identity(self._section, self._package)
        self._reader = Reader(account, config, self._package, self._identity)

    def handle(self, message: Msg) -> Msg | None:
        """The answer to one request of the local; None where none is due."""
        if isinstance(message, VenueSend):
            return self._send(message)
        if isinstance(message, VenueRead):
            return self._or_lost(lambda: self._reader.state(message))
        if isinstance(message, VenueFind):
            return self._or_lost(lambda: self._reader.find(message))
        if isinstance(message, VenueAttach):
            return self._attach()
        if isinstance(message, VenueWatch):
            self._package.watch_equity(message.equity_below_e8)
        return None

    # attach

    def _attach(self) -> VenueAttached | VenueLost:
        """Link to the terminal by its path, and check that it is the account we think it is."""
        if self._shut_out is not None and self._clock() < self._try_again_ns:
            return self._shut_out
        self._shut_out = None
        module, path = self._module, self._package.path
        if not self._initialize(path):
            error = module.last_error()
            return self._not_let_in(error) if error[0] == UNAUTHORISED[0] else VenueLost(cut(f"initialize {path}: {error}"))
        info, terminal = module.account_info(), module.terminal_info()
        if info is None or terminal is None:
            return VenueLost(cut(f"account_info, terminal_info: {module.last_error()}"))
        refused = cut(self._identity.attach(info, terminal))
        is_demo = info.trade_mode != names.ACCOUNT_TRADE_MODE_REAL
        symbols = [] if refused else self._reader.select_symbols()
        return VenueAttached(
            self._account, info.login, info.server, info.currency, self._identity.is_hedging, is_demo, info.leverage, refused, symbols
        )

    def _initialize(self, path: str) -> bool:
        """Link and log in: with the password where one is stored, which has no name here that outlives the call."""
        words: dict[str, Any] = {"login": self._section.login, "server": self._section.server, "timeout": INITIALIZE_MS}
        if self._password is None:
            return bool(self._module.initialize(path, **words))
        return bool(self._module.initialize(path, **words, password=self._password.reveal()))

    def _not_let_in(self, error: tuple[int, str]) -> VenueAttached:
        """The terminal is there and does not log us in: this worker only waits, and says what to do about it."""
        section, account = self._section, self._account
        whose = f"account {account}: login {section.login} at {section.server}"
        if self._password is None:
            told = f"was not let in, and no password is stored {error}: log the terminal in by hand, or `mesh secret set {account}`"
        else:
            told = f"was not let in with the stored password {error}: `mesh secret set {account}`"
            self._try_again_ns = self._clock() + TRY_PASSWORD_NS
        refused = cut(f"{whose} {told} and then `mesh restart {self._local}`")
        answer = VenueAttached(account, 0, "", section.currency, False, False, 0, refused, [])
        if self._password is not None:
            self._shut_out = answer
        return answer

    def _or_lost(self, read: Callable[[], VenueState | VenueFound | VenueLost | None]) -> Msg:
        """A read, or that the terminal is not there."""
        answer = read()
        return answer if answer is not None else VenueLost(cut(str(self._module.last_error())))

    # send

    def _send(self, order: VenueSend) -> VenueResult:
        """One attempt: build, check, call, class."""
        try:
            request = self._request(order)
            self._check(order)
        except Unsent as unsent:
            return self._result(order, retcodes.UNSENT, 0, str(unsent), 0, 0)
        except UNFORESEEN as unforeseen:
            # Nothing was handed over yet: what a terminal or a broker shows that we did not think of must not end as UNKNOWN.
            return self._result(order, retcodes.UNSENT, 0, f"BROKEN {type(unforeseen).__name__}: {unforeseen}", 0, 0)
        called_ns = self._clock()
        result = self._module.order_send(request)
        error = self._module.last_error()
        answered_ns = self._clock()
        if result is None:
            return self._result(order, retcodes.error_class_of(error[0]), 0, f"last_error={error[0]}", called_ns, answered_ns, str(error))
        return self._classed(order, request, result, called_ns, answered_ns)

    def _check(self, order: VenueSend) -> None:
        """Directly before the call, with nothing between: the deadline, the grant, the latch word."""
        now_ns = self._clock()
        if order.deadline_ns and now_ns > order.deadline_ns:
            raise Unsent(f"DEADLINE late_ns={now_ns - order.deadline_ns}")
        if order.grant_until_ns and now_ns > order.grant_until_ns:
            raise Unsent(f"GRANT late_ns={now_ns - order.grant_until_ns}")
        latch_count = self._latch()
        if latch_count != order.latch_count:
            raise Unsent(f"LATCH count={latch_count} handed_over_under={order.latch_count}")

    def _request(self, order: VenueSend) -> dict[str, Any]:
        """The request dictionary of an attempt. Raises Unsent."""
        if order.action == CANCEL:
            self._check_account()
            return {"action": names.TRADE_ACTION_REMOVE, "order": order.position_ticket, "magic": order.magic}
        info = self._reader.contract(order.symbol, self._clock())
        self._package.before_order(order.symbol, with_positions=order.action == CLOSE and not self._identity.is_hedging)
        self._check_account()
        if info is None:
            raise Unsent(f"SYMBOL {order.symbol} last_error={self._module.last_error()[0]}")
        if info.point <= 0 or info.volume_step <= 0:
            self._reader.forget_contract(order.symbol)
            raise Unsent(f"SYMBOL {order.symbol} point={info.point} volume_step={info.volume_step}: the broker's terms are not there")
        if order.action == MODIFY:
            if min(order.sl_e8, order.tp_e8) < 0:
                raise Unsent(f"LEVELS sl_e8={order.sl_e8} tp_e8={order.tp_e8}: a level below zero would remove it; 0 does so on purpose")
            return {
                "action": names.TRADE_ACTION_SLTP,
                "symbol": order.symbol,
                "position": order.position_ticket,
                # Both levels always: one left out would be removed.
                "sl": self._price(order.sl_e8, info),
                "tp": self._price(order.tp_e8, info),
                "magic": order.magic,
            }
        return self._deal(order, info)

    def _check_account(self) -> None:
        """The terminal still has our account. Raises Unsent."""
        info = self._module.account_info()
        if info is None:
            raise Unsent(f"TERMINAL last_error={self._module.last_error()[0]}")
        if objection := self._identity.objection(info):
            self._reader.forget_contracts()
            raise Unsent(objection)

    def _deal(self, order: VenueSend, info: Any) -> dict[str, Any]:
        """A market order: an OPEN, or a CLOSE that names its position."""
        tick = self._reader.tick(order.symbol)
        if tick is None or not tick.ask or not tick.bid:
            raise Unsent(f"NO_QUOTE symbol={order.symbol}")
        price_e8 = e8_from_float(tick.ask if order.side > 0 else tick.bid)
        if order.collar_e8 and abs(price_e8 - order.price_e8) > order.collar_e8:
            price, seen, most = (text_from_e8(value_e8, info.digits) for value_e8 in (price_e8, order.price_e8, order.collar_e8))
            raise Unsent(f"COLLAR price={price} seen={seen} most={most}")
        position = self._net_position(order) if order.action == CLOSE and not self._identity.is_hedging else None
        ticket = position.ticket if position is not None else order.position_ticket
        if order.action == CLOSE and not ticket:
            raise Unsent(f"NO_TICKET symbol={order.symbol}: without one the deal would open a position")
        volume_e8 = self._volume(order, info, position)
        request: dict[str, Any] = {
            "action": names.TRADE_ACTION_DEAL,
            "symbol": order.symbol,
            "volume": round(float_from_e8(volume_e8), 8),
            "type": names.ORDER_TYPE_BUY if order.side > 0 else names.ORDER_TYPE_SELL,
            "price": round(float_from_e8(price_e8), info.digits),
            "deviation": order.deviation_points,
            "magic": order.magic,
            "comment": order.comment,
            "type_time": names.ORDER_TIME_GTC,
            "type_filling": self._filling(order, info),
        }
        if order.action == CLOSE:
            request["position"] = ticket
        if order.action == OPEN:
            request["sl"], request["tp"] = self._levels(order, info, tick)
        return request

    def _net_position(self, order: VenueSend) -> Any:
        """The position a close on a netting account is for, as it is now. Raises Unsent.

        There an opposite deal reduces what is held, whosever it is, and opens the other way where nothing is.
        """
        positions = self._module.positions_get(symbol=order.symbol)
        if positions is None:
            raise Unsent(f"POSITIONS symbol={order.symbol} last_error={self._module.last_error()[0]}")
        for position in positions:
            side = 1 if position.type == names.POSITION_TYPE_BUY else -1
            if side == -order.side and order.position_ticket in (0, position.ticket, position.identifier):
                return position
        raise Unsent(f"GONE ticket={order.position_ticket} symbol={order.symbol}")

    def _volume(self, order: VenueSend, info: Any, position: Any) -> int:
        """Lots on the symbol's step, rounded down, never more than the position that is closed. Raises Unsent."""
        step_e8, least_e8, most_e8 = (e8_from_float(value) for value in (info.volume_step, info.volume_min, info.volume_max))
        volume_e8 = min(order.volume_e8, most_e8)
        if position is not None:
            volume_e8 = min(volume_e8, e8_from_float(position.volume))
        volume_e8 -= volume_e8 % step_e8
        if volume_e8 < least_e8:
            lots, least, step = (_lots(value_e8) for value_e8 in (order.volume_e8, least_e8, step_e8))
            raise Unsent(f"VOLUME lots={lots} least={least} step={step}")
        return volume_e8

    def _filling(self, order: VenueSend, info: Any) -> int:
        """FOK, then IOC, as the symbol's flags allow; RETURN only where an exchange takes nothing else. Raises Unsent.

        A close that was refused goes IOC where it can: the market may be too thin for all of it at once.
        """
        if info.trade_exemode in (names.SYMBOL_TRADE_EXECUTION_INSTANT, names.SYMBOL_TRADE_EXECUTION_REQUEST):
            return names.ORDER_FILLING_FOK
        is_again = order.action == CLOSE and order.attempt > 1 and info.filling_mode & SYMBOL_FILLING_IOC
        if info.filling_mode & SYMBOL_FILLING_FOK and not is_again:
            return names.ORDER_FILLING_FOK
        if info.filling_mode & SYMBOL_FILLING_IOC:
            return names.ORDER_FILLING_IOC
        if order.action == CLOSE and info.trade_exemode == names.SYMBOL_TRADE_EXECUTION_EXCHANGE:
            return names.ORDER_FILLING_RETURN
        raise Unsent(f"FILLING symbol={order.symbol} flags={info.filling_mode}: neither FOK nor IOC; an open needs one of them")

    def _levels(self, order: VenueSend, info: Any, tick: Any) -> tuple[float, float]:
        """SL and TP at their distances from the opening price, not nearer to the market than the broker allows. Raises Unsent."""
        sl = self._level(order, info, tick, -order.side, order.sl_distance_e8)
        if order.sl_distance_e8 and sl <= 0:
            distance = text_from_e8(order.sl_distance_e8, info.digits)
            raise Unsent(f"SL distance={distance} level={sl}: not above zero, and without its stop the order is not sent")
        return sl, self._level(order, info, tick, order.side, order.tp_distance_e8)

    def _level(self, order: VenueSend, info: Any, tick: Any, way: int, distance_e8: int) -> float:
        """The level at a distance above (``way`` 1) or below (-1) the opening price; 0 where none is wanted."""
        if not distance_e8:
            return 0.0
        opened_e8 = e8_from_float(tick.ask if order.side > 0 else tick.bid)
        # Stops are measured from the price at which the position would close (MQL5 article 2555).
        closing_e8 = e8_from_float(tick.bid if order.side > 0 else tick.ask)
        limit_e8 = closing_e8 + way * info.trade_stops_level * round(info.point * E8)
        step_e8 = self._tick_e8(info)
        # On the grid before they are compared: rounding to it must not lead back into the distance that is forbidden.
        wanted_e8 = round_step(opened_e8 + way * distance_e8, step_e8)
        if way > 0:
            return self._price(max(wanted_e8, -(-limit_e8 // step_e8) * step_e8), info)
        return self._price(min(wanted_e8, limit_e8 // step_e8 * step_e8), info)

    @staticmethod
    def _tick_e8(info: Any) -> int:
        """The step of a symbol's prices."""
        return max(1, e8_from_float(info.trade_tick_size or info.point))

    def _price(self, price_e8: int, info: Any) -> float:
        """A price on the symbol's tick grid; 0 stays 0 (no level)."""
        if price_e8 <= 0:
            return 0.0
        return float(round(float_from_e8(round_step(price_e8, self._tick_e8(info))), info.digits))

    def _classed(self, order: VenueSend, request: dict[str, Any], result: Any, called_ns: int, answered_ns: int) -> VenueResult:
        """A result by its retcode; what the reply leaves out is read from the deal."""
        kind, detail = retcodes.class_of(result.retcode), str(result.comment)
        is_deal = order.action in (OPEN, CLOSE)
        if kind == retcodes.BUG:
            self._reader.forget_contract(order.symbol)
        elif kind in (retcodes.ACCEPTED, retcodes.PARTIAL):
            self._package.before_answer(result.order)
            info = self._module.account_info()
            objection = self._identity.objection(info) if info is not None else ""
            if objection:
                kind, detail = retcodes.UNKNOWN, f"{objection} when it was answered"
            elif is_deal and self._may_rest(request, result):
                kind = retcodes.UNKNOWN
        volume_e8 = e8_from_float(result.volume) if is_deal else 0
        price_e8, profit_e8 = (e8_from_float(result.price) if is_deal else 0), 0
        position_ticket = order.position_ticket or result.order  # usually the opening order's; its deals say for sure
        if is_deal and kind in (retcodes.ACCEPTED, retcodes.PARTIAL):
            fill = self._reader.fill(result.order) if result.order else None
            if fill is not None:
                profit_e8, position_ticket = fill.profit_e8, order.position_ticket or fill.position_id
                # deals may be shown late: what the answer says was done was done
                if fill.volume_e8 + VOLUME_SLACK_E8 >= volume_e8:
                    volume_e8, price_e8 = fill.volume_e8, fill.price_e8
            if volume_e8 <= 0:
                kind, detail = retcodes.UNKNOWN, f"{detail} volume=0: looked for by magic"
            elif kind == retcodes.ACCEPTED and volume_e8 + VOLUME_SLACK_E8 < order.volume_e8:
                kind = retcodes.PARTIAL
        return VenueResult(
            call=order.call,
            oid=order.oid,
            attempt=order.attempt,
            class_=kind,
            retcode=result.retcode,
            detail=detail[:200],
            volume_e8=max(0, volume_e8),
            price_e8=price_e8,
            profit_e8=profit_e8,
            order_ticket=result.order,
            position_ticket=position_ticket,
            deal_ticket=result.deal,
            called_ns=called_ns,
            answered_ns=answered_ns,
            market_ns=self._reader.seen_ns(),
        )

    @staticmethod
    def _may_rest(request: dict[str, Any], result: Any) -> bool:
        """Whether an accepted deal has an order that is not over: its end is found out by looking for it."""
        if result.retcode == names.TRADE_RETCODE_PLACED:
            return True
        is_kept = request["type_filling"] == names.ORDER_FILLING_RETURN
        return is_kept and e8_from_float(result.volume) + VOLUME_SLACK_E8 < e8_from_float(request["volume"])

    def _result(
        self, order: VenueSend, kind: str, retcode: int, detail: str, called_ns: int, answered_ns: int, error: str = ""
    ) -> VenueResult:
        """A result without numbers."""
        return VenueResult(
            order.call, order.oid, order.attempt, kind, retcode, cut(detail), 0, 0, 0, 0, order.position_ticket, 0,
            called_ns, answered_ns, self._reader.seen_ns(), cut(error),
        )  # fmt: skip
