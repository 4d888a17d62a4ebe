"""What a frontend's view says, as plain rows: the same numbers for the terminal, for JSON and for CSV.

64-bit integers and decimals are text; times are ISO 8601 and say their zone; every row of live state says its age.
"""

from typing import Any

from mesh.config import Config
from mesh.messages.accounts import AccountState
from mesh.messages.health import NodeHealth
from mesh.stopset import StopSet
from mesh.texts import iso_from_ns, lots, money, price, side
from mesh.units import MS_NS, e8_from_text
from mesh.view import View, freshness, node_state

Row = dict[str, Any]


def stops_of(view: View) -> StopSet:
    """The kill set as the routers show it."""
    stops = StopSet()
    for raw in view.stops:
        stops.take(raw)
    return stops


def mesh_state(view: View) -> str:
    """The highest live stop over everything: a word of the ladder, with ``+`` where a narrower one binds too."""
    return stops_of(view).ladder()


def stop_rows(view: View) -> list[Row]:
    """Every live stop: how far it goes, where, who set it and when, and why."""
    return [
        {
            "level": entry.level,
            "scope": entry.scope,
            "issuer": entry.issuer,
            "since": iso_from_ns(entry.issued_ns),
            "reason": entry.reason,
            "id": key.hex(),
        }
        for key, entry in stops_of(view).live()
    ]


def node_rows(config: Config, view: View, now_ns: int) -> list[Row]:
    """Every configured node: fresh, late, down or dead, and its health."""
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
                "state": node_state(health, age_ns),
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
                    "stages": _stage_rows(health),
                    "clock": _clock_row(health),
                },
            }
        )
    return rows


def _stage_rows(health: NodeHealth) -> list[Row]:
    """What each stage of a node took in its last interval."""
    return [
        {
            "stage": stage.name,
            "count": stage.count,
            "p50_ns": str(stage.p50_ns),
            "p90_ns": str(stage.p90_ns),
            "p99_ns": str(stage.p99_ns),
            "p99.9_ns": str(stage.p999_ns),
            "max_ns": str(stage.max_ns),
            "span_ns": str(stage.span_ns),
        }
        for stage in health.stages
    ]


def _clock_row(health: NodeHealth) -> Row | None:
    """The master's clock less the node's, and how wrong that may be; None where it is not known."""
    if not health.clock_error_ns:
        return None
    return {"offset_ns": str(health.clock_offset_ns), "error_ns": str(health.clock_error_ns)}


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


def pnl_by_currency(rows: list[Row]) -> dict[str, str]:
    """The sum of the accounts of each currency; amounts of different ones are never added."""
    sums_e8: dict[str, int] = {}
    for row in rows:
        if "pnl" in row:
            sums_e8[row["currency"]] = sums_e8.get(row["currency"], 0) + e8_from_text(row["pnl"])
    return {currency: money(value_e8) for currency, value_e8 in sums_e8.items()}


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
        "mode": config.account[state.account].mode,
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
    """The newest lines with their codes, by market time, the newest last; then the resting orders."""
    return [*line_rows(view), *_resting_rows(view, now_ns)]


def line_rows(view: View) -> list[Row]:
    """The newest lines by market time, the newest last."""
    return [
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
        for line in sorted(view.outcomes.values(), key=lambda line: (line.market_ns, line.account, line.f))
    ]


def _resting_rows(view: View, now_ns: int) -> list[Row]:
    return [
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
        for name, (at_ns, state) in sorted(view.accounts.items())
        for item in state.orders
    ]


def deal_rows(view: View, now_ns: int) -> list[Row]:
    """The newest deals by market time, the newest last."""
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
        for deal in sorted(view.deals.values(), key=lambda deal: (deal.market_ns, deal.account, deal.deal_ticket))
    ]


def _digits(view: View, account: str, symbol: str) -> int:
    known = view.symbols.get(account)
    if known is not None:
        for spec in known.symbols:
            if spec.symbol == symbol:
                return spec.digits
    return 5
