"""Which processes of a run are up, which end again and again, and which never came up: nobody may take such a run for a good one."""

from mesh.messages.health import NodeHealth
from mesh.phases import UP_PHASES
from mesh.view import View
from nodes.io.exitlog import Exit
from nodes.io.fleet import STAY_DOWN, Fleet, ProcessState
from nodes.io.outputs import last_words


class RollCall:
    """``down``: process → what became of it, for those that are not up though they should be; the others go on."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._processes = fleet.processes()
        self._came_up: dict[str, None] = {}
        self._ends: dict[str, int] = {}
        """Process → how often it ended by itself."""
        self._news: list[str] = []
        self.down: dict[str, str] = {}
        self.given_up: dict[str, int] = {}
        """Those of them that supervisord does not start again, with their exit codes."""

    def look(self, view: View) -> list[str]:
        """See how all are now; what there is to tell of it. Raises FleetDown."""
        for item in self._fleet.exits.news():  # before the states: a process that ends in between is not up by its old pid
            self._ended(item)
        for state in self._fleet.states():
            if self._is_up(state, view):
                self._came_up[state.name] = None
                self.down.pop(state.name, None)
                self.given_up.pop(state.name, None)
        news, self._news = self._news, []
        return news

    def absent(self) -> list[str]:
        """Processes that have never been up."""
        return [process for process in self._processes if process not in self._came_up]

    def miss(self, view: View) -> None:
        """At the end of a run that had its time: whoever never came up is down, with what is known of it."""
        for process in self.absent():
            phases = ", ".join(_phase(node, _health(node, view)) for node in self._processes[process])
            self.down.setdefault(process, f"{process} never came up ({phases}): {last_words(self._fleet.output(process))}")

    def _is_up(self, state: ProcessState, view: View) -> bool:
        """Whether all its nodes say so in this life of it; of a process without nodes supervisord says it."""
        if not self._processes[state.name]:
            return state.state == "RUNNING"
        seen = [_health(node, view) for node in self._processes[state.name]]
        return all(health is not None and health.pid == state.pid and health.phase in UP_PHASES for health in seen)

    def _ended(self, item: Exit) -> None:
        """Note an end; it is told the first time, whenever their number has doubled, and where it is the last."""
        process, count = item.process, self._ends.get(item.process, 0) + 1
        self._ends[process] = count
        if item.exit_code in STAY_DOWN:
            self.given_up[process] = item.exit_code or 1
            # supervisord itself would try again whatever ends within its first second; what was started again since, by whom ever, is let
            # be: it comes up, or this is told of it once more
            if any(state.name == process and state.state == "BACKOFF" for state in self._fleet.states()):
                self._fleet.stop([process])
            words = f"{process} exited {item.exit_code} and stays down"
        elif count == 1:
            words = f"{process} ended ({item.how}) and is started again"
        else:
            words = f"{process} ended {count} times (the last: {item.how}) and is started again and again"
        self.down[process] = f"{words}: {last_words(self._fleet.output(process))}"
        if process in self.given_up or count & (count - 1) == 0:
            self._news.append(self.down[process])


def _health(node: str, view: View) -> NodeHealth | None:
    return view.nodes[node][1] if node in view.nodes else None


def _phase(node: str, health: NodeHealth | None) -> str:
    return f"{node} {health.phase} {health.facts.get('waiting', '')}".rstrip() if health is not None else f"{node} was not seen"
