"""``mesh reload`` on a mesh that trades: a limit changes everywhere at once, no process ends, and who comes later has it too."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from mesh.messages.health import NodeHealth
from mesh.revisions import FOLLOWING_ROLES
from nodes.io.cli.client import Client
from nodes.io.locate import load
from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh

LIMIT_S = 40
HEAD = """[strategy.rev]
kind = "reversion"
level = 400
[rails]
closed_from = "off"
spread_times = "off"
duplicate_window_ms = "off"
exposure_times = 5
"""
"""Nothing trades by itself, and no rail but one is in the way of a hand."""


class Watched:
    """A running mesh, as a client sees it all the time."""

    def __init__(self, rig: Rig, client: Client) -> None:
        self.rig = rig
        self._client = client
        self._named = ("--config", str(rig.config_path))

    def healths(self) -> dict[str, NodeHealth]:
        """What each node says of itself."""
        return {name: health for name, (_, health) in self._client.view.nodes.items()}

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until what is seen makes it so."""
        end_s = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end_s, f"{self.healths()}\n{self.rig.logs('run')}"
            self._client.pump(50)

    def run_all(self, fingerprint: str) -> bool:
        """Whether all that decide by the configuration run this one."""
        deciding = [name for role in FOLLOWING_ROLES for name in self.rig.config.nodes_of(role)]
        return {self.healths()[name].config_hash for name in deciding} == {fingerprint}

    def pids(self) -> dict[str, int]:
        """The process of each node."""
        return {name: health.pid for name, health in self.healths().items()}

    def say(self, *words: str, code: int = 0) -> str:
        """A command; what it said."""
        done = self.rig.run(*words, *self._named)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def reload(self, file: Path, code: int = 0) -> str:
        """The command with a file."""
        return self.say("reload", str(file), "--reason", "a test", "--yes", code=code)

    def buy(self, code: str) -> None:
        """A signal by hand ends so on both accounts; before the first tick there is no price for it."""
        end_s = time.monotonic() + LIMIT_S
        words = ("signal", "EURUSD", "buy", "--accounts", "one,two", "--volume", "0.01", "--yes", *self._named)
        while "NO_QUOTE" in (said := self.rig.run(*words).stdout) and time.monotonic() < end_s:
            pass
        assert said.count(code) == 2, said

    def kill(self, node: str, fingerprint: str) -> None:
        """As a crash ends it: its supervisord starts it again, and it runs this configuration."""
        pid = self.pids()[node]
        os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: self.pids()[node] != pid and self.healths()[node].phase == "READY")
        assert self.healths()[node].config_hash == fingerprint


def test_limit_is_tightened_live_and_given_back(tmp_path: Path) -> None:
    """DENIED by the new limit, FILLED by the old one, every process the same; whoever ends meanwhile comes back with what is in force,
    though the file it begins with is the old one; what does not change live is refused and changes nothing.
    """
    rig = Rig(tmp_path, small_mesh(HEAD, {"one": "", "two": ""}, routers_count=2, plain=False))
    state, old, tight, other = tmp_path / "run", rig.config_path, tmp_path / "tight.toml", tmp_path / "other.toml"
    tight.write_text(rig.text.replace("exposure_times = 5", "exposure_times = 0.05"), encoding="utf-8")
    other.write_text(rig.text.replace("level = 400", "level = 300"), encoding="utf-8")
    with rig.started("run") as process:
        rig.wait_ready("run")
        began = load(state / "effective.json").fingerprint
        with Client(rig.config, state) as client:
            mesh = Watched(rig, client)
            mesh.wait_for(lambda: mesh.healths().keys() == rig.config.node.keys())
            pids = mesh.pids()
            refused = mesh.reload(other, code=78)
            assert "strategy.rev.level: these hold once nodes start again" in refused
            assert mesh.reload(tight).count("CONFIRMED") == 2
            tightened = load(state / "configurations" / "0002.json").fingerprint
            mesh.wait_for(lambda: mesh.run_all(tightened))
            mesh.buy("EXPOSURE")
            assert mesh.pids() == pids
            assert load(state / "effective.json").fingerprint == began
            mesh.kill("local-1", tightened)
            mesh.reload(old)
            mesh.wait_for(lambda: mesh.run_all(began))
            mesh.buy("FILLED")
            assert "no stop binds" in mesh.say("entries")
        code, output = rig.finish("run", process)
        assert code == 0, output[-3_000:]
    assert rig.summary("run")["adds_up"]
