"""``mesh doctor``: everything that can be looked at from this host, each finding with what it costs and the command that mends it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text

from mesh import __version__
from mesh.config import Config
from mesh.errors import BadConfig, MeshError, NoMesh
from mesh.messages.control import Activation, Revision
from mesh.messages.health import NodeHealth
from nodes.io.cli.client import LOOK_S, Client
from nodes.io.cli.configchanges import with_live
from nodes.io.cli.grid import Column, cell, console, grid
from nodes.io.cli.plaintext import say, say_json
from nodes.io.cli.up import listened
from nodes.io.doctor import alerts, clocks, disk, fleet, host, keys, ports, terminals
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding, exit_code
from nodes.io.fleet import Fleet
from nodes.io.locate import default_state, mesh_and_state, write_effective
from nodes.io.preflight import check_files

AREA = "configuration"
MARKS = {OK: ("✓ ok", "green"), WARN: ("! warn", "yellow"), BAD: ("✗ bad", "red"), UNKNOWN: ("? unknown", "dim")}
"""The word and a mark before it: never colour alone."""
COLUMNS = (
    Column("level", "verdict"),
    Column("area", "area", rank=1),
    Column("what", "what"),
    Column("value", "value", least_columns=24),
)


def run_doctor(config_path: Path | None, state: Path | None, as_json: bool) -> int:
    """Look at all of it and say it; 0, 3 where something is worth a warning, 1 where something is bad."""
    findings = list(examined(config_path, state))
    if as_json:
        say_json({"format": 1, "exit_code": exit_code(findings), "findings": msgspec.to_builtins(findings)})
        return exit_code(findings)
    out = console()
    out.print(grid(COLUMNS, [_row(finding) for finding in findings], out.width, folds=True))
    for finding in findings:
        if finding.level == OK and finding.costs:
            out.print()
            out.print(cell(f"{finding.area}, {finding.what}: {finding.costs}"), soft_wrap=True)
    for finding in findings:
        if finding.level in (WARN, BAD):
            mark, style = MARKS[finding.level]
            out.print()
            out.print(cell(f"{mark}: {finding.area}, {finding.what}: {finding.value}", style), soft_wrap=True)
            for word, text in (("costs", finding.costs), ("do", finding.do)):
                if text:
                    out.print(cell(f"  {word}: {text}"), soft_wrap=True)
    _say_sum(findings)
    return exit_code(findings)


def examined(config_path: Path | None, state: Path | None) -> Iterator[Finding]:
    """Findings, as they come. Without a configuration only the machine is looked at."""
    try:
        config, place = mesh_and_state(config_path, state)
    except NoMesh as error:
        yield Finding(UNKNOWN, AREA, "file", str(error), "keys, ports, terminals and nodes are not looked at")
        yield from _machine(None, state or default_state(False))
        return
    except BadConfig as error:
        yield Finding(BAD, AREA, "file", str(error), "no node starts with it (78)", "mesh config check")
        yield from _machine(None, state or default_state(True))
        return
    yield _files(config)
    healths, live = _told(config, place)
    yield from fleet.look(config.node, healths, __version__, config.fingerprint, live)
    yield from alerts.look(Fleet(config, place))
    yield from _machine(config, place)
    yield from clocks.offsets(healths)
    yield from keys.look(config, place)
    yield from ports.look(listened(config))
    with tempfile.TemporaryDirectory(prefix="mesh-doctor-") as folder:
        yield from terminals.look(config, write_effective(config, Path(folder)), place, bool(healths))


def _machine(config: Config | None, state: Path) -> Iterator[Finding]:
    yield from disk.look(state)
    yield from host.look(config.settings.process if config is not None else {})
    yield clocks.synchronised()


def _files(config: Config) -> Finding:
    """The configuration, and what it names on this host."""
    try:
        check_files(config)
    except BadConfig as error:
        do = "name what is there; on a host that neither plays the feed nor has the terminal this does not matter"
        return Finding(WARN, AREA, config.settings.mesh.id, str(error), "who plays it or trades there does not start", do)
    return Finding(
        OK, AREA, config.settings.mesh.id, f"{len(config.node)} nodes, {len(config.account)} accounts, {config.fingerprint[:16]}"
    )


def _told(config: Config, state: Path) -> tuple[list[NodeHealth], fleet.Live]:
    """How the nodes of all hosts say that they are, nothing where no router answers; and what live changes make of the configuration."""
    try:
        client = Client(config, state if (state / "keys").is_dir() else None)
    except MeshError:
        return [], fleet.Live(config.fingerprint)  # without a key nobody answers; that there is none is a finding of its own
    with client:
        client.wait_whole(LOOK_S)
        told = client.view.nodes
        items = client.view.live_changes
        in_force = {item.revision for item in items.values() if isinstance(item, Activation)}
        made = [item for key, item in items.items() if isinstance(item, Revision) and key in in_force]
        links = frozenset(link for item in made for link in (item.before, item.after))
        live = fleet.Live(with_live(config, client.view).current.fingerprint, links)
        return [told[name][1] for name in config.node if name in told], live


def _row(finding: Finding) -> dict[str, Any]:
    mark, style = MARKS[finding.level]
    return {"level": Text(mark, style), "area": finding.area, "what": finding.what, "value": finding.value}


def _say_sum(findings: list[Finding]) -> None:
    counts = {level: sum(finding.level == level for finding in findings) for level in MARKS}
    say("")
    say(", ".join(f"{count} {level}" for level, count in counts.items() if count))
