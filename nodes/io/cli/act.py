"""Manual commands: close, modify, freeze, resume, signal. Preview, question, act, then who did it, who did not and why.

Closes and changes go operator → routers → locals over the control sockets, never through the master; every router gets
the command, a local takes it once (its id is remembered). A signal by hand goes through signals and risk.
"""

import getpass
import secrets
import socket
import sys
import time
from pathlib import Path

import msgspec
from rich.table import Table

from mesh.codec import encode
from mesh.config import Config
from mesh.errors import BadConfig
from mesh.killset import check_scope, entry_id
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.control import Command, CommandAnswer, Entry, Latched, Undo
from mesh.messages.signals import ACCEPTED, MANUAL, Signal, SignalAnswer, SourceHello
from mesh.units import e8_from_text
from nodes.io.cli import tables
from nodes.io.cli.client import Client
from nodes.io.cli.show import NO_MESH, attach, console, is_silent
from nodes.io.locate import find

ANSWER_S = 5.0
LATCH_S = 3.0
NOT_ALL = 3
LEAVE = -1
DONE_CODES = ("FILLED", "PARTIAL", "CLOSED", "MODIFIED", "CANCELLED", "PREVIEW", "NOTHING")


def operator_name() -> str:
    """Who acts: user@host."""
    return f"{getpass.getuser()}@{socket.gethostname()}"[:64]


def confirm(question: str, yes: bool) -> bool:
    """Ask on a terminal; without one ``--yes`` is needed."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadConfig("this acts on real positions: give --yes, or --dry-run to look first")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def check_act_scope(config: Config, scope: str) -> str:
    """A scope for close: those of stops, or ACCOUNT:TICKET. Raises BadConfig saying what is allowed."""
    kind, _, name = scope.partition(":")
    if kind in config.account and name.isdecimal():
        return scope
    return check_stop_scope(config, scope)


def check_stop_scope(config: Config, scope: str) -> str:
    """A scope of the ladder. Raises BadConfig saying what is allowed."""
    try:
        check_scope(scope)
    except ValueError as error:
        raise BadConfig(str(error)) from None
    kind, _, name = scope.partition(":")
    named: dict[str, list[str]] = {"account": list(config.account), "strategy": list(config.strategy)}
    known = named.get(kind)
    if known is not None and name not in known:
        raise BadConfig(f"scope {scope!r}: there is no {kind} {name!r}; there are: {', '.join(known)}")
    return scope


def amount(key: str, text: str | None, absent: int) -> int:
    """A decimal option as fixed point; ``absent`` where it was not given."""
    if text is None:
        return absent
    try:
        value = e8_from_text(text)
    except ValueError as error:
        raise BadConfig(f"{key} {text}: {error}") from None
    if value < 0:
        raise BadConfig(f"{key} {text}: 0 or more is allowed")
    return value


def lots(key: str, text: str | None) -> int:
    """A volume; 0, which means all of it or the strategy's own size, only where none was given. Raises BadConfig."""
    value = amount(key, text, 0)
    if text is not None and value == 0:
        raise BadConfig(f"{key} {text}: more than 0 lots is allowed; leave {key} out for all of it")
    return value


def accounts_in(config: Config, scope: str) -> list[str]:
    """Accounts a command can touch."""
    kind, _, name = scope.partition(":")
    if kind == "account":
        return [name]
    return [kind] if kind in config.account else list(config.account)


def run_command(config: Config, client: Client, command: Command) -> dict[str, list[CommandAnswer]]:
    """Send to every router, collect each account's answers until its last one or the limit."""
    wanted = accounts_in(config, command.scope)
    answers: dict[str, list[CommandAnswer]] = {account: [] for account in wanted}
    finished: dict[str, bool] = {}

    def take(message: Msg) -> bool:
        if isinstance(message, CommandAnswer) and message.id == command.id and not finished.get(message.account):
            answers.setdefault(message.account, []).append(message)
            finished[message.account] = message.last
        return all(finished.get(account) for account in wanted)

    for router in config.nodes_of("router"):
        client.send(router, command)
    client.wait_for(take, ANSWER_S)
    for account in wanted:
        if not finished.get(account):
            answers[account].append(CommandAnswer(command.id, account, "NO_ANSWER", why_silent(config, client, account), 0, "", 0, 0, True))
    return answers


def why_silent(config: Config, client: Client, account: str) -> str:
    """What is known of a local that did not answer."""
    node = config.local_of(account)
    seen = client.view.nodes.get(node)
    if seen is None:
        return f"{node} was never seen"
    return f"{node} last seen {(client.now_ns() - seen[0]) / 1e9:.1f} s ago, {seen[1].phase}"


def print_answers(answers: dict[str, list[CommandAnswer]]) -> int:
    """A line for each answer; 3 where an account did not do it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("account", "ticket", "symbol", "lots", "price", "code", "detail"):
        table.add_column(heading, justify="right" if heading in ("ticket", "lots", "price") else "left", overflow="fold")
    failed = 0
    for account, items in answers.items():
        for item in items:
            done = item.code in DONE_CODES
            failed += not done
            code = f"[green]✓ {item.code}[/]" if done else f"[red]✗ {item.code}[/]"
            table.add_row(account, str(item.ticket or ""), item.symbol, tables.lots(item.volume_e8) if item.volume_e8 else "",
                          tables.price(item.price_e8), code, item.detail)  # fmt: skip
    console().print(table)
    return NOT_ALL if failed else 0


def act(config_path: Path | None, command: Command, dry_run: bool, yes: bool, question: str) -> int:
    """Preview, ask, act, report."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        client.greet(operator_name())
        preview = run_command(config, client, msgspec.structs.replace(command, dry_run=True, id=secrets.token_bytes(16)))
        print("would touch:")
        code = print_answers(preview)
        if dry_run:
            return code
        if not any(item.code == "PREVIEW" for items in preview.values() for item in items):
            print("nothing to do")
            return code
        if not confirm(question, yes):
            print("not done")
            return 1
        return print_answers(run_command(config, client, command))
    finally:
        client.close()


def close_positions(
    config_path: Path | None, scope: str, volume: str | None, foreign: bool, dry_run: bool, yes: bool, reason: str
) -> int:
    """``mesh close``."""
    config, _ = find(config_path)
    volume_e8 = lots("--volume", volume)
    command = Command(
        secrets.token_bytes(16), operator_name(), "close", check_act_scope(config, scope), volume_e8, foreign, 0, 0, False, reason
    )
    return act(config_path, command, dry_run, yes, f"Close these positions ({scope})?")


def modify_position(config_path: Path | None, ticket: str, sl: str | None, tp: str | None, dry_run: bool, yes: bool) -> int:
    """``mesh modify``."""
    config, _ = find(config_path)
    account, _, number = ticket.partition(":")
    if account not in config.account or not number.isdecimal():
        raise BadConfig(f"{ticket}: ACCOUNT:TICKET is expected; accounts: {', '.join(config.account)}")
    if sl is None and tp is None:
        raise BadConfig("nothing to change: give --sl, --tp or both (0 removes a level)")
    command = Command(
        secrets.token_bytes(16), operator_name(), "modify", ticket, 0, True, amount("--sl", sl, LEAVE), amount("--tp", tp, LEAVE), False
    )
    return act(config_path, command, dry_run, yes, f"Change {ticket}?")


def freeze_scope(config_path: Path | None, scope: str, dry_run: bool, yes: bool, reason: str) -> int:
    """``mesh freeze``: one entry into the set, sent to every router and the master, confirmed account by account."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        check_stop_scope(config, scope)
        entry = Entry(operator_name(), secrets.randbits(62), time.time_ns(), "FREEZE", scope, reason)
        touched = config.account if scope.split(":")[0] != "account" else [scope.partition(":")[2]]
        print(f"FREEZE {scope}: no opens on {', '.join(touched)}; closes and local management go on")
        if dry_run:
            return 0
        if not confirm("Freeze?", yes):
            print("not done")
            return 1
        return spread(config, client, entry, list(touched), encode(entry))
    finally:
        client.close()


def spread(config: Config, client: Client, item: Entry | Undo, accounts: list[str], raw: bytes) -> int:
    """Send a stop or an undo everywhere and print each account's LATCHED as it comes."""
    client.greet(operator_name())
    sent_ns = client.now_ns()
    key = entry_id(raw)
    latched: dict[str, int] = {}

    def take(message: Msg) -> bool:
        if isinstance(message, Latched) and key in message.entries and message.account not in latched:
            latched[message.account] = client.now_ns() - sent_ns
            if message.account in accounts:
                print(f"CONFIRMED      {message.account}  {message.level} after {latched[message.account] / 1e6:.1f} ms")
        return all(account in latched for account in accounts)

    scope = item.scope if isinstance(item, Entry) else ""
    if scope.startswith("symbol:") and scope.removeprefix("symbol:") not in _symbols(config, client):
        known = ", ".join(_symbols(config, client))
        print(f"mesh: warning: {scope} stops nothing this mesh trades; its symbols are {known}", file=sys.stderr)
    for node in [*config.nodes_of("router"), config.nodes_of("master")[0]]:
        client.send(node, item)
    client.wait_for(take, LATCH_S)
    missing = [account for account in accounts if account not in latched]
    for account in missing:
        print(f"NOT CONFIRMED  {account}  {why_silent(config, client, account)}")
    print(f"{len(accounts) - len(missing)} of {len(accounts)} accounts confirmed")
    return NOT_ALL if missing else 0


def _symbols(config: Config, client: Client) -> list[str]:
    """What the mesh trades, as it calls it and as its brokers do."""
    seen = [spec.symbol for symbols in client.view.symbols.values() for spec in symbols.symbols]
    return list(dict.fromkeys([*config.settings.market.symbols, *seen]))


def resume_scope(config_path: Path | None, scope: str, reason: str, dry_run: bool, yes: bool) -> int:
    """``mesh resume``: an undo that names every live entry of exactly this scope; what still holds it is listed."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        check_stop_scope(config, scope)
        if not reason.strip():
            raise BadConfig("--reason: say why trading may go on")
        live = tables.stops_of(client.view).live()
        ending = [(key, entry) for key, entry in live if entry.scope == scope]
        for key, entry in live:
            word = "ends" if entry.scope == scope else "stays"
            print(f"{word}: {entry.level} {entry.scope} by {entry.issuer} ({entry.reason or 'no reason'}) {key.hex()[:12]}")
        if not ending:
            print(f"no live stop has exactly the scope {scope}")
            return 1
        if dry_run:
            return 0
        if not confirm(f"Resume {scope}?", yes):
            print("not done")
            return 1
        undo = Undo(operator_name(), secrets.randbits(62), time.time_ns(), [key for key, _ in ending], reason)
        accounts = [scope.partition(":")[2]] if scope.startswith("account:") else list(config.account)
        return spread(config, client, undo, accounts, encode(undo))
    finally:
        client.close()


def send_signal(
    config_path: Path | None, symbol: str, word: str, accounts: str, volume: str | None, dry_run: bool, yes: bool
) -> int:
    """``mesh signal``: a signal by hand, answered by the master, then the lines it became."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        sides = {"buy": 1, "sell": -1, "close": 0}
        if word not in sides:
            raise BadConfig(f"{word}: buy, sell or close is allowed")
        targets = expand_accounts(config, accounts)
        volume_e8 = lots("--volume", volume)
        size = f"{tables.lots(volume_e8)} lots" if volume_e8 else "sized by the strategy"
        print(f"{word} {symbol} on {', '.join(targets)}, {size}, through risk")
        if dry_run:
            return 0
        if not confirm("Send this signal?", yes):
            print("not done")
            return 1
        return _deliver(config, client, _manual(config, client, symbol, sides[word], targets, volume_e8))
    finally:
        client.close()


def expand_accounts(config: Config, words: str) -> list[str]:
    """Accounts named by account, group or ``all``."""
    found: list[str] = []
    for word in (part.strip() for part in words.split(",")):
        members = list(config.account) if word == "all" else config.settings.group.get(word, [word])
        for member in members:
            if member not in config.account:
                raise BadConfig(f"--accounts {word}: no such account or group; there are: {', '.join(config.account)}")
            if member not in found:
                found.append(member)
    return found


def _manual(config: Config, client: Client, symbol: str, side: int, targets: list[str], volume_e8: int) -> Signal:
    market = client.view.nodes.get(config.nodes_of("market")[0])
    market_ns = market[1].market_ns if market else 0
    sid = f"operator/{operator_name()}/{secrets.token_hex(6)}"[:160]
    stamp_ns = client.now_ns()
    return Signal(
        sid, "operator", MANUAL, symbol, "M1", market_ns, 0, market_ns, stamp_ns, side=side, accounts=targets, volume_e8=volume_e8
    )


def _deliver(config: Config, client: Client, signal: Signal) -> int:
    """Hand the signal over until it is answered; then wait for its lines."""
    client.send_source(SourceHello("operator", secrets.randbits(62), PROTOCOL_VERSION, config.fingerprint))
    client.send_source(signal)
    answer: list[SignalAnswer] = []

    def take(message: Msg) -> bool:
        if isinstance(message, SignalAnswer) and message.sid == signal.sid:
            answer.append(message)
        return bool(answer)

    if not client.wait_for(take, ANSWER_S):
        print(f"no answer within {ANSWER_S:.0f} s; ask later with: mesh why {signal.sid}", file=sys.stderr)
        return NOT_ALL
    print(f"{answer[0].code} {answer[0].text}".rstrip() + f"  sid {signal.sid}")
    if answer[0].code != ACCEPTED:
        return 1
    from nodes.io.cli.ask import ask_why, story_tree

    end_s = time.monotonic() + ANSWER_S
    story = ask_why(client, config.nodes_of("master")[0], signal.sid)
    while time.monotonic() < end_s and any(line["code"] in ("PUBLISHED", "WORKING") for line in story.get("lines", [])):
        client.pump(100)
        story = ask_why(client, config.nodes_of("master")[0], signal.sid)
    if story:
        console().print(story_tree(story))
    return 0

