"""``mesh hosts`` and ``mesh account`` as an operator meets them: what they write, what they say, and that a refusal changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from mesh.config import parse
from mesh.errors import BadConfig, BadUsage
from nodes.io.cli.accounting import add_account, disable_account, list_accounts
from nodes.io.cli.hosting import build_hosts, run_here
from nodes.io.keyfiles import read_inventory
from tests.nodes.io.hosts.fleetfile import FLEET, REAL

VALUES: dict[str, Any] = {"login": 5004, "server": "trademesh-sim", "mode": "observe"}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fleet's file; no mesh of this user is known."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    found = tmp_path / "mesh.toml"
    found.write_text(FLEET)
    return found


def build(path: Path, *hosts: str, operators: tuple[str, ...] = (), at: str | None = None) -> int:
    return build_hosts(path, path.parent / "office", list(hosts), None, list(operators), at)


def add(path: Path, host: str = "127.0.0.5", name: str = "demo-4", node: str = "local-4", **values: Any) -> int:
    return add_account(path, path.parent / "office", name, host, node, VALUES | values)


def test_build_writes_a_folder_for_each_host_beside_the_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, or those named; an operator's on his word; the second time nothing is new."""
    assert build(path, "127.0.0.3") == 0
    assert [each.name for each in (path.parent / "hosts").iterdir()] == ["127.0.0.3"]
    build(path)
    build(path, operators=("operator",))
    assert {each.name for each in (path.parent / "hosts").iterdir()} == {"127.0.0.2", "127.0.0.3", "127.0.0.4", "operator"}
    capsys.readouterr()
    build(path)
    assert capsys.readouterr().out.count("all as it was") == 3


def test_build_refuses_what_it_does_not_know(path: Path) -> None:
    """A host no node has, a place that is none on that system, an operator with a host's name."""
    with pytest.raises(BadUsage, match=r"10\.0\.0\.1: no node has this host; there are: 127\.0\.0\.2"):
        build(path, "10.0.0.1")
    with pytest.raises(BadUsage, match="--at mesh"):
        build(path, "127.0.0.3", at="mesh")
    with pytest.raises(BadUsage, match="name the operator otherwise"):
        build(path, operators=("127.0.0.3",))
    path.write_text(REAL)
    with pytest.raises(BadUsage, match="--at /opt/mesh"):
        build(path, "127.0.0.9", at="/opt/mesh")


def test_start_without_a_folder_asks_for_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is guessed."""
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadUsage, match="name its folder"):
        run_here(None)


def test_added_account_says_who_needs_what(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Routers, what decides, then its own host; the other locals' host is untouched, till the next change."""
    assert add(path) == 0
    config, out = parse(path.read_text()), capsys.readouterr().out
    assert (config.account["demo-4"].mode, config.node["local-4"].host) == ("observe", "127.0.0.5")
    assert {"local-4", "watch-127.0.0.5"} <= read_inventory(path.parent / "office").door.keys()
    steps = [line.strip() for line in out.splitlines() if line.startswith("  ")]
    assert [step.split(":")[0] for step in steps] == ["1. 127.0.0.3", "2. 127.0.0.2", "3. 127.0.0.5"]
    assert steps[0].endswith("then ./mesh restart router-1, ./mesh restart router-2")
    assert [word for word in steps[1].split() if word.startswith(("broker", "market", "signals", "master"))] == [
        "broker-1,", "market-1,", "signals-1,", "master-1",
    ]  # fmt: skip
    assert "untouched: 127.0.0.4." in out
    assert "demo-4 observes" in out


def test_real_account_needs_neither_broker_nor_market_anew(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They have no part in it; live says that it begins frozen; a host that is there gets what is new beside what runs."""
    assert add(path, "127.0.0.4", mode="live", terminal=r"C:\MT5\terminal64.exe") == 0
    out = capsys.readouterr().out
    assert "broker-1" not in out
    assert "market-1" not in out
    assert "mesh arm demo-4" in out
    assert "3. 127.0.0.4: its folder anew, with local-4's keys, then there venv/bin/supervisorctl" in out


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"login": 5001}, "same login"),
        ({"mode": "real"}, "observe"),
        ({"name": "demo-1"}, "is there already"),
        ({"node": "router-1"}, "is there already"),
        ({"name": "a b"}, "names of 32"),
        ({"host": "10.0.0.5"}, "only that machine itself"),
    ],
)
def test_account_that_does_not_fit_changes_nothing(path: Path, values: dict[str, Any], why: str) -> None:
    """Neither the file nor a key."""
    with pytest.raises((BadUsage, BadConfig), match=why):
        add(path, **values)
    assert path.read_text() == FLEET
    assert not (path.parent / "office").exists()


def test_disabled_account_observes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One word of the file; what stops its opens at once is named; a second time nothing is changed."""
    assert disable_account(path, "demo-2") == 0
    assert path.read_text() == FLEET.replace('mode = "demo"  # for now', 'mode = "observe"  # for now')
    out = capsys.readouterr().out
    assert "mesh freeze account:demo-2" in out
    assert "./mesh restart master-1" in out
    assert "./mesh restart local-2" in out
    assert disable_account(path, "demo-2") == 0
    assert "observes already" in capsys.readouterr().out
    with pytest.raises(BadUsage, match="demo-9: not among the accounts"):
        disable_account(path, "demo-9")


def test_mesh_on_one_machine_needs_no_hosts(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What runs there is `mesh up`: it takes a new node at its start, and another mode while it runs."""
    text = FLEET
    for number in (2, 3, 4):
        text = text.replace(f"127.0.0.{number}", "127.0.0.1")
    path.write_text(text)
    add(path, "127.0.0.1")
    disable_account(path, "demo-1")
    out = capsys.readouterr().out
    assert "mesh hosts build" not in out
    assert "then `mesh up --config" in out
    assert f"`mesh config apply {path}`" in out


def test_accounts_are_listed_with_mode_and_host(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs."""
    assert list_accounts(path, False) == 0
    assert "demo-2   demo   5002  trademesh-sim  local-2  127.0.0.4" in capsys.readouterr().out
    assert list_accounts(path, True) == 0
    assert '"mode": "demo"' in capsys.readouterr().out


def test_effective_file_is_not_what_hosts_share(path: Path) -> None:
    """`mesh up` wrote it for one run."""
    with pytest.raises(BadUsage, match="hosts share the mesh"):
        build(path.with_name("effective.json"))


def test_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    """Its owner keeps it elsewhere; its mode stays, too."""
    real = tmp_path / "kept" / "fleet.toml"
    real.parent.mkdir()
    path.rename(real)
    real.chmod(0o640)
    path.symlink_to(real)
    disable_account(path, "demo-1")
    assert path.is_symlink()
    assert (parse(real.read_text()).account["demo-1"].mode, real.stat().st_mode & 0o777) == ("observe", 0o640)
