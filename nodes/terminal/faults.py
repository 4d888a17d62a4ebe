"""What goes wrong at a simulated terminal: at which call, scripted by count or drawn from a seed, and what it does there.

Each kind is something that public reports tell of real terminals (mt5.md, sections 1 to 4 and "The 25 behaviours"). A fault never
bends the books: an order was executed or it was not, and the ledger always says which; what is wrong is what the caller is told,
and when.
"""

from collections.abc import Iterable
from hashlib import blake2b

from mesh.errors import BadConfig
from mesh.faults import ORDER_SEND, FaultSection
from mesh.ids import draw_of

ORDER_KINDS = ("retcode", "place", "hide", "no_deal", "rewrite_comment", "drop_magic")
"""Kinds that make sense of an order_send alone."""
LOGIN = "login"
"""The one call that needs no account yet: its answer says whose the following ones are. initialize makes it too."""
TIMED_OUT = -10005
_DRAW_BITS = 64
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
        if fault.error == TIMED_OUT and fault.call != LOGIN:
            raise BadConfig(f"{at}: error = {TIMED_OUT} with call = {fault.call!r}: only {LOGIN} (and initialize) can end so")
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
