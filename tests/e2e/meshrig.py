"""Runs a real mesh as a user does: the installed command, real processes, loopback ports found free."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mesh.codec import decode_record_untrusted
from mesh.config import parse
from nodes.io.locate import demo_text
from nodes.terminal.records import Deal
from tests.ports import free_base_port

CHECKOUT = Path(__file__).resolve().parents[2]
UP_S = 110


class Rig:
    """A configuration, a state directory and the command."""

    def __init__(self, folder: Path, text: str = "") -> None:
        self.folder = folder
        self.text = (text or demo_text()).replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}", 1)
        self.config = parse(self.text)
        self.config_path = folder / "mesh.toml"
        self.config_path.write_text(self.text, encoding="utf-8")
        # the code beside this file, though the environment may have another checkout installed
        self.environment = {**os.environ, "XDG_STATE_HOME": str(folder / "xdg"), "COLUMNS": "200", "PYTHONPATH": str(CHECKOUT)}
        self.environment.pop("MESH_CONFIG", None)

    def command(self, *words: str) -> list[str]:
        """The command line of a verb."""
        return [sys.executable, "-m", "nodes.io.cli", *words]

    def run(self, *words: str, limit_s: int = UP_S) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return subprocess.run(
            self.command(*words), cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=limit_s, check=False
        )

    def up_words(self, name: str, *words: str) -> list[str]:
        """``mesh up`` with its own state, summary and events under ``name``."""
        return [
            "up", "--config", str(self.config_path), "--state", str(self.folder / name),
            "--summary", str(self.folder / f"{name}.json"), "--events", str(self.folder / f"{name}.jsonl"), *words,
        ]  # fmt: skip

    def up(self, name: str, *words: str) -> dict[str, Any]:
        """Run a mesh to its own end; its summary."""
        done = self.run(*self.up_words(name, *words))
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}\n{self.logs(name)}"
        return self.summary(name)

    @contextmanager
    def started(self, name: str, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A mesh in the background, which is gone when the block is left, however that is."""
        with subprocess.Popen(
            self.command(*self.up_words(name, *words)),
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def wait_ready(self, name: str, limit_s: int = 60) -> None:
        """Every node of the mesh in the background is ready; else what they wrote."""
        ready = self.run("wait-ready", "--config", str(self.config_path), "--timeout", str(limit_s))
        assert ready.returncode == 0, f"{ready.stderr}\n{self.logs(name)}"

    def finish(self, name: str, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Ctrl-C, and what it printed."""
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode, output

    def summary(self, name: str) -> dict[str, Any]:
        """The summary of a run."""
        document: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        return document

    def events(self, name: str, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, in the file's order."""
        lines = (self.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        return [event for event in map(json.loads, lines) if event["kind"] == kind]

    def outcomes(self, name: str) -> list[tuple[Any, ...]]:
        """Sorted (sid, strategy, leg, account, code, volume, price) of every line that ended."""
        keys = ("sid", "strategy", "leg", "account", "code", "volume", "price")
        return sorted(tuple(str(event.get(key)) for key in keys) for event in self.events(name, "outcome"))

    def logs(self, name: str) -> str:
        """The last words of every process, for a failed test."""
        parts = []
        for path in sorted((self.folder / name / "log").glob("*.out")):
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            if text:
                parts.append(f"--- {path.name}\n{text[-1500:]}")
        return "\n".join(parts)


def entry_magics(state: Path) -> list[tuple[int, int]]:
    """(login, magic) of every opening deal in the broker's journal."""
    found: list[tuple[int, int]] = []
    store = sqlite3.connect(f"file:{state / 'broker-1.db'}?mode=ro", uri=True)
    try:
        for key, record in store.execute("SELECT key, record FROM row WHERE kind = 'deal'"):
            deal = decode_record_untrusted(record, Deal)
            if deal.entry == 0 and deal.magic:
                found.append((int(bytes(key).split(b"/")[0] or b"0") if b"/" in bytes(key) else 0, deal.magic))
    finally:
        store.close()
    return found
