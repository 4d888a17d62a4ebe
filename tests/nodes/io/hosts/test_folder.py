"""A host's folder: everything the host needs, the keys of nobody else, and text that its readers understand."""

import configparser
import stat
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from nodes.io.fleet import stop_s_of
from nodes.io.hosts.folder import SUPERVISOR_CONF, Written, conf_of, write_desk, write_host
from nodes.io.hosts.hostfile import HOST_FILE, MESH_FILE, HostFile, host_in, read_host
from nodes.io.hosts.hostkeys import fleet_keys
from nodes.io.hosts.plan import plans_of
from nodes.io.hosts.unit import UNIT, unit_text
from nodes.io.hosts.unit import stop_s_of as unit_stop_s_of
from nodes.io.keyfiles import folder_of, read_inventory
from tests.nodes.io.hosts.fleetfile import FLEET, REAL

LOCALS = "127.0.0.4"


def build(tmp_path: Path, text: str = FLEET, host: str = LOCALS) -> Written:
    config, state = parse(text), tmp_path / "office"
    plans = plans_of(config)
    fleet_keys(config, state, plans)
    return write_host(plans[host], config, text.encode(), state, tmp_path / "out" / host, stop_s_of(config))


def test_host_gets_its_own_keys_and_no_others(tmp_path: Path) -> None:
    """Private keys of its nodes and its commands, readable by their owner alone; the inventory with everybody's public ones."""
    keys = folder_of(build(tmp_path).folder / "state")
    names = {path.name for path in keys.iterdir()}
    nodes = {f"local-{number}.{kind}" for number in (1, 2, 3) for kind in ("key", "door")}
    assert names == {*nodes, f"watch-{LOCALS}.door", "inventory.toml"}
    assert {stat.S_IMODE((keys / name).stat().st_mode) for name in names - {"inventory.toml"}} == {0o600}
    assert stat.S_IMODE(keys.stat().st_mode) == stat.S_IMODE(keys.parent.stat().st_mode) == 0o700
    inventory = read_inventory(tmp_path / "office")
    assert inventory == read_inventory(keys.parent)
    assert {"watch-127.0.0.2", "watch-127.0.0.3", f"watch-{LOCALS}", "operator", "master-1"} <= inventory.door.keys()


def test_key_of_a_host_may_watch_and_not_trade(tmp_path: Path) -> None:
    """Who takes a host's disk has its nodes, but no operator's rights: no trading, no stop he could sign."""
    build(tmp_path)
    inventory = read_inventory(tmp_path / "office")
    doors = [door for name, door in inventory.door.items() if name.startswith("watch-")]
    assert [(door.role, door.may, len(door.keys)) for door in doors] == [("operator", (), 1)] * 3
    assert list(inventory.operator) == ["operator"]


def test_fleet_s_file_travels_as_it_is(tmp_path: Path) -> None:
    """Byte for byte: every host has the same fingerprint."""
    written = build(tmp_path)
    assert (written.folder / MESH_FILE).read_text() == FLEET
    host, config = read_host(written.folder)
    assert (host.nodes, config.fingerprint) == (["local-1", "local-2", "local-3"], parse(FLEET).fingerprint)


def test_built_again_nothing_is_new(tmp_path: Path) -> None:
    """Keys stay the same; only what has changed is written and told."""
    first, again = build(tmp_path), build(tmp_path)
    assert MESH_FILE in first.changed
    assert again.changed == []
    renamed = build(tmp_path, FLEET.replace("# our fleet", "# our own fleet"))
    assert renamed.changed == [MESH_FILE]


def test_key_of_a_node_that_moved_leaves_its_old_host(tmp_path: Path) -> None:
    """It is where the node runs and nowhere else; a changed key is brought anew."""
    build(tmp_path)
    moved = FLEET.replace('account = "demo-3"\nhost = "127.0.0.4"', 'account = "demo-3"\nhost = "127.0.0.3"')
    here, there = build(tmp_path, moved), build(tmp_path, moved, "127.0.0.3")
    assert not list(folder_of(here.folder / "state").glob("local-3.*"))
    assert "state/keys/local-3.key" in there.changed
    assert host_in(here.folder / HOST_FILE).nodes == ["local-1", "local-2"]


def test_caps_of_a_host_are_not_written_over(tmp_path: Path) -> None:
    """Built again they stay; where the host runs other nodes now, its owner has to say so himself."""
    path = build(tmp_path).folder / HOST_FILE
    path.write_text(path.read_text() + "[caps.demo-1]\nlots = 0.1\n")
    assert build(tmp_path).changed == []
    with pytest.raises(BadConfig, match=r'caps of its own.*nodes = \["local-1", "local-2"\]'):
        build(tmp_path, FLEET.replace('account = "demo-3"\nhost = "127.0.0.4"', 'account = "demo-3"\nhost = "127.0.0.3"'))


def test_missing_key_names_where_to_build(tmp_path: Path) -> None:
    """The office that lost a private key cannot make that host's folder."""
    build(tmp_path)
    (folder_of(tmp_path / "office") / "local-2.door").unlink()
    with pytest.raises(BadConfig, match=r"local-2\.door of 127\.0\.0\.4 is not there"):
        build(tmp_path)


def test_operator_s_folder_has_his_keys(tmp_path: Path) -> None:
    """His door, his signature under the name commands look for, no node; who has no keys is refused."""
    build(tmp_path)
    desk = write_desk("operator", FLEET.encode(), tmp_path / "office", tmp_path / "desk")
    assert {path.name for path in folder_of(desk.folder / "state").iterdir()} == {"operator.key", "operator.door", "inventory.toml"}
    assert read_host(desk.folder)[0] == HostFile(host="", client="operator")
    with pytest.raises(BadConfig, match="mesh keys operator ann"):
        write_desk("ann", FLEET.encode(), tmp_path / "office", tmp_path / "desk")


def test_supervisord_starts_this_host_s_nodes_alone(tmp_path: Path) -> None:
    """Read as supervisord does: its programs, exit codes, a socket of the folder, and nothing that listens on a port."""
    written = build(tmp_path, FLEET + '[process.both]\nnodes = ["local-1", "local-2"]\n')
    conf = configparser.RawConfigParser()
    conf.read(written.folder / SUPERVISOR_CONF)
    assert [name for name in conf.sections() if name.startswith("program:")] == ["program:both", "program:local-3"]
    both = conf["program:both"]
    assert both["command"].endswith('"nodes.io.runhost" "local-1" "local-2" "--folder" "%(here)s"')
    assert (both["autorestart"], both["exitcodes"], both["stopwaitsecs"]) == ("unexpected", "0,70,78", str(stop_s_of(parse(FLEET))))
    assert conf["unix_http_server"]["file"] == "%(here)s/state/run/supervisor.sock"
    assert "inet_http_server" not in conf


def test_alerts_have_the_host_s_own_key(tmp_path: Path) -> None:
    """What tells of alerts needs no operator's key on a node's host."""
    config = parse(FLEET + '[alerts]\ncommand = ["/usr/bin/true"]\n')
    conf = conf_of(plans_of(config)["127.0.0.2"], 7).text()
    assert '[program:alerts]\ncommand="%(here)s/venv/bin/python" "-P" "-m" "nodes.io.alerting"' in conf
    assert conf.count('environment=MESH_OPERATOR="watch-127.0.0.2"') == 1


def sections_of(text: str) -> dict[str, str]:
    """Section → what the locals' supervisord.conf says in it."""
    return {part.split("]")[0]: part for part in conf_of(plans_of(parse(text))[LOCALS], 7).text().split("\n[")}


def test_new_node_of_a_host_leaves_the_sections_of_the_others(tmp_path: Path) -> None:
    """`supervisorctl update` starts a program anew where its section has changed: a local that comes must change none."""
    more = FLEET + '[account.demo-4]\nlogin = 5004\n[node.local-4]\nrole = "local"\naccount = "demo-4"\nhost = "127.0.0.4"\n'
    before, after = sections_of(FLEET), sections_of(more)
    assert after.keys() - before.keys() == {"program:local-4"}
    assert {name: part for name, part in after.items() if name in before} == before
    assert before["supervisorctl"] == "supervisorctl]\nserverurl=unix://%(here)s/state/run/supervisor.sock\n"


def unit_of(text: str = FLEET) -> configparser.RawConfigParser:
    config = parse(text)
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(unit_text(plans_of(config)[LOCALS], config, PurePosixPath("/srv/mesh"), stop_s_of(config)))
    return unit


def test_unit_gives_a_drain_its_time() -> None:
    """Ending takes supervisord's patience with each program, one after the other; killed it comes back, told to end it does not."""
    service = unit_of()["Service"]
    drain_s = parse(FLEET).settings.timers.drain_ms / 1_000
    assert int(service["TimeoutStopSec"]) > 3 * drain_s
    assert unit_stop_s_of(plans_of(parse(FLEET))[LOCALS], 7) > 3 * 7
    assert (service["Restart"], service["RestartPreventExitStatus"], service["KillMode"]) == ("on-failure", "70 78", "mixed")
    assert (service["ExecStart"], service["ReadWritePaths"]) == ('"/srv/mesh/mesh" hosts run', "/srv/mesh/state")
    assert int(service["LimitNOFILE"]) >= 65_536


def test_unit_allows_real_time_where_it_is_asked_for() -> None:
    """A process that is fifo needs the limit; any other host forbids it."""
    tuned = FLEET + '[process.fast]\nnodes = ["local-1"]\nscheduler = "fifo"\npriority = 10\n'
    assert (unit_of()["Service"].get("RestrictRealtime"), unit_of()["Service"].get("LimitRTPRIO")) == ("yes", None)
    assert (unit_of(tuned)["Service"].get("RestrictRealtime"), unit_of(tuned)["Service"].get("LimitRTPRIO")) == (None, "99")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """Where systemd is installed its own reader says so: no unknown key, no bad value."""
    analyze = Path("/usr/bin/systemd-analyze")
    if not analyze.exists():
        pytest.skip("platform: no systemd here")
    written = build(tmp_path)
    unit = (written.folder / UNIT).read_text().replace("/opt/trademesh", str(written.folder)).replace("User=trademesh", "User=root")
    (tmp_path / UNIT).write_text(unit)
    done = subprocess.run([analyze, "verify", tmp_path / UNIT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT in line]) == (0, [])


def test_readme_has_three_commands(tmp_path: Path) -> None:
    """One block of three lines to run there."""
    for text, host in ((FLEET, LOCALS), (REAL, "127.0.0.9")):
        guide = (build(tmp_path, text, host).folder / "README.md").read_text()
        assert len(guide.split("```")[1].strip().splitlines()) == 3
        assert ("Never run on a real Windows" in guide) == (text is REAL)
