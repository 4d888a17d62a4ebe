"""What the durable INTENT of an order costs at a local, against a bare SQLite commit of the same bytes.

Both write to the same disk, one commit after the other by turns, WAL and FULL, into a table of one row a key. The bare one is a plain
``INSERT OR REPLACE`` of the same keys and values in one transaction; ours proves each row, moves the head and appends to the audit.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from bench.restart import order_of, outcome_of
from mesh.codec import encode
from mesh.core import Put
from mesh.io.store import create
from nodes.local.finishing import ORDER_ROW
from nodes.local.state import META, MetaRecord

WARM = 20


def intent_of(number: int) -> list[Put]:
    """The rows of one INTENT."""
    order = order_of(outcome_of(number))
    return [Put(ORDER_ROW, order.oid, encode(order)), Put(META, b"", encode(MetaRecord(1, number, number)))]


def commit_times(folder: Path, count: int) -> tuple[list[int], list[int]]:
    """ns of ``count`` commits each: ours, bare."""
    store = create(folder / "ours.db", "demo", "local-1", "local")
    ours_ns: list[int] = []
    bare_ns: list[int] = []
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as bare:
        bare.execute("PRAGMA journal_mode = WAL")
        bare.execute("PRAGMA synchronous = FULL")
        bare.execute("CREATE TABLE row (kind TEXT, key BLOB, record BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID")
        for number in range(1, count + WARM + 1):
            puts = intent_of(number)
            began_ns = time.perf_counter_ns()
            store.commit(puts)
            between_ns = time.perf_counter_ns()
            bare.execute("BEGIN IMMEDIATE")
            bare.executemany("INSERT OR REPLACE INTO row VALUES (?, ?, ?)", [(put.kind, put.key, put.record) for put in puts])
            bare.execute("COMMIT")
            ours_ns.append(between_ns - began_ns)
            bare_ns.append(time.perf_counter_ns() - between_ns)
    store.close()
    return ours_ns[WARM:], bare_ns[WARM:]
