"""The verbs that run things: down, restart, wait-ready, node, init, config check and show."""

import os
import signal
import sys
import time
from importlib.resources import files
from pathlib import Path

import msgspec

from mesh.config import Config
from mesh.errors import BadConfig
from nodes.io.cli.client import Client
from nodes.io.cli.show import attach
from nodes.io.fleet import Fleet, FleetDown
from nodes.io.locate import Running, default_state, find, given, load, notes

DOWN_S = 30.0


def _found(config_path: Path | None) -> tuple[Fleet, Running]:
    """The fleet on this host that a command means, and its ``mesh up``. Raises FleetDown where none was started."""
    config, running = find(config_path)
    if running is None:
        others = "; ".join(f"mesh {note.mesh} of {note.given or 'the demo'} (pid {note.pid})" for note in notes() if note.is_alive())
        raise FleetDown(
            f"mesh {config.settings.mesh.id} of {given(config_path)} was not started here (running: {others or 'none'}); "
            "name the configuration of one that runs, or start it with `mesh up`"
        )
    return Fleet(load(Path(running.config)), Path(running.state)), running  # what runs, whatever the file says by now


def stop_mesh(config_path: Path | None) -> int:
    """End a running ``mesh up`` as Ctrl-C there would; where it is gone, stop its processes in order."""
    fleet, running = _found(config_path)
    if running.is_alive():
        os.kill(running.pid, signal.SIGTERM)
        end_s = time.monotonic() + DOWN_S
        while running.is_alive():
            if time.monotonic() >= end_s:
                print(f"mesh: `mesh up` (pid {running.pid}) did not end within {DOWN_S:.0f} s", file=sys.stderr)
                return 1
            time.sleep(0.05)
        print("stopped")
        return 0
    fleet.states()
    for group in fleet.stop_groups():
        fleet.stop(group)
        _wait_stopped(fleet, group)
    fleet.shutdown()
    print("stopped; `mesh up` itself was gone, so there is no summary")
    return 0


def _wait_stopped(fleet: Fleet, names: list[str]) -> None:
    end_s = time.monotonic() + DOWN_S
    while time.monotonic() < end_s:
        states = {process.name: process.state for process in fleet.states()}
        if all(states.get(name) in ("STOPPED", "EXITED", "FATAL", None) for name in names):
            return
        time.sleep(0.05)


def restart_node(config_path: Path | None, node: str) -> int:
    """Restart the process a node runs in."""
    fleet, _ = _found(config_path)
    fleet.config.role_of(node)
    process = fleet.config.process_of(node)
    fleet.restart(process)
    also = [name for name in fleet.processes()[process] if name != node]
    print(f"restarted {node}" + (f" (and {', '.join(also)}, in the same process)" if also else ""))
    return 0


def unready(config: Config, client: Client) -> list[str]:
    """Nodes that are not READY now, each with what it says instead."""
    words: list[str] = []
    for name in config.node:
        seen = client.view.nodes.get(name)
        if seen is None:
            words.append(f"{name}: not seen")
        elif client.now_ns() - seen[0] > 3_000_000_000:
            words.append(f"{name}: silent for {(client.now_ns() - seen[0]) / 1e9:.1f} s")
        elif seen[1].phase not in ("READY", "DONE"):
            words.append(f"{name}: {seen[1].phase} {seen[1].facts.get('waiting', '')}".rstrip())
    return words


def wait_until_ready(config_path: Path | None, timeout_s: float) -> int:
    """Until every node is READY; 3 and who is not, where it took too long."""
    config, client = attach(config_path)
    try:
        end_s = time.monotonic() + timeout_s
        while (waiting := unready(config, client)) and time.monotonic() < end_s:
            client.pump(100)
    finally:
        client.close()
    for word in waiting:
        print(f"not ready: {word}", file=sys.stderr)
    if not waiting:
        print(f"ready: {len(config.node)} nodes")
    return 3 if waiting else 0


def run_one(config_path: Path | None, name: str, state: Path | None) -> int:
    """One node in the foreground."""
    from nodes.io.run import run_nodes

    config, running = find(config_path)
    config.role_of(name)
    place = (state or (Path(running.state) if running else None) or default_state(given(config_path) is not None)).absolute()
    place.mkdir(parents=True, exist_ok=True)
    return run_nodes([name], config, place, events=False)


def init_directory(directory: Path) -> int:
    """Write a commented mesh.toml; refuse to overwrite one."""
    path = directory / "mesh.toml"
    if path.exists():
        raise BadConfig(f"{path} is there already; name another directory or remove it")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(files("nodes.io").joinpath("example.toml").read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"{path} cannot be written: {error}") from None
    load(path)
    print(f"wrote {path}\nnext: edit it, then `mesh config check --config {path}` and `mesh up --config {path}`")
    return 0


def _named(config_path: Path | None) -> Path:
    path = given(config_path)
    if path is None:
        raise BadConfig("no configuration file: give --config FILE, set MESH_CONFIG, or stand beside a mesh.toml")
    return path


def check_config(config_path: Path | None) -> int:
    """Say that a file is fine; BadConfig says what is not."""
    from nodes.io.cli.up import check_feeds

    path = _named(config_path)
    config = load(path)
    check_feeds(config)
    off = switched_off(config)
    print(f"{path}: fine; {len(config.node)} nodes, {len(config.account)} accounts, fingerprint {config.fingerprint}")
    for word in off:
        print(f"switched off: {word}")
    return 0


def switched_off(config: Config) -> list[str]:
    """Rails that are off, by account where an account has its own."""
    sections = {"rails": config.settings.rails} | {
        f"account.{name}.rails": account.rails for name, account in config.account.items() if account.rails is not None
    }
    return [
        f"{where}.{key}"
        for where, rails in sections.items()
        for key, value in msgspec.structs.asdict(rails).items()
        if value is None
    ]


def show_config(config_path: Path | None) -> int:
    """Print the settings with every default."""
    path = given(config_path)
    config = load(path) if path is not None else find(None)[0]
    print(msgspec.json.format(config.effective(), indent=1).decode())
    return 0

