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
from nodes.terminal.lasterror import TIMEOUT
from nodes.terminal.turns import asked_by

ORDER_KINDS = ("retcode", "place", "hide", "no_deal", "rewrite_comment", "drop_magic")
"""Kinds that make sense of an order_send alone."""
LOGIN = "login"
"""The one call that needs no account yet: its answer says whose the following ones are. initialize makes it too."""
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
        if fault.error == TIMEOUT[0] and fault.call != LOGIN:
            raise BadConfig(f"{at}: error = {TIMEOUT[0]} with call = {fault.call!r}: only {LOGIN} (and initialize) can end so")
        if fault.kind in ("place", "hide") and not fault.for_ms:
            raise BadConfig(f"{at}: for_ms = 0: how much later? 1 or more is needed")
        for key, login in (("login", fault.login), ("to_login", fault.to_login)):
            if login and login not in known:
                raise BadConfig(f"{at}: {key} = {login}: not among the accounts: {', '.join(map(str, known))}")
        if fault.kind == "switch_account" and not fault.to_login:
            raise BadConfig(f"{at}: to_login = 0: which account? one of {', '.join(map(str, known))}")


class FaultPlan:
    """Which faults a call meets. Counts calls by rule and account; they start again with the terminal."""

    def __init__(self, faults: tuple[FaultSection, ...], seed: int) -> None:
        self._faults = faults
        self._seed = seed
        self._counts: dict[tuple[int, int], int] = {}

    def at(self, login: int, call: str, args: object, turn: int = 0) -> tuple[FaultSection, ...]:
        """The faults of one call, in the order of the rules. ``turn``: of an order_send, how many-th of its action and magic it is."""
        if not self._faults:
            return NO_FAULTS
        action, magic = asked_by(args) if call == ORDER_SEND else (0, 0)
        if not magic:
            known_by = ""
        elif turn == 1:
            known_by = f"magic {magic}"
        else:
            known_by = f"magic {magic} action {action} turn {turn}"
        return tuple(
            fault
            for rule, fault in enumerate(self._faults)
            if fault.call == call and fault.login in (0, login) and self._is_picked(rule, fault, login, known_by)
        )

    def _is_picked(self, rule: int, fault: FaultSection, login: int, known_by: str) -> bool:
        count = self._counts[rule, login] = self._counts.get((rule, login), 0) + 1
        if fault.nth:
            return count == fault.nth
        # An order of ours is known by its magic, whenever it comes; what shares one by its turn too, anything else by that of the call.
        key = blake2b(f"{login} {fault.call} {known_by or f'turn {count}'}".encode(), digest_size=16, person=b"fault").digest()
        drawn = draw_of(self._seed, key, rule, "fault")
        return drawn < int(fault.chance * 2**_DRAW_BITS)
