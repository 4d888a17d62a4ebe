"""``mesh config diff`` and ``mesh config apply``: what a file changes of the mesh that runs on this host, and taking it, node by node.

Applied is what every node can take one after the other: locals first, the market last, each READY with the new configuration before the
next one ends. Where one does not come, it and those before it are started again with what ran before. What was given to ``mesh up`` by
its own options (feeds, speed, strict) stays, and so do the digits it found.
"""

import os
import time
from pathlib import Path

import msgspec

from mesh.config import Config, configured
from mesh.configdiff import ANEW, ONE_BY_ONE, TOGETHER, Change, changes
from mesh.errors import BadConfig
from mesh.phases import UP_PHASES
from nodes.io.cli.acting import NOT_ALL, NOT_DONE, is_confirmed
from nodes.io.cli.client import Client
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.operate import running_fleet
from nodes.io.cli.plaintext import say, say_json
from nodes.io.fleet import Fleet
from nodes.io.locate import Running, load, write_effective

READY_S = 30.0
"""A node that has not come back by then has not taken it."""
ORDER = ("local", "router", "indicator", "signals", "master", "broker", "market")
VERSIONS = "configurations"
"""Folder of the state with every configuration that was applied, by number."""
COLUMNS = (
    Column("key", "key"),
    Column("before", "before", least_columns=8),
    Column("after", "after", least_columns=8),
    Column("how", "how"),
)
DO = {
    ANEW: "these make another mesh of it: begin one with stores and keys of its own (another mesh.id and --state)",
    TOGETHER: "these have to be taken by all at once: `mesh down`, then `mesh up` with this file and `--state` of what runs",
}


def diff_config(file: Path, config_path: Path | None, as_json: bool) -> int:
    """Tell what a file changes of what runs; 0. Raises BadConfig, NoMesh."""
    fleet, _running = running_fleet(config_path)
    found = changes(fleet.config, _wanted(file, fleet.config))
    if as_json:
        say_json([msgspec.structs.asdict(change) for change in found])
    else:
        _show(found)
    return 0


def apply_config(file: Path, config_path: Path | None, dry_run: bool, yes: bool) -> int:
    """Have every node of this host take a file; 0, or 3 where what ran before was put back. Raises BadConfig, BadUsage, NoMesh."""
    fleet, running = running_fleet(config_path)
    after = _wanted(file, fleet.config)
    found = changes(fleet.config, after)
    _show(found)
    for how, what_to_do in DO.items():
        if keys := [change.key for change in found if change.how == how]:
            raise BadConfig(f"{file}: {', '.join(keys[:8])}{' …' if len(keys) > 8 else ''}: {what_to_do}")
    if not found or dry_run:
        return 0
    processes = _in_order(fleet)
    say(f"starts again, one after the other: {', '.join(processes)}")
    if not is_confirmed("Apply this?", yes):
        return NOT_DONE
    with Client(fleet.config, Path(running.state)) as client:
        return _roll(fleet, running, after, processes, client)


def _wanted(file: Path, now: Config) -> Config:
    """The file's configuration, with what only ``mesh up`` knows."""
    read, market = load(file).settings, now.settings.market
    kept = msgspec.structs.replace(read.market, feeds=market.feeds, speed=market.speed, strict=market.strict, digits=market.digits)
    return configured(msgspec.structs.replace(read, market=kept))


def _show(found: list[Change]) -> None:
    if not found:
        say("nothing changes")
        return
    out = console()
    out.print(grid(COLUMNS, [msgspec.structs.asdict(change) for change in found], out.width, folds=True))
    if all(change.how == ONE_BY_ONE for change in found):
        say("`mesh config apply` starts the nodes again one by one: no order is lost or doubled by it, stops stay")


def _in_order(fleet: Fleet) -> list[str]:
    """Processes, each once, as they take a change: those of nodes by role, then those that have none."""
    nodes = [node for role in ORDER for node in fleet.config.nodes_of(role)]
    without = [process for process, names in fleet.processes().items() if not names]
    return list(dict.fromkeys([*(fleet.config.process_of(node) for node in nodes), *without]))


def _roll(fleet: Fleet, running: Running, after: Config, processes: list[str], client: Client) -> int:
    """Restart process after process with the new file; put the old one back where one does not come, or where somebody stops this."""
    before, state = fleet.config, Path(running.state)
    number = _keep(before, after, state)
    _put(after, state)
    begun: list[str] = []
    why = ""
    try:
        for process in processes:
            begun.append(process)
            if why := _restarted(fleet, process, after, client):
                break
    except KeyboardInterrupt:
        why = "stopped by hand"
    if not why:
        say(f"applied as number {number}; the way back: mesh config apply {state / VERSIONS / f'{number - 1:04d}.json'}")
        return 0
    say(f"{why}; what ran before is put back")
    _put(before, state)
    for process in reversed(begun):
        _restarted(fleet, process, before, client)
    return NOT_ALL


def _restarted(fleet: Fleet, process: str, config: Config, client: Client) -> str:
    """Start a process again with what lies in the state now; why its nodes are not READY with it, empty where they are."""
    fleet.restart(process)
    if missing := _not_there(client, fleet.processes()[process], config.fingerprint):
        why = f"{process}: {', '.join(missing)} did not come within {READY_S:.0f} s: mesh logs {missing[0]} --since 1m"
        say(why)
        return why
    say(f"{process}: READY with {config.fingerprint}")
    return ""


def _not_there(client: Client, nodes: list[str], fingerprint: str) -> list[str]:
    """Wait until nodes are READY with a configuration; those that are not."""
    end_s = time.monotonic() + READY_S

    there = {(fingerprint, phase) for phase in UP_PHASES}

    def waiting() -> list[str]:
        healths = {node: client.health_of(node) for node in nodes}
        return [node for node, each in healths.items() if each is None or (each.config_hash, each.phase) not in there]

    while (missing := waiting()) and time.monotonic() < end_s:
        client.pump(100)
    return missing


def _put(config: Config, state: Path) -> None:
    """What nodes read when they start, whole or not at all."""
    scratch = state / f".{VERSIONS}.{os.getpid()}"
    scratch.mkdir(exist_ok=True)
    try:
        write_effective(config, scratch).replace(state / "effective.json")
    finally:
        scratch.rmdir()


def _keep(before: Config, after: Config, state: Path) -> int:
    """Keep the new configuration under the next number, the first time what ran before it too; the number."""
    folder = state / VERSIONS
    folder.mkdir(exist_ok=True)
    known = sorted(folder.glob("[0-9][0-9][0-9][0-9].json"))
    number = int(known[-1].stem) if known else 0
    if not known or load(known[-1]).fingerprint != before.fingerprint:
        number += 1
        _write(folder / f"{number:04d}.json", before)
    _write(folder / f"{number + 1:04d}.json", after)
    return number + 1


def _write(path: Path, config: Config) -> None:
    path.touch(mode=0o600)  # the address of a webhook may be in it
    path.write_bytes(config.effective())
