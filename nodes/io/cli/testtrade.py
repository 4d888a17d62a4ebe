"""``mesh test-trade``: the smallest order there is on one account, opened through everything and closed again, on the books like any other.

It proves what nothing else does: that this account's terminal takes our orders. It opens by a signal by hand, through signals, master and
risk, and closes by a command, through the routers alone: both ways an order can take.
"""

import time
from pathlib import Path

from mesh import texts
from mesh.accountmode import LIVE, OPENING
from mesh.config import Config
from mesh.errors import BadUsage
from mesh.messages.accounts import SymbolSpec
from mesh.messages.outcomes import FINAL_CODES
from mesh.messages.signals import ACCEPTED
from nodes import codes
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, is_confirmed, is_typed, operator_word, spec_of
from nodes.io.cli.ask import Story
from nodes.io.cli.client import Client, attached
from nodes.io.cli.commands import close_command, print_answers, run_command
from nodes.io.cli.manualsignal import deliver, ended_lines, hand_signal, report
from nodes.io.cli.plaintext import say
from nodes.io.locate import find

SHOWN_S = 5.0
"""A position that was opened is read by its local within so long."""


def make_test_trade(config_path: Path | None, account: str, symbol: str | None, dry_run: bool, yes: bool) -> int:
    """0 where it was opened and closed, 3 where it was not, with what to do. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    check_account(config, account)
    with attached(config_path) as client:
        ours, spec = _terms(client, account, symbol)
        volume_e8 = spec.volume_min_e8
        size = f"{texts.lots(volume_e8)} lots of {ours} on {account}"
        say(f"buys {size}, the least its broker takes, through risk, and closes them at once; it costs the spread and commission")
        if dry_run:
            return 0
        if not _is_wanted(config, account, size, yes):
            return NOT_DONE
        signal = hand_signal(client, ours, 1, [account], volume_e8)
        answer = deliver(client, signal)
        lines = ended_lines(client, signal.sid) if answer.code == ACCEPTED else []
        report(signal, answer, lines)
        opened = next((line for line in lines if line["code"] in codes.OPENED), None)
        if opened is None:
            is_over = bool(lines) and all(line["code"] in FINAL_CODES for line in lines)
            say("not done: nothing was opened" if is_over else f"not known yet: look at mesh why {signal.sid}, and at mesh unknown")
            return NOT_ALL
        return _close(client, account, opened)


def check_account(config: Config, account: str) -> None:
    """An account that may open something. Raises BadUsage."""
    section = config.account.get(account)
    if section is None:
        raise BadUsage(f"{account}: no account of this configuration; there are {', '.join(config.account)}")
    if section.mode not in OPENING:
        raise BadUsage(f'account.{account}.mode = "{section.mode}": it opens nothing; "demo" and "live" do')


def _terms(client: Client, account: str, symbol: str | None) -> tuple[str, SymbolSpec]:
    """The symbol that was named, or the first whose terms this account's broker has told. Raises BadUsage."""
    config = client.config
    names = [symbol] if symbol else list(config.settings.market.symbols)
    for name in names:
        spec = spec_of(client, account, config.broker_symbol(account, name))
        if spec is not None:
            return name, spec
    what = f"{symbol or 'any symbol'}: its terms at {account} are not known"
    raise BadUsage(f"{what}; is {config.local_of(account)} READY (mesh status), and does its broker have it?")


def _is_wanted(config: Config, account: str, size: str, yes: bool) -> bool:
    if config.account[account].mode == LIVE:
        return is_typed(account, f"REAL MONEY: type the account's name to trade {size}", yes)
    return is_confirmed(f"Trade {size}?", yes)


def _close(client: Client, account: str, opened: Story) -> int:
    """Close what was opened, and no more than that; say loudly where it stays open."""
    ticket, lots = opened["position_ticket"], opened["volume"]
    if not _is_shown(client, account, int(ticket)):
        say(f"{account}:{ticket} is not shown by its local yet")
    client.greet(operator_word())
    answers = run_command(client, close_command(client.config, f"{account}:{ticket}", lots, False, "test trade"))
    code = print_answers(client, answers)
    if code or not any(item.code in codes.DONE for item in answers[account]):
        say(f"STILL OPEN: {lots} lots, position {ticket} of {account}. Close it: mesh close {account}:{ticket}")
        return NOT_ALL
    say("opened and closed")
    return 0


def _is_shown(client: Client, account: str, ticket: int) -> bool:
    """Wait until the account's state has the position."""
    end_s = time.monotonic() + SHOWN_S
    while time.monotonic() < end_s:
        seen = client.view.accounts.get(account)
        if seen is not None and any(position.ticket == ticket for position in seen[1].positions):
            return True
        client.pump(50)
    return False
