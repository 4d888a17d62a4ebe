"""The terminal's functions by name: what the in-process facade and the broker process both call.

``TerminalService.call`` takes the name of a MetaTrader5 function with plain values and answers with plain values, the
``last_error`` pair and the changes to be journalled. Nothing here waits: a broker that delays an ``order_send`` calls it at the
market time at which it is to be executed. Arguments may come from anybody: what does not fit is answered, never raised.
"""

from typing import Any, NamedTuple

import msgspec

from mesh.faults import ORDER_SEND, FaultSection
from mesh.units import SECOND_NS
from nodes.terminal import names, quotes, reads
from nodes.terminal.actions import refused
from nodes.terminal.calls import NO_ARGUMENTS, Arguments, Call, Failure, Function
from nodes.terminal.engine import Changes, Terminal
from nodes.terminal.export import Row
from nodes.terminal.faults import LOGIN, NO_FAULTS, FaultPlan, check_faults
from nodes.terminal.lasterror import (
    API_DISABLED,
    INVALID_PARAMS,
    NO_ANSWER,
    RECEIVE_FAILED,
    SUCCESS,
    UNAUTHORISED,
    UNSUPPORTED,
    WRONG_MODE,
    Error,
)
from nodes.terminal.mishap import Mishap
from nodes.terminal.records import CheckResult, OrderResult, TradeRequest
from nodes.terminal.retcodes import TEXTS
from nodes.terminal.session import API_OFF, DISCONNECTED, DOWN, SWITCHED, TRADE_STOPPED, Session
from nodes.terminal.slippage import attempt_seed
from nodes.terminal.standstill import standing
from nodes.terminal.turns import Turns


class RequestRow(Arguments, frozen=True):
    """A TradeRequest as it is sent: the package's field order, fractions in e8, expiration in seconds of server time."""

    action: int
    magic: int
    order: int
    symbol: str
    volume_e8: int
    price_e8: int
    stoplimit_e8: int
    sl_e8: int
    tp_e8: int
    deviation_points: int
    type: int
    type_filling: int
    type_time: int
    expiration_s: int
    comment: str
    position: int
    position_by: int


_EXPIRATION_AT = RequestRow.__struct_fields__.index("expiration_s")


class Login(Arguments, frozen=True):
    """Who logs in. ``login`` 0: the server's first account; an empty server is any."""

    login: int
    password: str
    server: str


class Answer(NamedTuple):
    """What a call gives. ``error`` is the last_error pair; ``changes`` are to be journalled before the answer is sent.

    ``late_ns``: how much later it is to be sent, by market time; ``NEVER`` for never.
    """

    value: Any
    error: Error
    changes: Changes
    late_ns: int = 0


class TerminalService:
    """The functions of one terminal, for all its logins."""

    __slots__ = ("_faults", "_saved", "_sessions", "terminal", "turns")

    def __init__(self, terminal: Terminal, faults: tuple[FaultSection, ...] = NO_FAULTS) -> None:
        """``terminal`` is restored by now, where it has a journal; ``faults``: what is to go wrong.

        Raises BadConfig for a fault no terminal of this server can have.
        """
        check_faults(faults, terminal.accounts, (*_FUNCTIONS, LOGIN))
        self.terminal = terminal
        self._faults = FaultPlan(faults, terminal.config.seed)
        self.turns = Turns(terminal.accounts.values())
        self._sessions: dict[int, Session] = {}
        self._saved = dict.fromkeys(list(terminal.accounts)[:1])
        """Logins whose password the terminal knows: of the account it was set up with, and of those that gave it."""

    def session(self, login: int) -> Session:
        """The switches of a login's terminal."""
        found = self._sessions.get(login)
        if found is None:
            assert login in self.terminal.accounts, f"no account {login}"
            found = self._sessions[login] = Session(self.terminal)
        return found

    def call(self, login: int, name: str, args: Any, now_ns: int) -> Answer:
        """Call a function for a login at a market time. Never raises for what a caller may send."""
        known = _FUNCTIONS.get(name)
        if known is None:
            return self._log_in(args, now_ns) if name == LOGIN else Answer(None, UNSUPPORTED, ())
        account = self.terminal.accounts.get(login)
        if account is None:
            return Answer(None, UNAUTHORISED, ())
        session = self._sessions.get(login) or self.session(login)
        if session.outages and session.is_in(DOWN, now_ns):
            return Answer(None, RECEIVE_FAILED, ())
        function, kind = known
        turn = self.turns.take(login, args) if name == ORDER_SEND else 0
        faults = self._faults.at(login, name, args, turn)
        mishap = Mishap(faults, session, now_ns) if faults else None
        if mishap is not None and mishap.lost is not None:
            return Answer(None, mishap.lost, ())
        if session.outages and session.is_in(SWITCHED, now_ns):
            account = self.terminal.accounts[session.acting_login]
        call = Call(self.terminal, account, session, now_ns, [], mishap, turn)
        if now_ns >= self.terminal.event_ns:
            call.changes.extend(self.terminal.on_time(now_ns))
        error = SUCCESS
        try:
            if session.outages:
                function = standing(call).get(name, function)
            value = function(call, *msgspec.structs.astuple(msgspec.convert(args, kind)))
        except msgspec.ValidationError:
            value, error = None, INVALID_PARAMS
        except Failure as failure:
            value, error = None, failure.error
        if mishap is None:
            return Answer(value, error, tuple(call.changes))
        if mishap.error is not None:
            value, error = None, mishap.error
        return Answer(value, error, tuple(call.changes), mishap.late_ns)

    def _log_in(self, args: Any, now_ns: int) -> Answer:
        """The answer is the login."""
        try:
            asked = msgspec.convert(args, Login)
        except msgspec.ValidationError:
            return Answer(None, INVALID_PARAMS, ())
        account = self.terminal.accounts.get(asked.login or next(iter(self.terminal.accounts), 0))
        if account is None:
            return Answer(None, UNAUTHORISED, ())
        config = account.config
        is_saved = not asked.password and account.login in self._saved
        if asked.server not in ("", config.server) or (config.password not in ("", asked.password) and not is_saved):
            return Answer(None, UNAUTHORISED, ())
        session = self.session(account.login)
        mishap = Mishap(self._faults.at(account.login, LOGIN, args), session, now_ns)
        if session.is_in(DOWN, now_ns):
            return Answer(None, NO_ANSWER, ())
        error = mishap.lost or mishap.error
        if error is not None:
            return Answer(None, WRONG_MODE if error == UNSUPPORTED else error, (), mishap.late_ns)
        self._saved[account.login] = None
        return Answer(account.login, SUCCESS, (), mishap.late_ns)


def version(call: Call) -> Row:
    """Terminal version, build and release date."""
    config = call.terminal.config
    return [500, config.build, config.build_date]


def terminal_info(call: Call) -> Row:
    """A TerminalInfo."""
    config = call.terminal.config
    is_connected, is_trade_allowed = not call.is_in(DISCONNECTED), not call.is_in(TRADE_STOPPED)
    switches = [False, False, is_connected, False, is_trade_allowed, call.is_in(API_OFF)]
    codepage = 0
    return [
        *switches,
        False,
        False,
        False,
        False,
        config.build,
        config.bars_kept_count,
        codepage,
        0,
        0,
        0,
        config.company,
        config.name,
        "English",
        config.path,
        config.path,
        config.path,
    ]


def order_check(call: Call, *row: Any) -> Row:
    """An OrderCheckResult without its request. ``row``: the values of a RequestRow."""
    request = _request(call, row)
    if not call.session.selected.get(request.symbol, True):
        code = names.TRADE_RETCODE_PRICE_OFF
        return list(msgspec.structs.astuple(CheckResult(code, comment=TEXTS[code])))
    result, changes = call.terminal.order_check(call.account.login, request, call.now_ns)
    call.changes.extend(changes)
    return list(msgspec.structs.astuple(result))


def order_send(call: Call, *row: Any) -> Row:
    """An OrderSendResult without its request. ``row``: the values of a RequestRow.

    A request's magic draws its luck: each attempt of ours has a magic of its own; of those that share one, its turn does too.
    """
    if call.session.outages:
        if call.is_in(API_OFF):
            raise Failure(API_DISABLED)
        if call.is_in(TRADE_STOPPED):
            return _result_row(refused(names.TRADE_RETCODE_CLIENT_DISABLES_AT, 0))
        if call.is_in(DISCONNECTED):
            return _result_row(refused(names.TRADE_RETCODE_CONNECTION, 0))
    request, mishap, login = _request(call, row), call.mishap, call.account.login
    if not call.session.selected.get(request.symbol, True):
        return _result_row(refused(names.TRADE_RETCODE_PRICE_OFF, 0))
    seed = attempt_seed(request.magic, call.turn)
    if mishap is None:
        result, changes = call.terminal.order_send(login, request, call.now_ns, seed)
        call.changes.extend(changes)
        return _result_row(result)
    request, code = mishap.request(request), mishap.refusal
    if code is not None:
        return _result_row(call.terminal.refuse(login, request, code))
    mishap.look(call.account)
    result, changes = call.terminal.order_send(login, request, call.now_ns, seed, mishap.placed_ns)
    call.changes.extend(changes)
    return _result_row(mishap.done(result, changes))


def _result_row(result: OrderResult) -> Row:
    retcode_external = 0
    return [*msgspec.structs.astuple(result), retcode_external]


def _request(call: Call, row: tuple[Any, ...]) -> TradeRequest:
    if row[_EXPIRATION_AT]:
        values = list(row)
        values[_EXPIRATION_AT] = call.terminal.clock.market_ns(values[_EXPIRATION_AT] * SECOND_NS)
        return TradeRequest(*values)
    return TradeRequest(*row)


_FUNCTIONS: dict[str, Function] = {
    **quotes.FUNCTIONS,
    **reads.FUNCTIONS,
    "version": (version, NO_ARGUMENTS),
    "terminal_info": (terminal_info, NO_ARGUMENTS),
    "order_check": (order_check, RequestRow),
    ORDER_SEND: (order_send, RequestRow),
}
