"""What ``mesh alerts`` does."""

from pathlib import Path

import msgspec

from mesh.alarmtext import trial_fields
from mesh.config import Config
from mesh.errors import BadUsage
from mesh.io.clock import wall_ns
from mesh.settings import AlertsSection
from nodes.io.alerthooks import HookFailed, hooks_of
from nodes.io.alerting import run_alerting
from nodes.io.cli.plaintext import say
from nodes.io.lifeline import End
from nodes.io.locate import find, mesh_and_state


def send_trial(config_path: Path | None) -> int:
    """``mesh alerts test``: one try by each way; 1 where one failed. Raises BadUsage, BadConfig, NoMesh."""
    config, _ = find(config_path)
    body = msgspec.json.encode(trial_fields(config.settings.mesh.id, wall_ns()))
    code = 0
    for hook in hooks_of(alerts_of(config)):
        try:
            hook.send(body)
        except HookFailed as error:
            code = 1
            say(f"✗ {hook.name}: {error}")
        else:
            say(f"✓ {hook.name}: delivered")
    return code


def run_here(config_path: Path | None, state: Path | None) -> int:
    """``mesh alerts run``. Raises BadUsage, BadConfig, NoMesh."""
    config, place = mesh_and_state(config_path, state)
    alerts_of(config)
    end = End()
    end.listen()
    say(f"telling of alarms of mesh {config.settings.mesh.id} until Ctrl-C; the log is in {place / 'log'}")
    return run_alerting(config, place, end.look)


def alerts_of(config: Config) -> AlertsSection:
    """What the file says. Raises BadUsage where it says nothing."""
    if config.settings.alerts is None:
        raise BadUsage("nobody is to be told: put [alerts] with a webhook or a command into the configuration")
    return config.settings.alerts
