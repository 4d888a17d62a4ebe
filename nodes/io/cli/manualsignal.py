"""``mesh signal``: a signal by hand through signals, master and risk, then what became of it on each account it was meant for."""

import secrets
import time
from pathlib import Path

from mesh import texts
from mesh.errors import BadUsage, NoMesh
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.outcomes import FINAL_CODES
from mesh.messages.signals import ACCEPTED, MANUAL, OPERATOR, Signal, SignalAnswer, SourceHello
from nodes import codes
from nodes.handvolume import objection_to_volume
from nodes.io.cli import tables
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, is_confirmed, operator_name, spec_of
from nodes.io.cli.actwords import check_line, expand_accounts, lots
from nodes.io.cli.ask import Story, ask_why
from nodes.io.cli.client import Client, attached
from nodes.io.cli.commands import marked
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import say
from nodes.io.locate import find

ANSWER_S = 5.0
SIDES = {"buy": 1, "sell": -1, "close": 0}
COLUMNS = (
    Column("account", "account"),
    Column("strategy", "strategy", rank=2),
    Column("leg", "leg", rank=1),
    Column("symbol", "symbol"),
    Column("volume", "lots", is_number=True),
    Column("price", "price", is_number=True),
    Column("code", "code"),
    Column("detail", "detail", least_columns=20),
)


def send_signal(
    config_path: Path | None, symbol: str, word: str, accounts: str, volume: str | None, dry_run: bool, yes: bool
) -> int:
    """``mesh signal``: 0 where every account it was meant for did it, 3 else. Raises BadUsage, NoMesh."""
    config, _ = find(config_path)
    check_line("symbol", symbol)
    targets, volume_e8 = expand_accounts(config, accounts), lots("--volume", volume)
    if word not in SIDES:
        raise BadUsage(f"{word}: {', '.join(SIDES)} are allowed")
    if volume_e8 and not SIDES[word]:
        raise BadUsage(f"--volume {volume}: a close signal closes all of it; for a part: mesh close SCOPE --volume")
    with attached(config_path) as client:
        check_volume(client, symbol, targets, volume_e8)
        size = f"{texts.lots(volume_e8)} lots" if volume_e8 else "sized by the strategy" if SIDES[word] else "all that is open"
        say(f"{word} {symbol} on {', '.join(targets)}, {size}, through risk")
        if dry_run:
            return 0
        if not is_confirmed("Send this signal?", yes):
            return NOT_DONE
        signal = hand_signal(client, symbol, SIDES[word], targets, volume_e8)
        answer = deliver(client, signal)
        lines = ended_lines(client, signal.sid) if answer.code == ACCEPTED else []
        return report(signal, answer, lines)


def check_volume(client: Client, symbol: str, targets: list[str], volume_e8: int) -> None:
    """A volume by hand is one that every target's broker takes. Raises BadUsage naming those that would not."""
    objections: dict[str, list[str]] = {}
    for account in targets if volume_e8 else ():
        spec = spec_of(client, account, client.config.broker_symbol(account, symbol))
        objection = objection_to_volume(spec, volume_e8, spec.volume_max_e8) if spec is not None else ""
        if objection:
            objections.setdefault(objection, []).append(account)
    if objections:
        raise BadUsage("; ".join(f"--{objection} on {', '.join(accounts)}" for objection, accounts in objections.items()))


def hand_signal(client: Client, symbol: str, side: int, targets: list[str], volume_e8: int) -> Signal:
    """A signal of this operator, at the market's moment; ``volume_e8`` 0: sized by the strategy."""
    market = client.view.nodes.get(client.config.nodes_of("market")[0])
    market_ns = market[1].market_ns if market else 0
    sid = f"{OPERATOR}/{operator_name()}/{secrets.token_hex(6)}"[:160]
    stamp_ns = client.now_ns()
    return Signal(sid, OPERATOR, MANUAL, symbol, "M1", market_ns, 0, market_ns, stamp_ns, side=side, accounts=targets, volume_e8=volume_e8)


def deliver(client: Client, signal: Signal) -> SignalAnswer:
    """Hand the signal over until it is answered. Raises NoMesh where nobody answers."""
    client.send_source(SourceHello(OPERATOR, secrets.randbits(62), PROTOCOL_VERSION, client.config.fingerprint))
    client.send_source(signal)
    answers: list[SignalAnswer] = []

    def take(message: Msg) -> bool:
        if isinstance(message, SignalAnswer) and message.sid == signal.sid:
            answers.append(message)
        return bool(answers)

    if not client.wait_for(take, ANSWER_S):
        raise NoMesh(f"no answer to the signal within {ANSWER_S:.0f} s; what became of it: mesh why {signal.sid}")
    return answers[0]


def ended_lines(client: Client, sid: str) -> list[Story]:
    """The lines of the signal, once all have ended or the limit is over."""
    master = client.config.nodes_of("master")[0]
    end_s = time.monotonic() + ANSWER_S
    while True:
        lines: list[Story] = (ask_why(client, master, sid) or {}).get("lines", [])
        if (lines and all(line["code"] in FINAL_CODES for line in lines)) or time.monotonic() >= end_s:
            return lines
        client.pump(100)


def report(signal: Signal, answer: SignalAnswer, lines: list[Story]) -> int:
    """A row for each line and for each account without one: who did it, who did not and why."""
    say(f"{answer.code} {answer.text}".rstrip() + f"  sid {signal.sid}")
    missing = [account for account in signal.accounts if account not in {line["account"] for line in lines}]
    why = "no line of it is known yet" if answer.code == ACCEPTED else answer.text
    rows: list[tables.Row] = [{"account": account, "code": answer.code, "symbol": signal.symbol, "detail": why} for account in missing]
    rows += [line if line["code"] in FINAL_CODES else line | {"detail": f"not ended yet {line['detail']}".rstrip()} for line in lines]
    is_done = not missing and all(row["code"] in codes.DONE for row in rows)
    shown = [row | {"code": marked(row["code"], row["code"] in codes.DONE)} for row in rows]
    out = console()
    out.print(grid(COLUMNS, shown, out.width, folds=True))
    say(f"the whole story: mesh why {signal.sid}")
    return 0 if is_done else NOT_ALL
