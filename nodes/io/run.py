"""The only place where a node is put together: core, store, log, events, sockets, and the shell that runs them.

``python -m nodes.io.run NAME… --config FILE --state DIR [--events]`` is what supervisord starts. Several names share one process and one
loop, and hand messages to each other directly (co-location); how it runs is what ``[process.NAME]`` says of the first of them. What a role
alone needs is imported for that role alone.
"""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from mesh import __version__, links
from mesh.config import Config
from mesh.core import Core, Note
from mesh.dials import Dial, dials_of
from mesh.errors import MeshError, StoreFailed
from mesh.io import clock, detour, failpoint
from mesh.io.clock import monotonic_ns, random_life, wall_ns
from mesh.io.doorprobe import probe
from mesh.io.eventfile import EventFile
from mesh.io.health import Identity
from mesh.io.hub import Hub
from mesh.io.inlet import Attachment
from mesh.io.log import Log
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.io.store import Store, create, open_store
from mesh.io.system import ignore_freeze_signals
from mesh.io.trippingnode import TrippingNode
from mesh.keyring import NodeKeys
from mesh.links import LINKS
from nodes.io.headexchange import exchange_heads
from nodes.io.keeping import LOOK_MS as INVENTORY_LOOK_MS
from nodes.io.keeping import Keeping, keeping_of
from nodes.io.keyfiles import inventory_if_any, node_keys
from nodes.io.keylog import KeyLog
from nodes.io.lastconfig import changed_live, ran_before
from nodes.io.lifeline import LOOK_MS, die_with_parent, is_orphan_of_supervisord, parent_watch
from nodes.io.livespec import is_live, live_spec
from nodes.io.metricsserving import serving_metrics
from nodes.io.stopflag import LOOK_MS as FLAG_LOOK_MS
from nodes.io.stopflag import flag_watch
from nodes.io.tuning import UNTUNED, Tuning, has_ipc, is_ipc_dialled, tune

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What a disk says that is full or broken, and a limit of what a process may write."""
CONFIG_LOOK_MS = 1_000
"""So often it is looked whether a live change has made another configuration of what runs."""
Tell = Callable[[str], None]
"""Takes a line for people."""
TEST_SWITCHES = (failpoint.VARIABLE, detour.VARIABLE, clock.VARIABLE)
"""Variables of the environment that let a process fail on purpose: none may be set where real orders go out."""


def run_nodes(names: Sequence[str], config: Config, state: Path, events: bool = False, tell: Tell | None = None) -> int:
    """Run nodes in this process until they end; the exit code. A MeshError, or a disk that takes no more, is told in one line on stderr.

    ``tell`` is told when a node comes to another phase.
    """
    failed: MeshError
    try:
        return _run(names, config, state, events, tell)
    except MeshError as error:
        failed = error
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        where = f"{error.filename or state}: {error.strerror}"
        failed = StoreFailed(f"{where}; free or repair its disk, the node recovers when it starts again")
    sys.stderr.write(f"mesh: {', '.join(names)}: {failed}\n")
    return failed.exit_code


def _run(names: Sequence[str], config: Config, state: Path, events: bool, tell: Tell | None) -> int:
    timers = config.settings.timers
    tuning = tune(config, config.process_of(names[0]))  # first: threads inherit it
    config.follows(ran_before(state, config.fingerprint))
    keeping = keeping_of(list(names), config, state)
    nodes = {name: build_node(name, config, state, events, tuning, keeping) for name in names}
    hub = Hub()
    for name, node in nodes.items():
        bind_links(name, node, config, hub, keeping)
    for name, node in nodes.items():
        if keeping is not None:
            node.keep_doors(keeping.keeper(name))
        dial_links(name, node, nodes, config, hub, keeping)
    key_log = keep_history(nodes, config, state, keeping)
    shell = Shell(hub, idle=tuning.idle, drain_ms=timers.drain_ms, health_ms=timers.health_ms)
    for node in nodes.values():
        shell.add(node)
    shell.every(LOOK_MS, parent_watch(shell.stop))
    shell.every(FLAG_LOOK_MS, flag_watch(state, shell.host_stop))
    shell.every(CONFIG_LOOK_MS, config_watch(nodes, config.fingerprint, state))
    if keeping is not None:
        shell.every(INVENTORY_LOOK_MS, keeping.watch(list(nodes.values()), key_log))
    if tell is not None:
        shell.every(LOOK_MS, phase_watch(nodes, tell))
    with serving_metrics(nodes, config, shell):
        code = shell.run()
    if code:
        sys.stderr.write(f"mesh: {', '.join(names)}: {shell.halt_reason}\n")
    return code


def keep_history(nodes: dict[str, Node], config: Config, state: Path, keeping: Keeping | None) -> KeyLog:
    """Have nodes write down what became of keys, and exchange how far their audits have come. Raises BadConfig."""
    key_log = KeyLog(list(nodes.values()))
    inventory = inventory_if_any(state)
    if inventory is not None:
        key_log.take(inventory)
    for name, node in nodes.items():
        keyring = exchange_heads(name, node, config, state, inventory)
        if keeping is not None and keyring is not None:
            keeping.follow(keyring)
    return key_log


def phase_watch(nodes: dict[str, Node], tell: Tell) -> Callable[[], None]:
    """A callback that tells of each node's phase when it has become another."""
    told: dict[str, str] = {}

    def look() -> None:
        for name, node in nodes.items():
            if node.shown_phase and told.get(name) != node.shown_phase:
                told[name] = node.shown_phase
                tell(f"{name} {node.shown_phase}")

    return look


def config_watch(nodes: dict[str, Node], base: str, state: Path) -> Callable[[], None]:
    """A callback that has it written down when live changes make another configuration of the one nodes were started with (``base``)."""
    noted = base

    def look() -> None:
        nonlocal noted
        for node in nodes.values():
            runs = node.core.config_hash() or noted
            if runs != noted:
                with suppress(OSError):  # a disk that takes no more ends nodes by their stores; until then it is tried again
                    changed_live(state, runs, base)
                    noted = runs

    return look


def build_node(
    name: str, config: Config, state: Path, events: bool, tuning: Tuning = UNTUNED, keeping: Keeping | None = None
) -> Node:
    """A node with its store locked, its files open and its core built; no socket yet."""
    role = config.role_of(name)
    store = store_of(name, config, state)
    life = random_life()
    core = core_of(name, config, life, store, state, keeping)
    identity = Identity(name, role, life, __version__, config.fingerprint, monotonic_ns(), tuning.in_force)
    log = Log(state / "log" / f"{name}.log", name, core.counters)
    log.note(Note("info", "started", {"role": role, "life": str(life), "store_id": store.store_id, "version": identity.version}))
    for warning in tuning.warnings:
        log.note(warning)
    record = config.settings.broker.record if role == "broker" else ""
    event_file = EventFile(Path(record) if record else state / "events" / f"{name}.jsonl") if events or record else None
    parts = (identity, core, log, store, event_file)
    switches = {variable: os.environ[variable] for variable in TEST_SWITCHES if os.environ.get(variable)}
    if switches:
        log.note(Note("warning", "test_switches", {**switches, "why": "it fails on purpose: unset them for real trading"}))
    points = failpoint.failpoints_of(name)
    node = Node(*parts) if points is None else TrippingNode(points, *parts)
    attachment = attachment_of(name, config, state)
    if attachment is not None:
        node.attach(links.WORKER, attachment)
    return node


def store_of(name: str, config: Config, state: Path) -> Store:
    """The node's store, made at its first start. Raises BadConfig, StoreInUse, StoreFailed."""
    path = state / f"{name}.db"
    state.mkdir(parents=True, exist_ok=True)
    make = open_store if path.exists() else create
    return make(path, config.settings.mesh.id, name, config.role_of(name), config.settings.store.keep_days)


def bind_links(name: str, node: Node, config: Config, hub: Hub, keeping: Keeping | None = None) -> None:
    """Listen on every link the role binds, on those that nodes dial by UNIX socket too; each door is tried by a stranger's key.

    Raises PortInUse, BadConfig for a host that is not this machine's, and for a door that is open.
    """
    for link in LINKS.values():
        if link.bind_role == config.role_of(name):
            own_name = link.name.split(".")[0]
            near = [config.ipc_endpoint(name, link.name)] if link.dial_roles and has_ipc(config) else []
            endpoint = config.endpoint(name, link.name)
            if keeping is None:
                node.add_socket(own_name, hub.bind(own_name, link.bind_kind, endpoint, *near))
                continue
            door = keeping.keeper(name).door(link.name)
            node.add_socket(own_name, hub.bind(own_name, link.bind_kind, endpoint, *near, door=door), link.name)
            probe(hub, link.bind_kind, endpoint, door.keys.public)


def dial_links(
    name: str, node: Node, nodes: dict[str, Node], config: Config, hub: Hub, keeping: Keeping | None = None
) -> None:
    """Connect every link the role dials: by a socket, or directly to a node of this process."""
    for dial in dials_of(config, name):
        if dial.target in nodes:
            node.join(dial.own_link, nodes[dial.target], dial.link.name)
        else:
            way = keeping.keeper(name).way(dial.target) if keeping is not None else None
            node.add_socket(dial.own_link, hub.connect(dial.own_link, dial.link.connect_kind, endpoint_of(name, dial, config), way))
        if dial.link.name == links.STATUS:
            node.health_links.append(dial.own_link)


def endpoint_of(name: str, dial: Dial, config: Config) -> str:
    """Where a node dials: a UNIX socket where both have one host and the mesh has ipc. Raises BadConfig for a detour it cannot read."""
    if is_ipc_dialled(config) and config.node[name].host == config.node[dial.target].host:
        return config.ipc_endpoint(dial.target, dial.link.name)
    return detour.detour(name, config.endpoint(dial.target, dial.link.name))


def core_of(name: str, config: Config, life: int, store: Store, state: Path, keeping: Keeping | None = None) -> Core:
    """The core of a role with what it needs from the world. Raises BadConfig, BadFeed."""
    role = config.role_of(name)
    if role == "market":
        return market_of(name, config, life, store, state)
    if role == "local":
        from nodes.local.core import Local

        keys = keys_of(name, config, state, keeping)
        return Local(name, config, life, store.store_id, wall_ns(), keys, monotonic_ns())
    if role == "master":
        from nodes.master.core import Master

        keys = keys_of(name, config, state, keeping)
        return Master(name, config, life, wall_ns(), keys, monotonic_ns())
    if role == "router":
        from nodes.router.core import Router

        return Router(name, config, life, keys_of(name, config, state, keeping))
    return plain_core(role)(name, config, life)


def keys_of(name: str, config: Config, state: Path, keeping: Keeping | None) -> NodeKeys:
    """The keys of a node that takes stops; where its links have doors, they are kept with those. Raises BadConfig."""
    keys = node_keys(name, config, state)
    return keys if keeping is None else keeping.with_doors(name, keys)


def plain_core(role: str) -> Callable[[str, Config, int], Core]:
    """The core class of a role that needs nothing but its name, the configuration and its life."""
    if role == "indicator":
        from nodes.indicator.core import Indicator

        return Indicator
    if role == "signals":
        from nodes.signals.core import Signals

        return Signals
    assert role == "broker", f"no core for role {role}"
    from nodes.broker.core import Broker

    return Broker


def market_of(name: str, config: Config, life: int, store: Store, state: Path) -> Core:
    """The market with its feed: the recording ``mesh up`` left in the state directory, a live one, or the seeded synthetic one."""
    from nodes.market.core import Market, run_of
    from nodes.market.livesource import LiveSource
    from nodes.market.sources import SyntheticSource

    if (live := live_spec(config)) is not None:
        # another store has other ticks under the same numbers: a run of its own
        run = f"{run_of(config)}-{store.store_id.hex()[:8]}"
        return Market(name, config, life, LiveSource(config.settings.market.symbols, live.zone(config)), run)
    if not config.settings.market.feeds:
        return Market(name, config, life, SyntheticSource(config))
    from nodes.io.recording import load_recording

    return Market(name, config, life, load_recording(config, state).source())


def attachment_of(name: str, config: Config, state: Path) -> Attachment | None:
    """A local's worker; of a live market the process that asks its terminal."""
    account = config.node[name].account
    if config.role_of(name) == "market" and is_live(config.settings.market.feeds):
        from nodes.io.feedworker import FeedAttachment

        return FeedAttachment(config, state)
    if account is None:
        return None
    from nodes.io.worker import WorkerAttachment

    return WorkerAttachment(account, config, state)


def main(words: Sequence[str] | None = None) -> int:
    """What supervisord starts; the exit code."""
    ignore_freeze_signals()  # until the shell takes them as a stop; a worker, which inherits this, never does
    die_with_parent()
    if is_orphan_of_supervisord():
        return 0
    parser = argparse.ArgumentParser(prog="python -m nodes.io.run", description="Run nodes of a mesh in this process.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="nodes of the configuration; several share this process")
    parser.add_argument("--config", type=Path, required=True, help="the configuration: TOML, or the JSON `mesh up` wrote")
    parser.add_argument("--state", type=Path, required=True, help="where stores, logs and events are kept")
    parser.add_argument("--events", action="store_true", help="write events/NAME.jsonl")
    chosen = parser.parse_args(words)
    from nodes.io.locate import load

    try:
        config = load(chosen.config, is_node=True)
    except MeshError as error:
        sys.stderr.write(f"mesh: {error}\n")
        return error.exit_code
    return run_nodes(chosen.names, config, chosen.state, chosen.events)


if __name__ == "__main__":
    sys.exit(main())
