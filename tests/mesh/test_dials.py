"""Which connections each node makes follows from the one table of links."""

from importlib.resources import files

import pytest

from mesh import links
from mesh.config import Config, parse
from mesh.dials import dials_of, head_links
from mesh.links import LINKS, LISTENING_ROLES, ROLES
from mesh.simlinks import wires_of


@pytest.fixture(scope="module")
def config() -> Config:
    return parse(files("nodes.io").joinpath("demo.toml").read_text(encoding="utf-8"))


DIALS = {
    "market-1": ["status.0 router-1", "status.1 router-2"],
    "broker-1": ["market market-1", "status.0 router-1", "status.1 router-2"],
    "signals-1": ["decide master-1", "status.0 router-1", "status.1 router-2"],
    "master-1": ["market market-1", "status.0 router-1", "status.1 router-2"],
    "router-2": ["orders master-1", "replay master-1", "status.0 router-1"],
    "local-2": ["locals.0 router-2", "locals.1 router-1", "status.0 router-2", "status.1 router-1"],
}


@pytest.mark.parametrize("name", DIALS)
def test_every_role_dials_as_the_map_says(config: Config, name: str) -> None:
    """A local dials its primary router first; every node tells each router how it is, a router not itself."""
    assert [f"{dial.own_link} {dial.target}" for dial in dials_of(config, name)] == DIALS[name]


def test_dials_end_where_somebody_listens(config: Config) -> None:
    """The target of each connection has the role that binds that link."""
    for name in config.node:
        assert all(config.role_of(dial.target) == dial.link.bind_role for dial in dials_of(config, name))


def test_links_know_only_roles_there_are() -> None:
    """A role that no node can have would be dialled by nobody; ports are counted in the order of the listening roles."""
    assert {role for link in LINKS.values() for role in (link.bind_role, *link.dial_roles)} == set(ROLES)
    assert LISTENING_ROLES == ("market", "broker", "signals", "master", "router")


def test_simulated_wires_are_the_dials(config: Config) -> None:
    """The mesh in virtual time has a wire for each connection; peers are numbered, but a PULL has none."""
    wires = wires_of(config)
    dialled = [(name, dial.own_link, dial.target) for name in config.node for dial in dials_of(config, name)]
    assert [(wire.from_node, wire.from_link, wire.to_node) for wire in wires] == dialled
    assert {wire.peer for wire in wires if wire.to_link == links.STATUS} == {0}
    peers = [wire.peer for wire in wires if wire.to_link != links.STATUS]
    assert 0 not in peers
    assert len(set(peers)) == len(peers)


def test_each_node_tells_the_head_of_its_audit_to_each_node_it_dials_once(config: Config) -> None:
    """By one link each; so somebody else keeps the head of every node, and the master's is at the market and the routers."""
    assert head_links(config, "local-2") == ["status.0", "status.1"]
    assert head_links(config, "master-1") == ["market", "status.0", "status.1"]
    assert head_links(config, "router-2") == ["replay", "status.0"]
    for name in config.node:
        targets = {dial.own_link: dial.target for dial in dials_of(config, name)}
        told = [targets[link] for link in head_links(config, name)]
        assert sorted(told) == sorted(set(targets.values()))
