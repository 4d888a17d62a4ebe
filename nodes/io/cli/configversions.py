"""Configurations that the mesh on this host took, kept by number in its state; and the one its nodes read when they start."""

import os
from pathlib import Path

from mesh.config import Config
from nodes.io.locate import load, write_effective

VERSIONS = "configurations"
"""Folder of the state with every configuration that was taken, by number."""


def path_of(state: Path, number: int) -> Path:
    """Where the configuration with this number is; it is itself a file to apply, or to reload."""
    return state / VERSIONS / f"{number:04d}.json"


def keep(before: Config, after: Config, state: Path) -> int:
    """Keep a new configuration under the next number, and what ran before it too, where that is not the newest; the number."""
    folder = state / VERSIONS
    folder.mkdir(exist_ok=True)
    known = sorted(folder.glob("[0-9][0-9][0-9][0-9].json"))
    number = int(known[-1].stem) if known else 0
    if not known or load(known[-1]).fingerprint != before.fingerprint:
        number += 1
        _write(path_of(state, number), before)
    _write(path_of(state, number + 1), after)
    return number + 1


def put(config: Config, state: Path) -> None:
    """What nodes read when they start, whole or not at all."""
    scratch = state / f".{VERSIONS}.{os.getpid()}"
    scratch.mkdir(exist_ok=True)
    try:
        write_effective(config, scratch).replace(state / "effective.json")
    finally:
        scratch.rmdir()


def _write(path: Path, config: Config) -> None:
    path.touch(mode=0o600)  # the address of a webhook may be in it
    path.write_bytes(config.effective())
