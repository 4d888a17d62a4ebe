"""The steps of an order in ``mesh why``: on one host as they are, over several hosts with what is known of their clocks."""

from collections.abc import Iterator

import msgspec
import pytest

from mesh.config import Config, configured
from mesh.messages.health import NodeHealth
from mesh.settings import ProcessSection
from mesh.steps import CLOCK_OF, ONE_HOST, Clock, Clocks, clocks_of, stamps_line
from mesh.units import MS_NS, SECOND_NS, US_NS
from nodes.io.cli.client import Client
from tests.nodes.io.cli.frontrig import CONFIG, health, show
from tests.nodes.io.cli.test_why import STAMPS

MASTER = Clock("master-1")
ACCOUNT = next(iter(CONFIG.account))
LOCAL = CONFIG.local_of(ACCOUNT)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(CONFIG) as client:
        yield client


def apart(routers: list[str] | None = None, host: str = "10.0.0.5") -> Config:
    """The same mesh whose listening nodes can be reached from other hosts."""
    nodes = {name: msgspec.structs.replace(node, host=host) for name, node in CONFIG.node.items()}
    if routers is not None:
        nodes[LOCAL] = msgspec.structs.replace(nodes[LOCAL], routers=routers)
    settings = CONFIG.settings
    return configured(msgspec.structs.replace(settings, node=nodes, mesh=msgspec.structs.replace(settings.mesh, plain=False)))


def clocked(node: str, offset_ns: int, error_ns: int) -> NodeHealth:
    return msgspec.structs.replace(health(node, CONFIG.role_of(node)), clock_offset_ns=offset_ns, clock_error_ns=error_ns)


def on(clocks: Clocks, ahead_ns: dict[str, int]) -> dict[str, str]:
    """Stamps of the same moments by clocks that are so far ahead of the master's."""
    return {f"{name}_ns": str(int(STAMPS[f"{name}_ns"]) + ahead_ns.get(clocks[whose].node, 0)) for name, whose in CLOCK_OF.items()}


def test_a_mesh_on_one_host_has_one_clock(client: Client) -> None:
    """Where everybody listens on loopback nobody is elsewhere, whatever is known of clocks."""
    show(client, clocked(LOCAL, 5 * SECOND_NS, 1))
    assert clocks_of(CONFIG, client.view, "cci-1", ACCOUNT) is ONE_HOST


def test_name_that_looks_like_loopback_is_another_host(client: Client) -> None:
    """Whose it is only a resolver knows: its clock is not taken for this one."""
    show(client, clocked(LOCAL, 5 * SECOND_NS, 1))
    assert clocks_of(apart(host="127.desk.example"), client.view, "cci-1", ACCOUNT)["local"] == Clock(LOCAL, 5 * SECOND_NS, 1)


def test_clocks_of_hosts_are_set_right_and_said(client: Client) -> None:
    """With what their nodes estimate, and how wrong that may be; steps of one clock stay exact, broker time among them."""
    config = apart([CONFIG.nodes_of("router")[0]])
    router = CONFIG.nodes_of("router")[0]
    show(client, clocked(router, 7 * SECOND_NS, 30 * US_NS), clocked(LOCAL, -3 * MS_NS, 45 * US_NS))
    clocks = clocks_of(config, client.view, "nobody-1", ACCOUNT)
    assert clocks == {
        "source": Clock("nobody-1", is_known=False), "master": MASTER, "router": Clock(router, 7 * SECOND_NS, 30 * US_NS),
        "local": Clock(LOCAL, -3 * MS_NS, 45 * US_NS),
    }  # fmt: skip
    assert stamps_line(on(clocks, {router: -7 * SECOND_NS, LOCAL: 3 * MS_NS}), clocks) == (
        "steps, each from the one before: master_in ?  master_out +1,349 µs  router_out +100 µs ± 30 µs  local_in +200 µs ± 75 µs  "
        "durable +700 µs  called +100 µs  answered +27.4 ms; total from master_in 29.8 ms ± 45 µs (mesh 2,449 µs ± 45 µs, "
        "broker 27.4 ms); clocks of more than one host, put right to the master's by what is estimated now: nobody-1 not known (?), "
        f"{router} +7,000.00 ms ± 0.03 ms, {LOCAL} -3.00 ms ± 0.05 ms"
    )


def test_stage_of_a_clock_nobody_knows_is_passed_over() -> None:
    """Which of two routers it was nobody says: the next step is told from the nearest stage that can be compared."""
    clocks = {"source": MASTER, "master": MASTER, "router": Clock("r-1 or r-2", is_known=False), "local": Clock(LOCAL, 0, 45 * US_NS)}
    text = stamps_line(STAMPS, clocks)
    assert "router_out ?  local_in +300 µs ± 45 µs from master_out  durable +700 µs" in text
    assert "total from signal 30.5 ms ± 45 µs (mesh 3,100 µs ± 45 µs, broker 27.4 ms)" in text


def test_local_of_a_clock_nobody_knows_has_its_own_steps() -> None:
    """What it took there, and the broker, is known; how long the way to it was is not, and no sum hides that."""
    clocks = {name: Clock(f"{name}-1", is_known=False) for name in ONE_HOST} | {"master": MASTER}
    assert stamps_line(STAMPS, clocks) == (
        "steps, each from the one before: master_in ?  master_out +1,349 µs  router_out ?  local_in ?  durable +700 µs  called +100 µs  "
        "answered +27.4 ms; total from local_in 28.2 ms (mesh 800 µs, broker 27.4 ms); clocks of more than one host, put right to the "
        "master's by what is estimated now: source-1 not known (?), router-1 not known (?), local-1 not known (?)"
    )
    assert stamps_line({"signal_ns": "5", "master_in_ns": "9"}, clocks).startswith("steps, each from the one before: master_in ?; total ")


def test_hosts_of_one_clock_are_one_host(client: Client) -> None:
    """Who listens for others may be alone all the same: offsets of zero within their error are the master's own clock."""
    router, source = CONFIG.nodes_of("router")[0], CONFIG.nodes_of("indicator")[0]
    config = apart([router])
    config = configured(msgspec.structs.replace(config.settings, process={"brain": ProcessSection(nodes=[source, "master-1"])}))
    show(client, clocked(router, 20 * US_NS, 30 * US_NS), clocked(LOCAL, -40 * US_NS, 45 * US_NS))
    assert clocks_of(config, client.view, source, ACCOUNT) is ONE_HOST
    show(client, clocked(LOCAL, -46 * US_NS, 45 * US_NS))
    assert clocks_of(config, client.view, source, ACCOUNT)["local"] == Clock(LOCAL, -46 * US_NS, 45 * US_NS)


def test_local_that_was_not_seen_has_a_clock_nobody_knows(client: Client) -> None:
    """It is down, or has asked for no grant yet; and which of two routers it was is not known either."""
    clocks = clocks_of(apart(), client.view, "cci-1", ACCOUNT)
    first, second = CONFIG.routers_of(LOCAL)
    assert (clocks["local"], clocks["router"]) == (Clock(LOCAL, is_known=False), Clock(f"{first} or {second}", is_known=False))
