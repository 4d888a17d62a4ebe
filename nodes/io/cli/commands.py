"""``mesh close`` and ``mesh modify``: preview, question, act, then who did it, who did not and why.

They go operator → routers → locals over the control sockets, never through the master; every router gets the command, a local
takes it once (its id is remembered).
"""

import secrets
from pathlib import Path

import msgspec
from rich.text import Text

from mesh import texts
from mesh.answercodes import NO_ANSWER, NOTHING, PREVIEW
from mesh.config import Config
from mesh.errors import BadUsage
from mesh.messages.base import Msg
from mesh.messages.control import CLOSE_VERB, MODIFY_VERB, Command, CommandAnswer
from nodes import codes
from nodes.io.cli import tables
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, is_confirmed, operator_word, spec_of, why_silent
from nodes.io.cli.actwords import accounts_in, amount, check_act_scope, check_reason, check_ticket, lots
from nodes.io.cli.client import Client, attached
from nodes.io.cli.grid import Column, cell, console, grid
from nodes.io.cli.plaintext import say
from nodes.io.locate import find

ANSWER_S = 5.0
LEAVE = -1
"""A level that stays as it is."""
DONE_CODES = (*codes.DONE, PREVIEW, NOTHING)
COLUMNS = (
    Column("account", "account"),
    Column("ticket", "ticket", is_number=True),
    Column("symbol", "symbol"),
    Column("lots", "lots", is_number=True),
    Column("price", "price", is_number=True),
    Column("code", "code"),
    Column("detail", "detail", least_columns=20),
)
Answers = dict[str, list[CommandAnswer]]


def close_positions(
    config_path: Path | None, scope: str, volume: str | None, foreign: bool, dry_run: bool, yes: bool, reason: str
) -> int:
    """``mesh close``. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    command = close_command(config, scope, volume, foreign, reason)
    return act(config_path, command, dry_run, yes, f"Close these positions ({scope})?")


def modify_position(config_path: Path | None, ticket: str, sl: str | None, tp: str | None, dry_run: bool, yes: bool) -> int:
    """``mesh modify``. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    command = modify_command(config, ticket, sl, tp)
    return act(config_path, command, dry_run, yes, f"Change {ticket}?")


def close_command(config: Config, scope: str, volume: str | None, foreign: bool, reason: str) -> Command:
    """To close positions; ``volume``: lots of each, None: all of it. Raises BadUsage."""
    volume_e8 = lots("--volume", volume)
    return Command(
        secrets.token_bytes(16), operator_word(), CLOSE_VERB, check_act_scope(config, scope), volume_e8, foreign, 0, 0, False,
        check_reason(reason),
    )  # fmt: skip


def modify_command(config: Config, ticket: str, sl: str | None, tp: str | None) -> Command:
    """To change the levels of ACCOUNT:TICKET; None leaves one. Raises BadUsage."""
    check_ticket(config, ticket)
    if sl is None and tp is None:
        raise BadUsage("nothing to change: give --sl, --tp or both (0 removes a level)")
    sl_e8, tp_e8 = amount("--sl", sl, LEAVE), amount("--tp", tp, LEAVE)
    return Command(secrets.token_bytes(16), operator_word(), MODIFY_VERB, ticket, 0, True, sl_e8, tp_e8, False)


def dry(command: Command) -> Command:
    """The same as a question: what it would touch."""
    return msgspec.structs.replace(command, dry_run=True, id=secrets.token_bytes(16))


def act(config_path: Path | None, command: Command, dry_run: bool, yes: bool, question: str) -> int:
    """Preview, ask, act, report. Raises NoMesh, BadUsage."""
    with attached(config_path) as client:
        client.greet(operator_word())
        preview = run_command(client, dry(command))
        say("would touch:")
        code = print_answers(client, preview)
        if dry_run:
            return code
        if not any(item.code == PREVIEW for items in preview.values() for item in items):
            say("nothing to do")
            return code
        if not is_confirmed(question, yes):
            return NOT_DONE
        return print_answers(client, run_command(client, command))


def run_command(client: Client, command: Command, limit_s: float = ANSWER_S) -> Answers:
    """Send to every router, collect each account's answers until its last one or the limit."""
    answers: Answers = {account: [] for account in accounts_in(client.config, command.scope)}
    open_accounts = dict.fromkeys(answers)

    def take(message: Msg) -> bool:
        if isinstance(message, CommandAnswer) and message.id == command.id and message.account in open_accounts:
            answers[message.account].append(message)
            if message.last:
                del open_accounts[message.account]
        return not open_accounts

    for router in client.config.nodes_of("router"):
        client.send(router, command)
    client.wait_for(take, limit_s)
    for account in open_accounts:
        answers[account].append(CommandAnswer(command.id, account, NO_ANSWER, why_silent(client, account), 0, "", 0, 0, True))
    return answers


def print_answers(client: Client, answers: Answers, done: tuple[str, ...] = DONE_CODES) -> int:
    """A line for each answer, marked by whether its code says that it is ``done``; 3 where an account did not do it."""
    items = [item for account_items in answers.values() for item in account_items]
    out = console()
    out.print(grid(COLUMNS, [_row(client, item, done) for item in items], out.width, folds=True))
    return 0 if all(item.code in done for item in items) else NOT_ALL


def answer_line(client: Client, item: CommandAnswer, done: tuple[str, ...] = DONE_CODES) -> str:
    """An answer in words, marked by whether its code says that it is ``done``."""
    row = _row(client, item, done)
    volume = f"{row['lots']} lots" if row["lots"] else ""
    words = (row["code"], row["ticket"], row["symbol"], volume, row["price"], row["detail"])
    return "  ".join(str(word) for word in words if word)


def answer_row(item: CommandAnswer) -> tables.Row:
    """An answer as plain values: 64-bit integers and decimals as text."""
    return {
        "code": item.code,
        "detail": item.detail,
        "ticket": str(item.ticket),
        "symbol": item.symbol,
        "lots": texts.lots(item.volume_e8),
        "price": texts.price(item.price_e8),
    }


def _row(client: Client, item: CommandAnswer, done: tuple[str, ...]) -> tables.Row:
    spec = spec_of(client, item.account, item.symbol)
    return {
        "account": item.account,
        "ticket": item.ticket or "",
        "symbol": item.symbol,
        "lots": texts.lots(item.volume_e8) if item.volume_e8 else "",
        "price": texts.price(item.price_e8, spec.digits) if spec is not None else texts.price(item.price_e8),
        "code": marked(item.code, item.code in done),
        "detail": item.detail,
    }


def marked(code: str, is_done: bool) -> Text:
    """A code with its mark: never colour alone."""
    return cell(f"✓ {code}", "green") if is_done else cell(f"✗ {code}", "red")
