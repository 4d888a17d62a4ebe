"""The installable wheel of this project, made of the checkout the command runs in with what `make setup` has installed: no download."""

import shutil
import subprocess
import sys
from pathlib import Path

import mesh
from mesh.errors import BadUsage

PARTS = ("mesh", "nodes", "tui", "bench", "pyproject.toml", "setup.cfg", "README.md", "LICENSE")
LOCK = "requirements.lock"
BUILD_S = 120


def checkout() -> Path:
    """The folder of the sources this command runs from. Raises BadUsage where it is an installed package."""
    root = Path(mesh.__file__).resolve().parents[1]
    missing = [name for name in (*PARTS, LOCK) if not (root / name).exists()]
    if missing:
        raise BadUsage(f"{root}: no checkout ({', '.join(missing)} is not there): a bundle is made where the sources are")
    return root


def build_wheel(root: Path, out: Path, scratch: Path) -> Path:
    """Make the wheel in ``out``, from a copy: a build leaves files behind, and takes up those that another one left. Raises BadUsage."""
    source, made = scratch / "source", scratch / "wheel"
    source.mkdir()
    for name in PARTS:
        if (root / name).is_dir():
            shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, source / name)
    words = ["-m", "pip", "wheel", "--disable-pip-version-check", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = run_python(*words, "--wheel-dir", str(made), str(source))
    wheels = list(made.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        why = last_line(done.stderr) or f"{len(wheels)} wheels were made"
        raise BadUsage(f"the wheel cannot be built: {why}; `make setup` installs what it needs")
    return Path(shutil.copy(wheels[0], out / wheels[0].name))


def run_python(*words: str, limit_s: float = BUILD_S) -> subprocess.CompletedProcess[str]:
    """This environment's Python, to its end. Raises BadUsage where it takes too long."""
    try:
        return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise BadUsage(f"`python {' '.join(words[:3])}` did not end within {limit_s:.0f} s; try again") from None


def last_line(text: str) -> str:
    """What a program said last that is an error, else last at all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")[:300]
