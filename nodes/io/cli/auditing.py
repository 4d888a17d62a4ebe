"""``mesh audit verify`` and ``mesh audit show``: what the stores of this host and the heads that others keep prove, and what they say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from mesh.audit import GENESIS, HEAD, KEYS, AuditRow
from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted, decode_untrusted
from mesh.errors import BadConfig, BadFrame, BadUsage, StoreFailed
from mesh.io import auditwalk
from mesh.io.clock import wall_ns
from mesh.io.doorkeeper import REFUSED_GUEST, RefusedGuest
from mesh.io.storelayout import Genesis
from mesh.killset import item_of
from mesh.messages.base import Msg
from mesh.messages.control import Item, Revision
from mesh.messages.heads import AuditHead
from mesh.messages.outcomes import Outcome
from mesh.texts import iso_of
from nodes.decisions import ARCHIVE, DECISION, ArchiveRecord, DecisionRecord
from nodes.io.cli.grid import Column, cell, console, grid
from nodes.io.cli.headchecks import FIND, absence, compare, complaint, gone
from nodes.io.cli.plaintext import say_json
from nodes.io.cli.sincewords import since_ns_of
from nodes.io.keylog import KeyRecord
from nodes.io.locate import state_of
from nodes.local.attempts import OrderRecord
from nodes.local.commandlog import COMMAND, CommandRecord
from nodes.local.finishing import ORDER_ROW
from nodes.local.reports import OUTCOME
from nodes.local.seals import FORGED, ForgedRecord
from nodes.master.intake import ACT
from nodes.master.state import EPOCH, EpochRecord
from nodes.stops import KILL_ITEM, LATCHED_ROW, REFUSED_ITEM, RefusedRecord

RECORDS: dict[str, type[Msg]] = {
    EPOCH: EpochRecord,
    DECISION: DecisionRecord,
    ARCHIVE: ArchiveRecord,
    ACT: Outcome,
    ORDER_ROW: OrderRecord,
    OUTCOME: Outcome,
    COMMAND: CommandRecord,
    REFUSED_ITEM: RefusedRecord,
    REFUSED_GUEST: RefusedGuest,
    FORGED: ForgedRecord,
    HEAD: AuditHead,
    KEYS: KeyRecord,
}
"""Kind of an audited row → what its record is; items of the kill set and answers to them are whole messages, the genesis is the store's."""
LONG_HEX, HEX = 64, frozenset("0123456789abcdef")
"""So many digits has a hash, or a key."""
VERDICTS = (
    Column("node", "node"),
    Column("records", "records", is_number=True),
    Column("head", "head", rank=1, least_columns=16),
    Column("last", "last record"),
    Column("agreed", "others keep to", is_number=True),
    Column("verdict", "verdict"),
)
SHOWN = (Column("time", "time"), Column("seq", "record", is_number=True), Column("kind", "kind"), Column("what", "what", least_columns=24))


def verify_audits(
    config_path: Path | None, state: Path | None, nodes: list[str], brought: Sequence[Path] = (), since: str = ""
) -> int:
    """A line for each store; 1 where one is not as it was written, or not as others know it. Raises BadUsage, NoMesh.

    ``brought``: files of heads from other hosts; ``since``: heads kept before then do not count.
    """
    place = state_of(config_path, state)
    names = nodes or sorted(path.stem for path in place.glob("*.db"))
    if not names:
        raise BadUsage(f"--state {place}: there is no store in it; name the directory of a mesh")
    compared, problems, absent = compare(place, names, brought, since_ns_of(since, wall_ns()))
    rows: list[dict[str, Any]] = []
    for name in names:
        try:
            verdict = auditwalk.verify(place / f"{name}.db")
        except (BadConfig, StoreFailed) as error:
            verdict = auditwalk.Verdict(0, None, str(error))
        last, told = verdict.last, compared.get(name)
        bad = [verdict.bad] if verdict.bad else []
        if told is not None and told.bad is not None:
            bad.append(complaint(place, told))
        rows.append({
            "node": name,
            "records": verdict.count,
            "head": last.hash.hex() if last else "",
            "last": iso_of(last.wall_ns) if last else "",
            "agreed": str(told.agreed_seq) if told is not None and told.agreed_seq else "-",
            "verdict": Text("✗ BAD", "red") if bad else Text("✓ ok", "green"),
        })  # fmt: skip
        problems += [f"{name}: {why}" for why in bad]
    out = console()
    out.print(grid(VERDICTS, rows, out.width))
    taken = [] if nodes else gone(place, absent)
    problems += [f"{name}: its store is gone, what lies beside it is not: {FIND}" for name in taken]
    for problem in problems:
        out.print(cell(problem), soft_wrap=True)
    elsewhere = [] if nodes else [name for name in absent if name not in taken]
    if elsewhere:
        out.print(cell(absence(elsewhere)), soft_wrap=True)
    return 1 if problems else 0


def show_audit(config_path: Path | None, state: Path | None, node: str, since: str, kind: str, as_json: bool) -> int:
    """The records of one node. Raises BadUsage, NoMesh, BadConfig."""
    rows = list(auditwalk.records(state_of(config_path, state) / f"{node}.db", since_ns_of(since, wall_ns()), kind))
    if as_json:
        say_json([told(row) for row in rows])
        return 0
    out = console()
    lines = [{"time": iso_of(row.wall_ns), "seq": row.seq, "kind": row.kind, "what": " ".join(words(brief(read(row))))} for row in rows]
    out.print(grid(SHOWN, lines, out.width))
    return 0


def told(row: AuditRow) -> dict[str, Any]:
    """A record for programs."""
    times = {"wall_ns": str(row.wall_ns), "time": iso_of(row.wall_ns)}
    return {"seq": str(row.seq), **times, "kind": row.kind, "key": row.key.hex(), "hash": row.hash.hex(), "record": read(row)}


def read(row: AuditRow) -> Any:
    """A record field by field; its bytes in hex where this program cannot read it."""
    try:
        if row.kind == GENESIS:
            return plain(decode_record_untrusted(row.record, Genesis))
        if row.kind == LATCHED_ROW:
            return plain(decode_untrusted(row.record))
        if row.kind == KILL_ITEM:
            return _read_item(*item_of(row.record))
        return plain(decode_record_untrusted(row.record, RECORDS[row.kind], RECORD_BYTES_MAX))
    except (BadFrame, KeyError):
        return row.record.hex()


def _read_item(key: bytes, item: Item) -> dict[str, Any]:
    """An item of the kill set, with the id by which others name it; what a live change sets can be long: its last word, as JSON."""
    found = {"type": type(item).__name__, "id": key.hex(), **plain(item)}
    if isinstance(item, Revision):
        del found["patch"]
        found["patch"] = item.patch.decode("utf-8", "replace")
    return found


def brief(value: Any) -> Any:
    """A record for people: of hashes and keys the first digits, which tell them apart, times as times; a signature says nothing."""
    if not isinstance(value, dict):
        return value
    return {name: _brief_of(name, each) for name, each in value.items() if name != "signature"}


def _brief_of(name: str, value: Any) -> Any:
    if name == "wall_ns":
        return iso_of(int(value))
    is_long = isinstance(value, str) and len(value) >= LONG_HEX and all(sign in HEX for sign in value)
    return f"{value[:16]}…" if is_long else value


def plain(value: Any) -> Any:
    """What JSON can say: bytes in hex, numbers of up to 64 bits as text."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def words(value: Any) -> list[str]:
    """A record in words: what is not empty, lists by their length."""
    if not isinstance(value, dict):
        return [str(value)]
    found: list[str] = []
    for name, each in value.items():
        if isinstance(each, dict):
            found += words(each)
        elif isinstance(each, list):
            found += [f"{name}[{len(each)}]"] if each else []
        elif each not in ("", "0", None, False):
            found.append(f"{name}={each}")
    return found
