"""Ports: each that nodes of this machine listen on is free, or held by a node."""

from collections.abc import Iterable

from mesh.io.ports import holder_of, is_free, outgoing_ports
from nodes.io.doctor.finding import BAD, OK, WARN, Finding

AREA = "ports"
NODES = "nodes.io.run"
"""Stands in the command line of every node."""

Listened = Iterable[tuple[str, str, int]]
"""(node, host, port)."""


def look(listened: Listened) -> list[Finding]:
    """All of it; what listens on other machines is theirs to look at."""
    found: list[Finding] = []
    shared = outgoing_ports()
    free_count, held_count, elsewhere = 0, 0, dict[str, None]()
    risky: list[int] = []
    for name, host, port in listened:
        try:
            free = is_free(host, port)
        except OSError:
            elsewhere[name] = None
            continue
        if port in shared:
            risky.append(port)
        holder = "" if free else holder_of(port)
        free_count += free
        held_count += NODES in holder
        if holder and NODES not in holder:
            costs = f"{name} cannot listen there, and is started again and again (75)"
            found.append(
                Finding(
                    BAD, AREA, f"{name} port {port}", f"in use by {holder}", costs, "end that process, or choose another mesh.base_port"
                )
            )
    if risky:
        value = f"{min(risky)} to {max(risky)} are given to outgoing connections too"
        do = f"sysctl net.ipv4.ip_local_reserved_ports={min(risky)}-{max(risky)}, or choose mesh.base_port below {min(shared)}"
        found.append(Finding(WARN, AREA, "range", value, "a node that starts again may find its port taken and has to wait", do))
    of_others = f", those of {', '.join(elsewhere)} are on other machines" if elsewhere else ""
    return [*found, Finding(OK, AREA, "listening", f"{free_count} free, {held_count} held by nodes{of_others}")]
