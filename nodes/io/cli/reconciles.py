"""``mesh reconcile``: a local reads everything at once, looks again for what is lost, and holds its records against the venue."""

import json
import secrets
from pathlib import Path

from mesh.messages.control import RECONCILE_VERB, Command, CommandAnswer
from mesh.messages.outcomes import FINAL_CODES
from mesh.view import LATE_NS
from nodes.answercodes import AGREES, FOREIGN, NO_ANSWER
from nodes.codes import WORKING
from nodes.io.cli import tables
from nodes.io.cli.acting import NOT_ALL, operator_name
from nodes.io.cli.actwords import check_account
from nodes.io.cli.client import Client, attached
from nodes.io.cli.commands import ANSWER_S as SILENT_S
from nodes.io.cli.commands import print_answers, run_command
from nodes.io.cli.lostasking import ask_lost
from nodes.io.cli.unknowns import print_lists
from nodes.io.locate import find

ANSWER_S = 60.0
"""A long history is read page by page."""


def reconcile_account(config_path: Path | None, account: str, as_json: bool) -> int:
    """``mesh reconcile``: 0 where all agrees, 3 where something does not or nobody answered. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    check_account(config, account)
    command = Command(secrets.token_bytes(16), operator_name(), RECONCILE_VERB, f"account:{account}", 0, False, 0, 0, False)
    with attached(config_path) as client:
        client.greet(operator_name())
        answers = run_command(client, command, _limit_s(client, account))[account]
        last = answers[-1]
        if as_json:
            print(json.dumps(document(account, answers), indent=1))
        else:
            print_answers(client, {account: answers}, (AGREES, FOREIGN, *FINAL_CODES, WORKING))
            if last.code == NO_ANSWER:
                _print_as_it_was(client, account)
    return 0 if last.code == AGREES else NOT_ALL


def _limit_s(client: Client, account: str) -> float:
    """How long an answer is waited for: of a local that is not there not as long as of one that reads."""
    seen = client.view.nodes.get(client.config.local_of(account))
    return ANSWER_S if seen is not None and client.now_ns() - seen[0] <= LATE_NS else SILENT_S


def document(account: str, answers: list[CommandAnswer]) -> tables.Row:
    """All that was found, as plain values: 64-bit integers and decimals as text."""
    *findings, last = answers
    rows = [
        {
            "code": item.code,
            "detail": item.detail,
            "ticket": str(item.ticket),
            "symbol": item.symbol,
            "lots": tables.lots(item.volume_e8),
            "price": tables.price(item.price_e8),
        }
        for item in findings
    ]
    return {"format": 1, "account": account, "code": last.code, "agrees": last.code == AGREES, "summary": last.detail, "findings": rows}


def _print_as_it_was(client: Client, account: str) -> None:
    """Of a local that does not answer: what was told of its account last, and what the master believes of its lines."""
    seen = client.view.accounts.get(account)
    if seen is None:
        print(f"{account}: no state of it was ever told")
    else:
        at_ns, state = seen
        ago = tables.span_text(client.now_ns() - at_ns)
        print(f"as it was {ago} ago: {len(state.positions)} positions, {len(state.orders)} orders, {state.unknown_count} unknown results")
    print_lists(ask_lost(client, f"account:{account}"))
