"""``mesh freeze`` and ``mesh resume``: an entry or an undo of the kill set, sent everywhere, confirmed by each local."""

import secrets
import sys
import time
from pathlib import Path

from mesh.codec import encode
from mesh.errors import BadUsage
from mesh.killset import entry_id
from mesh.messages.base import Msg
from mesh.messages.control import FREEZE, Entry, Latched, Undo
from nodes.io.cli import tables
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, is_confirmed, operator_name, why_silent
from nodes.io.cli.actwords import accounts_in, check_reason, check_stop_scope, stop_reason
from nodes.io.cli.client import Client, attached
from nodes.io.cli.plaintext import say
from nodes.io.locate import find

LATCH_S = 3.0


def freeze_scope(config_path: Path | None, scope: str, dry_run: bool, yes: bool, reason: str) -> int:
    """``mesh freeze``: one entry, confirmed account by account. Raises BadUsage for a scope there is not, NoMesh."""
    check_stop_scope(find(config_path)[0], scope)
    reason = stop_reason(reason)
    with attached(config_path) as client:
        accounts = accounts_in(client.config, scope)
        say(f"{FREEZE} {scope}: no opens on {', '.join(accounts)}; closes and local management go on")
        warn_of_unknown_symbol(client, scope)
        if dry_run:
            return 0
        if not is_confirmed("Freeze?", yes):
            return NOT_DONE
        entry = Entry(operator_name(), secrets.randbits(62), time.time_ns(), FREEZE, scope, reason)
        return spread(client, entry, f"{FREEZE} {scope}", accounts)


def resume_scope(config_path: Path | None, scope: str, reason: str, dry_run: bool, yes: bool) -> int:
    """``mesh resume``: an undo that names every live entry of exactly this scope; what still holds it is listed."""
    check_stop_scope(find(config_path)[0], scope)
    reason = check_reason(reason)
    if not reason:
        raise BadUsage("--reason: say why trading may go on")
    with attached(config_path) as client:
        live = tables.stops_of(client.view).live()
        ending = [key for key, entry in live if entry.scope == scope]
        for key, entry in live:
            word = "ends" if entry.scope == scope else "stays"
            say(f"{word}: {entry.level} {entry.scope} by {entry.issuer} ({entry.reason or 'no reason'}) {key.hex()[:12]}")
        if not ending:
            say(f"no live stop has exactly the scope {scope}")
            return NOT_DONE
        if dry_run:
            return 0
        if not is_confirmed(f"Resume {scope}?", yes):
            return NOT_DONE
        undo = Undo(operator_name(), secrets.randbits(62), time.time_ns(), ending, reason)
        return spread(client, undo, f"{scope} resumed", accounts_in(client.config, scope))


def spread(client: Client, item: Entry | Undo, words: str, accounts: list[str]) -> int:
    """Send a stop or an undo everywhere and print each account's confirmation of it (``words``) as it comes."""
    client.greet(operator_name())
    sent_ns = client.now_ns()
    key = entry_id(encode(item))
    missing = dict.fromkeys(accounts)

    def take(message: Msg) -> bool:
        if isinstance(message, Latched) and key in message.entries and message.account in missing:
            del missing[message.account]
            say(f"CONFIRMED      {message.account}  {words} after {tables.span_text(client.now_ns() - sent_ns)}")
        return not missing

    for node in (*client.config.nodes_of("router"), *client.config.nodes_of("master")):
        client.send(node, item)
    client.wait_for(take, LATCH_S)
    for account in missing:
        say(f"NOT CONFIRMED  {account}  {why_silent(client, account)}")
    say(f"{len(accounts) - len(missing)} of {len(accounts)} accounts confirmed")
    return NOT_ALL if missing else 0


def warn_of_unknown_symbol(client: Client, scope: str) -> None:
    """A stop of a symbol nobody trades stops nothing: it is set all the same, and that is said."""
    kind, _, symbol = scope.partition(":")
    seen = [spec.symbol for symbols in client.view.symbols.values() for spec in symbols.symbols]
    known = dict.fromkeys([*client.config.settings.market.symbols, *seen])
    if kind == "symbol" and symbol not in known:
        say(f"mesh: warning: {scope} stops nothing this mesh trades; its symbols are {', '.join(known)}", sys.stderr)
