"""Asks a running mesh what nobody knows the result of: every local of what it knows, and the master of what it believes."""

import secrets

import msgspec

from mesh.messages.base import Msg
from mesh.messages.control import UNKNOWN_VERB, Command, LostOrder, LostOrders
from nodes import codes
from nodes.io.cli.acting import operator_word, why_silent
from nodes.io.cli.client import Client

ANSWER_S = 5.0


class AccountList(msgspec.Struct, frozen=True):
    """An account's part of the list, as the node ``said_by`` has it. ``why``: who did not answer, and what that means; empty: all did."""

    account: str
    said_by: str
    why: str
    market_ns: int
    orders: list[LostOrder]


class Told(msgspec.Struct):
    """Parts as they come, by who says them and of which account."""

    parts: dict[tuple[str, str], dict[int, LostOrders]] = {}

    def take(self, part: LostOrders) -> None:
        """One part."""
        self.parts.setdefault((part.node, part.account), {})[part.index] = part

    def whole(self, node: str, account: str) -> list[LostOrders] | None:
        """All parts of one list in their order; None where some miss."""
        known = self.parts.get((node, account), {})
        is_whole = bool(known) and len(known) == next(iter(known.values())).count
        return [known[index] for index in sorted(known)] if is_whole else None


def ask_lost(client: Client, accounts: list[str]) -> list[AccountList]:
    """The list of each of these accounts. The client has greeted."""
    config = client.config
    scope = f"account:{accounts[0]}" if len(accounts) == 1 else "all"  # there is no scope between them; the others are not waited for
    command = Command(secrets.token_bytes(16), operator_word(), UNKNOWN_VERB, scope, 0, False, 0, 0, True)
    master = config.nodes_of("master")[0]
    wanted = [(node, account) for account in accounts for node in (config.local_of(account), master)]
    told = Told()

    def take(message: Msg) -> bool:
        if isinstance(message, LostOrders) and message.id == command.id:
            told.take(message)
        return all(told.whole(*key) is not None for key in wanted)

    for node in (*config.nodes_of("router"), master):
        client.send(node, command)
    client.wait_for(take, ANSWER_S)
    return [_list_of(client, told, account, master) for account in accounts]


def _list_of(client: Client, told: Told, account: str, master: str) -> AccountList:
    """What the local knows, with what the master holds UNCONFIRMED; where it does not answer, all that the master believes."""
    local = client.config.local_of(account)
    known, believed = told.whole(local, account), told.whole(master, account)
    beliefs = [order for part in believed or [] for order in part.orders]
    if known is not None:
        orders = [order for part in known for order in part.orders]
        oids = dict.fromkeys(order.oid for order in orders)
        orders += [order for order in beliefs if order.code == codes.UNCONFIRMED and order.oid not in oids]
        why = "" if believed is not None else f"{master} does not answer: lines that are UNCONFIRMED are not known"
        return AccountList(account, local, why, known[0].market_ns, orders)
    why = f"{why_silent(client, account)}; as {master} believes it"
    if believed is None:
        return AccountList(account, "", f"{why_silent(client, account)}; {master} does not answer either", 0, [])
    return AccountList(account, master, why, believed[0].market_ns, beliefs)
