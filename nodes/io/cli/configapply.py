"""``mesh config diff`` and ``mesh config apply``: what a file changes of the mesh that runs on this host, and taking it, node by node.

Applied is what every node can take one after the other: locals first, the market last, each READY with the new configuration before the
next one ends. Where one does not come, it and those before it are started again with what ran before. What was given to ``mesh up`` by
its own options (feeds, speed, strict) stays, and so do the digits it found. What runs is the file with the live changes that are in force
(``mesh reload``); what is put back is the file alone, for nodes put the changes on top of it themselves.
"""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mesh.config import Config
from mesh.configdiff import changes
from mesh.errors import NoMesh
from mesh.phases import UP_PHASES
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, is_confirmed
from nodes.io.cli.client import Client, attached_to
from nodes.io.cli.configchanges import BY_RESTART, check_hows, check_stays, running_config, show, wanted_of
from nodes.io.cli.configversions import keep, path_of, put
from nodes.io.cli.operate import running_fleet
from nodes.io.cli.plaintext import say, say_json
from nodes.io.fleet import Fleet

READY_S = 30.0
"""A node that has not come back by then has not taken it."""
ORDER = ("local", "router", "indicator", "signals", "master", "broker", "market")


def diff_config(file: Path, config_path: Path | None, as_json: bool) -> int:
    """Tell what a file changes of what runs; 0. Raises BadConfig, NoMesh."""
    fleet, running = running_fleet(config_path)
    try:
        with attached_to(fleet.config, Path(running.state)) as client:
            now = running_config(client)
    except NoMesh:
        say("no router tells which live changes are in force: told is what the file changes of the one nodes start with", sys.stderr)
        now = fleet.config
    found = changes(now, wanted_of(file, now))
    if as_json:
        say_json([msgspec.structs.asdict(change) for change in found])
    else:
        show(found, file)
    return 0


def apply_config(file: Path, config_path: Path | None, dry_run: bool, yes: bool) -> int:
    """Have every node of this host take a file; 0, or 3 where what ran before was put back. Raises BadConfig, BadUsage, NoMesh."""
    fleet, running = running_fleet(config_path)
    with attached_to(fleet.config, Path(running.state)) as client:
        before = running_config(client)
        after = wanted_of(file, before)
        found = changes(before, after)
        show(found, file)
        check_hows(found, BY_RESTART, file)
        if not found:
            return 0
        check_stays(after, client.view)
        if dry_run:
            return 0
        processes = _in_order(fleet)
        say(f"starts again, one after the other: {', '.join(processes)}")
        if not is_confirmed("Apply this?", yes):
            return NOT_DONE
        return _roll(fleet, Path(running.state), before, after, processes, client)


def _in_order(fleet: Fleet) -> list[str]:
    """Processes, each once, as they take a change: those of nodes by role, then those that have none."""
    nodes = [node for role in ORDER for node in fleet.config.nodes_of(role)]
    without = [process for process, names in fleet.processes().items() if not names]
    return list(dict.fromkeys([*(fleet.config.process_of(node) for node in nodes), *without]))


def _roll(fleet: Fleet, state: Path, before: Config, after: Config, processes: list[str], client: Client) -> int:
    """Restart process after process with the new file; put the old one back where one does not come, or where somebody stops this."""
    number = keep(before, after, state)
    put(after, state)
    begun: list[str] = []
    why = ""
    try:
        for process in processes:
            begun.append(process)
            if why := _restarted(fleet, process, [after], client):
                break
    except KeyboardInterrupt:
        why = "stopped by hand"
    if not why:
        say(f"applied as number {number}; the way back: mesh config apply {path_of(state, number - 1)}")
        return 0
    say(f"{why}; what ran before is put back")
    put(fleet.config, state)
    for process in reversed(begun):
        _restarted(fleet, process, [before, fleet.config], client)
    return NOT_ALL


def _restarted(fleet: Fleet, process: str, configs: list[Config], client: Client) -> str:
    """Start a process again with what lies in the state now; why its nodes are not READY with one of these, empty where they are."""
    fleet.restart(process)
    fingerprints = dict.fromkeys(config.fingerprint for config in configs)
    if missing := _not_there(client, fleet.processes()[process], fingerprints):
        why = f"{process}: {', '.join(missing)} did not come within {READY_S:.0f} s: mesh logs {missing[0]} --since 1m"
        say(why)
        return why
    say(f"{process}: READY with {' or '.join(fingerprints)}")
    return ""


def _not_there(client: Client, nodes: list[str], fingerprints: Iterable[str]) -> list[str]:
    """Wait until nodes are READY with one of these configurations; those that are not."""
    end_s = time.monotonic() + READY_S
    there = {(fingerprint, phase) for fingerprint in fingerprints for phase in UP_PHASES}

    def waiting() -> list[str]:
        healths = {node: client.health_of(node) for node in nodes}
        return [node for node, each in healths.items() if each is None or (each.config_hash, each.phase) not in there]

    while (missing := waiting()) and time.monotonic() < end_s:
        client.pump(100)
    return missing
