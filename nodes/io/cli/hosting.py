"""What ``mesh hosts`` does: the folders of a fleet are written, told of, and one of them is run."""

import sys
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from mesh.config import Config
from mesh.errors import BadConfig, BadUsage
from nodes.io.cli.plaintext import say
from nodes.io.fleet import stop_s_of
from nodes.io.hosts.folder import Written, write_desk, write_host
from nodes.io.hosts.hostkeys import fleet_keys
from nodes.io.hosts.plan import HostPlan, folder_name, plans_of
from nodes.io.locate import given, mesh_and_state

MEGABYTE = 1_000_000
OUT = "hosts"


def file_of(config_path: Path | None) -> Path:
    """The fleet's file. Raises BadUsage where it is none that hosts can share."""
    path = given(config_path)
    if path is None:
        raise BadUsage("no configuration file: give --config FILE, set MESH_CONFIG, or stand beside a mesh.toml")
    if path.suffix == ".json":
        raise BadUsage(f"{path}: is what `mesh up` wrote; hosts share the mesh.toml it came from")
    return path


def build_hosts(
    config_path: Path | None, state: Path | None, hosts: list[str], out: Path | None, operators: list[str], at: str | None
) -> int:
    """``mesh hosts build``. Raises BadUsage, BadConfig."""
    path = file_of(config_path)
    config, place = mesh_and_state(path, state)
    plans = plans_of(config)
    unknown = [host for host in hosts if host not in plans]
    if unknown:
        raise BadUsage(f"{unknown[0]}: no node has this host; there are: {', '.join(plans)}")
    taken = [name for name in operators if name in map(folder_name, plans)]
    if taken:
        raise BadUsage(f"--operator {taken[0]}: a host's folder has that name; name the operator otherwise")
    fleet_keys(config, place, plans)
    target = out if out is not None else path.absolute().parent / OUT
    text = path.read_bytes()
    for host in hosts or (plans if not operators else []):
        plan = plans[host]
        written = write_host(plan, config, text, place, target / folder_name(host), stop_s_of(config), _place(at, plan))
        _tell(written, f"{', '.join(plan.nodes)}{' (Windows)' if plan.is_windows else ''}")
    for name in operators:
        _tell(write_desk(name, text, place, target / name, PurePosixPath(at) if at is not None else None), f"operator {name}, no node")
    say(f"fingerprint {config.fingerprint}; each folder holds private keys: bring it to its host on a way nobody else can read")
    say("next: the three commands in its README.md, on each host; what they install is made by `mesh hosts bundle`")
    return 0


def _place(at: str | None, plan: HostPlan) -> PurePath | None:
    if at is None:
        return None
    place: PurePath = PureWindowsPath(at) if plan.is_windows else PurePosixPath(at)
    if not place.is_absolute():
        raise BadUsage(f"--at {at}: a path from the root of {plan.name} on is expected, as that system writes it")
    if any(sign in at for sign in '"%\n'):
        raise BadUsage(f"--at {at}: quotation marks and percent signs are not allowed")
    return place


def _tell(written: Written, what: str) -> None:
    changed = ", ".join(written.changed)
    say(f"{written.folder}: {what}; {f'new here: {changed}' if changed else 'all as it was'}")


def write_bundle(out: Path, platform: str, python: str, wheel_only: bool) -> int:
    """``mesh hosts bundle``. Raises BadUsage."""
    from nodes.io.hosts.bundle import make_bundle

    files_count, size_bytes = make_bundle(out, platform, python, not wheel_only)
    what = "the wheel alone" if wheel_only else f"all that Python {python} on {platform} installs"
    say(f"{out}: {what}: {files_count} files, {size_bytes / MEGABYTE:.1f} MB; bring it into each host's folder as wheels")
    return 0


def run_here(folder: Path | None) -> int:
    """``mesh hosts run``. Raises BadUsage, BadConfig; does not return where it starts."""
    from nodes.io.hosts.start import run_host

    place = folder or (path.parent if (path := given(None)) is not None else None)
    if place is None:
        raise BadUsage("which host's? name its folder, or use the command in it: ./mesh hosts run")
    try:
        run_host(place.absolute())
    except OSError as error:
        raise BadConfig(f"supervisord cannot be started by {sys.executable}: {error.strerror}; install the host's packages anew") from None
    return 0


def hosts_of(config: Config, names: list[str]) -> dict[str, list[str]]:
    """Host → those of these nodes that run there, in their order."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(config.node[name].host, []).append(name)
    return found
