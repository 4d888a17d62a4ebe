"""What the console can have done in the mesh, and what it can ask: the command line's verbs, handed in by whoever starts it.

The console itself only watches. Each of these blocks until the mesh has answered, so that the app calls them in a thread of their own,
and raises ``MeshError`` with words for the operator where it cannot be done. A console that may only watch may still ask.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec
from rich.console import RenderableType

from mesh.confirmations import Verdict
from mesh.errors import MeshError
from mesh.messages.control import CommandAnswer, LostOrder
from mesh.view import View


class Unable(MeshError):
    """This console may only watch; the text says why, and how to get one that acts."""


class Progress(msgspec.Struct, frozen=True):
    """How far a stop, or the end of one, is. ``what``: its level and scope, or what it ends.

    ``lacking``: routers and masters that have not said that they have it; ``refusals``: node → why it did not take it. ``is_over``: no
    more of it is waited for.
    """

    id: bytes
    what: str
    verdicts: tuple[Verdict, ...]
    lacking: tuple[str, ...]
    refusals: dict[str, str]
    is_over: bool

    @property
    def confirmed_count(self) -> int:
        """Accounts that are CONFIRMED."""
        return sum(verdict.is_confirmed for verdict in self.verdicts)


class LostList(msgspec.Struct, frozen=True):
    """An account's orders of unknown result, as the node ``said_by`` has them. ``why``: who did not answer, and what that means."""

    account: str
    said_by: str
    why: str
    market_ns: int
    orders: tuple[LostOrder, ...]


class Hands(Protocol):
    """What an operator can do. All but ``preview``, ``why`` and ``lost`` act, and raise ``Unable`` where ``why_not`` says something."""

    why_not: str
    """Why this console only watches; empty: it acts."""
    operator: str
    """Who acts, as the mesh writes it down."""

    def freeze_all(self, told: Callable[[Progress], None]) -> Progress:
        """FREEZE of everything, at once: nothing is asked and nothing is waited for before it is sent."""

    def preview(self, level: str, scope: str, view: View) -> list[str]:
        """What a stop will touch, a line an account, as far as it is seen; asks nobody. Raises BadUsage for a scope there is not."""

    def stop(self, level: str, scope: str, reason: str, told: Callable[[Progress], None]) -> Progress:
        """A stop; ``told`` gets how far it is whenever that changes."""

    def resume(self, keys: list[bytes], reason: str, told: Callable[[Progress], None]) -> Progress:
        """The end of these stops."""

    def why(self, query: str, view: View) -> RenderableType:
        """The whole story of a sid, an oid in hex, ACCOUNT:TICKET or ``last``."""

    def lost(self) -> list[LostList]:
        """Orders nobody knows the result of, account by account."""

    def resolve(self, account: str, order: LostOrder, ticket: int, reason: str, dry_run: bool) -> CommandAnswer:
        """An operator's word about one of them: executed as ``ticket``, 0: not executed. ``dry_run``: what it would be."""

    def reconcile(self, account: str) -> list[str]:
        """Read it all at once, look again for what is lost, hold records against deals: what was found, a line each."""

    def close(self, scope: str, foreign: bool, reason: str, dry_run: bool) -> list[CommandAnswer]:
        """Close positions of a scope or ACCOUNT:TICKET, ``foreign``: also those that are not ours."""

    def modify(self, ticket: str, sl: str, tp: str, dry_run: bool) -> list[CommandAnswer]:
        """Change the levels of ACCOUNT:TICKET; empty leaves one, 0 removes it."""
