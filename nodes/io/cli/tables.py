"""What a frontend's view says, as plain rows: the same numbers for the terminal, for JSON and for CSV.

64-bit integers and decimals are text; times are ISO 8601 and say their zone; every row of live state says its age.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from mesh.config import Config
from mesh.errors import BadFrame
from mesh.killset import KillSet
from mesh.messages.accounts import AccountState
from mesh.messages.control import LADDER
from mesh.units import MS_NS, text_from_e8
from mesh.view import View, freshness

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_from_ns(time_ns: int) -> str:
    """ISO 8601 in UTC with microseconds; empty for 0 (not known)."""
    if time_ns == 0:
        return ""
    return (EPOCH + timedelta(microseconds=time_ns // 1_000)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def money(value_e8: int) -> str:
    """Two decimals."""
    return text_from_e8(value_e8, 2)


def lots(value_e8: int) -> str:
    """Decimal lots without needless zeros."""
    return text_from_e8(value_e8, 8).rstrip("0").rstrip(".") or "0"


def price(value_e8: int, digits: int = 5) -> str:
    """A price with its symbol's digits; empty for 0."""
    return text_from_e8(value_e8, digits) if value_e8 else ""


def side(value: int) -> str:
    """buy or sell."""
    return "buy" if value > 0 else "sell"


def stops_of(view: View) -> KillSet:
    """The kill set as the routers show it."""
    killset = KillSet()
    for raw in view.stops:
        try:
            killset.add_untrusted(raw)
        except BadFrame:
            view.bad_frame_count += 1
    return killset


def mesh_state(view: View) -> str:
    """The highest live stop over everything: a word of the ladder, with ``+`` where a narrower one binds too."""
    live = [entry for _, entry in stops_of(view).live()]
    whole = max((LADDER.index(entry.level) for entry in live if entry.scope == "all"), default=0)
    narrower = any(entry.scope != "all" for entry in live)
    return LADDER[whole] + ("+" if narrower else "")


def node_rows(config: Config, view: View, now_ns: int) -> list[Row]:
    """Every configured node: fresh, late or dead, and its health."""
    rows: list[Row] = []
    for name, section in config.node.items():
        seen = view.nodes.get(name)
        if seen is None:
            rows.append({"name": name, "role": section.role, "pid": 0, "state": "dead", "age_ms": None, "phase": "", "health": {}})
            continue
        at_ns, health = seen
        age_ns = now_ns - at_ns
        rows.append(
            {
                "name": name,
                "role": section.role,
                "pid": health.pid,
                "state": freshness(age_ns),
                "age_ms": age_ns // MS_NS,
                "phase": health.phase,
                "health": {
                    "loop_lag_us": health.loop_lag_us,
                    "cpu_percent": health.cpu_percent,
                    "rss_mb": health.rss_bytes // 2**20,
                    "disk_free_mb": health.disk_free_bytes // 2**20,
                    "uptime_s": health.uptime_ms // 1_000,
                    "version": health.version,
                    "config_hash": health.config_hash,
                    "market_time": iso_from_ns(health.market_ns),
                    "counters": {key: str(value) for key, value in health.counters.items()},
                    "facts": dict(health.facts),
                },
            }
        )
    return rows


def account_rows(config: Config, view: View, now_ns: int) -> list[Row]:
    """Every configured account: its money, its positions, its stop, and how old that is."""
    rows: list[Row] = []
    for name in config.account:
        seen = view.accounts.get(name)
        if seen is None:
            rows.append({"account": name, "state": "dead", "age_ms": None})
            continue
        at_ns, state = seen
        rows.append(_account_row(config, state, now_ns - at_ns))
    return rows


def _account_row(config: Config, state: AccountState, age_ns: int) -> Row:
    floating_e8 = state.equity_e8 - state.balance_e8
    return {
        "account": state.account,
        "state": freshness(age_ns),
        "age_ms": age_ns // MS_NS,
        "login": str(state.login),
        "currency": state.currency,
        "ladder": state.ladder,
        "balance": money(state.balance_e8),
        "equity": money(state.equity_e8),
        "floating": money(floating_e8),
        "pnl": money(state.equity_e8 - state.deposit_e8),
        "margin_level_percent": money(state.margin_level_e8),
        "positions": len(state.positions),
        "orders": len(state.orders),
        "unknown": state.unknown_count,
        "connected": state.connected,
        "trade_allowed": state.trade_allowed,
        "market_time": iso_from_ns(state.market_ns),
        "real": config.account[state.account].real,
    }


def position_rows(view: View, now_ns: int) -> list[Row]:
    """Open positions of every account."""
    rows: list[Row] = []
    for name, (at_ns, state) in sorted(view.accounts.items()):
        for item in state.positions:
            digits = _digits(view, name, item.symbol)
            rows.append(
                {
                    "account": name,
                    "ticket": str(item.ticket),
                    "symbol": item.symbol,
                    "side": side(item.side),
                    "lots": lots(item.volume_e8),
                    "open_price": price(item.price_open_e8, digits),
                    "price": price(item.price_now_e8, digits),
                    "sl": price(item.sl_e8, digits),
                    "tp": price(item.tp_e8, digits),
                    "profit": money(item.profit_e8),
                    "swap": money(item.swap_e8),
                    "opened": iso_from_ns(item.opened_ns),
                    "ours": item.ours,
                    "strategy": item.strategy,
                    "oid": item.oid.hex() if item.ours else "",
                    "age_ms": (now_ns - at_ns) // MS_NS,
                }
            )
    return rows


def order_rows(view: View, now_ns: int) -> list[Row]:
    """Resting orders first, then the newest lines with their codes."""
    rows: list[Row] = []
    for name, (at_ns, state) in sorted(view.accounts.items()):
        for item in state.orders:
            rows.append(
                {
                    "account": name,
                    "code": "RESTING",
                    "symbol": item.symbol,
                    "action": item.kind,
                    "lots": lots(item.volume_e8),
                    "price": price(item.price_e8, _digits(view, name, item.symbol)),
                    "order_ticket": str(item.ticket),
                    "time": "",
                    "sid": "",
                    "detail": f"expires={iso_from_ns(item.expires_ns) or 'never'}",
                    "age_ms": (now_ns - at_ns) // MS_NS,
                }
            )
    for line in reversed(list(view.outcomes.values())):
        rows.append(
            {
                "account": line.account,
                "code": line.code,
                "symbol": line.symbol,
                "action": f"{line.action} {side(line.side)}",
                "lots": lots(line.volume_e8),
                "price": price(line.price_e8, _digits(view, line.account, line.symbol)),
                "order_ticket": str(line.order_ticket),
                "time": iso_from_ns(line.market_ns),
                "sid": line.sid,
                "detail": line.detail,
                "age_ms": None,
            }
        )
    return rows


def deal_rows(view: View) -> list[Row]:
    """The newest deals, newest first."""
    return [
        {
            "account": deal.account,
            "deal": str(deal.deal_ticket),
            "order": str(deal.order_ticket),
            "position": str(deal.position_id),
            "symbol": deal.symbol,
            "kind": deal.kind,
            "entry": deal.entry,
            "cause": deal.cause,
            "lots": lots(deal.volume_e8),
            "price": price(deal.price_e8, _digits(view, deal.account, deal.symbol)),
            "profit": money(deal.profit_e8),
            "commission": money(deal.commission_e8),
            "swap": money(deal.swap_e8),
            "time": iso_from_ns(deal.market_ns),
            "comment": deal.comment,
        }
        for deal in reversed(list(view.deals.values()))
    ]


def _digits(view: View, account: str, symbol: str) -> int:
    known = view.symbols.get(account)
    if known is not None:
        for spec in known.symbols:
            if spec.symbol == symbol:
                return spec.digits
    return 5
