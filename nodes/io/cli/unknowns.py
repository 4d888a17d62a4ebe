"""``mesh unknown``: the operator's list of orders nobody knows the result of, with what each blocks and what was tried."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from mesh import texts
from mesh.messages.control import LostOrder
from mesh.messages.orders import CLOSE, OPEN
from nodes import codes
from nodes.io.cli.acting import NOT_ALL, operator_word
from nodes.io.cli.actwords import check_account
from nodes.io.cli.client import attached
from nodes.io.cli.grid import cell, console
from nodes.io.cli.lostasking import AccountList, ask_lost
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.tables import Row
from nodes.io.locate import find

MEANINGS = {
    codes.UNKNOWN: "nobody knows whether it was executed; opens of its symbol are denied there until it is found, or resolved",
    codes.UNCONFIRMED: "its local is silent past its time, and tells what became of it once it can",
    codes.NOT_FOUND: "ended as not executed; should it turn up after all, it is told as FILLED_LATE",
}
"""Code → what it means, in the order in which they are shown."""
SHOWN_MAX = 20
"""Orders that ended NOT_FOUND and are shown to people, the newest; --json has all."""


def show_unknown(config_path: Path | None, as_json: bool, accounts: Sequence[str] = ()) -> int:
    """``mesh unknown``, of these accounts (none: of all): 0 where each of them answered, 3 else. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    wanted = list(dict.fromkeys(check_account(config, account, "--account") for account in accounts))
    with attached(config_path) as client:
        client.greet(operator_word())
        lists = ask_lost(client, wanted or list(config.account))
    if as_json:
        say_json({"format": 1, "accounts": [account_row(item) for item in lists]})
    else:
        print_lists(lists, f" on {', '.join(wanted)}" if wanted else "")
    return NOT_ALL if any(item.why for item in lists) else 0


def account_row(item: AccountList) -> Row:
    """An account's list as plain values."""
    rows = [order_row(item.account, order) for order in item.orders]
    return {
        "account": item.account,
        "confirmed": not item.why,
        "why": item.why,
        "said_by": item.said_by,
        "market_time": texts.iso_from_ns(item.market_ns),
        "market_ns": str(item.market_ns),
        "orders": rows,
    }


def order_row(account: str, order: LostOrder) -> Row:
    """An order as plain values: decimals, 64-bit integers and times as text."""
    return {
        "order": f"{order.oid.hex()}@{account}",
        "code": order.code,
        "oid": order.oid.hex(),
        "account": account,
        "sid": order.sid,
        "strategy": order.strategy,
        "leg": order.leg,
        "action": order.action,
        "symbol": order.symbol,
        "side": texts.side(order.side),
        "lots": texts.lots(order.volume_e8),
        "attempt": str(order.attempt),
        "since": texts.iso_from_ns(order.since_ns),
        "since_ns": str(order.since_ns),
        "blocks": f"opens of {order.symbol}" if order.blocks else "",
        "look_count": str(order.look_count),
        "looked": texts.iso_from_ns(order.looked_ns),
        "looked_ns": str(order.looked_ns),
        "detail": order.detail,
    }


def print_lists(lists: list[AccountList], where: str = "") -> None:
    """Code by code, then the accounts that did not answer. ``where``: of which accounts, for the word that there is none."""
    out = console()
    count = 0
    for code, meaning in MEANINGS.items():
        found = [(item, order) for item in lists for order in item.orders if order.code == code]
        count += len(found)
        if found:
            out.print(Text.assemble((f"{code} {len(found)}", "bold red" if code == codes.UNKNOWN else "bold"), f"  {meaning}"))
        left_out = max(0, len(found) - SHOWN_MAX) if code == codes.NOT_FOUND else 0
        for item, order in found[left_out:]:
            for words in (*order_lines(item.account, order, item.market_ns), *_way_out(item.account, order)):
                out.print(cell(words), soft_wrap=True)
        if left_out:
            out.print(cell(f"  and {left_out} older ones: --json has all"))
    for item in lists:
        if item.why:
            out.print(Text.assemble(("NOT CONFIRMED", "bold red"), cell(f"  {item.account}  {item.why}")), soft_wrap=True)
    if not count:
        say(f"no order whose result is unknown{where}" + (" among those that answered" if any(item.why for item in lists) else ""))


def order_lines(account: str, order: LostOrder, market_ns: int) -> list[str]:
    """An order for people: what it is, where it stands, what it blocks, what was tried."""
    row: dict[str, Any] = order_row(account, order)
    ago = f" ({texts.span_text(market_ns - order.since_ns)} ago, market time)" if market_ns and order.since_ns else ""
    looks = f"looked for {order.look_count} times, last {texts.moment_text(order.looked_ns)}" if order.look_count else "not looked for yet"
    lines = [
        f"  {row['order']}  {order.action} {row['side']} {row['lots']} {order.symbol}  attempt {order.attempt}",
        f"    since {texts.moment_text(order.since_ns) or 'unknown'}{ago}  strategy {order.strategy}  sid {order.sid}",
        f"    {order.detail}",
    ]
    if order.code == codes.UNKNOWN:
        lines.insert(2, f"    {looks}  blocks opens of {order.symbol} on {account}")
    return [line for line in lines if line.strip()]


def _way_out(account: str, order: LostOrder) -> list[str]:
    """What an operator can do about an order: nothing where it settles by itself."""
    if order.code != codes.UNKNOWN or order.action not in (OPEN, CLOSE):
        return []
    return [f"    mesh resolve {order.oid.hex()}@{account} executed TICKET|not-executed --reason …"]
