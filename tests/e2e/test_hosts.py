"""One file, a folder for each host: three of them run on one machine, by the installed command, and a fourth joins them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from nodes import kernels
from nodes.io.fleet import Fleet
from nodes.io.hosts.hostfile import read_host
from tests.nodes.io.hosts.fleetfile import FLEET
from tests.ports import free_base_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
CHECKOUT = Path(__file__).resolve().parents[2]
LIMIT_S = 75
BRAIN = '[process.brain]\nnodes = ["market-1", "broker-1", "signals-1", "master-1"]\n'
"""Fewer processes, so that the test takes less time; what reads indicators stays by itself."""
STEP = re.compile(r"^  \d\. (\S+): mesh\.toml and state/keys/inventory\.toml, then (.+)$", re.MULTILINE)


class Hosts:
    """The office, where the fleet's file and keys are, and the hosts' own places: each reached by what was brought there alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.office = folder / "office"
        self.office.mkdir()
        (folder / "empty").mkdir()
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MESH_", "PYTHON"))}
        # PYTHON… is gone: only what is installed can be imported
        self.environment = clean | {"XDG_STATE_HOME": str(folder / "xdg"), "COLUMNS": "200"}
        self.python = self._installed()

    def _installed(self) -> Path:
        """The wheel in a fresh environment; what it needs is borrowed from this one, so that nothing is downloaded."""
        wheels, venv = self.folder / "wheels", self.folder / "venv"
        self.run(sys.executable, "-m", "nodes.io.cli", "hosts", "bundle", "--wheel-only", "--out", str(wheels), cwd=CHECKOUT)
        self.run(sys.executable, "-m", "venv", "--without-pip", str(venv))
        python = venv / "bin" / "python"
        own = self.run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        self.run(
            sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check", "--no-index",
            "--no-deps", "--no-compile", *map(str, wheels.glob("*.whl")),
        )  # fmt: skip
        (Path(own) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        where = self.run(str(python), "-P", "-c", "import nodes; print(nodes.__file__)").strip()
        assert where.startswith(str(venv)), where
        lend_compiled(Path(where).parent)
        return python

    def run(self, *words: str, cwd: Path | None = None, code: int = 0) -> str:
        """A program to its end, from an empty directory; what it said."""
        place = cwd or self.folder / "empty"
        done = subprocess.run(words, cwd=place, env=self.environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == code, f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout + done.stderr

    def mesh(self, *words: str) -> str:
        """A command of the office, as installed there."""
        return self.run(str(self.python), "-P", "-m", "nodes.io.cli", *words, cwd=self.office)

    def at(self, host: str, *words: str, code: int = 0) -> str:
        """The command in a host's folder."""
        return self.run(str(self.place(host) / "mesh"), *words, code=code)

    def place(self, host: str) -> Path:
        """Where a host's folder lies."""
        return self.folder / host

    def bring(self, host: str, *names: str) -> None:
        """Copy what the office made for a host to its place: the whole folder, or these files of it."""
        made = self.office / "hosts" / host
        if not names:
            shutil.copytree(made, self.place(host))
            (self.place(host) / "venv").symlink_to(self.python.parents[1])
        for name in names:
            shutil.copy(made / name, self.place(host) / name)

    @contextmanager
    def running(self, host: str) -> Iterator["subprocess.Popen[bytes]"]:
        """What a host's unit starts; asked to end as systemd does, it ends well."""
        words = [str(self.place(host) / "mesh"), "hosts", "run"]
        with subprocess.Popen(words, cwd=self.folder / "empty", env=self.environment, stderr=subprocess.DEVNULL) as process:
            try:
                yield process
                process.send_signal(signal.SIGTERM)
                assert process.wait(LIMIT_S) == 0
            finally:
                process.kill()

    def pids(self, host: str) -> dict[str, int]:
        """Node → process of a host, as its supervisord says."""
        _, config = read_host(self.place(host))
        return {each.name: each.pid for each in Fleet(config, self.place(host) / "state").states()}

    def filled(self, side: str, *accounts: str) -> None:
        """A signal by hand from the operator's folder is executed on these accounts; before the first tick there is no price for it."""
        end_s = time.monotonic() + LIMIT_S
        command = str(self.place("operator") / "mesh")
        words = [command, "signal", "EURUSD", side, "--accounts", ",".join(accounts), "--volume", "0.01", "--yes"]
        while True:
            done = subprocess.run(words, cwd=self.folder / "empty", env=self.environment, capture_output=True, text=True, check=False)
            if "NO_QUOTE" not in done.stdout or time.monotonic() > end_s:
                break
        assert (done.returncode, done.stdout.count("✓ FILLED")) == (0, len(accounts)), f"{done.stdout}\n{done.stderr}\n{self.logs()}"

    def logs(self) -> str:
        """The last words of every process, for a failed test."""
        outputs = {path: path.read_text(errors="replace").strip()[-800:] for path in sorted(self.folder.glob("*/state/log/*.out"))}
        return "\n".join(f"--- {path}\n{text}" for path, text in outputs.items() if text)


def lend_compiled(package: Path) -> None:
    """Give an installed copy the indicators that are compiled here: numba believes them by the age and size of their source."""
    kernels.warm()
    source = Path(kernels.__file__)
    (package / "__pycache__").mkdir(exist_ok=True)
    for path in (source.parent / "__pycache__").glob("kernels.*.nb?"):
        shutil.copy(path, package / "__pycache__")
    stamp = source.stat()
    os.utime(package / source.name, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_hosts(tmp_path: Path) -> None:
    """Built, brought, started, ready; a signal is filled; account four comes on a new host, and no process of the others' host changes."""
    hosts, first = Hosts(tmp_path), ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    text = FLEET.replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}").replace("[market]", "[market]\nbackfill_minutes = 100")
    (hosts.office / "mesh.toml").write_text(text + BRAIN)
    keys = ("--state", str(tmp_path / "keys"))
    hosts.mesh("hosts", "build", *keys)
    hosts.mesh("hosts", "build", "--operator", "operator", *keys)
    for host in (*first, "operator"):
        hosts.bring(host)
    with ExitStack() as stack:
        for host in first:
            stack.enter_context(hosts.running(host))
        assert "ready: 10 nodes" in hosts.at("operator", "wait-ready", "--timeout", "60")
        hosts.filled("buy", "demo-1", "demo-2", "demo-3")
        before = {host: hosts.pids(host) for host in first}
        assert {host: sorted(names) for host, names in before.items()} == {
            "127.0.0.2": ["brain", "cci-1"], "127.0.0.3": ["router-1", "router-2"], "127.0.0.4": ["local-1", "local-2", "local-3"],
        }  # fmt: skip
        rows = json.loads(hosts.at("127.0.0.4", "status", "--json"))["nodes"]
        pids = {row["name"]: row["pid"] for row in rows}
        assert {name: pid for names in before.values() for name, pid in names.items() if name != "brain"}.items() <= pids.items()

        add_account_four(hosts, keys)
        stack.enter_context(hosts.running("127.0.0.5"))
        assert "ready: 11 nodes" in hosts.at("operator", "wait-ready", "--timeout", "60")
        hosts.filled("sell", "demo-4")
        after = {host: hosts.pids(host) for host in first}
        assert after["127.0.0.4"] == before["127.0.0.4"], "the other locals go on as they were"
        assert after["127.0.0.2"]["cci-1"] == before["127.0.0.2"]["cci-1"]
        assert all(after["127.0.0.3"][name] != pid for name, pid in before["127.0.0.3"].items())
        assert "this host does not run it" in hosts.at("127.0.0.4", "restart", "router-1", code=2)
        assert "4 of 4 accounts confirmed" in hosts.at("operator", "kill", "--reason", "the end of the test")


def add_account_four(hosts: Hosts, keys: tuple[str, str]) -> None:
    """Do what the command says is to be done: those files to those hosts, and those commands there."""
    said = hosts.mesh(
        "account", "add", "demo-4", "--login", "5004", "--server", "trademesh-sim", "--host", "127.0.0.5", "--mode", "demo",
        "--node", "local-4", *keys,
    )  # fmt: skip
    assert "untouched: 127.0.0.4" in said
    hosts.mesh("hosts", "build", *keys)
    hosts.mesh("hosts", "build", "--operator", "operator", *keys)
    hosts.bring("operator", "mesh.toml", "state/keys/inventory.toml")
    hosts.bring("127.0.0.5")
    steps = STEP.findall(said)
    assert [host for host, _ in steps] == ["127.0.0.3", "127.0.0.2"]
    for host, commands in steps:
        hosts.bring(host, "mesh.toml", "state/keys/inventory.toml")
        for command in commands.split(", "):
            _, *words = command.split()
            hosts.at(host, *words)
