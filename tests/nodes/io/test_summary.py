"""What ``mesh up`` says at its end where there is little to say: no store, a damaged one, nobody who reads."""

import os
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.io.store import create
from mesh.view import View
from nodes.io.cli.client import Client
from nodes.io.cli.screen import LineScreen
from nodes.io.cli.show import status_document
from nodes.io.cli.summary import print_summary, summarise
from nodes.io.locate import demo_text

CONFIG = parse(demo_text())


def test_run_that_ended_before_its_master_began_has_an_empty_summary(tmp_path: Path) -> None:
    """Nothing was decided, so nothing is missing; the reason of the end is told."""
    document = summarise(CONFIG, tmp_path, View(), "Ctrl-C", {})
    assert (document["ended_by"], document["adds_up"], document["problem"]) == ("Ctrl-C", True, "")
    assert document["lines"] == {"decided": 0, "by_code": {}, "by_reason": {}, "states": {}}


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
