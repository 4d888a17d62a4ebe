"""Whom an opened node serves: a local's account and how routers see it; the locals of a router, and how this console hears it."""

from collections.abc import Iterator

from rich.text import Text

from mesh.messages.accounts import AccountState
from mesh.messages.health import LocalSeen
from mesh.units import MS_NS, US_NS
from mesh.view import freshness
from tui.amounts import age_text, amount
from tui.nodedetail import pairs, table, title
from tui.noderows import MARKS, NodeRow
from tui.state import State

PEERS_MAX = 40
"""Locals of a router that are listed; of more, those that are not well and those at home first."""


def peers(state: State, row: NodeRow, now_ns: int, width: int) -> list[Text]:
    """What belongs to a local or a router; nothing for any other node."""
    if row.role == "local":
        return [*_account(state, row, width), Text(), *_views(state, row, now_ns)]
    if row.role == "router":
        return [*_link(state, row, now_ns, width), Text(), *_locals(state, row, now_ns)]
    return []


def _account(state: State, row: NodeRow, width: int) -> Iterator[Text]:
    name = state.config.node[row.name].account or ""
    account = row.account
    word = freshness(row.account_age_ns)
    yield title(f"its account {name}" + ("" if account is None else f"  {MARKS[word]} {word} {age_text(row.account_age_ns)}"))
    if account is None:
        yield Text("no word of it yet", "italic")
        return
    style = "" if word == "fresh" else "dim"
    yield from pairs(_account_words(state, name, account), width, style)


def _account_words(state: State, name: str, account: AccountState) -> Iterator[tuple[str, str]]:
    kind = "hedging" if account.hedging else "netting"
    yield "login", f"{account.login} at {state.config.account[name].server}, {account.currency}, {kind}, 1:{account.leverage}"
    yield "equity", f"{amount(account.equity_e8)} {account.currency}, balance {amount(account.balance_e8)} {account.currency}"
    yield "ladder", account.ladder
    foreign_count = sum(not position.ours for position in account.positions)
    foreign = f" ({foreign_count} not ours*)" if foreign_count else ""
    unknown = f", orders of UNKNOWN result {account.unknown_count}" if account.unknown_count else ""
    yield "holds", f"positions {len(account.positions)}{foreign}, pending orders {len(account.orders)}{unknown}"
    connected = "connected" if account.connected else "NOT connected to its broker"
    ping = f", ping {account.ping_us / (MS_NS // US_NS):,.1f} ms" if account.ping_us else ", ping not known"
    yield "terminal", f"{connected}{ping}, trading {'allowed' if account.trade_allowed else 'switched OFF'}"


def _views(state: State, row: NodeRow, now_ns: int) -> Iterator[Text]:
    """What each router says of a local."""
    account = state.config.node[row.name].account or ""
    views = {router: state.view.locals.get((router, account)) for router in state.links}
    yield from _seen_table("what routers say of it", "router", views, now_ns)


def _locals(state: State, row: NodeRow, now_ns: int) -> Iterator[Text]:
    """What a router says of all locals."""
    views = {
        f"{node.account} {name}": state.view.locals.get((row.name, node.account))
        for name, node in state.config.node.items()
        if node.account is not None
    }
    listed = sorted(views, key=lambda name: _place(views[name]))
    shown = {name: views[name] for name in listed[:PEERS_MAX]}
    home_count = sum(seen is not None and seen[1].homed for seen in views.values())
    yield from _seen_table(f"locals it sees: {home_count} of {len(views)} at home here", "account, local", shown, now_ns)
    if len(views) > PEERS_MAX:
        yield Text(f"and {len(views) - PEERS_MAX} more: Esc, then g groups all by router", "italic")


def _place(seen: tuple[int, LocalSeen] | None) -> tuple[bool, bool]:
    return seen is not None and seen[1].state == "fresh", seen is None or not seen[1].homed


def _seen_table(words: str, whose: str, views: dict[str, tuple[int, LocalSeen] | None], now_ns: int) -> Iterator[Text]:
    yield title(words)
    rows, styles = [], []
    for name, seen in views.items():
        if seen is None:
            rows.append((name, "not told", "", "", "", ""))
            styles.append("dim")
            continue
        at_ns, local = seen
        home = "home" if local.homed else "-"
        told = freshness(now_ns - at_ns)
        state = f"{MARKS.get(local.state, '?')} {local.state}" if told == "fresh" else f"{MARKS[told]} was {local.state}"
        rows.append((name, state, home, local.latched, f"{local.age_ms:,}", age_text(now_ns - at_ns)))
        styles.append("" if told == "fresh" else "dim")
    yield from table((whose, "state", "orders", "ladder", "silent ms", "told ago"), rows, 4, "", styles)


def _link(state: State, row: NodeRow, now_ns: int, width: int) -> Iterator[Text]:
    """How this console hears a router."""
    yield title("this console's link to it")
    link = state.links.get(row.name)
    if link is None:
        yield Text("none: it is not among those this console listens to", "italic")
        return
    heard_ns = state.view.routers.get(row.name)
    word = state.router_state(row.name, now_ns)
    since = age_text(now_ns - link.since_ns)
    how = "connected to" if link.is_connected else "NOT connected, tries"
    heard = "nothing heard yet" if heard_ns is None else f"{MARKS[word]} {word}, last word {age_text(now_ns - heard_ns)} ago"
    yield from pairs([("link", f"{how} {link.endpoint} since {since}"), ("heard", heard)], width, "")
