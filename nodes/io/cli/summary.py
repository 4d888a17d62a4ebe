"""What a run came to: read from the master's store after everything has stopped, so that it is what is durable.

The counts are made twice, from the totals the master kept and from the decisions themselves; ``adds_up`` says that both agree and
that lines decided = outcomes + states. Decisions older than ``store.keep_days`` are counted from the audit, which is never pruned.
"""

import json
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram
from rich.markup import escape

from mesh import texts
from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted
from mesh.config import Config
from mesh.errors import MeshError
from mesh.io.auditwalk import records
from mesh.io.store import Store, open_store
from mesh.messages.base import Msg
from mesh.messages.outcomes import Stamps
from mesh.terminalword import REAL, kind_of
from mesh.units import US_NS
from mesh.view import View
from nodes.decisions import (
    ARCHIVE,
    DECISION,
    END,
    PUBLISHED,
    SID,
    TOTALS,
    WORKING,
    ArchiveRecord,
    DecisionRecord,
    EndRecord,
    LineRecord,
    TotalsRecord,
    end_key,
)
from nodes.io.cli import tables
from nodes.io.cli.configchanges import with_live
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import escaped
from nodes.io.recording import About

STAGES = (
    ("signal to master", "signal_ns", "master_in_ns"),
    ("decide and commit", "master_in_ns", "master_out_ns"),
    ("master to router", "master_out_ns", "router_out_ns"),
    ("router to local", "router_out_ns", "local_in_ns"),
    ("guard and INTENT", "local_in_ns", "durable_ns"),
    ("hand over", "durable_ns", "called_ns"),
    ("mesh: signal to venue called", "signal_ns", "called_ns"),
    ("broker: called to answered", "called_ns", "answered_ns"),
)
REASONED_CODES = ("DENIED", "SKIPPED", "REJECTED", "KILLED")
"""Ends of lines that were not carried out, and say why."""
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
HOUR_US = 3_600_000_000
ACCOUNTS = (
    Column("account", "account"),
    Column("currency", "currency"),
    Column("balance", "balance", is_number=True),
    Column("equity", "equity", is_number=True),
    Column("pnl", "PnL", is_number=True),
    Column("positions", "positions", is_number=True),
    Column("lines", "lines", least_columns=20),
)
LATENCIES = (
    Column("stage", "stage (µs)"),
    Column("count", "count", is_number=True),
    *(Column(f"p{percentile:g}", f"p{percentile:g}", is_number=True) for percentile in PERCENTILES),
    Column("max", "max", is_number=True),
)


class Tally:
    """Counts over every line of a run."""

    def __init__(self, accounts: list[str]) -> None:
        self.decided_count = 0
        self.codes: dict[str, int] = {}
        self.states: dict[str, int] = {}
        self.details: dict[str, int] = {}
        """Code and first word of the detail of a line that was not carried out → how often."""
        self.accounts: dict[str, dict[str, int]] = {account: {} for account in accounts}
        self.stages = {name: HdrHistogram(1, HOUR_US, 3) for name, _, _ in STAGES}
        self.signal_count = 0
        """Signals answered as decided."""
        self.decision_count = 0
        self.pruned_count = 0
        """Lines of pruned decisions: they are told by the audit."""
        self.totals = TotalsRecord(0, {})
        """The master's own."""

    def line(self, record: LineRecord, end: EndRecord | None) -> None:
        """Count one line as it ended, or its state."""
        self.decided_count += 1
        code = end.code if end else WORKING if record.code == PUBLISHED else record.code
        table = self.states if code in ("WORKING", "UNKNOWN", "UNCONFIRMED") else self.codes
        table[code] = table.get(code, 0) + 1
        mine = self.accounts.setdefault(record.account, {})
        mine[code] = mine.get(code, 0) + 1
        if code in REASONED_CODES:
            word = f"{code} {(end.detail if end else record.detail).split(' ')[0]}"
            self.details[word] = self.details.get(word, 0) + 1
        if end is not None and end.outcome is not None:
            self._stamps(end.outcome.stamps)

    def archive(self, archived: ArchiveRecord) -> None:
        """Count a decision that is over."""
        self.decision_count += 1
        for record, end in zip(archived.decision.lines, archived.ends, strict=True):
            self.line(record, end)

    @property
    def adds_up(self) -> bool:
        """Whether each signal has its decision, and the lines are those the master kept count of, each in one code or one state."""
        ended = {code: count for code, count in self.totals.codes.items() if count}
        is_counted = self.totals.decided_count == self.decided_count == sum(self.codes.values()) + sum(self.states.values())
        return is_counted and ended == self.codes and self.decision_count == self.signal_count

    def _stamps(self, stamps: Stamps) -> None:
        for name, first, second in STAGES:
            begin_ns, end_ns = getattr(stamps, first), getattr(stamps, second)
            if begin_ns and end_ns >= begin_ns:
                self.stages[name].record_value(max(1, (end_ns - begin_ns) // US_NS))


def _records(store: Store, kind: str, record: type[Msg]) -> Iterator[tuple[bytes, Any]]:
    """All rows of a kind whose keys are hashes, a 256th at a time, so that memory stays small."""
    for first in range(256):
        for key, raw in store.fetch(kind, bytes([first]), 10_000_000):
            yield key, decode_record_untrusted(raw, record, RECORD_BYTES_MAX)


def _count_pruned(counted: Tally, path: Path, missing: Container[bytes]) -> None:
    """Decisions that were answered and are not among the rows: as the audit has them, each as it was written last."""
    last = {row.key: row.seq for row in records(path, kind=ARCHIVE) if row.key in missing}
    before = counted.decided_count
    for row in records(path, kind=ARCHIVE):
        if last.get(row.key) == row.seq:
            counted.archive(decode_record_untrusted(row.record, ArchiveRecord, RECORD_BYTES_MAX))
    counted.pruned_count = counted.decided_count - before


def tally(config: Config, state: Path) -> Tally:
    """Lines counted one by one, and by the master's own totals. Raises BadConfig, StoreFailed."""
    master = config.nodes_of("master")[0]
    counted = Tally(list(config.account))
    if not any((state / f"{master}.{suffix}").exists() for suffix in ("db", "genesis")):
        return counted  # it ended before the master began; one that got lost is told by open_store
    store = open_store(state / f"{master}.db", config.settings.mesh.id, master)
    try:
        ends = {key: decode_record_untrusted(raw, EndRecord) for key, raw in store.fetch(END, b"", 10_000_000)}
        missing = {key: True for first in range(256) for key, _ in store.fetch(SID, bytes([first]), 10_000_000)}
        counted.signal_count = len(missing)
        for key, archived in _records(store, ARCHIVE, ArchiveRecord):
            missing.pop(key, None)
            counted.archive(archived)
        for key, decision in _records(store, DECISION, DecisionRecord):
            missing.pop(key, None)
            counted.decision_count += 1
            for record in decision.lines:
                counted.line(record, ends.get(end_key(record)))
        for _, raw in store.fetch(TOTALS, b"", 1):
            counted.totals = decode_record_untrusted(raw, TotalsRecord)
        if missing and store.head.pruned_count:
            _count_pruned(counted, store.path, missing)
    finally:
        store.close()
    return counted


def summarise(
    config: Config, state: Path, view: View, reason: str, down: dict[str, str], about: About | None = None
) -> dict[str, Any]:
    """The summary document (format in PROTOCOL.md). ``down``: processes that stayed down, with their last words; ``about``: files."""
    problem = ""
    try:
        counted = tally(config, state)
    except MeshError as error:
        problem, counted = str(error), Tally(list(config.account))
    market = view.nodes.get(config.nodes_of("market")[0])
    facts = dict(market[1].facts) if market else {}
    counters = dict(market[1].counters) if market else {}
    followed = with_live(config, view)
    return {
        "format": 1,
        "mesh": config.settings.mesh.id,
        "config_hash": followed.current.fingerprint,
        "ended_by": reason,
        "simulated": all(kind_of(account.terminal) != REAL for account in config.account.values()),
        "speed": facts.get("speed", ""),
        "feeds": list(config.settings.market.feeds) or ["synthetic"],
        "comparable": facts.get("comparable", "no") != "no" and counters.get("given_up_wait_count", 0) == 0 and not followed.number,
        "market": {
            "ticks": int(facts.get("played", "0")),
            "blocks": counters.get("block_count", 0),
            "bars": _sum(config, view, "indicator", "bar_count"),
            "market_time": texts.iso_from_ns(market[1].market_ns) if market else "",
            "crossed": about.crossed_count if about else 0,
            "bad_rows": about.bad_row_count if about else 0,
            "notes": {key: value for key, value in facts.items() if key not in ("speed", "comparable", "played", "total")},
        },
        "signals": {
            "decided": counted.signal_count,
            "duplicates": _sum(config, view, "signals", "duplicate_signal_count"),
            "refused": _sum(config, view, "signals", "refused_signal_count"),
        },
        "lines": {
            "decided": counted.totals.decided_count,
            "by_code": dict(sorted(counted.codes.items())),
            "by_reason": dict(sorted(counted.details.items(), key=lambda item: -item[1])),
            "states": dict(sorted(counted.states.items())),
            "pruned": counted.pruned_count,
        },
        "adds_up": counted.adds_up and not problem,
        "problem": problem,
        "down": down,
        "accounts": {account: _account(view, account, counted.accounts[account]) for account in config.account},
        "latency_us": {name: _percentiles(histogram) for name, histogram in counted.stages.items()},
    }


def _sum(config: Config, view: View, role: str, counter: str) -> int:
    return sum(view.nodes[name][1].counters.get(counter, 0) for name in config.nodes_of(role) if name in view.nodes)


def _account(view: View, account: str, codes: dict[str, int]) -> dict[str, Any]:
    seen = view.accounts.get(account)
    if seen is None:
        return {"lines": codes}
    state = seen[1]
    return {
        "currency": state.currency,
        "balance": texts.money(state.balance_e8),
        "equity": texts.money(state.equity_e8),
        "pnl": texts.money(state.equity_e8 - state.deposit_e8),
        "positions": len(state.positions),
        "ladder": state.ladder,
        "lines": codes,
    }


def _percentiles(histogram: Any) -> dict[str, int]:
    if not histogram.get_total_count():
        return {"count": 0}
    values = {f"p{percentile:g}": histogram.get_value_at_percentile(percentile) for percentile in PERCENTILES}
    return {"count": histogram.get_total_count(), **values, "max": histogram.get_max_value()}


def write_summary(document: dict[str, Any], path: Path) -> None:
    """The document as JSON."""
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def print_summary(document: dict[str, Any], events: Path | None, summary: Path | None) -> None:
    """For people: what happened, whether it adds up, what to try next."""
    out = console()
    lines = document["lines"]
    kind = "SIMULATED" if document["simulated"] else "LIVE"
    out.print(f"\n[bold]Summary[/] of mesh {document['mesh']} ({kind} {_data(document['speed'])}), ended by {_data(document['ended_by'])}")
    for words in document["down"].values():
        out.print(f"[red]down[/]     {_data(words)}")
    if document["problem"]:
        out.print(f"[bold red]nothing could be counted:[/] {_data(document['problem'])}")
    market = document["market"]
    out.print(f"market   {market['ticks']:,} ticks, {market['bars']:,} bars, to {market['market_time']}")
    signals = document["signals"]
    out.print(f"signals  {signals['decided']:,} decided, {signals['duplicates']:,} duplicates answered, {signals['refused']:,} refused")
    codes = "  ".join(f"{_data(code)} {count:,}" for code, count in lines["by_code"].items()) or "none"
    states = "  ".join(f"{_data(state)} {count:,}" for state, count in lines["states"].items()) or "none"
    verdict = "adds up" if document["adds_up"] else "[bold red]DOES NOT ADD UP[/]"
    out.print(f"lines    {lines['decided']:,} decided = outcomes ({codes}) + states ({states}): {verdict}")
    if lines["pruned"]:
        out.print(f"         {lines['pruned']:>8,}  of them older than store.keep_days: of those the code alone is known")
    for reason, count in list(lines["by_reason"].items())[:8]:
        out.print(f"         {count:>8,}  {_data(reason)}")
    out.print(grid(ACCOUNTS, _account_rows(document["accounts"]), out.width, folds=True))
    out.print(grid(LATENCIES, _latency_rows(document["latency_us"]), out.width))
    if not document["comparable"]:
        why = "a wait was given up, the market did not start, or limits changed live"
        out.print(f"[yellow]not comparable with a run at another speed: {why}[/]")
    for path in (events, summary):
        if path is not None:
            out.print(f"written: {_data(str(path))}", soft_wrap=True)
    out.print(
        "next: mesh up --feed FILE --speed max    your own data\n"
        "      mesh cci FILE                      the indicator alone\n"
        "      mesh init DIR                      a configuration to start from"
    )


def _data(words: str) -> str:
    """Words that are not ours, for a line with markup: they are none, and paint nothing."""
    return escape(escaped(words))


def _account_rows(accounts: dict[str, dict[str, Any]]) -> list[tables.Row]:
    return [
        row | {"account": name, "lines": "  ".join(f"{code} {count:,}" for code, count in sorted(row["lines"].items()))}
        for name, row in accounts.items()
    ]


def _latency_rows(stages: dict[str, dict[str, int]]) -> list[tables.Row]:
    return [{"stage": name} | {key: f"{value:,}" for key, value in row.items()} for name, row in stages.items() if row["count"]]
