"""Where a mesh tells outsiders how it is: a port of each node for Prometheus, a process of its own for alerts. What may be configured."""

from mesh.addresses import address_of, is_loopback
from mesh.config import Config
from mesh.errors import BadConfig
from mesh.links import LINKS
from mesh.section import Port
from mesh.settings import MetricsSection

ALERTS_PROGRAM = "alerts"
"""The process that tells of alarms, as supervisord calls it."""
TAKEN_NAMES = {
    ALERTS_PROGRAM: "the process that tells of alerts",
    "fleet-watch": "supervisord's listener on each host",
    "supervisord": "supervisord's own log on each host",
}
"""Name → who has it, and the files of that name in ``log/``: no node and no other process may have it beside (the first: where it runs)."""
PORT_MAX = 65_535


def metrics_of(config: Config) -> dict[str, tuple[str, Port]]:
    """Node → host and port where its numbers are; nothing where the file has no ``[metrics]``."""
    metrics = config.settings.metrics
    return {} if metrics is None else {name: (metrics.host, metrics.base_port + number) for number, name in enumerate(config.node)}


def check_outlets(config: Config) -> None:
    """What must hold of ``[metrics]`` and ``[alerts]``. Raises BadConfig with the key, the value and what is allowed."""
    metrics, alerts = config.settings.metrics, config.settings.alerts
    for kind, names in (("node", config.node), ("process", config.settings.process)):
        for name, whose in TAKEN_NAMES.items():
            if name in names and (name != ALERTS_PROGRAM or alerts is not None):
                raise BadConfig(f"{kind}.{name}: {whose} has that name; name this one otherwise")
    if metrics is not None:
        _check_metrics(config, metrics)
    if alerts is None:
        return
    if not alerts.webhook and not alerts.command:
        raise BadConfig("[alerts] tells nobody: set alerts.webhook, alerts.command or both, or leave the section out")
    if alerts.command and not alerts.command[0]:
        raise BadConfig("alerts.command: its first word is the program, and is empty; allowed: the path of a program, then its arguments")


def _check_metrics(config: Config, metrics: MetricsSection) -> None:
    if address_of(metrics.host) is None:  # a name would be looked up on the trading loop
        raise BadConfig(f"metrics.host = {metrics.host}: allowed: an IP address of the node's own host, such as 127.0.0.1 or ::1")
    if not metrics.open and not is_loopback(metrics.host):
        why = "whoever reaches it could read every node's numbers"
        raise BadConfig(f"metrics.host = {metrics.host}: {why}; use 127.0.0.1, or say metrics.open = true on purpose")
    taken = {
        int(config.endpoint(name, link.name).rpartition(":")[2]): name
        for name, node in config.node.items()
        for link in LINKS.values()
        if link.bind_role == node.role
    }
    for name, (_, port) in metrics_of(config).items():
        if port > PORT_MAX:
            raise BadConfig(f"metrics.base_port = {metrics.base_port}: {name} would have {port}; a port for each node up to {PORT_MAX}")
        if port in taken:
            where = f"{name} would have {port}, where {taken[port]} listens"
            raise BadConfig(f"metrics.base_port = {metrics.base_port}: {where}; choose another")
