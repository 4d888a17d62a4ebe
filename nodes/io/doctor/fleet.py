"""The nodes of all hosts, by what they tell: one version, one configuration, none silent, none down."""

from collections.abc import Iterable

from mesh.messages.health import NodeHealth
from mesh.phases import DOWN_PHASES
from mesh.revisions import FOLLOWING_ROLES
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding

AREA = "mesh"
SILENT = Finding(
    UNKNOWN, AREA, "nodes", "no mesh answers: versions and configurations of other hosts are not compared", do="mesh up, or mesh status"
)


def look(configured: Iterable[str], healths: list[NodeHealth], version: str, config_hash: str, live_hash: str) -> list[Finding]:
    """What the nodes tell against what is here: ``version`` and ``config_hash`` of this installation and its configuration; ``live_hash``:
    what the live changes that routers show make of that, in the nodes that hold them.
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
    if live_hash == config_hash:
        following, others = following | others, {}
    for told, here in ((following, live_hash), (others, config_hash)):
        found += _differing("configuration", told, here, _CONFIG) if told else []
    return found


_VERSION = (
    "neighbouring protocol versions understand each other; further apart they do not talk",
    "install the same version there and `mesh restart` it",
)
_CONFIG = (
    "a local that runs neither this nor the one before observes only (DENIED MISMATCH)",
    "bring the same configuration there and `mesh restart` it",
)


def _differing(what: str, told: dict[str, str], here: str, why: tuple[str, str]) -> list[Finding]:
    """Nodes that have another one than is here."""
    others = {name: value for name, value in told.items() if value != here}
    if not others:
        return [Finding(OK, AREA, what, f"{here[:16] or 'not installed'} on all {len(told)} nodes")]
    listed = ", ".join(f"{name} {value[:16] or 'none'}" for name, value in others.items())
    return [Finding(WARN, AREA, what, f"here {here[:16] or 'none'}; {listed}", *why)]
