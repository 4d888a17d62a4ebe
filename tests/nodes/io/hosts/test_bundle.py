"""What hosts install: the project's own wheel, made without the network, and of the lock what their system needs."""

import subprocess
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker

from mesh.errors import BadUsage
from nodes.io.hosts import bundle, wheel
from nodes.io.hosts.lockfile import Pin, environment_of, needed, pins_in, text_of

ROOT = Path(__file__).resolve().parents[4]
HASH = "sha256:" + "ab" * 32
LOCK = f"""# made by make lock
colorama==0.4 ; sys_platform == 'win32' \\
    --hash={HASH}
left-pad==1.0 \\
    --hash={HASH} \\
    --hash=sha256:{"cd" * 32}
    # via nobody
Old.Dep==1 ; python_full_version < '3.12' \\
    --hash={HASH}
old-dep==2 ; python_full_version >= '3.12' \\
    --hash={HASH}
pytest==9 \\
    --hash={HASH}
"""
REQUIRES = {
    "trademesh": ["left-pad>=1", "colorama; sys_platform == 'win32'", "pytest; extra == 'dev'"],
    "left-pad": ["old_dep[fast]", "pytest; extra == 'test'"],
    "old-dep": ["pytest; extra == 'never'", "left-pad"],
}


def names_for(system: str, python: str = "3.11") -> list[str]:
    chosen = needed(pins_in(LOCK), environment_of(system, python), lambda name: REQUIRES.get(name, []))
    return [f"{pin.name} {pin.version}" for pin in chosen]


def test_host_gets_what_its_system_needs() -> None:
    """Its own requirements and theirs; nothing of developers, nothing of another system or Python; a ring ends."""
    assert names_for("linux") == ["left-pad 1.0", "old-dep 1"]
    assert names_for("windows", "3.12") == ["colorama 0.4", "left-pad 1.0", "old-dep 2"]


def test_lock_that_lacks_something_is_said() -> None:
    """Better here than on a host without a network."""
    with pytest.raises(BadUsage, match=r"requirements\.lock has no old-dep"):
        needed(pins_in(LOCK.replace("< '3.12'", "< '3.10'")), environment_of("linux", "3.11"), lambda name: REQUIRES.get(name, []))
    with pytest.raises(BadUsage, match="cannot be read"):
        pins_in("left-pad==1.0\n")


@pytest.mark.parametrize(("system", "python"), [("macos", "3.11"), ("linux", "3"), ("linux", "3.11.2")])
def test_system_or_python_that_is_none_is_refused(system: str, python: str) -> None:
    """The option, the value and what is allowed."""
    with pytest.raises(BadUsage, match="--p"):
        environment_of(system, python)


def test_requirements_have_every_hash_and_no_marker() -> None:
    """They are for one system: what pip reads there needs no more asking."""
    pins = needed(pins_in(LOCK), environment_of("linux", "3.11"), lambda name: REQUIRES.get(name, []))
    text = text_of(pins, Pin("trademesh", "0.1.0", "", (HASH,)))
    assert text.splitlines()[1:] == [
        "trademesh==0.1.0 \\", f"    --hash={HASH}", "left-pad==1.0 \\", f"    --hash={HASH} \\", f"    --hash=sha256:{'cd' * 32}",
        "old-dep==1 \\", f"    --hash={HASH}",
    ]  # fmt: skip


def test_real_lock_has_all_that_hosts_need() -> None:
    """On both systems and each Python: our own requirements are in, their tools are not; each pin for that system."""
    pins = pins_in((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    systems = (("linux", {"supervisor", "uvloop"}, {"winloop", "colorama"}), ("windows", {"winloop", "metatrader5"}, {"uvloop"}))
    for system, own, others in systems:
        for python in ("3.11", "3.12", "3.13"):
            environment = environment_of(system, python)
            names = [pin.name for pin in needed(pins, environment)]
            assert {"pyzmq", "msgspec", "numba", "cryptography", *own} <= set(names)
            assert not {"pytest", "mypy", "hypothesis", "ruff", *others} & set(names)
            assert len(names) == len(set(names))
            assert all(not pin.marker or Marker(pin.marker).evaluate(environment) for pin in needed(pins, environment))


@pytest.mark.slow
def test_wheel_is_made_without_the_network_and_holds_all_the_command_needs(tmp_path: Path) -> None:
    """Packages, their data and the command's entry; nothing of the tests; the checkout is left as it was."""
    before = {path.name for path in ROOT.iterdir()}
    assert bundle.make_bundle(tmp_path, "linux", "3.11", with_packages=False)[0] == 1
    (made,) = tmp_path.iterdir()
    with zipfile.ZipFile(made) as found:
        names = set(found.namelist())
        entries = next(found.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert {"nodes/io/demo.toml", "nodes/io/example.toml", "nodes/io/hosts/folder.py", "mesh/PROTOCOL.md", "tui/app.py"} <= names
    assert not [name for name in names if name.startswith(("tests/", "build/"))]
    assert "mesh = nodes.io.cli:main" in entries
    assert {path.name for path in ROOT.iterdir()} - before <= {"__pycache__"}


def test_without_a_network_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel is there, what could not be had is named, and no list of requirements pretends that all is there."""
    fresh = tmp_path / "trademesh-0.1.0-py3-none-any.whl"

    def build(_root: Path, _out: Path, _scratch: Path) -> Path:
        fresh.write_bytes(b"wheel")
        return fresh

    def offline(*words: str, limit_s: float = 0) -> subprocess.CompletedProcess[str]:
        assert "--require-hashes" in words
        return subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: No matching distribution found for numpy==2\n")

    (tmp_path / "trademesh-0.0.9-py3-none-any.whl").write_bytes(b"older")
    (tmp_path / "requirements.txt").write_text("older")
    monkeypatch.setattr(bundle, "build_wheel", build)
    monkeypatch.setattr(bundle, "run_python", offline)
    with pytest.raises(BadUsage, match=r"the wheel is there, .*No matching distribution found for numpy==2; a bundle needs the network"):
        bundle.make_bundle(tmp_path, "windows", "3.11", with_packages=True)
    assert [path.name for path in tmp_path.iterdir()] == [fresh.name]


def test_installed_package_makes_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no sources and no lock beside it."""
    monkeypatch.setattr(wheel.mesh, "__file__", str(tmp_path / "site-packages" / "mesh" / "__init__.py"))
    with pytest.raises(BadUsage, match="no checkout"):
        wheel.checkout()
