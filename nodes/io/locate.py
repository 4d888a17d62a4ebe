"""Which mesh is meant: ``--config``, ``$MESH_CONFIG``, ``./mesh.toml``, then what ``mesh up`` last started (DESIGN §9)."""

import json
import os
import sys
from importlib.resources import files
from pathlib import Path

import msgspec

from mesh.config import Config, parse, parse_effective
from mesh.errors import BadConfig


class Running(msgspec.Struct, frozen=True):
    """What ``mesh up`` started last: its effective configuration and where its state lies."""

    config: str
    state: str
    pid: int


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


def note_path() -> Path:
    """Where the last ``mesh up`` leaves its note for other commands of this user."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "trademesh" / "last.json"


def remember(running: Running) -> None:
    """Leave the note, whole or not at all."""
    path = note_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{running.pid}")
    fresh.write_bytes(msgspec.json.encode(running))
    fresh.replace(path)


def recall() -> Running | None:
    """The note of the last ``mesh up``, if one is there and readable."""
    try:
        return msgspec.json.decode(note_path().read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None


def load(path: Path) -> Config:
    """Read a configuration file: TOML, or the ``.json`` that ``mesh up`` wrote. Raises BadConfig."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"--config {path}: cannot be read: {error}") from None
    return parse_effective(text) if path.suffix == ".json" else parse(text)


def given(config: Path | None) -> Path | None:
    """The configuration file that was named, by option, environment or ``./mesh.toml``; None where none was."""
    if config is not None:
        return config
    if named := os.environ.get("MESH_CONFIG"):
        return Path(named)
    here = Path.cwd() / "mesh.toml"
    return here if here.exists() else None


def find(config: Path | None) -> tuple[Config, Path | None]:
    """The mesh a client command talks to, and its state directory where it is known. Raises BadConfig."""
    path = given(config)
    running = recall()
    if path is not None:
        return load(path), Path(running.state) if running and Path(running.config) == path else None
    if running is not None:
        return load(Path(running.config)), Path(running.state)
    raise BadConfig(
        "no mesh is known: give --config FILE, set MESH_CONFIG, stand beside a mesh.toml, or start one with `mesh up`"
    )


def write_effective(config: Config, state: Path) -> Path:
    """The settings as all nodes of this run read them, in ``state``."""
    path = state / "effective.json"
    path.write_text(json.dumps(json.loads(config.effective()), indent=1), encoding="utf-8")
    return path
