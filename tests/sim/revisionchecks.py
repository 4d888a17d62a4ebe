"""Live changes, held against what runs (R1): each node runs what its own file and the changes it holds make, and nothing else."""

from mesh.core import Effect, Send
from mesh.killset import KillSet
from mesh.messages.orders import Grant, LocalHello
from mesh.simnet import Place
from tests.sim.broken import Broken
from tests.sim.seen import Seen
from tests.sim.stopchecks import killset_of


class RevisionChecks:
    """Of one fleet. What ought to run is reckoned here by hand, from what the operator has signed and what a node holds of that."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._oughts: dict[bytes, str] = {}
        """By the digest of a set, what it makes: reckoned once, for leave is asked for all the time."""

    def done(self, place: Place, effect: Effect) -> None:
        """Leave is given, handed on and asked for under the configuration that the set makes."""
        if isinstance(effect, Send) and isinstance(effect.message, Grant | LocalHello):
            self.look(place)

    def look(self, place: Place) -> None:
        """What a node runs now."""
        if not self._seen.fleet.operator.revisions:
            return
        killset = killset_of(place)
        assert killset is not None, f"{place.name} holds no stops"
        ought = self._oughts.get(killset.digest)
        if ought is None:
            ought = self._oughts[killset.digest] = self._ought(killset)
        runs = _runs(place)
        if runs != ought:
            raise Broken("R1", f"{place.name} runs configuration {runs}; its file and the changes it holds make {ought}", place.name)

    def unsettled(self) -> list[str]:
        """Who runs something else than what the operator has put in force, though all is quiet."""
        fleet = self._seen.fleet
        ought = fleet.operator.config.fingerprint
        places = [place for name, place in fleet.net.places.items() if name not in fleet.gone and killset_of(place) is not None]
        return [f"{place.name} runs {_runs(place)}, in force is {ought}" for place in places if _runs(place) != ought]

    def _ought(self, killset: KillSet) -> str:
        """Of the changes held and in force, the newest that leads on from where the one before has led, and so on."""
        fleet, operator = self._seen.fleet, self._seen.fleet.operator
        in_force = {key for activation, key in operator.in_force.items() if activation in killset and key in killset}
        at = fleet.config.fingerprint
        number = max((operator.revisions[key].number for key in in_force if operator.revisions[key].after == at), default=0)
        while True:
            leading = [key for key in in_force if operator.revisions[key].before == at and operator.revisions[key].number > number]
            if not leading:
                return at
            newest = max(operator.revisions[key].number for key in leading)
            chosen = operator.revisions[min(key for key in leading if operator.revisions[key].number == newest)]
            at, number = chosen.after, chosen.number


def _runs(place: Place) -> str:
    fingerprint: str = place.core._state.config.fingerprint  # type: ignore[union-attr]
    return fingerprint
