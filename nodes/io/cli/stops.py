"""``mesh kill``, ``freeze``, ``cancel``, ``flatten``, ``resume``, ``arm``: signed entries and undos of the kill set."""

import secrets
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from mesh.config import Config
from mesh.errors import BadUsage
from mesh.keyring import Signer
from mesh.messages.control import CANCEL, FLATTEN, FREEZE, GENESIS, LATCHED, STAGE_OF, STOP_STAGES, Entry, StopItem, Undo
from mesh.stopset import UNKNOWN_LEVEL
from mesh.view import View
from nodes.io.cli import tables
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, check_unasked, is_confirmed, is_typed, operator_name
from nodes.io.cli.actwords import accounts_in, check_account, check_reason, check_stop_scope, stop_reason
from nodes.io.cli.client import Client, attached
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.stoprun import StopEnd, StopRun, document, say_sum, verdict_line
from nodes.io.keyfiles import operator_signer
from nodes.io.locate import Running, default_state, find, given
from nodes.symbolnames import SymbolNames

WAIT_S = {"LATCHED": 5.0, "CANCELLED": 30.0, "FLAT": 60.0}
"""By stage, how long is waited where nothing else is said."""
UNDONE_MAX = 256
"""Entries that one undo can name."""
MEANING = {
    FREEZE: "no opens; closes and local management go on, pending orders stay",
    CANCEL: "no opens, and pending orders are cancelled; closes and local management go on",
    FLATTEN: "no opens, pending orders are cancelled and positions closed",
}


class Wish(msgspec.Struct, frozen=True):
    """What all these verbs take. ``stage``: how far is far enough, empty: as far as the level goes; ``limit_s`` 0: the stage's own."""

    config: Path | None = None
    key: Path | None = None
    stage: str = ""
    limit_s: float = 0.0
    as_json: bool = False
    dry_run: bool = False
    yes: bool = False
    reason: str = ""


def signer_of(wish: Wish) -> tuple[Config, Signer]:
    """The mesh that is meant, and the key its stops are signed with. Raises NoMesh, BadConfig."""
    config, running = find(wish.config)
    return config, signer_here(config, running, wish.config, wish.key)


def signer_here(config: Config, running: Running | None, config_path: Path | None, key: Path | None) -> Signer:
    """The key stops of a mesh that was found are signed with on this host. Raises BadConfig saying which file is missing or wrong."""
    state = Path(running.state) if running is not None else default_state(given(config_path) is not None)
    return operator_signer(config, state, key)


def stage_of(wish: Wish, level: str) -> str:
    """How far an account has to be to count. Raises BadUsage for a word that is none, or beyond what the level does."""
    stage = wish.stage.upper() or STAGE_OF[level]
    allowed = STOP_STAGES[: STOP_STAGES.index(STAGE_OF[level]) + 1]
    if stage not in allowed:
        raise BadUsage(f"--wait {wish.stage}: {level} comes to {', '.join(word.lower() for word in allowed)}")
    return stage


def kill(wish: Wish) -> int:
    """``mesh kill``: FREEZE of everything, at once: no question, and nothing is waited for before it is sent."""
    config, signer = signer_of(wish)
    entry = entry_of(signer, FREEZE, "all", wish.reason)
    with Client(config) as client:
        return _send(client, signer, entry, list(config.account), stage_of(wish, FREEZE), wish)


def stop_scope(level: str, scope: str, wish: Wish) -> int:
    """``mesh freeze``, ``cancel``, ``flatten``. Raises BadUsage for a scope there is not, NoMesh."""
    if wish.as_json:
        check_unasked(wish.dry_run, wish.yes)
    config, signer = signer_of(wish)
    check_stop_scope(config, scope)
    stage = stage_of(wish, level)
    accounts = accounts_in(config, scope)
    if wish.yes and not wish.dry_run:
        # whoever wants no question wants no look around either: it goes out at once, whoever is there to take it
        with Client(config) as client:
            return _send(client, signer, entry_of(signer, level, our_scope(config, scope, []), wish.reason), accounts, stage, wish)
    with attached(wish.config) as client:
        scope = our_scope(config, scope, symbols_seen(client.view))
        found = preview(config, scope, client.view)
        if wish.as_json:
            say_json({"format": 1, "dry_run": True, "level": level, "scope": scope, "accounts": found})
            return 0
        say(f"{level} {scope}: {MEANING[level]}; accounts: {', '.join(accounts)}")
        for row in found:
            say(preview_line(row, level))
        if wish.dry_run:
            return 0
        if not is_confirmed(f"{level.capitalize()} {scope}?", wish.yes):
            return NOT_DONE
        return _send(client, signer, entry_of(signer, level, scope, wish.reason), accounts, stage, wish)


def entry_of(signer: Signer, level: str, scope: str, reason: str) -> Entry:
    """A new entry of this operator."""
    return Entry(signer.name, secrets.randbits(62), time.time_ns(), level, scope, stop_reason(reason), operator_name())


def symbols_seen(view: View) -> list[str]:
    """Symbols by the names that brokers give them, as far as accounts told."""
    return [spec.symbol for symbols in list(view.symbols.values()) for spec in symbols.symbols]


def our_scope(config: Config, scope: str, seen: list[str]) -> str:
    """A scope with its symbol by the name under which it stops something. Raises BadUsage for a symbol that nobody here trades."""
    kind, _, symbol = scope.partition(":")
    if kind != "symbol" or symbol in seen:
        return scope
    ours = SymbolNames(config).our_name(symbol)
    if ours:
        return f"symbol:{ours}"
    known = dict.fromkeys([*config.settings.market.symbols, *seen])
    raise BadUsage(f"scope {scope!r}: it would stop nothing, for nobody here trades {symbol}; symbols: {', '.join(known)}")


def preview(config: Config, scope: str, view: View) -> list[dict[str, Any]]:
    """What it will touch, account by account, as far as it is seen."""
    rows: list[dict[str, Any]] = []
    kind, _, name = scope.partition(":")
    for account in accounts_in(config, scope):
        seen = view.accounts.get(account)
        if seen is None:
            rows.append({"account": account, "positions": None, "foreign": None, "pending_orders": None})
            continue
        state = seen[1]
        broker_symbol = config.broker_symbol(account, name) if kind == "symbol" else ""
        names = (name, broker_symbol)
        positions = [
            position
            for position in state.positions
            if (kind != "symbol" or position.symbol in names) and (kind != "strategy" or position.strategy == name)
        ]
        orders = [order for order in state.orders if kind != "symbol" or order.symbol in names]
        foreign = sum(not position.ours for position in positions)
        # nobody knows whose strategy a pending order is
        count = None if kind == "strategy" else len(orders)
        rows.append({"account": account, "positions": len(positions), "foreign": foreign, "pending_orders": count})
    return rows


def preview_line(row: dict[str, Any], level: str) -> str:
    """One account's part of a preview."""
    if row["positions"] is None:
        return f"  {row['account']}: not seen"
    also = f" ({row['foreign']} of them not ours: closed too)" if row["foreign"] and level == FLATTEN else ""
    orders = "" if row["pending_orders"] is None else f", {row['pending_orders']} pending orders"
    return f"  {row['account']}: {row['positions']} positions{also}{orders}"


def _send(client: Client, signer: Signer, item: StopItem, accounts: list[str], stage: str | None, wish: Wish) -> int:
    """Send it and tell how it took; 0 only where every account is confirmed."""
    words = f"{item.level} {item.scope}" if isinstance(item, Entry) else "resumed"
    said: dict[str, None] = {}

    def told(stands: StopEnd) -> None:
        for verdict in stands.verdicts:
            if verdict.is_confirmed and verdict.account not in said and not wish.as_json:
                said[verdict.account] = None
                say(verdict_line(verdict, words), at_once=True)

    stopped = StopRun(client, signer, item, accounts, stage).run(wish.limit_s or WAIT_S[stage or LATCHED], told)
    _tell_end(stopped, item, words, wish.as_json)
    return 0 if stopped.is_confirmed else NOT_ALL


def _tell_end(stopped: StopEnd, item: StopItem, words: str, as_json: bool) -> None:
    if as_json:
        say_json(document(stopped, item))
        return
    for verdict in stopped.verdicts:
        if not verdict.is_confirmed:
            say(verdict_line(verdict, words))
    say_sum(stopped)


# the way back


def resume(what: str, wish: Wish) -> int:
    """``mesh resume SCOPE|ENTRY``: ends every live stop of exactly this scope, or the one whose id begins so; the rest is listed.

    Raises BadUsage, NoMesh.
    """
    reason = needed_reason(wish.reason)
    config, signer = signer_of(wish)
    if wish.as_json:
        check_unasked(wish.dry_run, wish.yes)
    with attached(wish.config) as client:
        live = tables.stops_of(client.view).live()
        ending = named_by_id(what, live)
        if not ending:
            check_stop_scope(config, what)
            ending = [key for key, entry in live if entry.scope == what]
        return _undo(client, signer, ending, what, reason, wish)


def arm(account: str, wish: Wish) -> int:
    """``mesh arm ACCOUNT``: ends the stop a new live account begins with. Raises BadUsage, NoMesh."""
    reason = needed_reason(wish.reason)
    config, signer = signer_of(wish)
    check_account(config, account)
    with attached(wish.config) as client:
        ending = [
            key
            for key, entry in tables.stops_of(client.view).live()
            if (entry.scope, entry.issuer) == (f"account:{account}", config.local_of(account)) and entry.reason.startswith(GENESIS)
        ]
        return _undo(client, signer, ending, account, reason, wish)


def check_known(ending: list[Entry]) -> None:
    """Raises BadUsage where one of these is of a level of a newer version: nobody lets trade again what he does not know the reach of."""
    newer = [entry for entry in ending if entry.level == UNKNOWN_LEVEL]
    if newer:
        told = "; ".join(f"{entry.scope}: {entry.reason}" for entry in newer)
        raise BadUsage(f"{told}: how much it stops is not known here; end it with that version, or name the other stops by their ids")


def needed_reason(reason: str, what: str = "trading may go on") -> str:
    """Why something is done (``what``). Raises BadUsage where it is missing."""
    checked = check_reason(reason)
    if not checked:
        raise BadUsage(f"--reason: say why {what}")
    return checked


def named_by_id(what: str, live: list[tuple[bytes, Entry]]) -> list[bytes]:
    """The stop whose id begins with these hex digits, eight at least; none where it is a scope. Raises BadUsage where it is two."""
    is_hex = len(what) >= 8 and all(sign in "0123456789abcdef" for sign in what)
    found = [key for key, _ in live if is_hex and key.hex().startswith(what)]
    if len(found) > 1:
        raise BadUsage(f"{what}: {len(found)} stops begin so; give more digits")
    return found


def _undo(client: Client, signer: Signer, ending: list[bytes], what: str, reason: str, wish: Wish) -> int:
    """Tell what ends and what stays, have it typed, send it."""
    live = tables.stops_of(client.view).live()
    if not wish.as_json:
        for key, entry in live:
            word = "ends" if key in ending else "stays"
            who = entry.by or entry.issuer
            say(f"{word}: {entry.level} {entry.scope} by {who} ({entry.reason or 'no reason'}) {key.hex()[:12]}")
    if wish.as_json and (wish.dry_run or not ending):
        say_json({"format": 1, "dry_run": wish.dry_run, "ends": [key.hex() for key in ending], "confirmed": False})
    if not ending:
        say(f"no live stop is meant by {what}", sys.stderr)
        return NOT_DONE
    if wish.dry_run:
        return 0
    check_undone(ending, what)
    check_known([entry for key, entry in live if key in ending])
    if not is_typed(what, f"type {what} to let it trade again", wish.yes, "after this it may open again"):
        return NOT_DONE
    accounts = held_by(client.config, [entry for key, entry in live if key in ending])
    return _send(client, signer, undo_of(signer, ending, reason), accounts, None, wish)


def check_undone(ending: list[bytes], what: str) -> None:
    """Raises BadUsage for more stops than one undo can name."""
    if len(ending) > UNDONE_MAX:
        raise BadUsage(f"{what}: {len(ending)} stops are meant, {UNDONE_MAX} can be ended at once; end them by their ids (mesh entries)")


def held_by(config: Config, entries: Iterable[Entry]) -> list[str]:
    """Accounts that any of these stops concerns."""
    scopes = [entry.scope for entry in entries]
    return [name for name in config.account if any(name in accounts_in(config, scope) for scope in scopes)]


def undo_of(signer: Signer, ending: list[bytes], reason: str) -> Undo:
    """A new undo of this operator."""
    return Undo(signer.name, secrets.randbits(62), time.time_ns(), ending, reason, operator_name())
