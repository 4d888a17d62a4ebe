"""Which mesh is meant: ``--config``, ``$MESH_CONFIG``, ``./mesh.toml``, then what ``mesh up`` last started (DESIGN §9)."""

import json
import os
import sys
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
import psutil
from msgspec import Meta

from mesh.config import Config, parse, parse_effective
from mesh.errors import BadConfig, NoMesh
from nodes.io.preflight import check_files, checked

LAST = "last.json"


class Running(msgspec.Struct, frozen=True):
    """A mesh that ``mesh up`` started: its effective configuration, the file that was named (or nothing), where its state lies."""

    config: str
    given: str
    mesh: str
    state: str
    pid: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    created_s: float
    """When that process began: a pid alone may be another's by now."""

    def command(self, verb: str) -> str:
        """A command line for this mesh and no other."""
        return f"mesh {verb} --config {self.given}" if self.given else f"mesh {verb}"

    def is_alive(self) -> bool:
        """Whether that ``mesh up`` still runs."""
        try:
            process = psutil.Process(self.pid)
            return bool(process.create_time() == self.created_s and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False


def running_now(effective: Path, given_path: Path | None, mesh: str, state: Path) -> Running:
    """This process as a note."""
    name = str(given_path.resolve()) if given_path is not None else ""
    return Running(str(effective.resolve()), name, mesh, str(state.resolve()), os.getpid(), psutil.Process().create_time())


def demo_text() -> str:
    """The embedded default configuration."""
    return files("nodes.io").joinpath("demo.toml").read_text(encoding="utf-8")


def default_state(config_given: bool) -> Path:
    """``./.trademesh`` for the demo, the system's own place else."""
    if not config_given:
        return Path.cwd() / ".trademesh"
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "trademesh"
    return Path("/var/lib/trademesh")


def _notes() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "trademesh"


def remember(running: Running) -> None:
    """Leave notes for other commands of this user, each whole or not at all: as the last one, and one for each state directory.

    Whoever begins in a directory takes the place of who was there before: no note leads to another's mesh.
    """
    _notes().mkdir(parents=True, exist_ok=True)
    for name in (LAST, f"{blake2b(running.state.encode(), digest_size=8).hexdigest()}.json"):
        fresh = _notes() / f"{name}.{running.pid}"
        fresh.write_bytes(msgspec.json.encode(running))
        fresh.replace(_notes() / name)


def notes() -> list[Running]:
    """What ``mesh up`` started for this user in each state directory, the newest first."""
    paths = [path for path in _notes().glob("*.json") if path.name != LAST]
    found = [running for path in paths if (running := _read(path)) is not None]
    return sorted(found, key=lambda running: running.created_s, reverse=True)


def recall(config: Path | None = None) -> Running | None:
    """The note of the ``mesh up`` of a configuration file, or of the last one, if it is there and readable."""
    if config is None:
        return _read(_notes() / LAST)
    name = str(config.resolve())
    return next((running for running in notes() if name in (running.given, running.config)), None)


def _read(path: Path) -> Running | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Running)
    except (OSError, UnicodeDecodeError, RecursionError, msgspec.MsgspecError):
        return None


def load(path: Path, plays_feeds: bool = False, is_node: bool = False) -> Config:
    """Read a configuration file: TOML, or the ``.json`` that ``mesh up`` wrote. The one door: every check is made here.

    ``plays_feeds``: its feed files are to be read on this host, so they must be there. ``is_node``: a node reads it: what ``mesh up``
    wrote it has checked, and what checks it again stays in the memory of each. Raises BadConfig naming the file, the key,
    the value and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read: {error.strerror}; name another file") from None
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: is not UTF-8 text: {error}") from None
    try:
        is_effective = path.suffix == ".json"
        config = parse_effective(text) if is_effective else parse(text)
        if not (is_effective and is_node):
            checked(config)
        if plays_feeds:
            check_files(config)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None
    return config


def given(config: Path | None) -> Path | None:
    """The configuration file that was named, by option, environment or ``./mesh.toml``; None where none was."""
    if config is not None:
        return config
    if named := os.environ.get("MESH_CONFIG"):
        return Path(named)
    here = Path.cwd() / "mesh.toml"
    return here if here.exists() else None


def find(config: Path | None) -> tuple[Config, Running | None]:
    """The mesh a client command means, and what is known of its ``mesh up`` on this host. Raises BadConfig, NoMesh."""
    path = given(config)
    if path is not None:
        named, running = load(path), recall(path)
        return named, running if running is not None and running.mesh == named.settings.mesh.id else None
    running = recall()
    if running is not None:
        return load(Path(running.config)), running
    raise NoMesh(
        "no mesh is known: give --config FILE, set MESH_CONFIG, stand beside a mesh.toml, or start one with `mesh up`"
    )


def state_of(config: Path | None, state: Path | None) -> Path:
    """The state directory a command means: the one it names, that of the mesh that runs, or the default place. Raises BadConfig, NoMesh."""
    return state if state is not None else mesh_and_state(config, None)[1]


def mesh_and_state(config: Path | None, state: Path | None) -> tuple[Config, Path]:
    """The mesh a command means, and its state directory. Raises BadConfig, NoMesh."""
    found, running = find(config)
    known = Path(running.state) if running is not None else default_state(given(config) is not None)
    return found, (state or known).absolute()


def write_effective(config: Config, state: Path) -> Path:
    """The settings as all nodes of this run read them, in ``state``."""
    path = state / "effective.json"
    path.touch(mode=0o600)  # the address of a webhook may be in it
    path.write_text(json.dumps(json.loads(config.effective()), indent=1), encoding="utf-8")
    return path
