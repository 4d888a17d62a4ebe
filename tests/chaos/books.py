"""The books of a mesh that has ended: the master's lines, the locals' outcomes, the broker's deals, the record of order_send."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mesh.codec import decode_record_untrusted
from mesh.config import Config
from mesh.ids import magic_of
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import Outcome
from mesh.units import E8
from nodes.decisions import ARCHIVE, DECISION, END, ArchiveRecord, Decision, DecisionRecord, EndRecord, Line, end_key
from nodes.local.reports import ARCHIVE as OUTCOME_ARCHIVE
from nodes.local.reports import OUTCOME
from nodes.master.intake import ACT
from nodes.terminal import names
from nodes.terminal.records import DEAL, Deal

RECORD_BYTES_MAX = 8_000_000
MORE_ATTEMPTS = 4
"""Attempts looked for beyond those an outcome tells of."""
TRADES = (names.DEAL_TYPE_BUY, names.DEAL_TYPE_SELL)


class Sent(msgspec.Struct):
    """What the broker's record says of one magic: how often it was taken, when first (the host's monotonic clock), and what it was
    answered.
    """

    taken_count: int = 0
    answers: list[dict[str, object]] = []
    taken_ns: int = 0

    @property
    def deals(self) -> list[int]:
        """Tickets it was told to have dealt under, each once."""
        return list(dict.fromkeys(int(str(row["deal"])) for row in self.answers if row["deal"] != "0"))

    @property
    def is_refused(self) -> bool:
        """Whether every answer proves that nothing happened."""
        return bool(self.answers) and not self.deals and all(row["retcode"] != 0 and row["order"] == "0" for row in self.answers)


class Attempt(msgspec.Struct, frozen=True):
    """Whose a magic is."""

    oid: bytes
    account: str
    number: int


class Books(msgspec.Struct):
    """All of them, as read once."""

    lines: list[Line]
    acts: list[Outcome]
    """What the master keeps beside the lines."""
    outcomes: dict[str, dict[int, Outcome]]
    """Account → f → outcome, at its local."""
    deals: dict[str, list[Deal]]
    """Account → its trades in the broker's books."""
    sent: dict[tuple[str, int], Sent]
    """(account, magic) → what the record says."""
    accounts: dict[int, str]
    """Login → account."""
    attempts: dict[tuple[str, int], Attempt]
    """(account, magic) → whose it is."""

    @property
    def adopted(self) -> list[Outcome]:
        """What locals told of orders themselves, and the master had no line for or one that had ended; the other acts are a local's own
        and a hand's."""
        return [outcome for outcome in self.acts if outcome.cause == outcome.leg]

    def attempts_of(self, oid: bytes, account: str) -> list[tuple[int, int]]:
        """(number, magic) of the attempts of an order that may exist."""
        return [(number, magic_of(oid, account, number)) for number in range(1, self.reach[oid, account] + 1)]

    reach: dict[tuple[bytes, str], int] = {}
    """(oid, account) → number of its last attempt that may exist."""


def read_books(config: Config, state: Path, record: Path) -> Books:
    """Everything, after the mesh has ended."""
    accounts = {section.login: name for name, section in config.account.items()}
    lines, acts = _master(state / f"{config.nodes_of('master')[0]}.db")
    outcomes = {account: _outcomes(state / f"{config.local_of(account)}.db") for account in config.account}
    deals = _deals(state / f"{config.nodes_of('broker')[0]}.db", accounts)
    books = Books(lines, acts, outcomes, deals, _sent(record, accounts), accounts, {})
    for line in lines:
        _reach(books, line.record.oid, line.record.account, line.outcome.attempt if line.outcome else 0)
    for account, rows in outcomes.items():
        for outcome in rows.values():
            _reach(books, outcome.oid, account, outcome.attempt)
    for (oid, account), last in books.reach.items():
        for number in range(1, last + 1):
            books.attempts[account, magic_of(oid, account, number)] = Attempt(oid, account, number)
    return books


def _reach(books: Books, oid: bytes, account: str, attempt: int) -> None:
    if oid != NO_OID:
        books.reach[oid, account] = max(books.reach.get((oid, account), 0), attempt + MORE_ATTEMPTS)


def rows_of(path: Path, *kinds: str) -> Iterator[tuple[str, bytes, bytes]]:
    """(kind, key, record) of a store's rows of some kinds."""
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        marks = ",".join("?" * len(kinds))
        yield from store.execute(f"SELECT kind, key, record FROM row WHERE kind IN ({marks}) ORDER BY kind, key", kinds)
    finally:
        store.close()


def _master(path: Path) -> tuple[list[Line], list[Outcome]]:
    ends = {key: decode_record_untrusted(raw, EndRecord) for _, key, raw in rows_of(path, END)}
    lines: list[Line] = []
    for kind, _, raw in rows_of(path, ARCHIVE, DECISION):
        if kind == ARCHIVE:
            archived = decode_record_untrusted(raw, ArchiveRecord, RECORD_BYTES_MAX)
            decision, known = Decision(archived.decision), list(archived.ends)
        else:
            decision = Decision(decode_record_untrusted(raw, DecisionRecord, RECORD_BYTES_MAX))
            known = [ends.get(end_key(line.record)) or line.end_record() for line in decision.lines]
        for line, end in zip(decision.lines, known, strict=True):
            line.code, line.detail, line.f, line.outcome = end.code, end.detail, end.f, end.outcome
            lines.append(line)
    return lines, [decode_record_untrusted(raw, Outcome) for _, _, raw in rows_of(path, ACT)]


def _outcomes(path: Path) -> dict[int, Outcome]:
    found = [decode_record_untrusted(raw, Outcome) for _, _, raw in rows_of(path, OUTCOME, OUTCOME_ARCHIVE)]
    return {outcome.f: outcome for outcome in found}


def _deals(path: Path, accounts: dict[int, str]) -> dict[str, list[Deal]]:
    found: dict[str, list[Deal]] = {account: [] for account in accounts.values()}
    for _, key, raw in rows_of(path, DEAL):
        deal = decode_record_untrusted(raw, Deal)
        if deal.type in TRADES:
            found[accounts[int(key.partition(b"/")[0])]].append(deal)
    return found


def _sent(record: Path, accounts: dict[int, str]) -> dict[tuple[str, int], Sent]:
    found: dict[tuple[str, int], Sent] = {}
    with record.open(encoding="utf-8") as file:
        for text in file:
            row = json.loads(text)
            sent = found.setdefault((accounts[row["login"]], int(row["magic"])), Sent())
            if row["step"] == "taken":
                sent.taken_count += 1
                sent.taken_ns = sent.taken_ns or int(row["clock_ns"])
            else:
                sent.answers.append(row)
    return found


def lots(volume_e8: int) -> str:
    """Lots as people write them."""
    return f"{volume_e8 / E8:g}"
