"""What the master seals for a local, so that no router can change it: the key is agreed when the local says hello (``mesh.sealing``)."""

from collections.abc import Mapping

import msgspec

from mesh.config import Config
from mesh.core import Effect, Note
from mesh.messages.orders import Expired, GapFill, Grant, LocalHello, LocalWelcome, Order, Target, Void
from mesh.messages.outcomes import OutcomeAck
from mesh.sealing import Agreement, ack_mac, expired_mac, grant_mac, order_head, order_mac, void_mac, welcome_mac
from nodes.master.account import Account


class Sealer:
    """Of one master. ``agreement`` None: its links are plain, and nothing is sealed."""

    def __init__(self, config: Config, agreement: Agreement | None) -> None:
        self._config = config
        self._agreement = agreement

    def meet(self, account: Account, hello: LocalHello) -> list[Effect]:
        """A local is there with this door key. One that is none of its would take nothing that is sealed for it: said, and nothing is."""
        if self._agreement is None:
            return []
        node = self._config.local_of(account.name)
        key = self._agreement.key_with(node, hello.door_key, account.name)
        account.seal_key = key or b""
        if key is not None:
            return []
        told = {"account": account.name, "node": node, "key": hello.door_key.hex()[:16]}
        return [Note("error", "door_key_unknown", told | {"why": "not among its keys in the inventory: it will take no order of ours"})]

    def order(self, order: Order, body: bytes, accounts: Mapping[str, Account]) -> Order:
        """An order with each target's MAC."""
        if self._agreement is None:
            return order
        head = order_head(order, body)
        return Order(order.e, order.n, order.oid, [self._target(head, target, accounts[target.account]) for target in order.targets])

    def _target(self, head: bytes, target: Target, account: Account) -> Target:
        key = self._key(account)
        mac = order_mac(key, head, target) if key else b""
        return Target(target.account, target.k, target.symbol, target.volume_e8, target.ref_oid, target.ref_ticket, mac)

    def _key(self, account: Account) -> bytes:
        """Agreed with a local. Before its hello to this master it most likely has the newest of its keys; empty: it has none."""
        if self._agreement is None or account.seal_key:
            return account.seal_key
        return next(iter(self._agreement.keys_with(self._config.local_of(account.name), account.name)), b"")

    def gap_fill(self, fill: GapFill, accounts: Mapping[str, Account]) -> GapFill:
        """What stands for orders that do not come, each row under the MAC of its account."""
        if self._agreement is None:
            return fill
        return msgspec.structs.replace(fill, expired=[self._expired(fill.e, row, accounts[row.account]) for row in fill.expired])

    def _expired(self, e: int, row: Expired, account: Account) -> Expired:
        key = self._key(account)
        return Expired(row.account, row.k, row.oid, expired_mac(key, e, row)) if key else row

    def grant(self, account: Account, grant: Grant) -> Grant:
        """An answer to a question, its nonce under the MAC: no older one serves in its place."""
        key = self._key(account)
        return msgspec.structs.replace(grant, mac=grant_mac(key, grant)) if key else grant

    def welcome(self, account: Account, welcome: LocalWelcome) -> LocalWelcome:
        """A welcome to the life that speaks for the account now."""
        key = self._key(account)
        return msgspec.structs.replace(welcome, mac=welcome_mac(key, welcome)) if key else welcome

    def void(self, account: Account, void: Void) -> Void:
        """Openings that may no longer run."""
        key = self._key(account)
        return msgspec.structs.replace(void, mac=void_mac(key, void)) if key else void

    def ack(self, account: Account, ack: OutcomeAck) -> OutcomeAck:
        """What is durable here of what the account's local has told."""
        key = self._key(account)
        return msgspec.structs.replace(ack, mac=ack_mac(key, ack)) if key else ack
