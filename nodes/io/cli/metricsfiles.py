"""What ``mesh metrics`` prints: files for Grafana and Prometheus."""

from pathlib import Path

from mesh.addresses import host_port, is_any
from mesh.config import Config
from mesh.errors import BadUsage
from mesh.metricsboard import dashboard
from mesh.metricsrules import rules_file
from mesh.outlets import metrics_of
from nodes.io.cli.plaintext import say, say_json
from nodes.io.locate import find


def print_dashboard(config_path: Path | None) -> int:
    """``mesh metrics dashboard``. Raises BadConfig, NoMesh."""
    config, _ = find(config_path)
    say_json(dashboard(config.settings.mesh.id))
    return 0


def print_rules() -> int:
    """``mesh metrics rules``."""
    for line in rules_file().splitlines():
        say(line)
    return 0


def print_targets(config_path: Path | None) -> int:
    """``mesh metrics targets``. Raises BadUsage where nothing is served, BadConfig, NoMesh."""
    config, _ = find(config_path)
    say_json(targets(config))
    return 0


def targets(config: Config) -> list[dict[str, object]]:
    """Where Prometheus finds the nodes. Raises BadUsage."""
    places = metrics_of(config)
    if not places:
        raise BadUsage("this mesh serves no numbers: put [metrics] into its configuration, and start it again")
    named = [host_port(config.node[name].host if is_any(host) else host, port) for name, (host, port) in places.items()]
    return [{"targets": named, "labels": {"mesh": config.settings.mesh.id}}]
