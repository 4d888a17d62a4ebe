"""Times that faults make long are told apart: what stood in the way of whom, and when."""

from pathlib import Path

from mesh.config import parse
from mesh.messages.health import NodeHealth
from mesh.view import View
from tests.chaos.hindrances import Hindrances
from tests.chaos.plan import configuration

CONFIG = parse(configuration(1, 4, Path("record")))


def health(node: str, phase: str, uptime_ms: int) -> NodeHealth:
    return NodeHealth(node, "local", 1, 1, phase, 0, 0, 0, 0, uptime_ms, "", "", {}, {})


def test_a_path_is_hindered_by_what_lies_on_it_and_then_only() -> None:
    """A link counts where both its ends are on the path, a process where it is; before and after they do not."""
    hindrances = Hindrances(CONFIG)
    path = hindrances.path_of("local-1")
    assert path == {"local-1", "master-1", "router-1", "router-2"}
    hindrances.held(("local-1", "router-1"), 10, 12)
    hindrances.held(("local-2", "router-1"), 20, 22)
    hindrances.stopped(["master-1"], 30, 31)
    hits = [hindrances.is_hindered(path, at_s, at_s + 0.5) for at_s in (9, 9.8, 11, 12.5, 20, 30.5, 31.5)]
    assert hits == [False, True, True, False, False, True, False]


def test_a_death_lasts_until_a_younger_life_is_ready() -> None:
    """Not until the old life's last word, nor one that is not ready; what is measured from a death may except it."""
    hindrances, view = Hindrances(CONFIG), View()
    hindrances.killed(["local-1"], 100.0)
    for phase, uptime_ms, is_over in (("READY", 90_000, False), ("STARTING", 500, False), ("READY", 1_500, True)):
        view.nodes["local-1"] = (0, health("local-1", phase, uptime_ms))
        hindrances.look(view, 102.0)
        assert hindrances.is_hindered({"local-1"}, 105.0, 106.0) is not is_over
    assert hindrances.is_hindered({"local-1"}, 101.0, 103.0)
    assert not hindrances.is_hindered({"local-1"}, 101.0, 103.0, "local-1")
