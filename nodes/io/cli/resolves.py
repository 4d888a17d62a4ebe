"""``mesh resolve``: an operator says what became of a lost attempt; the order, what it would be, the question, then the local's answer."""

import secrets
from pathlib import Path

import msgspec

from mesh import texts
from mesh.answercodes import PREVIEW
from mesh.config import Config
from mesh.errors import BadUsage
from mesh.messages.control import RESOLVE_VERB, Command, CommandAnswer, LostOrder
from nodes import codes
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, check_unasked, is_typed, operator_word
from nodes.io.cli.actwords import check_reason
from nodes.io.cli.client import Client, attached
from nodes.io.cli.commands import answer_row, dry, print_answers, run_command
from nodes.io.cli.lostasking import AccountList, ask_lost
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.unknowns import order_lines, order_row
from nodes.io.locate import find

EXECUTED, NOT_EXECUTED = ("executed", "not-executed")
DONE = (codes.FILLED, codes.PARTIAL, codes.CLOSED, codes.FILLED_LATE, codes.NOT_FOUND, codes.WORKING, PREVIEW)
"""Codes of a resolve that was taken. WORKING: a close that goes on."""
ANSWER_S = 15.0
"""A ticket is looked up in all deals since the decision."""


def resolve_order(
    config_path: Path | None, order: str, said: str, ticket: str | None, reason: str, dry_run: bool, yes: bool, as_json: bool = False
) -> int:
    """``mesh resolve``: 0 where the local took it, 3 where it refused or did not answer. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    oid, account = check_order(config, order)
    command = resolve_command(account, oid, check_said(said, ticket), reason)
    if as_json:
        check_unasked(dry_run, yes)
    with attached(config_path) as client:
        client.greet(operator_word())
        (told,) = ask_lost(client, [account])
        lost = next((item for item in told.orders if item.oid == oid), None)
        command = about_shown(command, lost)
        if as_json:
            return _as_document(client, command, told, lost, dry_run)
        return _step_by_step(client, command, told, lost, dry_run, yes)


def _step_by_step(client: Client, command: Command, told: AccountList, lost: LostOrder | None, dry_run: bool, yes: bool) -> int:
    """For people: the order, what it would be, the question, what it is."""
    _print_order(command, told, lost)
    preview = would_be(client, command)
    say("would do:" if preview.code == PREVIEW else "is not done:" if preview.code not in DONE else "was done before:")
    code = print_answers(client, {told.account: [preview]}, DONE)
    if preview.code != PREVIEW or dry_run:
        return code
    word = str(command.ticket) if command.ticket else NOT_EXECUTED
    if not is_typed(word, f"Type {word} to resolve {command.oid.hex()}@{told.account}", yes):
        return NOT_DONE
    return print_answers(client, {told.account: [answer_of(client, command)]}, DONE)


def _as_document(client: Client, command: Command, told: AccountList, lost: LostOrder | None, dry_run: bool) -> int:
    """For programs, who have said yes: all of it at the end, in one document."""
    preview = would_be(client, command)
    answer = answer_of(client, command) if preview.code == PREVIEW and not dry_run else None
    last = answer or preview
    say_json({
        "format": 1,
        "order": f"{command.oid.hex()}@{told.account}",
        "said": EXECUTED if command.ticket else NOT_EXECUTED,
        "ticket": str(command.ticket),
        "reason": command.reason,
        "dry_run": dry_run,
        "done": last.code in DONE and last.code != PREVIEW,
        "said_by": told.said_by,
        "why": told.why,
        "market_time": texts.iso_from_ns(told.market_ns),
        "market_ns": str(told.market_ns),
        "was": order_row(told.account, lost) if lost is not None else None,
        "preview": answer_row(preview),
        "answer": answer_row(answer) if answer is not None else None,
    })  # fmt: skip
    return 0 if last.code in DONE else NOT_ALL


def _print_order(command: Command, told: AccountList, lost: LostOrder | None) -> None:
    """The order as its local has it, or that it is not on the list."""
    if lost is None:
        say(f"{command.oid.hex()} is not on the list of {told.account} {f'({told.why})' if told.why else ''}".rstrip())
        return
    for line in (lost.code, *order_lines(told.account, lost, told.market_ns)):
        say(line)


def resolve_command(account: str, oid: bytes, ticket: int, reason: str) -> Command:
    """An operator's word about an order. ``ticket`` 0: it was not executed. Raises BadUsage for a reason that is none."""
    return Command(
        secrets.token_bytes(16), operator_word(), RESOLVE_VERB, f"account:{account}", 0, False, 0, 0, False, check_proof(reason), oid, 0,
        ticket,
    )  # fmt: skip


def about_shown(command: Command, lost: LostOrder | None) -> Command:
    """The same word, about the attempt that is shown: another one may be lost by the time it comes."""
    return msgspec.structs.replace(command, attempt=lost.attempt if lost is not None and lost.code == codes.UNKNOWN else 0)


def would_be(client: Client, command: Command) -> CommandAnswer:
    """What it would be."""
    return answer_of(client, dry(command))


def answer_of(client: Client, command: Command) -> CommandAnswer:
    """Send it, and the account's one answer."""
    return next(iter(run_command(client, command, ANSWER_S).values()))[-1]


# words


def check_order(config: Config, word: str) -> tuple[bytes, str]:
    """OID@ACCOUNT. Raises BadUsage saying what is expected."""
    text, _, account = word.partition("@")
    try:
        oid = bytes.fromhex(text)
    except ValueError:
        oid = b""
    if len(oid) != 16 or account not in config.account:
        accounts = ", ".join(config.account)
        raise BadUsage(f"{word}: OID@ACCOUNT is expected, as `mesh unknown` shows it: 32 hex digits, and one of the accounts {accounts}")
    return oid, account


def check_said(said: str, ticket: str | None) -> int:
    """``executed TICKET`` or ``not-executed``: the ticket, 0 for the latter. Raises BadUsage."""
    if said == NOT_EXECUTED and ticket is None:
        return 0
    if said == EXECUTED and ticket is not None and ticket.isascii() and ticket.isdecimal() and 0 < int(ticket) < 2**63:
        return int(ticket)
    words = f"{said} {ticket or ''}".strip()
    raise BadUsage(f"{words}: `{EXECUTED} TICKET` (of a position, an order or a deal) or `{NOT_EXECUTED}` is expected")


def check_proof(reason: str) -> str:
    """A reason that is there; kept in the audit. Raises BadUsage."""
    if not reason.strip():
        raise BadUsage("--reason: say how you know; it is kept with the order and in the audit")
    return check_reason(reason)
