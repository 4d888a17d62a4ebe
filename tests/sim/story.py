"""A failing seed as a story: what went wrong when, and every message that spoke of what broke."""

from mesh import links
from mesh.core import Effect, Envelope, Note, Send
from mesh.simnet import Place
from mesh.units import MS_NS
from tests.sim.faultplan import FaultPlan
from tests.sim.fleet import Fleet

TEXT_MAX = 260


class Story:
    """Keeps what is said of ``key`` (an oid in hex, an account, a sid; empty: everything) in one run of a fleet."""

    def __init__(self, fleet: Fleet, key: str) -> None:
        self.lines: list[tuple[int, str]] = []
        self._fleet = fleet
        self._words = [key] if key else []
        if len(key) == 32:
            self._words.append(repr(bytes.fromhex(key)))
        self._turn, self._effect = fleet.net.on_turn, fleet.net.on_effect
        fleet.net.on_turn, fleet.net.on_effect = self._on_turn, self._on_effect

    def _on_turn(self, place: Place, envelope: Envelope | None) -> None:
        if envelope is not None:
            self._tell(place, f"<- {envelope.link}", envelope.message)
        if self._turn is not None:
            self._turn(place, envelope)

    def _on_effect(self, place: Place, effect: Effect) -> None:
        if isinstance(effect, Send) and effect.link == links.WORKER:
            self._tell(place, "-> worker", effect.message)
        elif isinstance(effect, Note):
            self._tell(place, "notes", effect)
        if self._effect is not None:
            self._effect(place, effect)

    def _tell(self, place: Place, how: str, what: object) -> None:
        text = repr(what)
        if not self._words or any(word in text for word in self._words):
            self.lines.append((self._fleet.net.now_ns, f"{place.name:9} {how:12} {text[:TEXT_MAX]}"))

    def told(self, plan: FaultPlan) -> list[str]:
        """Faults and messages by time, in ms."""
        lines = [*self.lines, *((at_ns, f"* {kind}: {what}") for at_ns, kind, what in plan.log)]
        return [f"{at_ns / MS_NS:10.3f} {text}" for at_ns, text in sorted(lines, key=lambda line: line[0])]
