"""``mesh reconcile``: a local reads everything at once, looks again for what is lost, and holds its records against the venue."""

import secrets
from pathlib import Path

from mesh import texts
from mesh.answercodes import AGREES, FOREIGN, NO_ANSWER
from mesh.messages.control import RECONCILE_VERB, Command, CommandAnswer
from mesh.messages.outcomes import FINAL_CODES
from mesh.units import MS_NS
from mesh.view import LATE_NS
from nodes.codes import WORKING
from nodes.io.cli import tables
from nodes.io.cli.acting import NOT_ALL, operator_word
from nodes.io.cli.actwords import check_account
from nodes.io.cli.client import Client, attached
from nodes.io.cli.commands import ANSWER_S as SILENT_S
from nodes.io.cli.commands import answer_line, answer_row, print_answers, run_command
from nodes.io.cli.lostasking import AccountList, ask_lost
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.unknowns import account_row, order_lines, print_lists
from nodes.io.locate import find

ANSWER_S = 60.0
"""A long history is read page by page."""
AGREEING = (AGREES, FOREIGN, *FINAL_CODES, WORKING)
"""Codes of what does not disagree."""


def reconcile_account(config_path: Path | None, account: str, as_json: bool) -> int:
    """``mesh reconcile``: 0 where all agrees, 3 where something does not or nobody answered. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    check_account(config, account)
    with attached(config_path) as client:
        client.greet(operator_word())
        answers, lost = ask_reconcile(client, account)
        if as_json:
            say_json(document(account, answers) | {"as_it_was": as_it_was(client, account, lost[0]) if lost else None})
        else:
            print_answers(client, {account: answers}, AGREEING)
            if lost:
                say(as_it_was_line(client, account))
                print_lists(lost)
    return 0 if answers[-1].code == AGREES else NOT_ALL


def ask_reconcile(client: Client, account: str) -> tuple[list[CommandAnswer], list[AccountList]]:
    """What the local found, the sum last; where it does not answer, the account's list besides. The client has greeted."""
    command = Command(secrets.token_bytes(16), operator_word(), RECONCILE_VERB, f"account:{account}", 0, False, 0, 0, False)
    answers = run_command(client, command, _limit_s(client, account))[account]
    return answers, ask_lost(client, [account]) if answers[-1].code == NO_ANSWER else []


def reconcile_lines(client: Client, account: str) -> list[str]:
    """The same in words, a line each."""
    answers, lost = ask_reconcile(client, account)
    lines = [answer_line(client, item, AGREEING) for item in answers]
    if lost:
        lines.append(as_it_was_line(client, account))
    for item in lost:
        lines += [f"{order.code}{line}" for order in item.orders for line in order_lines(item.account, order, item.market_ns)[:1]]
        lines += [f"NOT CONFIRMED  {item.account}  {item.why}"] if item.why else []
    return lines


def _limit_s(client: Client, account: str) -> float:
    """How long an answer is waited for: of a local that is not there not as long as of one that reads."""
    seen = client.view.nodes.get(client.config.local_of(account))
    return ANSWER_S if seen is not None and client.now_ns() - seen[0] <= LATE_NS else SILENT_S


def document(account: str, answers: list[CommandAnswer]) -> tables.Row:
    """All that was found, as plain values: 64-bit integers and decimals as text."""
    *findings, last = answers
    rows = [answer_row(item) for item in findings]
    return {"format": 1, "account": account, "code": last.code, "agrees": last.code == AGREES, "summary": last.detail, "findings": rows}


def as_it_was(client: Client, account: str, lost: AccountList) -> tables.Row:
    """Of a local that does not answer, as plain values: what was told of its account last (nulls: nothing ever), and the list."""
    at_ns, state = client.view.accounts.get(account, (0, None))
    told: tables.Row = dict.fromkeys(("age_ms", "market_time", "market_ns", "positions", "orders", "unknown"))
    if state is not None:
        told |= {
            "age_ms": (client.now_ns() - at_ns) // MS_NS,
            "market_time": texts.iso_from_ns(state.market_ns),
            "market_ns": str(state.market_ns),
            "positions": len(state.positions),
            "orders": len(state.orders),
            "unknown": state.unknown_count,
        }
    return told | {"list": account_row(lost)}


def as_it_was_line(client: Client, account: str) -> str:
    """The same for people, without the list."""
    seen = client.view.accounts.get(account)
    if seen is None:
        return f"{account}: no state of it was ever told"
    at_ns, state = seen
    ago = texts.span_text(client.now_ns() - at_ns)
    return f"as it was {ago} ago: {len(state.positions)} positions, {len(state.orders)} orders, {state.unknown_count} unknown results"
