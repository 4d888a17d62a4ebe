"""What fuzzing has found, each as the shortest input that showed it."""

import base64
import io
import sqlite3
import tracemalloc
import zipfile
from contextlib import closing
from pathlib import Path

import msgpack
import numpy as np
import pytest

from mesh.codec import FRAME_BYTES_MAX, decode_untrusted
from mesh.core import Put
from mesh.errors import BadConfig, BadFeed, BadFrame
from mesh.io import auditwalk
from mesh.io.store import create
from nodes.broker.desk import WATCH_EQUITY
from nodes.zones import Zone
from tests.fuzz.table import TARGETS
from tests.fuzz.targets import calls, feeds, readers
from tests.smallmesh import small_mesh

NO_ASK = b"<DATE>\t<TIME>\t<BID>\t<ASK>\n2026.01.05\t00:00:00.123\t\t\n2026.01.05\t00:00:01.123\t\t\n"


def recording(**changed: object) -> bytes:
    """A market's recording with other arrays in it."""
    with np.load(io.BytesIO(feeds.recordings()[0])) as kept:
        arrays = {name: kept[name] for name in kept.files}
    made = io.BytesIO()
    np.savez(made, **arrays | changed)
    return made.getvalue()


def patched(raw: bytes, mark: bytes, behind: int, value: bytes) -> bytes:
    """Some bytes behind the first of these marks replaced."""
    at = raw.index(mark) + behind
    return raw[:at] + value + raw[at + len(value) :]


def packed() -> bytes:
    """The compressed recording with its data damaged."""
    raw = feeds.recordings()[1]
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        start = archive.infolist()[1].header_offset
    return raw[: start + 80] + b"\xff" * 20 + raw[start + 100 :]


def key_of_another_kind(number: int) -> bytes:
    """PKCS #8 of a length that an Ed25519 key has, and of another algorithm."""
    der = bytes.fromhex("302e02010030050603") + number.to_bytes(3, "big") + bytes.fromhex("04220420") + bytes(range(32))
    return b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(der) + b"\n-----END PRIVATE KEY-----\n"


REFUSED = {
    "a key of an unknown kind": ("keyfile", lambda: key_of_another_kind(0x936570), BadConfig),
    "a key of a kind with longer ones (X448)": ("keyfile", lambda: key_of_another_kind(0x2B656F), BadConfig),
    "an empty list in the place of a table": ("config", lambda: small_mesh("account = []", {}).encode(), BadConfig),
    "an empty list in the place of a section": ("config", lambda: b"mesh = []\n", BadConfig),
    "one table where several may stand": ("config", lambda: b"[fault]\nkind = 'none'\n", BadConfig),
    "a name that is none inside a section": ("config", lambda: b'market = {digits = {"a b" = 3}}\n', BadConfig),
    "one empty table where several may stand": ("config", lambda: b"fault = {}\n", BadConfig),
    "a zone longer than a file's name": ("simfile", lambda: b'[server]\nzone = "%s"\n[account.a]\nlogin = 1\n' % (b"x" * 300), BadConfig),
    "ticks without any price": ("feed", lambda: b"\0" + NO_ASK, BadFeed),
}
READ = {
    "a recording cut to nothing": ("recording", lambda: b""),
    "a recording that is none, whose file numpy left open": ("recording", lambda: b"PK\x03\x04 nothing of the kind"),
    "a recording of a later zip": ("recording", lambda: patched(feeds.recordings()[0], b"PK\x01\x02", 6, b"\xff\x00")),
    "a recording that is encrypted": ("recording", lambda: patched(feeds.recordings()[0], b"PK\x01\x02", 8, b"\x01\x00")),
    "a recording whose data does not unpack": ("recording", packed),
    "a recording with a number for a column": ("recording", lambda: recording(time_ns=np.array(5))),
    "an audited genesis that is no UTF-8": (
        "auditrow", lambda: bytes((readers.KINDS.index("genesis"),)) + b"\x94\xc4\x10" + bytes(16) + b"\xa1\xff\xa1x\x02",
    ),
    "a note that is no UTF-8": ("note", lambda: b'{"config": "\xff", "given": "", "mesh": "x", "state": "", "pid": 7, "created_s": 1}'),
    "a note of no process": ("note", lambda: b'{"config": "", "given": "", "mesh": "x", "state": "", "pid": -1, "created_s": 1}'),
    "a note in brackets": ("note", lambda: b'{"x": ' + b"[" * 2_000),
    "an event in brackets": ("events", lambda: b'{"x": ' + b"[" * 2_000 + b"\n"),
    "a watch no journal can hold": ("call", lambda: bytes((calls.NAMES.index(WATCH_EQUITY),)) + bytes(msgpack.packb([2**64 - 1]))),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_name(what: str) -> None:
    """It is refused with the one error of its reader."""
    name, made, error = REFUSED[what]
    with pytest.raises(error):
        TARGETS[name].read(made())


@pytest.mark.parametrize("what", READ)
def test_read_all_the_same(what: str) -> None:
    """It is read, as what it says or as nothing."""
    name, made = READ[what]
    TARGETS[name].read(made())


@pytest.mark.parametrize("length_bytes", [300, 512, 3_000, FRAME_BYTES_MAX])
def test_no_room_is_made_for_what_is_only_announced(length_bytes: int) -> None:
    """Of arrays in arrays that announce more than there is nothing is made: a frame of 3 KB took 64 MB, and 60 ms of the loop."""
    for width in (length_bytes // 2, length_bytes, 8_192):
        frame = ((b"\xdc" + min(width, 8_192).to_bytes(2, "big")) * length_bytes)[:length_bytes]
        tracemalloc.start()
        with pytest.raises(BadFrame):
            decode_untrusted(frame)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 2**20


def test_zone_of_any_length_is_no_zone() -> None:
    """A name that no file can have is refused as any other that is none."""
    for length in (64, 65, 255, 256, 5_000):
        with pytest.raises(ValueError, match="allowed"):
            Zone.parse("A" * length)


UNTYPED = """UPDATE sqlite_schema SET sql = 'CREATE TABLE audit (seq INTEGER PRIMARY KEY, wall_ns, kind, key, record, hash)'
WHERE name = 'audit'"""
DAMAGED = [("wall_ns", "'x'"), ("wall_ns", "1.5"), ("kind", "x'00'"), ("kind", "NULL"), ("key", "'x'"),
           ("record", "7"), ("hash", "''")]  # fmt: skip


@pytest.mark.parametrize(("column", "value"), DAMAGED)
def test_audit_of_another_type(tmp_path: Path, column: str, value: str) -> None:
    """On a damaged page a value may be of any type: `mesh audit show` says that it is damaged, as `verify` does, and falls over nothing."""
    path = tmp_path / "local-1.db"
    store = create(path, "demo", "local-1", "local")
    store.commit([Put("stop", b"1", b"freeze")])
    store.close()
    for statement in (UNTYPED, f"UPDATE audit SET {column} = {value} WHERE seq = 2"):  # each by who has read the file's schema anew
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA writable_schema = ON")
            database.execute(statement)
    assert "record 2" in auditwalk.verify(path).bad
    with pytest.raises(BadConfig, match="damaged: record 2"):
        list(auditwalk.records(path))
