"""``mesh audit verify`` with the heads that others keep, ``mesh audit heads``, and what `show` says of heads and keys."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.codec import encode
from mesh.core import Put
from mesh.errors import BadConfig, BadUsage
from mesh.io.store import create, open_store
from nodes.io.cli.auditing import show_audit, verify_audits
from nodes.io.cli.headfile import heads_in, line_of, say_heads
from nodes.io.keyfiles import Inventory, NodeKey, write_inventory
from nodes.io.keylog import KeyRecord
from tests.mesh.io.headrig import MESH, SIGNERS, head_of, kept, put_head, rewrite

KEY = KeyRecord("STRUCK", "local-2", "doors", "local", "ab" * 32, "two", "", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A local of two records, whose router keeps its head; and the keys of both."""
    local = create(tmp_path / "local-1.db", MESH, "local-1", "local")
    local.commit([Put("stop", b"\2", b"freeze")])
    local.close()
    router = create(tmp_path / "router-1.db", MESH, "router-1", "router")
    router.commit([put_head(head_of(tmp_path / "local-1.db")), Put("_keys", b"k", encode(KEY))])
    router.close()
    node = NodeKey(key=SIGNERS["local-1"].public.hex(), role="local")
    write_inventory(tmp_path, Inventory(node={"local-1": node}))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_store_that_others_bear_out(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, and up to which record others keep it; of one whose head nobody keeps that is not said."""
    assert verify_audits(None, state, []) == 0
    lines = {line.split()[0]: line.split() for line in told(capsys).splitlines()[1:]}
    assert (lines["local-1"][-3:], lines["router-1"][-3:]) == (["2", "✓", "ok"], ["-", "✓", "ok"])


def test_rewritten_store_is_named_by_who_keeps_its_head(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1: which node, whose word, since when, which record, that it was signed, and what to do."""
    rewrite(state / "local-1.db", 2, b"forged")
    open_store(state / "local-1.db", MESH, "local-1", "local").close()
    assert verify_audits(None, state, []) == 1
    said = told(capsys)
    assert "local-1: its audit is not the one it told others of: router-1 keeps since 20" in said
    assert "its head of record 2 (" in said
    assert ", signed by it), here record 2 has " in said
    assert "find out who changed them" in said
    assert verify_audits(None, state, ["local-1"]) == 1, "the heads of all stores count, also where one node is named"
    assert verify_audits(None, state, ["router-1"]) == 0
    capsys.readouterr()
    assert verify_audits(None, state, [], since="2999-01-01") == 0, "what was kept before does not count"


def test_store_that_is_gone_is_told_by_the_heads_of_it(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A node of another host and one that was taken away whole look alike: both are named. What lay beside a store tells them apart."""
    router = open_store(state / "router-1.db", MESH, "router-1", "router")
    router.commit([put_head(msgspec.structs.replace(head_of(state / "local-1.db"), node="local-2"))])
    router.close()
    verify_audits(None, state, [])
    assert "heads are kept of nodes without a store here (1: local-2); that is right where they run on other hosts" in told(capsys)
    (state / "local-1.db").unlink()
    assert verify_audits(None, state, []) == 1
    assert "local-1: its store is gone, what lies beside it is not: put it back" in told(capsys)
    for path in state.glob("local-1.*"):
        path.unlink()
    assert verify_audits(None, state, []) == 0
    assert "of nodes without a store here (2: local-1, local-2);" in told(capsys)
    assert verify_audits(None, state, ["router-1"]) == 0
    assert "without a store" not in told(capsys), "who asks for one node hears of that one"
    assert verify_audits(None, state, ["local-1"]) == 1


def test_head_that_is_not_signed_by_the_key_here_counts_and_is_said_so(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has a host has its inventory: a head is not left out for what that says. Without an inventory nobody can tell."""
    rewrite(state / "local-1.db", 2, b"forged")
    write_inventory(state, Inventory(node={"local-1": NodeKey(key="0" * 64, role="local")}))
    assert verify_audits(None, state, []) == 1
    assert "NOT signed with the key inventory.toml has for it: BAD_SIGNATURE" in told(capsys)
    (state / "keys" / "inventory.toml").unlink()
    assert verify_audits(None, state, []) == 1
    assert "its signature cannot be checked without an inventory" in told(capsys)


def test_heads_go_to_another_host_and_name_what_was_rewritten_there(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The host of the local keeps nothing of it: with the file of the router's host its store is found out, without it is not."""
    assert say_heads(state, [], 0) == 0
    lines = told(capsys)
    assert [json.loads(line)["node"] for line in lines.splitlines()] == ["local-1"]
    file = tmp_path / "heads.jsonl"
    file.write_text(lines + "\n")
    for path in state.glob("router-1.*"):
        path.unlink()
    assert verify_audits(None, state, [], [file]) == 0
    rewrite(state / "local-1.db", 2, b"forged")
    assert verify_audits(None, state, []) == 0
    capsys.readouterr()
    assert verify_audits(None, state, [], [file]) == 1
    assert "router-1 keeps since 20" in told(capsys)
    assert (say_heads(state, [], 0), told(capsys)) == (0, "")


def test_heads_of_named_nodes_and_from_a_time_on(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Others are left out; a store that cannot be read is told in the end, and a directory without any is a wrong word."""
    for nodes, since_ns, count in ((["local-1"], 0, 1), (["local-2"], 0, 0), ([], 2**62, 0)):
        say_heads(state, nodes, since_ns)
        assert len(told(capsys).splitlines()) == count
    (state / "master-1.db").write_bytes(b"no database" * 500)
    with pytest.raises(BadConfig, match=r"master-1\.db is damaged"):
        say_heads(state, [], 0)
    assert len(told(capsys).splitlines()) == 1
    with pytest.raises(BadUsage, match="there is no store in it"):
        say_heads(state / "none", [], 0)


def test_line_of_a_head_is_read_as_it_was_written(state: Path, tmp_path: Path) -> None:
    """Field by field; a file that is none, or was cut short, names its line."""
    one = kept(head_of(state / "local-1.db"))
    file = tmp_path / "heads.jsonl"
    file.write_text(f"{line_of(one)}\n\n{line_of(one)}\n")
    assert list(heads_in(file)) == [one, one]
    file.write_text(f"{line_of(one)}\n{line_of(one)[:-40]}\n")
    with pytest.raises(BadUsage, match=r"heads\.jsonl: line 2 is no head: .*bring the file here once more"):
        list(heads_in(file))
    for field, value in (("hash", "00"), ("seq", "-1"), ("seq", 7), ("signature", "zz" * 64), ("kept_ns", "9" * 30)):
        file.write_text(json.dumps(json.loads(line_of(one)) | {field: value}))
        with pytest.raises(BadUsage, match="line 1 is no head"):
            list(heads_in(file))
    file.write_bytes(b'{"x": ' + b"[" * 100_000)
    with pytest.raises(BadUsage, match="line 1 is no head"):
        list(heads_in(file))
    with pytest.raises(BadUsage, match="No such file"):
        list(heads_in(tmp_path / "none"))


@given(st.binary(max_size=200))
def test_any_bytes_are_heads_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """A file that somebody brought may be anything."""
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_bytes(raw)
    if raw.strip():
        with pytest.raises(BadUsage, match="is no head"):
            list(heads_in(file))
    else:
        assert list(heads_in(file)) == []


def test_file_of_other_heads_is_said_to_prove_nothing(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The wrong file, or the wrong directory: exit 1, for who brought it believes that it was looked at."""
    file = tmp_path / "heads.jsonl"
    file.write_text(line_of(kept(msgspec.structs.replace(head_of(state / "local-1.db"), node="local-9"))))
    assert verify_audits(None, state, [], [file]) == 1
    assert f"--heads {file}: no head in it is of a store that is looked at here" in told(capsys)


def test_show_tells_heads_and_keys_to_people(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What became of which key, how far who had come: long digits shortened, all of them for programs."""
    show_audit(None, state, "router-1", "", "", as_json=False)
    _, _, head, key = told(capsys).splitlines()
    assert " node=local-1 store_id=" in head
    assert "… wall_ns=2027-01-15T08:00:00" in head
    assert "signature" not in head
    assert "change=STRUCK name=local-2 use=doors role=local key=abababababababab… account=two since=2026-01-01T00:00:00Z" in key
    show_audit(None, state, "router-1", "", "_head", as_json=True)
    (document,) = json.loads(told(capsys))
    assert (len(document["record"]["hash"]), len(document["record"]["signature"])) == (64, 128)
