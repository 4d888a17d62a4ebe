"""What may be said of where a mesh tells outsiders how it is."""

import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig
from mesh.outlets import ALERTS_PROGRAM, TAKEN_NAMES, check_outlets, metrics_of
from nodes.io.logfiles import SUPERVISOR
from nodes.io.supervisorconf import WATCH
from tests.smallmesh import small_mesh


def config(more: str, head: str = "") -> Config:
    return parse(small_mesh(f"[strategy.reversion]\n{more}") + head)


def test_each_node_has_a_port_of_its_own() -> None:
    """Counted from the base, in the order of the file; without the section there is none."""
    places = metrics_of(config("[metrics]\nbase_port = 9500"))
    assert places["market-1"] == ("127.0.0.1", 9500)
    assert [port for _, port in places.values()] == list(range(9500, 9500 + len(places)))
    assert metrics_of(config("")) == {}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[metrics]\nhost = "0.0.0.0"', "metrics.host = 0.0.0.0: whoever reaches it could read every node's numbers; use 127.0.0.1"),
        ('[metrics]\nhost = "10.0.0.1"', "say metrics.open = true on purpose"),
        ('[metrics]\nhost = "metrics.example"\nopen = true', "metrics.host = metrics.example: allowed: an IP address of the"),
        ("[metrics]\nbase_port = 7410", "market-1 would have 7410, where market-1 listens"),
        ("[metrics]\nbase_port = 7408", "cci-1 would have 7410, where market-1 listens; choose another"),
        ("[alerts]", "[alerts] tells nobody: set alerts.webhook"),
        ('[alerts]\ncommand = [""]', "alerts.command: its first word is the program, and is empty"),
        ('[alerts]\ncommand = ["x"]\n[process.alerts]\nnodes = ["cci-1"]', "process.alerts: the process that tells of alerts has"),
        ('[process.fleet-watch]\nnodes = ["cci-1"]', "process.fleet-watch: supervisord's listener on each host has that name"),
        ("[node.supervisord]\nrole = \"router\"", "node.supervisord: supervisord's own log on each host has that name; name this one"),
    ],
)
def test_what_is_wrong_is_named(more: str, says: str) -> None:
    """The key, the value, and what to do."""
    with pytest.raises(BadConfig) as caught:
        check_outlets(config(more))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        '[process.alerts]\nnodes = ["cci-1"]',
        '[metrics]\nhost = "0.0.0.0"\nopen = true',
        '[metrics]\nhost = "::1"',
        "",
        '[alerts]\nwebhook = "https://x"',
        "[metrics]",
    ],
)
def test_what_is_said_on_purpose_is_taken(more: str) -> None:
    """Loopback, or open because somebody wants it; the name of a process that is not there."""
    check_outlets(config(more))


def test_names_that_a_host_has_itself_are_those_that_are_taken() -> None:
    """As they are called where supervisord is told of them, and where its log is read."""
    assert list(TAKEN_NAMES) == [ALERTS_PROGRAM, WATCH, SUPERVISOR]
