"""A host's folder: the fleet's file and its own, keys, what starts its nodes, and a README. Written again, what has not changed stays."""

from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import msgspec

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.io.storemarks import write_whole
from nodes.io.hosts import windows
from nodes.io.hosts.guide import linux_guide, operator_guide, windows_guide
from nodes.io.hosts.hostfile import HOST_FILE, MESH_FILE, STATE, VENV, HostFile, host_in, host_text
from nodes.io.hosts.hostkeys import host_keys, operator_keys, write_keys
from nodes.io.hosts.plan import HostPlan
from nodes.io.hosts.unit import UNIT, unit_text
from nodes.io.keyfiles import folder_of
from nodes.io.supervisorconf import SupervisorConf

SUPERVISOR_CONF, COMMAND, GUIDE = "supervisord.conf", "mesh", "README.md"
HERE = "%(here)s"
"""supervisord's word for the folder its file lies in: so the folder may lie anywhere."""
PYTHON = f"{VENV}/bin/python"
SHELL = f"""#!/bin/sh
# The command mesh, with the configuration and the keys of this folder.
here=$(cd -- "$(dirname -- "$0")" && pwd) || exit 1
exec "$here/{PYTHON}" -P -m nodes.io.hosts.command "$here" "$@"
"""
LINUX_AT, WINDOWS_AT = PurePosixPath("/opt/trademesh"), PureWindowsPath(r"C:\trademesh")
OPEN, RUNNABLE = 0o644, 0o755


class Written(msgspec.Struct, frozen=True):
    """A folder that was written, and the names in it that are new or other than they were."""

    folder: Path
    changed: list[str]


def conf_of(plan: HostPlan, stop_s: int) -> SupervisorConf:
    """supervisord's file of a host: its own nodes and no other's."""
    python = [f"{HERE}/{PYTHON}", "-P", "-m"]
    paths = ["--config", f"{HERE}/{MESH_FILE}", "--state", f"{HERE}/{STATE}"]
    programs = {
        process: [*python, "nodes.io.runhost", *nodes, "--folder", HERE] if nodes else [*python, "nodes.io.alerting", *paths]
        for process, nodes in plan.processes.items()
    }
    state = f"{HERE}/{STATE}"
    client = {process: f'MESH_OPERATOR="{plan.client}"' for process, nodes in plan.processes.items() if not nodes}
    watch = [*python, "nodes.io.fleetwatch", *paths]
    return SupervisorConf(f"{state}/run/supervisor.sock", state, programs, watch, stop_s, environment=client)


def write_host(plan: HostPlan, config: Config, text: bytes, state: Path, folder: Path, stop_s: int, at: PurePath | None = None) -> Written:
    """Write the folder of a host. ``text``: the fleet's file; ``state``: where its keys are; ``at``: where the folder will lie there.

    Raises BadConfig.
    """
    files: dict[str, tuple[bytes, int]] = {MESH_FILE: (text, OPEN)}
    if plan.is_windows:
        place = PureWindowsPath(at or WINDOWS_AT)
        for process, nodes in plan.processes.items():
            files[windows.start_name(process)] = (windows.start_text(process, nodes, plan.name, plan.client).encode(), OPEN)
            files[windows.task_name(process)] = (windows.task_text(process, plan.name, place), OPEN)
        files |= {"mesh.cmd": (windows.command_text().encode(), OPEN), GUIDE: (windows_guide(plan, place).encode(), OPEN)}
        files["install.cmd"] = (windows.install_text(list(plan.processes)).encode(), OPEN)
    else:
        here = PurePosixPath(at or LINUX_AT)
        files |= {SUPERVISOR_CONF: (conf_of(plan, stop_s).text().encode(), OPEN), COMMAND: (SHELL.encode(), RUNNABLE)}
        files |= {UNIT: (unit_text(plan, config, here, stop_s).encode(), OPEN), GUIDE: (linux_guide(plan, here).encode(), OPEN)}
    own = HostFile(host=plan.name, client=plan.client, nodes=list(plan.nodes))
    return _write(folder, files, own, host_keys(plan, state), state)


def write_desk(name: str, text: bytes, state: Path, folder: Path, at: PurePath | None = None) -> Written:
    """Write the folder of an operator, on which no node runs. Raises BadConfig."""
    files = {MESH_FILE: (text, OPEN), COMMAND: (SHELL.encode(), RUNNABLE)}
    files[GUIDE] = (operator_guide(name, PurePosixPath(at or LINUX_AT)).encode(), OPEN)
    return _write(folder, files, HostFile(host="", client=name), operator_keys(name, state), state)


def _write(folder: Path, files: dict[str, tuple[bytes, int]], own: HostFile, keys: dict[str, Path], state: Path) -> Written:
    try:
        (folder / STATE).mkdir(mode=0o700, parents=True, exist_ok=True)
        changed = [name for name, (raw, mode) in files.items() if _put(folder / name, raw, mode)]
        changed += [HOST_FILE] if _put_own(folder, own) else []
        changed += [f"{STATE}/keys/{name}" for name in write_keys(keys, state, folder_of(folder / STATE))]
    except OSError as error:
        raise BadConfig(f"{error.filename or folder}: cannot be written: {error.strerror}; name another place with --out") from None
    return Written(folder, changed)


def _put_own(folder: Path, own: HostFile) -> bool:
    """The host's own file is its owner's: one that says the same stays as it is, and caps in it are never thrown away."""
    path = folder / HOST_FILE
    if path.exists():
        known = host_in(path)
        if (known.host, known.client, known.nodes) == (own.host, own.client, own.nodes):
            return False
        if known.caps:
            nodes = ", ".join(f'"{name}"' for name in own.nodes)
            raise BadConfig(f"{path}: has caps of its own, and this host runs other nodes now: write nodes = [{nodes}] into it, and again")
    return _put(path, host_text(own).encode(), OPEN)


def _put(path: Path, raw: bytes, mode: int) -> bool:
    if path.exists() and path.read_bytes() == raw:
        return False
    write_whole(path, raw)
    path.chmod(mode)
    return True
