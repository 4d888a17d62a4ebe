"""Files that commands read again: audit records, event lines, notes on running meshes, supervisord's log, a stop flag."""

import json
from random import Random

import msgspec

from mesh.audit import GENESIS, AuditRow
from mesh.codec import encode
from mesh.core import Emit
from mesh.errors import BadUsage
from mesh.io.eventfile import EventFile, merge_events
from mesh.io.storelayout import Genesis
from mesh.messages.base import Msg
from mesh.messages.control import LADDER
from nodes.io import locate
from nodes.io.cli import auditing
from nodes.io.cli.sincewords import since_ns_of
from nodes.io.exitlog import ExitLog
from nodes.io.stopflag import level_in
from nodes.stops import KILL_ITEM, LATCHED_ROW
from tests.fuzz.mutations import bytes_mutated, headed, message_mutated, one_of, rows_mutated
from tests.fuzz.target import Target
from tests.fuzz.targets.scratch import scratch, written
from tests.fuzz.targets.stops import stops
from tests.message_values import sample_of

KINDS = (*auditing.RECORDS, GENESIS, KILL_ITEM, LATCHED_ROW, "unheard of")
EVENTS = "".join(
    json.dumps({"kind": kind, "ts": "2026-01-05T00:00:00Z", "ts_ns": str(10**18 + at), "sid": f"s{at % 3}", "price": 1.5}) + "\n"
    for at, kind in enumerate(("signal", "order", "outcome", "act", "signal"))
)
RUNNING = {"config": "/x/effective.json", "given": "", "mesh": "demo", "state": "/x", "pid": 7, "created_s": 1.5}
EXITED = "2026-01-05 10:00:01,000 WARN exited: cci-1 (exit status 1; not expected)\n"
JSON_EDGES = (
    "0", "-1", "1e400", "1e-400", "NaN", "null", "true", '""', "[]", "{}", '"\\ud800"', '"\\u0000"', "9" * 400, "9" * 5_000, "[" * 2_000,
    '"é"', '"1"',
)  # fmt: skip


def records() -> list[bytes]:
    """A record of each kind that is audited, behind the number of its kind."""
    found = [bytes((at,)) + encode(sample_of(kind)) for at, kind in enumerate(auditing.RECORDS.values()) if issubclass(kind, Msg)]
    found.append(bytes((KINDS.index(GENESIS),)) + msgspec.msgpack.encode(Genesis(bytes(16), "demo", "local-1", 2)))
    return found + [bytes((KINDS.index(KILL_ITEM),)) + stop for stop in stops()]


def read_record(raw: bytes) -> list[str]:
    """A record is told to programs and to people, whatever is in it."""
    kind = KINDS[raw[0] % len(KINDS)] if raw else KINDS[0]
    row = AuditRow(1, 10**18, kind, raw[:16], raw[1:], bytes(32))
    json.dumps(auditing.told(row))
    return auditing.words(auditing.read(row))


def read_since(raw: bytes) -> int:
    """A time as a person types it."""
    return since_ns_of(raw.decode("utf-8", "surrogateescape"), 10**18)


class _Timed(msgspec.Struct):
    ts_ns: str


def read_events(raw: bytes) -> list[int]:
    """A file another life left, gone on with and merged: every line of it once, in order of time, and nothing that is no event."""
    path = written("events", "node.jsonl", raw)
    events = EventFile(path)
    events.write(Emit(10**18, "ours", 0, {"sid": "ours"}))
    events.close()
    out = scratch("events") / "all.jsonl"
    merge_events([path, path], out, chunk_bytes=200)
    merged = out.read_bytes()
    lines = merged.split(b"\n")
    assert lines.pop() == b""
    assert len(set(lines)) == len(lines), "a line came twice"
    assert [line for line in lines if b'"sid":"ours"' in line]
    times = [int(msgspec.json.decode(line, type=_Timed).ts_ns) for line in lines]
    assert times == sorted(times)
    assert sorted(each.name for each in scratch("events").iterdir()) == ["all.jsonl", "node.jsonl"], "it left something behind"
    return times


def json_mutated(raw: bytes, draw: Random) -> bytes:
    """A value of some line replaced by one at a border, a line doubled or taken out, or its bytes changed."""
    lines = raw.decode("utf-8", "surrogateescape").split("\n")
    where = draw.randrange(len(lines))
    if draw.random() < 0.3:
        return bytes_mutated(raw, draw)
    try:
        fields = json.loads(lines[where])
    except (ValueError, RecursionError):
        lines.insert(where, draw.choice(lines))
    else:
        if isinstance(fields, dict) and fields:
            name = draw.choice(sorted(fields))
            pairs = [f"{json.dumps(key)}: {draw.choice(JSON_EDGES) if key == name else json.dumps(value)}" for key, value in fields.items()]
            lines[where] = "{" + ", ".join(pairs) + "}"
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def read_note(raw: bytes) -> object:
    """What ``mesh up`` left of itself: a note, or none."""
    found = locate._read(written("notes", "last.json", raw))
    if found is not None:
        found.is_alive()
        found.command("status")
    return found


def read_host(raw: bytes) -> object:
    """supervisord's log gives ends of processes, the stop flag a level: nothing in them is ever no stop."""
    path = written("host", "log", b"")
    log = ExitLog(path)
    path.write_bytes(raw)
    for end in log.news():
        assert end.exit_code is None or end.exit_code >= 0
    level = level_in(path)
    assert level in LADDER[1:]
    return level


TIMES = (b"2026-01-05", b"2026-01-05T10:00", b"2026-01-05T10:00:00.5+02:00", b"3d", b"")
TARGETS = (
    Target("auditrow", (), records, read_record, headed(message_mutated, len(KINDS)), 5),
    Target("since", (BadUsage,), lambda: list(TIMES), read_since, rows_mutated),
    Target("events", (), lambda: [EVENTS.encode(), b""], read_events, one_of((json_mutated, rows_mutated)), 100),
    Target("note", (), lambda: [json.dumps(RUNNING).encode()], read_note, json_mutated, 5),
    Target("host", (), lambda: [EXITED.encode() * 3, b"FLATTEN\n", b""], read_host, rows_mutated, 5),
)
