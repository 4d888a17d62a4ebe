"""When and where nobody could have repaired anything: a process that is gone or stands still, a link that brings nothing.

Times that faults make long are told apart from those that the mesh takes by itself.
"""

import msgspec

from mesh.config import Config
from mesh.view import View

NEVER_S = float("inf")


class Span(msgspec.Struct):
    """One hindrance: at a process (one name), or between the two ends of a link."""

    names: frozenset[str]
    from_s: float
    to_s: float
    is_death: bool = False


class Hindrances:
    """All of a campaign, on its clock. Names are those of nodes, and ``account.NAME.terminal`` for a worker."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._spans: list[Span] = []
        self._dead: dict[str, Span] = {}
        """Nodes that were killed and have not been ready since."""

    def stopped(self, names: list[str], from_s: float, to_s: float) -> None:
        """Processes stand still."""
        self._spans += [Span(frozenset((name,)), from_s, to_s) for name in names]

    def held(self, ends: tuple[str, str], from_s: float, to_s: float) -> None:
        """A link brings nothing, or late."""
        self._spans.append(Span(frozenset(ends), from_s, to_s))

    def killed(self, names: list[str], from_s: float) -> None:
        """Processes are gone, until they are ready again."""
        for name in names:
            if name not in self._dead:
                self._dead[name] = Span(frozenset((name,)), from_s, NEVER_S, True)
                self._spans.append(self._dead[name])

    def look(self, view: View, now_s: float) -> None:
        """See who is ready again: in a life that is younger than its death."""
        for name, span in list(self._dead.items()):
            seen = view.nodes.get(name)
            if seen is not None and seen[1].phase == "READY" and seen[1].uptime_ms / 1_000 < now_s - span.from_s:
                span.to_s = now_s
                del self._dead[name]

    def path_of(self, node: str) -> set[str]:
        """Whom a gap of a node needs for its repair."""
        masters = self._config.nodes_of("master")
        routers = self._config.routers_of(node) if self._config.role_of(node) == "local" else []
        return {node, *masters, *routers}

    def is_hindered(self, path: set[str], from_s: float, to_s: float, but_death_of: str = "") -> bool:
        """Whether something on a path was hindered meanwhile; the death of one may be what is measured."""
        return any(
            span.names <= path and span.from_s <= to_s and from_s <= span.to_s and not (span.is_death and but_death_of in span.names)
            for span in self._spans
        )
