"""What the console can have done and can ask (``tui.hands.Hands``): the verbs of the command line, without their questions and tables.

Every method runs in whatever thread calls it, with a client of its own. Only FREEZE of everything has one that waits for it.
"""

from collections.abc import Callable
from typing import Any

from rich.console import Group, RenderableType

from mesh.config import Config
from mesh.errors import BadUsage
from mesh.keyring import Signer
from mesh.messages.control import FREEZE, LATCHED, STAGE_OF, Command, CommandAnswer, Entry, LostOrder, StopItem
from mesh.view import View
from nodes.io.cli import stops, tables
from nodes.io.cli.acting import operator_name, operator_word
from nodes.io.cli.actwords import accounts_in, check_account, check_stop_scope
from nodes.io.cli.ask import ask_why, check_query, silent_words, story_parts, unknown_words
from nodes.io.cli.client import Client, attached_to
from nodes.io.cli.commands import close_command, dry, modify_command, run_command
from nodes.io.cli.grid import cell
from nodes.io.cli.lostasking import ask_lost
from nodes.io.cli.plaintext import escaped
from nodes.io.cli.reconciles import reconcile_lines
from nodes.io.cli.resolves import EXECUTED, NOT_EXECUTED, about_shown, answer_of, check_said, resolve_command, would_be
from nodes.io.cli.stoprun import StopEnd
from nodes.io.cli.stopthread import StopThread

FREEZE_REASON = "freeze all, from a console"
Told = Callable[[Any], None]
"""Gets each ``tui.hands.Progress``. The types of the console are Any here: only the verb that opens it may import it."""


class MeshHands:
    """The hands of one console. ``signer``: what stops are signed with, None where there is no key; ``why_not``: why it may only watch.

    Raises BadConfig for an address of the mesh that is none.
    """

    def __init__(self, config: Config, signer: Signer | None, why_not: str = "") -> None:
        assert signer is not None or why_not, "who has no key may only watch"
        self.why_not = why_not
        self.operator = operator_name()
        self._config = config
        self._signer = signer
        self._freezer: StopThread | None = None
        if signer is not None and not why_not:
            self._freezer = StopThread(config, signer)
            signer.signed(self._freeze_entry(signer))  # what is done for the first time takes longest: not when it is needed
        self._symbols: list[str] = []
        """By brokers' names, as the newest preview saw them: a stop itself is sent without a look around."""

    def leave(self) -> None:
        """End what waits for a freeze, within a second."""
        if self._freezer is not None:
            self._freezer.close()

    # stops

    def freeze_all(self, told: Told) -> Any:
        """FREEZE of everything, sent the moment this is called."""
        signer, config = self._acting(), self._config
        entry, what = self._freeze_entry(signer), f"{FREEZE} all"
        if self._freezer is not None:
            wait_s = stops.WAIT_S[LATCHED]
            stands = self._freezer.run(entry, list(config.account), LATCHED, wait_s, lambda stands: told(progress_of(stands, what)))
            if stands is not None:
                return progress_of(stands, what)
        # whatever has ended that thread, a freeze goes out
        return self._send(signer, entry, list(config.account), LATCHED, what, told)

    def _freeze_entry(self, signer: Signer) -> Entry:
        return stops.entry_of(signer, FREEZE, "all", FREEZE_REASON)

    def preview(self, level: str, scope: str, view: View) -> list[str]:
        """What a stop will touch, a line an account. Raises BadUsage for a scope there is not."""
        check_stop_scope(self._config, scope)
        self._symbols = stops.symbols_seen(view)
        scope = stops.our_scope(self._config, scope, self._symbols)
        return [stops.preview_line(row, level).strip() for row in stops.preview(self._config, scope, view)]

    def stop(self, level: str, scope: str, reason: str, told: Told) -> Any:
        """A stop. Raises BadUsage for a scope there is not."""
        signer, config = self._acting(), self._config
        check_stop_scope(config, scope)
        entry = stops.entry_of(signer, level, stops.our_scope(config, scope, self._symbols), reason)
        return self._send(signer, entry, accounts_in(config, scope), STAGE_OF[level], f"{level} {entry.scope}", told)

    def resume(self, keys: list[bytes], reason: str, told: Told) -> Any:
        """The end of these stops. Raises BadUsage where the reason is missing or none of them binds, NoMesh."""
        signer, reason = self._acting(), stops.needed_reason(reason)
        with attached_to(self._config) as client:
            live = [(key, entry) for key, entry in tables.stops_of(client.view).live() if key in keys]
        ending = {key: f"{entry.level} {entry.scope}" for key, entry in live}
        if not ending:
            named = ", ".join(key.hex()[:12] for key in keys)
            raise BadUsage(f"{named}: no such stop binds any more, or none did: see which are live, and choose again")
        what = ", ".join(dict.fromkeys(ending.values()))
        stops.check_undone(list(ending), what)
        accounts = stops.held_by(self._config, [entry for _, entry in live])
        return self._send(signer, stops.undo_of(signer, list(ending), reason), accounts, None, f"the end of {what}", told)

    def _send(self, signer: Signer, item: StopItem, accounts: list[str], stage: str | None, what: str, told: Told) -> Any:
        """Send it by a thread of its own: whoever is told cannot hold it up."""
        with StopThread(self._config, signer) as thread:
            stands = thread.run(item, accounts, stage, stops.WAIT_S[stage or LATCHED], lambda stands: told(progress_of(stands, what)))
        assert stands is not None, "the thread of a stop ended before it was over"
        return progress_of(stands, what)

    def _acting(self) -> Signer:
        """The key, for whoever may act. Raises ``tui.hands.Unable``."""
        from tui.hands import Unable

        if self.why_not:
            raise Unable(self.why_not)
        assert self._signer is not None
        return self._signer

    # questions

    def why(self, query: str, view: View) -> RenderableType:
        """The whole story of a sid, an oid in hex, ACCOUNT:TICKET or ``last``; words where there is none. Raises BadUsage."""
        check_query(query)
        config = self._config
        with Client(config) as client:
            story = ask_why(client, config.nodes_of("master")[0], query)
        if not story:
            return cell(silent_words(config, query) if story is None else unknown_words(config, query))
        parts = story_parts(config, view, story)
        return parts[0] if len(parts) == 1 else Group(*parts)

    def lost(self) -> list[Any]:
        """Orders nobody knows the result of, account by account. Raises NoMesh."""
        from tui.hands import LostList

        with attached_to(self._config) as client:
            client.greet(operator_word())
            lists = ask_lost(client, list(self._config.account))
        return [LostList(item.account, item.said_by, item.why, item.market_ns, tuple(item.orders)) for item in lists]

    # acts on orders and positions

    def resolve(self, account: str, order: LostOrder, ticket: int, reason: str, dry_run: bool) -> CommandAnswer:
        """An operator's word about an order: executed as ``ticket``, 0: not executed. Raises BadUsage, NoMesh."""
        self._acting()
        check_account(self._config, account)
        said = check_said(EXECUTED, str(ticket)) if ticket else check_said(NOT_EXECUTED, None)
        command = about_shown(resolve_command(account, order.oid, said, reason), order)
        with attached_to(self._config) as client:
            client.greet(operator_word())
            return would_be(client, command) if dry_run else answer_of(client, command)

    def reconcile(self, account: str) -> list[str]:
        """Read it all at once, look again for what is lost, hold records against deals. Raises BadUsage, NoMesh."""
        self._acting()
        check_account(self._config, account)
        with attached_to(self._config) as client:
            client.greet(operator_word())
            return [escaped(line) for line in reconcile_lines(client, account)]

    def close(self, scope: str, foreign: bool, reason: str, dry_run: bool) -> list[CommandAnswer]:
        """Close positions of a scope or ACCOUNT:TICKET, all of each. Raises BadUsage, NoMesh."""
        self._acting()
        return self._command(close_command(self._config, scope, None, foreign, reason), dry_run)

    def modify(self, ticket: str, sl: str, tp: str, dry_run: bool) -> list[CommandAnswer]:
        """Change the levels of ACCOUNT:TICKET; empty leaves one, 0 removes it. Raises BadUsage, NoMesh."""
        self._acting()
        return self._command(modify_command(self._config, ticket, sl or None, tp or None), dry_run)

    def _command(self, command: Command, dry_run: bool) -> list[CommandAnswer]:
        with attached_to(self._config) as client:
            client.greet(operator_word())
            answers = run_command(client, dry(command) if dry_run else command)
        return [item for items in answers.values() for item in items]


def progress_of(stands: StopEnd, what: str) -> Any:
    """How far a stop is, as the console shows it."""
    from tui.hands import Progress

    return Progress(stands.id, what, tuple(stands.verdicts), tuple(stands.lacking), stands.refusals, stands.is_over)
