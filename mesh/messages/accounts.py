"""Locals → routers → master and frontends: what an account is now. Newest wins, by number, not by arrival."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import NO_OID, Code, Count, Int64, Life, Msg, Name, Oid, Text


class Position(Msg):
    """One open position. ``oid`` is the opening order's where it is ours (``ours``), else zeros."""

    ticket: Count
    position_id: Count
    symbol: Name
    side: Int64
    volume_e8: Count
    price_open_e8: Int64
    price_now_e8: Int64
    sl_e8: Int64
    tp_e8: Int64
    profit_e8: Int64
    swap_e8: Int64
    opened_ns: Int64
    ours: bool
    oid: Oid = NO_OID
    strategy: str = ""
    magic: Count = 0
    comment: Text = ""


class PendingOrder(Msg):
    """One resting order at the broker."""

    ticket: Count
    symbol: Name
    kind: Code
    volume_e8: Count
    price_e8: Int64
    sl_e8: Int64
    tp_e8: Int64
    expires_ns: Int64
    ours: bool
    magic: Count = 0


class SymbolSpec(Msg):
    """A symbol as this account's broker trades it, read from the terminal; what sizing and stops need.

    ``tick_value_e8``: money in the account's currency that one tick of one lot is worth.
    """

    symbol: Name
    digits: Count
    point_e8: Count
    tick_size_e8: Count
    tick_value_e8: Count
    contract_size_e8: Count
    volume_min_e8: Count
    volume_max_e8: Count
    volume_step_e8: Count
    stops_level_points: Count
    margin_per_lot_e8: Count
    trade_mode: Count
    filling_mode: Count
    execution_mode: Count


class AccountState(Msg, tag=80):
    """The whole state of one account at one moment.

    ``number`` grows by one with each state of this ``life``; ``f``: the last outcome number whose effect it includes.
    ``block``: the market block it was asked for, 0 where it was sent by the clock. ``managed``: some position is managed
    locally (trailing, break-even …). ``deposit_e8``: sum of all balance operations since the account began.
    """

    account: Name
    life: Life
    number: Count
    f: Count
    block: Count
    market_ns: Int64
    stamp_ns: Count
    login: Count
    currency: Name
    hedging: bool
    leverage: Count
    balance_e8: Int64
    equity_e8: Int64
    margin_e8: Int64
    margin_free_e8: Int64
    margin_level_e8: Int64
    """Percent; 0 where no margin is used."""
    deposit_e8: Int64
    connected: bool
    trade_allowed: bool
    managed: bool
    ladder: Code
    """ACTIVE, FREEZE, CANCEL or FLATTEN: the highest live entry that matches this account."""
    positions: Annotated[list[Position], Meta(max_length=512)]
    orders: Annotated[list[PendingOrder], Meta(max_length=512)]
    unknown_count: Count = 0
    symbols_number: Count = 0
    """Of the newest ``AccountSymbols`` of this life: who has another one lacks it."""
    ping_us: Count = 0
    """Between the terminal and its server, as the terminal measured last; 0: not known."""
    day_base_e8: Int64 = 0
    """What its day began with (``nodes.dayloss``), with the deposits since: equity less it is what the day brought. 0: no day has begun."""


class AccountSymbols(Msg, tag=81):
    """The symbols an account trades. Sent after attach, when one changes, and at each welcome. ``number`` grows with each change."""

    account: Name
    life: Life
    symbols: Annotated[list[SymbolSpec], Meta(max_length=128)]
    number: Count = 0
