"""The verbs that run things: down, restart, wait-ready, node, init, config check and show."""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

from mesh.config import Config
from mesh.errors import BadConfig, BadUsage, NoMesh
from mesh.phases import UP_PHASES
from nodes.io.cli.acting import NOT_ALL
from nodes.io.cli.client import Client, attached_to
from nodes.io.cli.configchanges import running_config
from nodes.io.cli.plaintext import say, say_json
from nodes.io.fleet import ASK_TO_END, Fleet, FleetDown
from nodes.io.locate import Running, find, given, load, mesh_and_state, notes
from nodes.io.outputs import last_words

DOWN_S = 30.0
UP_S = 2.0
"""Who is up for so long has read what it needs, and would have ended where that is wrong; on a very slow machine it may take longer."""
LOOK_S = 0.05
"""From one look to the next."""


def running_fleet(config_path: Path | None) -> tuple[Fleet, Running]:
    """The fleet on this host that a command means, and its ``mesh up``. Raises NoMesh where none was started."""
    config, running = find(config_path)
    if running is None:
        others = "; ".join(f"mesh {note.mesh} of {note.given or 'the demo'} (pid {note.pid})" for note in notes() if note.is_alive())
        raise NoMesh(
            f"mesh {config.settings.mesh.id} of {given(config_path)} was not started here (running: {others or 'none'}); "
            f"name the configuration of one that runs, or start it with `mesh up --config {given(config_path)}`"
        )
    return Fleet(load(Path(running.config)), Path(running.state)), running  # what runs, whatever the file says by now


def stop_mesh(config_path: Path | None) -> int:
    """End a running ``mesh up`` as Ctrl-C there would; where it is gone, stop its processes in order. Raises NoMesh."""
    fleet, running = running_fleet(config_path)
    if running.is_alive():
        os.kill(running.pid, ASK_TO_END)
        if not _until(lambda: not running.is_alive()):
            end = f"`kill -9 {running.pid}` ends it"
            say(f"mesh: `mesh up` (pid {running.pid}) did not end within {DOWN_S:.0f} s; {end}", sys.stderr)
            return 1
        say("stopped")
        return 0
    try:
        for group in fleet.stop_groups():
            fleet.stop(group)
            _until(partial(fleet.are_stopped, group))
    except FleetDown:
        raise NoMesh(f"mesh {running.mesh} has ended already: there is nothing to stop; `{running.command('up')}` starts one") from None
    fleet.shutdown()
    again = f"{running.command('up')} --state {running.state}"
    say(f"stopped; `mesh up` itself was gone, so there is no summary; `{again}` goes on from what is kept, and sums up")
    return 0


def _until(done: Callable[[], bool]) -> bool:
    """Wait for something, DOWN_S at most; whether it came."""
    end_s = time.monotonic() + DOWN_S
    while not done():
        if time.monotonic() >= end_s:
            return False
        time.sleep(LOOK_S)
    return True


def _check_node(config: Config, name: str) -> None:
    try:
        config.role_of(name)
    except BadConfig as error:
        raise BadUsage(str(error)) from None


def restart_node(config_path: Path | None, node: str) -> int:
    """Restart the process a node runs in, and see that it stays; 3 where it ended again. Raises NoMesh."""
    fleet, running = running_fleet(config_path)
    _check_node(fleet.config, node)
    process = fleet.config.process_of(node)
    fleet.exits.news()  # who ended before is no news
    try:
        fleet.restart(process)
        how = ended_again(fleet, process)
    except FleetDown:
        raise NoMesh(f"mesh {running.mesh} has ended: `{running.command('up')}` starts it, {node} with it") from None
    if how:
        say(f"{node}: started and ended again ({how}): {last_words(fleet.output(process))}", sys.stderr)
        return NOT_ALL
    also = [name for name in fleet.processes()[process] if name != node]
    say(f"restarted {node}" + (f" (and {', '.join(also)}, in the same process)" if also else ""))
    return 0


def ended_again(
    fleet: Fleet, process: str, clock: Callable[[], float] = time.monotonic, rest: Callable[[float], None] = time.sleep
) -> str:
    """Look at a process that was just started: how it ended, empty where it is up for UP_S as one process. Raises FleetDown."""
    pid, up_from_s = 0, None
    while True:
        state = next(each for each in fleet.states() if each.name == process)
        if state.state not in ("STARTING", "RUNNING") or pid not in (0, state.pid):
            return next((end.how for end in fleet.exits.news() if end.process == process), state.state)
        pid = state.pid
        if state.state == "RUNNING":
            up_from_s = clock() if up_from_s is None else up_from_s
            if clock() - up_from_s >= UP_S:
                return ""
        rest(LOOK_S)


def unready(config: Config, client: Client) -> list[str]:
    """Nodes that are not READY now, each with what it says instead."""
    words: list[str] = []
    for name in config.node:
        seen = client.view.nodes.get(name)
        if seen is None:
            words.append(f"{name}: not seen")
        elif client.now_ns() - seen[0] > 3_000_000_000:
            words.append(f"{name}: silent for {(client.now_ns() - seen[0]) / 1e9:.1f} s")
        elif seen[1].phase not in UP_PHASES:
            words.append(f"{name}: {seen[1].phase} {seen[1].facts.get('waiting', '')}".rstrip())
    return words


def wait_until_ready(config_path: Path | None, timeout_s: float) -> int:
    """Until every node is READY; 3 and who is not, where it took too long. Raises NoMesh where nobody answered at all."""
    config, _ = find(config_path)
    end_s = time.monotonic() + timeout_s
    with _client_by(config, end_s) as client:
        while (waiting := unready(config, client)) and time.monotonic() < end_s:
            client.pump(100)
    if not client.view.routers:
        raise NoMesh(f"no router of mesh {config.settings.mesh.id} answered within {timeout_s:g} s; start it with `mesh up`")
    for word in waiting:
        say(f"not ready: {word}", sys.stderr)
    if not waiting:
        say(f"ready: {len(config.node)} nodes")
    return NOT_ALL if waiting else 0


def _client_by(config: Config, end_s: float) -> Client:
    """A client, once there are keys for it: `mesh up` may be making them. Raises NoMesh where there are none in time."""
    while True:
        try:
            return Client(config)
        except BadConfig as error:
            if time.monotonic() >= end_s:
                raise NoMesh(f"no router of mesh {config.settings.mesh.id} can be asked: {error}") from None
        time.sleep(LOOK_S)


def run_one(config_path: Path | None, name: str, state: Path | None) -> int:
    """One node in the foreground; says when it is READY and how it ended."""
    from nodes.io.run import run_nodes

    config, place = mesh_and_state(config_path, state)
    _check_node(config, name)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadUsage(f"--state {place}: cannot be made: {error.strerror}; name another directory") from None
    code = run_nodes([name], config, place, tell=partial(say, at_once=True))
    say(f"{name} ended, exit {code}; its log: {place / 'log' / f'{name}.log'}")
    return code


def init_directory(directory: Path) -> int:
    """Write a commented mesh.toml; refuse to overwrite one."""
    path = directory / "mesh.toml"
    if path.exists():
        raise BadUsage(f"{path} is there already; name another directory or remove it")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(files("nodes.io").joinpath("example.toml").read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise BadUsage(f"{path} cannot be written: {error.strerror}; name another directory") from None
    load(path)
    say(f"wrote {path}")
    say(f"next: edit it, then `mesh config check --config {path}` and `mesh up --config {path}`")
    return 0


def _named(config_path: Path | None) -> Path:
    path = given(config_path)
    if path is None:
        raise BadUsage("no configuration file: give --config FILE, set MESH_CONFIG, or stand beside a mesh.toml")
    return path


def check_config(config_path: Path | None) -> int:
    """Say that a file is fine; BadConfig says what is not."""
    path = _named(config_path)
    config = load(path, plays_feeds=True)
    off = config.switched_off()
    say(f"{path}: fine; {len(config.node)} nodes, {len(config.account)} accounts, fingerprint {config.fingerprint}")
    for word in off:
        say(f"switched off: {word}")
    return 0


def show_config(config_path: Path | None) -> int:
    """Print the settings with every default; of a file that was named those of the file, else those of what runs, live changes included."""
    path = given(config_path)
    if path is not None:
        config = load(path)
    else:
        config, running = find(None)
        state = Path(running.state) if running is not None else None
        try:
            with attached_to(config, state) as client:
                config = running_config(client)
        except NoMesh:
            say("no router tells which live changes are in force: this is the file that nodes start with", sys.stderr)
    say_json(json.loads(config.effective()))
    return 0

