"""What importing brings with it: the installed packages stand alone, and pure code pulls in nothing that acts."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.tidy import project_root, sources
from tests.tidy_source import Source

PACKAGES = ("mesh", "nodes", "tui", "bench")
ACTING = ("zmq", "asyncio", "uvloop", "sqlite3", "structlog", "supervisor", "textual", "typer")
"""Modules that open sockets, files, loops or screens; pure code never needs one, not even through a library."""


def run_clean(script: str) -> str:
    """What a script prints in an interpreter that knows nothing of the current folder or the user's settings."""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported_by(*modules: str) -> set[str]:
    """The names in sys.modules once these are imported."""
    return set(run_clean(f"import sys, {', '.join(modules)}; print(*sys.modules)").split())


def pure_modules(folder: str) -> list[str]:
    """Dotted names of all pure modules of mesh or nodes."""
    files = [source for source in sources(project_root()) if isinstance(source, Source)]
    paths = [source.path for source in files if source.is_pure and source.tree is not None]
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths]
    return [name for name in names if name.split(".")[0] == folder]


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_package_imports_alone(package: str) -> None:
    """Each top-level package is installed, imports from anywhere, and brings none of the others that act."""
    loaded = imported_by(package)
    assert package in loaded
    assert not loaded & set(ACTING)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["mesh", "nodes"])
def test_pure_code_pulls_in_nothing_that_acts(folder: str) -> None:
    """All pure modules together load no ZeroMQ, no event loop, no database, no log, no screen."""
    assert not imported_by(*pure_modules(folder)) & set(ACTING)


@pytest.mark.slow
def test_mt5_facade_is_light() -> None:
    """A script that imports our MetaTrader 5 facade gets neither ZeroMQ nor an event loop before it connects."""
    assert not imported_by("nodes.io.mt5") & {"zmq", "uvloop"}


@pytest.mark.slow
def test_command_is_declared_where_it_is() -> None:
    """The ``mesh`` command of pyproject.toml exists and can be called."""
    project = tomllib.loads((project_root() / "pyproject.toml").read_text("utf-8"))["project"]
    module, function = project["scripts"]["mesh"].split(":")
    assert run_clean(f"import {module}; print(callable({module}.{function}))") == "True\n"


@pytest.mark.slow
def test_wheel_has_the_packages_and_their_data(tmp_path: Path) -> None:
    """The wheel holds every module and data file of the four packages and nothing of the tests."""
    root = project_root()
    kept = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE")
    wanted = {
        path.relative_to(root).as_posix()
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.suffix in (".py", ".md", ".toml", ".tcss") and path.is_file()
    }
    for name in [*kept, *wanted]:
        copy = tmp_path / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", tmp_path, tmp_path / "source"], check=True, timeout=100)
    (wheel,) = tmp_path.glob("trademesh-*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted
