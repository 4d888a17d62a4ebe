"""Nodes as supervisord starts them: put together, told apart when something is wrong, and never orphans."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mesh import links
from mesh.codec import encode
from mesh.config import Config, parse
from mesh.errors import PortInUse, StoreInUse
from mesh.io import detour
from mesh.io.hub import Hub
from mesh.io.node import Node
from mesh.io.sockets import SENT
from mesh.io.store import open_store
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.control import OperatorHello
from nodes.io import run
from nodes.io.keymaking import make_keys
from tests.ports import free_base_port
from tests.smallmesh import small_mesh
from tests.wire.rig import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="platform: abstract names and processors are asked of Linux alone")


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A mesh whose keys are where tests have its state."""
    found = small_mesh(f"[mesh]\nbase_port = {free_base_port()}\n[strategy.reversion]", {"demo-1": "", "demo-2": ""}, routers_count=3)
    for state in (tmp_path, tmp_path / "state"):
        make_keys(parse(found), state)
    return found


def start(tmp_path: Path, text: str, *names: str) -> "subprocess.CompletedProcess[str]":
    """Start nodes that are expected to end by themselves, soon."""
    (tmp_path / "mesh.toml").write_text(text)
    words = [*names, "--config", str(tmp_path / "mesh.toml"), "--state", str(tmp_path / "state")]
    return subprocess.run([sys.executable, "-m", "nodes.io.run", *words], capture_output=True, text=True, timeout=60, check=False)


def built(config: Config, name: str, state: Path, hub: Hub, *neighbours: str) -> Node:
    """A node with all its links, and its neighbours in the same process."""
    nodes = {each: run.build_node(each, config, state, events=False) for each in (name, *neighbours)}
    for each, node in nodes.items():
        run.bind_links(each, node, config, hub)
    for each, node in nodes.items():
        run.dial_links(each, node, nodes, config, hub)
    for node in nodes.values():
        node.close()
    return nodes[name]


LINKS = {
    "market-1": ["market", "status.0", "status.1", "status.2"],
    "broker-1": ["market", "status.0", "status.1", "status.2", "venue"],
    "signals-1": ["decide", "signals", "status.0", "status.1", "status.2"],
    "master-1": ["control", "decide", "market", "orders", "replay", "status.0", "status.1", "status.2"],
    "router-2": ["control", "front", "locals", "orders", "replay", "status", "status.0", "status.2"],
    "local-1": ["locals.0", "locals.1", "status.0", "status.1", "worker"],
}


@pytest.mark.parametrize("name", LINKS)
def test_links_of_a_role(text: str, tmp_path: Path, hub: Hub, name: str) -> None:
    """Each role listens and dials as the map says; its health goes to every router it knows, a router's own to itself."""
    config = parse(text)
    node = built(config, name, tmp_path, hub)
    assert sorted(node.inlets) == LINKS[name]
    assert node.health_links == [link for link in LINKS[name] if link.startswith("status.")]
    for link, inlet in node.inlets.items():
        if inlet.socket is not None and inlet.socket.kind in ("ROUTER", "PUB", "PULL"):
            assert inlet.socket.endpoint == config.endpoint(name, link)


def dialled(config: Config, name: str, state: Path, hub: Hub) -> dict[str, str]:
    """Each link a node dials, and where."""
    inlets = built(config, name, state, hub).inlets
    return {link: inlet.socket.endpoint for link, inlet in inlets.items() if inlet.socket is not None and inlet.socket.is_dialled}


@LINUX
def test_nodes_of_one_host_dial_unix_sockets(text: str, tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """With mesh.ipc: who has the same host; TCP to any other host, and for all where links may be turned."""
    monkeypatch.delenv(detour.VARIABLE, raising=False)
    local = '[node.local-1]\nrole = "local"'
    config = parse(text.replace("[mesh]", "[mesh]\nipc = true"))
    near = dialled(config, "local-1", tmp_path, hub)
    assert near["locals.0"] == config.ipc_endpoint("router-1", links.LOCALS)
    assert near["status.1"] == config.ipc_endpoint("router-2", links.STATUS)
    assert {endpoint.partition(":")[0] for endpoint in near.values()} == {"ipc"}
    far = parse(text.replace("[mesh]", "[mesh]\nipc = true").replace(local, f'{local}\nhost = "127.0.0.2"'))
    assert dialled(far, "local-1", tmp_path, hub)["locals.0"] == far.endpoint("router-1", links.LOCALS)
    (tmp_path / "detours.json").write_text("{}")
    monkeypatch.setenv(detour.VARIABLE, str(tmp_path / "detours.json"))
    assert dialled(config, "local-1", tmp_path, hub)["locals.0"] == config.endpoint("router-1", links.LOCALS)


@LINUX
def test_unix_socket_in_use(text: str, tmp_path: Path, hub: Hub) -> None:
    """A name somebody else has: told as a port is, exit 75, so that supervisord tries again."""
    text = text.replace("[mesh]", "[mesh]\nipc = true")
    endpoint = parse(text).ipc_endpoint("signals-1", links.SIGNALS)
    hub.bind(links.SIGNALS, "ROUTER", endpoint)
    done = start(tmp_path, text, "signals-1")
    assert done.returncode == PortInUse.exit_code
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mesh: signals-1: {endpoint} (link signals) is in use by pid {os.getpid()} ")


@LINUX
def test_process_runs_as_configured(text: str, tmp_path: Path, hub: Hub) -> None:
    """Every thread that answers, ZeroMQ's among them, is on the processor and in the class of its section; a child would be, too."""
    cpu = max(os.sched_getaffinity(0))
    text += f'[process.master-1]\nnodes = ["master-1"]\ncpus = [{cpu}]\nscheduler = "batch"\n'
    (tmp_path / "mesh.toml").write_text(text)
    words = ["master-1", "--config", str(tmp_path / "mesh.toml"), "--state", str(tmp_path / "state")]
    operator = hub.connect(links.CONTROL, "DEALER", parse(text).endpoint("master-1", links.CONTROL))
    with subprocess.Popen([sys.executable, "-m", "nodes.io.run", *words]) as process:
        hello = encode(OperatorHello("operator", 1, PROTOCOL_VERSION))
        until(lambda: operator.changes(0) and operator.send(0, (hello,)) == SENT, hub)
        until(operator.receive_one, hub)
        threads = {path.joinpath("comm").read_text().strip(): int(path.name) for path in Path(f"/proc/{process.pid}/task").iterdir()}
        io_threads = [number for name, number in threads.items() if name.startswith("ZMQbg/IO")]
        found = [(os.sched_getaffinity(number), os.sched_getscheduler(number)) for number in (process.pid, *io_threads)]
        process.kill()
    assert found == [({cpu}, os.SCHED_BATCH)] * 2


def test_neighbours_have_no_sockets_between_them(text: str, tmp_path: Path, hub: Hub) -> None:
    """Of nodes in one process those that listen still listen for others, and those that dial a neighbour have no socket for it."""
    node = built(parse(text), "signals-1", tmp_path, hub, "master-1")
    assert links.DECIDE not in node.inlets
    assert [partner.node.identity.name for partner in node.partners[links.DECIDE]] == ["master-1"]
    assert links.SIGNALS in node.inlets


def test_store_is_made_once_and_found_again(text: str, tmp_path: Path) -> None:
    """The first start makes the node's store, the next ones open the same."""
    config = parse(text)
    ids = []
    for _ in range(2):
        store = run.store_of("router-1", config, tmp_path)
        ids.append(store.store_id)
        store.close()
    assert ids[0] == ids[1]


def test_port_in_use(text: str, tmp_path: Path, hub: Hub) -> None:
    """A port somebody else has: one line that says which and who, exit 75: supervisord tries again."""
    endpoint = parse(text).endpoint("signals-1", links.SIGNALS)
    hub.bind(links.SIGNALS, "ROUTER", endpoint)
    done = start(tmp_path, text, "signals-1")
    assert done.returncode == PortInUse.exit_code
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mesh: signals-1: {endpoint} (link signals) is in use by pid {os.getpid()} ")


def test_store_in_use(text: str, tmp_path: Path) -> None:
    """A second copy of a node: one line that says who runs, exit 75."""
    store = run.store_of("signals-1", parse(text), tmp_path / "state")
    done = start(tmp_path, text, "signals-1")
    store.close()
    assert done.returncode == StoreInUse.exit_code
    (line,) = done.stderr.splitlines()
    assert f"is in use by pid {os.getpid()} " in line


@pytest.mark.parametrize(
    ("change", "names", "expected"),
    [
        (("[mesh]", "[mesh]\nbase_prt = 1"), ["signals-1"], "base_prt"),
        (("[mesh]", "[mesh]"), ["nobody-1"], "node 'nobody-1' is not in the configuration"),
        (("[mesh]", '[market]\nsymbols = ["NOSUCH"]\n[mesh]'), ["market-1"], "NOSUCH"),
    ],
    ids=["unknown key", "unknown node", "unknown symbol"],
)
def test_wrong_configuration(text: str, tmp_path: Path, change: tuple[str, str], names: list[str], expected: str) -> None:
    """A wrong configuration: one line that names it, exit 78."""
    done = start(tmp_path, text.replace(*change), *names)
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert expected in line


def test_damaged_store(text: str, tmp_path: Path) -> None:
    """A damaged store: one line that names the file, exit 78, so that nobody starts it again and again."""
    (tmp_path / "state" / "signals-1.db").write_bytes(b"not a database" * 300)
    done = start(tmp_path, text, "signals-1")
    assert done.returncode == 78
    assert "signals-1.db is damaged" in done.stderr


def test_killed_node_opens_its_store_again(text: str, tmp_path: Path, hub: Hub) -> None:
    """A node that was killed leaves a store that the next one opens, under the same id, with what it had committed."""
    (tmp_path / "mesh.toml").write_text(text)
    state = tmp_path / "state"
    words = ["master-1", "--config", str(tmp_path / "mesh.toml"), "--state", str(state)]
    operator = hub.connect(links.CONTROL, "DEALER", parse(text).endpoint("master-1", links.CONTROL))
    with subprocess.Popen([sys.executable, "-m", "nodes.io.run", *words]) as process:
        hello = encode(OperatorHello("operator", 1, PROTOCOL_VERSION))
        until(lambda: operator.changes(0) and operator.send(0, (hello,)) == SENT, hub)
        until(operator.receive_one, hub)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    genesis = (state / "master-1.genesis").read_text().strip()
    store = open_store(state / "master-1.db", "demo", "master-1")
    assert store.store_id.hex() == genesis
    assert store.load()
    store.close()


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=sys.stdout)
child.wait()
"""
CHILD = """
import signal, sys, threading
from nodes.io.lifeline import die_with_parent
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
die_with_parent()
print("alive", flush=True)
print("ended" if ended.wait(20) else "left behind", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="platform: the kernel's parent-death signal is Linux's own")
def test_node_ends_with_its_parent() -> None:
    """When the parent is killed the kernel tells its child, which ends as if asked to."""
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "alive\n"
        parent.kill()
        assert parent.stdout.readline() == "ended\n"


STALLED = """
from mesh.io import shell, watchdog
from mesh.io.hub import Hub
from tests.wire.rig import Told, node_of

def stall(now_ns):
    while True:
        pass

watchdog.CHECK_S, shell.STALLED_S = 0.05, 0.3
core = Told()
core.on_due = stall
core.deadline_ns = 0
stuck = shell.Shell(Hub())
stuck.add(node_of(core, "stuck-1"))
stuck.run()
"""


def test_stalled_loop_is_ended() -> None:
    """A core that never returns is ended by the watchdog: exit 71 and one line on stderr."""
    done = subprocess.run([sys.executable, "-c", STALLED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 71
    assert done.stderr == "mesh: the loop of stuck-1 stood still for 0.3 s; ended by its watchdog\n"
