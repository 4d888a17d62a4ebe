"""Who may come in by which link, and whose words he may say there.

A **door** is a bound socket that lets in nobody without a key of the inventory (CURVE; the handshake proves who holds it). A **guest**
is a name with its keys: a node, which may dial what its role dials, or an operator's host. Inside he may speak for himself alone: a
local for its account, a node under its own name, an operator under the name of his key; he sends acts and signals only with the right to
trade. Signed stops need no right of the guest who brings them: their signature has it (``mesh.keyring``).
"""

from collections.abc import Callable, Iterable

import msgspec

from mesh.links import CONTROL, FRONT, LINKS, ROLES, SIGNALS, STATUS, VENUE
from mesh.messages import accounts, control, heads, health, market, orders, outcomes, signals
from mesh.messages.base import Msg

LOCAL = "local"
OPERATOR, SOURCE = "operator", "source"
"""Guests that are no nodes: an operator's host, and a source of signals that is not ours."""
BY = ":"
"""``NAME:user@host`` is how an operator names himself in an act: before it the name of his key, which is proven, behind it his own word."""
TRADE = "trade"
"""An operator's right to send acts (close, modify, resolve …) and signals; to watch and to bring signed stops he needs none."""
UNKNOWN_KEY, KEY_NOT_YET, KEY_EXPIRED, WRONG_LINK, WRONG_ADDRESS = (
    "UNKNOWN_KEY", "KEY_NOT_YET", "KEY_EXPIRED", "WRONG_LINK", "WRONG_ADDRESS",
)  # fmt: skip
"""Why somebody is not let in."""
NOT_YOURS, NO_RIGHT, NO_GUEST = "NOT_YOURS", "NO_RIGHT", "NO_GUEST"
"""Why a message of a guest is not taken: of somebody else, without the right, of a key that is no guest's any more."""


class DoorKey(msgspec.Struct, frozen=True):
    """A public CURVE key of 32 bytes, good from a time to before another (wall clock, UTC)."""

    public: bytes
    from_ns: int
    until_ns: int

    def objection(self, wall_ns: int) -> str:
        """Why it does not open now; empty where it does."""
        if wall_ns < self.from_ns:
            return KEY_NOT_YET
        return KEY_EXPIRED if wall_ns >= self.until_ns else ""


class Guest(msgspec.Struct, frozen=True):
    """A name with its keys. ``account``: of a local; ``may``: of an operator; ``addresses``: where he comes from, none: from anywhere."""

    name: str
    role: str
    keys: tuple[DoorKey, ...]
    account: str = ""
    may: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Doors:
    """All guests of one mesh."""

    def __init__(self, guests: Iterable[Guest] = ()) -> None:
        self._by_name: dict[str, Guest] = {}
        self._by_key: dict[bytes, tuple[Guest, DoorKey]] = {}
        self.replace(guests)

    def replace(self, guests: Iterable[Guest]) -> None:
        """Take another list: who is on it no more is no guest from now on."""
        self._by_name = {guest.name: guest for guest in guests}
        self._by_key = {key.public: (guest, key) for guest in self._by_name.values() for key in guest.keys}

    def guest(self, public: bytes, wall_ns: int) -> Guest | None:
        """Whose key it is, if it is good now."""
        found = self._by_key.get(public)
        return None if found is None or found[1].objection(wall_ns) else found[0]

    def owner(self, public: bytes) -> Guest | None:
        """Whose key it is, good or not."""
        found = self._by_key.get(public)
        return found[0] if found is not None else None

    def refusal(self, link: str, public: bytes, address: str, wall_ns: int) -> str:
        """Why who has this key is not let in by a link, from an address; empty where he is. ``link``: as in ``LINKS``."""
        found = self._by_key.get(public)
        if found is None:
            return UNKNOWN_KEY
        guest, key = found
        if objection := key.objection(wall_ns):
            return objection
        if not may_dial(guest, link):
            return WRONG_LINK
        return WRONG_ADDRESS if guest.addresses and address and address not in guest.addresses else ""

    def ending(self, by_ns: int) -> list[str]:
        """Names none of whose keys is good at a time to come."""
        found = [name for name, guest in self._by_name.items() if not any(key.objection(by_ns) == "" for key in guest.keys)]
        return [name for name in found if self._by_name[name].keys]

    def keys_of(self, name: str, wall_ns: int) -> list[bytes]:
        """Public keys of a name that are good now, the one that is good longest first."""
        guest = self._by_name.get(name)
        good = [key for key in guest.keys if not key.objection(wall_ns)] if guest is not None else []
        return [key.public for key in sorted(good, key=_until, reverse=True)]


def _until(key: DoorKey) -> int:
    return key.until_ns


def may_dial(guest: Guest, link: str) -> bool:
    """Whether a guest has business at a link."""
    if guest.role == OPERATOR:
        return link == FRONT or link.split(".")[0] == CONTROL or (link in (SIGNALS, VENUE) and TRADE in guest.may)
    if guest.role == SOURCE:
        return link == SIGNALS
    # a local's worker is the simulated terminal's caller
    return guest.role in LINKS[link].dial_roles or (link == VENUE and guest.role == LOCAL)


# whose words


def _account(message: Msg) -> str:
    return str(message.account)  # type: ignore[attr-defined]


_OF_ACCOUNT: tuple[type[Msg], ...] = (
    orders.LocalHello, orders.Listed, orders.GrantAsk, orders.ReplayAccount, orders.OrderAck, accounts.AccountState,
    accounts.AccountSymbols, outcomes.Outcome, outcomes.DealReport, control.CommandAnswer, control.LostOrders, control.Pong,
    control.Latched, control.Drilled,
)  # fmt: skip
"""What a local says of an account: of its own alone. A router says the same of any, for it hands on what locals told it."""
_OF_NAME: dict[type[Msg], str] = {
    orders.LocalHello: "node",
    orders.RouterHello: "router",
    market.MarketHello: "node",
    health.NodeHealth: "node",
    heads.AuditHead: "node",
    signals.SourceHello: "source",
    control.LostOrders: "node",
}
"""Messages that name who speaks, by the field that does."""
_Check = Callable[[Guest, Msg], str]


def _check_account(guest: Guest, message: Msg) -> str:
    said = _account(message)
    return "" if said == guest.account else f"{NOT_YOURS} {type(message).__name__} account={said} of={guest.account}"


def _check_name(guest: Guest, message: Msg) -> str:
    said = getattr(message, _OF_NAME[type(message)])
    return "" if said == guest.name else f"{NOT_YOURS} {type(message).__name__} from={said}"


def _check_local_and_name(guest: Guest, message: Msg) -> str:
    return _check_account(guest, message) or _check_name(guest, message)


def _check_signal(guest: Guest, message: Msg) -> str:
    assert isinstance(message, signals.Signal), "the table says so"
    return "" if message.source == guest.name else f"{NOT_YOURS} Signal source={message.source}"


def _check_operator(guest: Guest, message: Msg) -> str:
    """By the name of his key, and behind it who he says he is."""
    assert isinstance(message, control.Command | control.OperatorHello), "the table says so"
    said = message.operator
    return "" if said.partition(BY)[0] == guest.name else f"{NOT_YOURS} {type(message).__name__} operator={said} of={guest.name}"


def _check_command(guest: Guest, message: Msg) -> str:
    return _check_trade(guest, message) or _check_operator(guest, message)


def _check_trade(guest: Guest, message: Msg) -> str:
    if TRADE not in guest.may:
        return f"{NO_RIGHT} {type(message).__name__} may={','.join(guest.may) or '-'}"
    said = message.source if isinstance(message, signals.SourceHello | signals.Signal) else signals.OPERATOR
    return "" if said == signals.OPERATOR else f"{NOT_YOURS} {type(message).__name__} source={said}"


def _checks_of(role: str) -> dict[type[Msg], _Check]:
    """What is to be checked of the messages of a role; what is not listed names nobody."""
    if role == OPERATOR:
        return {
            signals.SourceHello: _check_trade,
            signals.Signal: _check_trade,
            control.Command: _check_command,
            control.OperatorHello: _check_operator,
            heads.AuditHead: _check_name,
        }
    if role == SOURCE:
        return {signals.SourceHello: _check_name, signals.Signal: _check_signal, heads.AuditHead: _check_name}
    checks: dict[type[Msg], _Check] = {kind: _check_name for kind in _OF_NAME if kind is not control.LostOrders}
    if role == LOCAL:
        checks |= dict.fromkeys(_OF_ACCOUNT, _check_account)
        checks |= {orders.LocalHello: _check_local_and_name, control.LostOrders: _check_local_and_name}
    elif role == "router":
        del checks[orders.LocalHello]  # of its locals, handed on
    elif role == "indicator":
        checks[signals.Signal] = _check_signal
    return checks


_CHECKS = {role: _checks_of(role) for role in (OPERATOR, SOURCE, *ROLES)}


def objection(guest: Guest, link: str, message: Msg) -> str:
    """Why a guest may not say this by a link: a code and what was said; empty where he may."""
    if link == STATUS and guest.role != LOCAL and not isinstance(message, health.NodeHealth | heads.AuditHead):
        return f"{NOT_YOURS} {type(message).__name__} is told by locals alone"
    check = _CHECKS[guest.role].get(type(message))
    return "" if check is None else check(guest, message)
