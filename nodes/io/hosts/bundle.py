"""``mesh hosts bundle``: everything a host installs, in one folder, so that it needs neither a checkout nor the network."""

import hashlib
import tempfile
from pathlib import Path

from mesh.errors import BadUsage
from nodes.io.hosts.lockfile import PROJECT, Pin, environment_of, needed, pins_in, text_of
from nodes.io.hosts.wheel import LOCK, build_wheel, checkout, last_line, run_python

TAGS = {
    "linux": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows": ("win_amd64",),
}
"""What pip calls the systems: Debian 10, RHEL 8 and newer."""
REQUIREMENTS = "requirements.txt"
DOWNLOAD_S = 900


def make_bundle(out: Path, system: str, python: str, with_packages: bool) -> tuple[int, int]:
    """Write the wheel, and the packages it needs, into ``out``: how many files, how many bytes. Raises BadUsage.

    ``with_packages``: False: the wheel alone, which needs no network.
    """
    environment = environment_of(system, python)
    root = checkout()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for old in [*out.glob("*.whl"), out / REQUIREMENTS]:
            old.unlink(missing_ok=True)  # an older version beside a newer one would be asked for by nobody
        with tempfile.TemporaryDirectory(prefix="mesh-bundle-") as scratch:
            wheel = build_wheel(root, out, Path(scratch))
    except OSError as error:
        raise BadUsage(f"{error.filename or out}: cannot be written: {error.strerror}; name another place with --out") from None
    if with_packages:
        pins = needed(pins_in((root / LOCK).read_text(encoding="utf-8")), environment)
        _download(pins, out, system, python)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        own = Pin(PROJECT, wheel.name.split("-")[1], "", (f"sha256:{digest}",))
        (out / REQUIREMENTS).write_text(text_of(pins, own), encoding="utf-8")
    files = [path for path in out.iterdir() if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def _download(pins: list[Pin], out: Path, system: str, python: str) -> None:
    """pip's own download, each file against its hash. pip asks markers of the system it runs on, so they were asked before."""
    with tempfile.TemporaryDirectory(prefix="mesh-bundle-") as scratch:
        asked = Path(scratch) / REQUIREMENTS
        asked.write_text("\n".join(pin.line() for pin in pins) + "\n", encoding="utf-8")
        tags = [word for tag in TAGS[system] for word in ("--platform", tag)]
        words = ["-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        done = run_python(
            *words, "--python-version", python, "--implementation", "cp", *tags, "--dest", str(out), "-r", str(asked), limit_s=DOWNLOAD_S
        )
    if done.returncode:
        raise BadUsage(
            f"{out}: the wheel is there, what it needs could not be downloaded: {last_line(done.stderr)}; a bundle needs the network, "
            "once: run this where there is one"
        )
