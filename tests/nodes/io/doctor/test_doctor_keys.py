"""Keys: who may read them, when doors close by themselves, and whether the inventory knows those that lie here."""

from pathlib import Path

import msgspec
import pytest

from mesh.config import Config, parse
from mesh.io.clock import wall_ns
from mesh.units import DAY_NS
from nodes.io.doctor import keys
from nodes.io.doctor.finding import Finding
from nodes.io.doorfiles import KEY_DAYS, door_path, new_entry
from nodes.io.keyfiles import folder_of, read_inventory
from nodes.io.keymaking import make_keys
from tests.smallmesh import small_mesh

CONFIG = parse(small_mesh("[mesh]", plain=False))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    make_keys(CONFIG, tmp_path)
    return tmp_path


def worst(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level != "ok"]


def test_fresh_keys_are_fine(state: Path) -> None:
    """Each of three looks says so."""
    findings = keys.look(CONFIG, state)
    assert worst(findings) == []
    assert len(findings) == 3


def test_key_that_others_may_read(state: Path) -> None:
    """Bad, by its name, with the command."""
    path = folder_of(state) / "master-1.key"
    path.chmod(0o640)
    found = {finding.what: finding for finding in worst(keys.look(CONFIG, state))}
    assert found["master-1.key"].value == "mode 640"
    assert found["master-1.key"].do == f"chmod 600 {path}"


@pytest.mark.parametrize("name", ["local-1.key", "local-1.door"])
def test_a_wrong_mode_is_found_once_and_nobody_is_told_to_change_a_good_key(state: Path, name: str) -> None:
    """The key inside is as the inventory has it: its owner alone may read it again, and that is all."""
    (folder_of(state) / name).chmod(0o644)
    findings = keys.look(CONFIG, state)
    (found,) = worst(findings)
    assert (found.what, found.level) == (name, "bad")
    assert not any("rotate" in finding.do for finding in findings)


def test_end_of_a_door_is_that_of_its_last_key(state: Path) -> None:
    """Whichever stands first; names without a key are not counted as good."""
    inventory = read_inventory(state)
    door = inventory.door["local-1"]
    older = msgspec.structs.replace(door.keys[0], key="ab" * 32, until="2020-01-01T00:00:00Z")
    last = msgspec.structs.replace(door.keys[0], until="2021-01-01T00:00:00Z")
    both = msgspec.structs.replace(door, keys=[older, last])
    (found,) = keys.ends(msgspec.structs.replace(inventory, door={"local-1": both}), wall_ns())
    assert (found.level, found.value) == ("bad", "ended 2021-01-01T00:00:00Z")
    some = {"local-1": msgspec.structs.replace(door, keys=[]), "master-1": inventory.door["master-1"]}
    (fine,) = keys.ends(msgspec.structs.replace(inventory, door=some), wall_ns())
    assert fine.value.startswith("1 names,")


@pytest.mark.parametrize(("days", "level"), [(31, ""), (29, "warn"), (0, "bad"), (-3, "bad")])
def test_door_keys_that_end_soon(state: Path, days: int, level: str) -> None:
    """Thirty days before the end a warning, afterwards bad; each name with the command that gives it a new one."""
    now_ns = wall_ns() + (KEY_DAYS - days) * DAY_NS - DAY_NS // 2
    found = worst(keys.ends(read_inventory(state), now_ns if days else now_ns + DAY_NS))
    assert {finding.level for finding in found} == ({level} if level else set())
    assert all("mesh keys rotate" in finding.do for finding in found)


def test_key_that_the_inventory_has_not(state: Path) -> None:
    """A door key of another inventory: its node would not start."""
    path = door_path(folder_of(state), "router-1")
    path.unlink()
    new_entry(path)
    (found,) = worst(keys.look(CONFIG, state))
    assert (found.level, found.what) == ("bad", "keys of router-1")
    assert "mesh keys rotate router-1" in found.do


def test_host_without_keys(state: Path, tmp_path: Path) -> None:
    """No folder yet is not known; an inventory alone starts no node; one that was cut short is bad."""
    assert [finding.level for finding in keys.look(CONFIG, tmp_path / "none")] == ["unknown"]
    for path in [*folder_of(state).glob("*.key"), *folder_of(state).glob("*.door")]:
        path.unlink()
    (watches,) = worst(keys.look(CONFIG, state))
    assert (watches.what, watches.level) == ("keys of nodes", "unknown"), "right for a host that only watches"
    (folder_of(state) / "inventory.toml").write_text("[operator]")
    assert [finding.level for finding in keys.look(CONFIG, state)] == ["bad"]


def test_plain_mesh_needs_none(tmp_path: Path) -> None:
    """Said, and nothing is looked for."""
    plain: Config = parse(small_mesh("[mesh]"))
    assert [finding.level for finding in keys.look(plain, tmp_path)] == ["ok"]
