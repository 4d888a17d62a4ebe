"""What goes wrong at a simulated terminal: at which call, scripted by count or drawn from a seed, and what it does there.

Each kind is something that public reports tell of real terminals (mt5.md, sections 1 to 4 and "The 25 behaviours"). A fault never
bends the books: an order was executed or it was not, and the ledger always says which; what is wrong is what the caller is told,
and when.
"""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Literal

from msgspec import Meta

from mesh.errors import BadConfig
from mesh.ids import draw_of
from mesh.settings import Section

Kind = Literal[
    "lose_request", "lose_reply", "send_failed", "error", "retcode", "hang", "place", "hide", "no_deal", "rewrite_comment", "drop_magic",
    "restart", "disconnect", "switch_account", "stop_trading", "disable_api",
]  # fmt: skip
ORDER_SEND = "order_send"
"""The one call that trades: a broker may hold it back and execute it at a later market time."""
ORDER_KINDS = ("retcode", "place", "hide", "no_deal", "rewrite_comment", "drop_magic")
"""Kinds that make sense of an order_send alone."""
_DRAW_BITS = 64


class FaultSection(Section):
    """One rule: at which calls of a function something goes wrong, and what.

    - ``lose_request``: never executed; None with -10002, the link breaks. ``lose_reply``: executed, then the same.
    - ``send_failed``: never executed; None with -10001, and so is every later call until the terminal is initialised again.
    - ``error``: None with last_error ``error``; an order is executed before where ``executed``.
    - ``retcode``: an order_send answers ``retcode`` with no numbers (a requote with the quote), executed or not as ``executed`` says.
    - ``hang``: the answer comes ``for_ms`` later, never where that is 0; an order is executed before where ``executed``.
    - ``place``: a deal answers PLACED (10008) and is filled ``for_ms`` later, at the quote of that time.
    - ``hide``: what an order_send did to positions and orders, history (``of``) or all is seen ``for_ms`` later.
    - ``no_deal``: the reply does not know its deal yet (deal 0).
    - ``rewrite_comment``: the broker writes ``comment`` instead of ours (empty: cut to 26 characters). ``drop_magic``: it forgets the
      magic of a request that names a position, as on the closing side.
    - ``restart``: the terminal ends at this call, unexecuted; nobody gets in for ``for_ms``.
    - ``disconnect``: the terminal has lost its server, ``stop_trading``: Algo Trading is off, ``disable_api``: the Python interface is,
      ``switch_account``: another account (``to_login``) is logged in; for ``for_ms`` from this call on, for ever where that is 0.
    """

    kind: Kind
    call: str = ORDER_SEND
    """The function that sets it off."""
    login: Annotated[int, Meta(ge=0, le=10**12)] = 0
    """Only of this account; 0: of any."""
    nth: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    """Only the nth such call of an account since the terminal started, from 1; 0: each one that ``chance`` picks."""
    chance: Annotated[Decimal, Meta(extra={"least": 0, "most": 1})] = Decimal(1)
    """Share of the calls that are picked, drawn from (seed, magic), so that the same order meets the same fault in every run."""
    for_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0
    """Market time."""
    retcode: Annotated[int, Meta(ge=0, le=65_535)] = 0
    error: Literal[-1, -2, -3, -4, -6, -7, -8, -10000, -10001, -10002, -10004] = -1
    executed: bool = False
    comment: Annotated[str, Meta(max_length=31)] = ""
    of: Literal["all", "positions", "history"] = "all"
    """What is hidden: open positions and orders, or done orders and deals."""
    to_login: Annotated[int, Meta(ge=0, le=10**12)] = 0


NO_FAULTS: tuple[FaultSection, ...] = ()


def check_faults(faults: Iterable[FaultSection], logins: Iterable[int], functions: Iterable[str]) -> None:
    """What must hold between a fault's keys. Raises BadConfig naming the fault by its place, from 1."""
    known, called = list(logins), list(functions)
    for number, fault in enumerate(faults, 1):
        at = f"fault {number} ({fault.kind})"
        if fault.call not in called:
            raise BadConfig(f"{at}: call = {fault.call!r}: not among the functions: {', '.join(sorted(called))}")
        if fault.kind in ORDER_KINDS and fault.call != ORDER_SEND:
            raise BadConfig(f"{at}: call = {fault.call!r}: this kind is of {ORDER_SEND} alone")
        if fault.kind in ("place", "hide") and not fault.for_ms:
            raise BadConfig(f"{at}: for_ms = 0: how much later? 1 or more is needed")
        for key, login in (("login", fault.login), ("to_login", fault.to_login)):
            if login and login not in known:
                raise BadConfig(f"{at}: {key} = {login}: not among the accounts: {', '.join(map(str, known))}")
        if fault.kind == "switch_account" and not fault.to_login:
            raise BadConfig(f"{at}: to_login = 0: which account? one of {', '.join(map(str, known))}")


def _magic_of(args: object) -> int:
    """What an order is known by: the magic of its request, 0 where there is none (the second value of its row)."""
    magic = args[1] if isinstance(args, list) and len(args) > 1 else 0
    return magic if isinstance(magic, int) else 0


class FaultPlan:
    """Which faults a call meets. Counts calls by rule and account; they start again with the terminal."""

    def __init__(self, faults: tuple[FaultSection, ...], seed: int) -> None:
        self._faults = faults
        self._seed = seed
        self._counts: dict[tuple[int, int], int] = {}

    def at(self, login: int, call: str, args: object) -> tuple[FaultSection, ...]:
        """The faults of one call, in the order of the rules."""
        if not self._faults:
            return NO_FAULTS
        magic = _magic_of(args) if call == ORDER_SEND else 0
        return tuple(
            fault
            for rule, fault in enumerate(self._faults)
            if fault.call == call and fault.login in (0, login) and self._is_picked(rule, fault, login, magic)
        )

    def _is_picked(self, rule: int, fault: FaultSection, login: int, magic: int) -> bool:
        count = self._counts[rule, login] = self._counts.get((rule, login), 0) + 1
        if fault.nth:
            return count == fault.nth
        # An order of ours is known by its magic, whenever it comes; anything else by its turn.
        known_by = f"magic {magic}" if magic else f"turn {count}"
        key = blake2b(f"{login} {fault.call} {known_by}".encode(), digest_size=16, person=b"fault").digest()
        drawn = draw_of(self._seed, key, rule, "fault")
        return drawn < int(fault.chance * 2**_DRAW_BITS)
