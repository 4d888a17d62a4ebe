"""The nodes of all hosts, by what they tell: one version, one configuration, none silent, none down."""

from collections.abc import Iterable
from typing import NamedTuple

from mesh.messages.health import NodeHealth
from mesh.phases import DOWN_PHASES
from mesh.revisions import FOLLOWING_ROLES
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding

AREA = "mesh"
SILENT = Finding(
    UNKNOWN, AREA, "nodes", "no mesh answers: versions and configurations of other hosts are not compared", do="mesh up, or mesh status"
)


class Live(NamedTuple):
    """Live changes in force: what those who hold them run (``runs``), and every configuration they lead from or to."""

    runs: str
    links: frozenset[str] = frozenset()


def look(configured: Iterable[str], healths: list[NodeHealth], version: str, config_hash: str, live: Live) -> list[Finding]:
    """What the nodes tell against what is here: ``version`` and ``config_hash`` of this installation and its configuration; ``live``: what
    the live changes that routers show make of that.
    """
    if not healths:
        return [SILENT]
    names = [health.node for health in healths]
    found = [
        Finding(BAD, AREA, name, "not seen", "what it does is not done", f"mesh logs {name} on its host; mesh status")
        for name in configured
        if name not in names
    ]
    for health in healths:
        if health.phase in DOWN_PHASES:
            value = f"{health.phase} {health.facts.get('ended', '')}".strip()
            found.append(
                Finding(BAD, AREA, health.node, value, "what it does is not done", f"mesh logs {health.node} supervisord on its host")
            )
    found += _differing("version", {health.node: health.version for health in healths}, version, _VERSION)
    following = {health.node: health.config_hash for health in healths if health.role in FOLLOWING_ROLES}
    others = {health.node: health.config_hash for health in healths if health.node not in following}
    if not live.links:
        following, others = following | others, {}
    # a file from before a change does for who does not hold it
    others = {name: config_hash if value in live.links else value for name, value in others.items()}
    for told, here in ((following, live.runs), (others, config_hash)):
        found += _differing("configuration", told, here, _CONFIG) if told else []
    return found


_VERSION = (
    "neighbouring protocol versions understand each other; further apart they do not talk",
    "install the same version there and `mesh restart` it",
)
_CONFIG = (
    "a local that runs neither this nor the one before observes only (DENIED MISMATCH)",
    "have it take the same configuration: mesh config apply, or its host's folder anew and `mesh restart`",
)


def _differing(what: str, told: dict[str, str], here: str, why: tuple[str, str]) -> list[Finding]:
    """Nodes that have another one than is here."""
    others = {name: value for name, value in told.items() if value != here}
    if not others:
        return [Finding(OK, AREA, what, f"{here[:16] or 'not installed'} on all {len(told)} nodes")]
    listed = ", ".join(f"{name} {value[:16] or 'none'}" for name, value in others.items())
    return [Finding(WARN, AREA, what, f"here {here[:16] or 'none'}; {listed}", *why)]
