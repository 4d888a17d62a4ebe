"""What ``mesh up`` says at its end where there is little to say: no store, a damaged one, nobody who reads."""

import os
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.core import Put
from mesh.io import store as store_module
from mesh.io.store import Store, create
from mesh.io.storeprune import DAY_NS
from mesh.links import REPLAY
from mesh.view import View
from nodes.io.cli.client import Client
from nodes.io.cli.screen import LineScreen
from nodes.io.cli.show import status_document
from nodes.io.cli.summary import print_summary, summarise
from nodes.io.locate import demo_text
from tests.nodes.master.masterrig import ROUTER, Rig

CONFIG = parse(demo_text().replace("[mesh]", "[mesh]\nplain = true", 1))


def test_run_that_ended_before_its_master_began_has_an_empty_summary(tmp_path: Path) -> None:
    """Nothing was decided, so nothing is missing; the reason of the end is told."""
    document = summarise(CONFIG, tmp_path, View(), "Ctrl-C", {})
    assert (document["ended_by"], document["adds_up"], document["problem"]) == ("Ctrl-C", True, "")
    assert document["lines"] == {"decided": 0, "by_code": {}, "by_reason": {}, "states": {}, "pruned": 0}


def test_store_that_got_lost_is_not_an_empty_run(tmp_path: Path) -> None:
    """There was one, its genesis says: nobody may claim that nothing was decided."""
    create(tmp_path / "master-1.db", "demo", "master-1").close()
    (tmp_path / "master-1.db").unlink()
    document = summarise(CONFIG, tmp_path, View(), "Ctrl-C", {})
    assert not document["adds_up"]
    assert "master-1.db is missing" in document["problem"]


def test_damaged_store_is_told_and_nothing_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No summary would hide what happened; a sum of nothing would lie."""
    create(tmp_path / "master-1.db", "demo", "master-1").close()
    path = tmp_path / "master-1.db"
    path.write_bytes(path.read_bytes()[:100] + bytes(4_000))
    document = summarise(CONFIG, tmp_path, View(), "the end", {"local-2": "local-2 exited 78 [why]"})
    print_summary(document, None, None)
    assert not document["adds_up"]
    assert "damaged" in document["problem"]
    assert "local-2 exited 78 [why]" in capsys.readouterr().out


class Clock:
    """The wall clock of a store."""

    now_ns = 1_800_000_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns


def store_of(rig: Rig, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Store:
    """What a master keeps, in a real store that prunes after a day."""
    monkeypatch.setattr(store_module, "wall_ns", clock)
    store = create(path / "master-1.db", "test", "master-1", "master", 1)
    store.commit([Put(kind, key, record) for (kind, key), record in rig.rows.items()])
    return store


def test_run_whose_oldest_decisions_were_pruned_adds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are counted from the audit, line by line as what is younger is."""
    rig, clock = Rig().ready(), Clock()
    rig.signal()
    first, second = rig.orders()
    rig.fill(first)
    rig.give(REPLAY, rig.outcome(second, "NOT_FOUND"), ROUTER)
    store = store_of(rig, tmp_path, clock, monkeypatch)
    clock.now_ns += 2 * DAY_NS
    before = dict(rig.rows)
    rig.signal(sid="s2", period=99)
    store.commit([Put(kind, key, record) for (kind, key), record in rig.rows.items() if before.get((kind, key)) != record])
    for _ in range(3):
        store.tend(is_quiet=True)
    store.close()
    document = summarise(rig.config, tmp_path, View(), "the end", {})
    assert document["problem"] == ""
    assert (document["adds_up"], document["signals"]["decided"]) == (True, 2)
    lines = document["lines"]
    assert (lines["decided"], lines["by_code"], lines["pruned"]) == (3, {"FILLED": 1, "NOT_FOUND": 1, "SKIPPED": 1}, 2)
    assert (lines["by_reason"], lines["states"]) == ({"SKIPPED NO_STRATEGY": 1}, {})
    print_summary(document, None, None)
    assert "2  of them older than store.keep_days" in capsys.readouterr().out


@pytest.mark.parametrize("lost", ["_decision", "sid", "totals"])
def test_rows_that_were_not_pruned_and_are_missing_do_not_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    """Nothing was pruned in this store: no row may be missing."""
    rig, clock = Rig().ready(), Clock()
    rig.signal(period=99)
    for key in [key for key in rig.rows if key[0] == lost]:
        del rig.rows[key]
    store_of(rig, tmp_path, clock, monkeypatch).close()
    document = summarise(rig.config, tmp_path, View(), "the end", {})
    assert (document["problem"], document["adds_up"]) == ("", False)


def test_lost_decision_is_not_taken_for_a_pruned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something was pruned, and one more decision is neither there nor in the audit: that does not add up."""
    rig, clock = Rig().ready(), Clock()
    rig.signal(period=99)
    store = store_of(rig, tmp_path, clock, monkeypatch)
    clock.now_ns += 2 * DAY_NS
    before = dict(rig.rows)
    rig.signal(sid="s2", period=99)
    younger = [Put(kind, key, record) for (kind, key), record in rig.rows.items() if before.get((kind, key)) != record]
    store.commit([put for put in younger if put.kind != "_decision"])
    for _ in range(3):
        store.tend(is_quiet=True)
    assert store.head.pruned_count
    store.close()
    document = summarise(rig.config, tmp_path, View(), "the end", {})
    assert (document["lines"]["pruned"], document["adds_up"]) == (1, False)


def test_nobody_knows_the_state_of_a_mesh_that_no_router_tells() -> None:
    """No ACTIVE and no profit out of nothing."""
    client = Client(CONFIG)
    try:
        assert status_document(CONFIG, client)["state"] == "UNKNOWN"
        reader, writer = os.pipe()
        with os.fdopen(reader) as shown, os.fdopen(writer, "w") as stream:
            LineScreen(CONFIG, client, stream).update(1.0)
            line = shown.readline()
        assert "UNKNOWN" in line
        assert line.rstrip().endswith("PnL -")
    finally:
        client.close()


def test_screen_nobody_reads_goes_quiet() -> None:
    """``mesh up | head``: the reader is gone, the run goes on."""
    client = Client(CONFIG)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with os.fdopen(writer, "w") as stream:
            screen = LineScreen(CONFIG, client, stream)
            screen.update(1.0)
            screen.update(3.0)
    finally:
        client.close()
