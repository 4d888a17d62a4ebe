"""Which host runs what, and what no fleet can do."""

import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from nodes.io.hosts.plan import client_of, folder_name, plans_of
from tests.nodes.io.hosts.fleetfile import FLEET, REAL

ALERTS = '[alerts]\ncommand = ["/usr/bin/true"]\n'


def test_each_node_is_on_one_host() -> None:
    """Every node once, in the order in which they start; nothing else."""
    config = parse(FLEET)
    plans = plans_of(config)
    assert list(plans) == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    assert sorted(name for plan in plans.values() for name in plan.nodes) == sorted(config.node)
    assert list(plans["127.0.0.2"].processes) == ["market-1", "broker-1", "master-1", "signals-1", "cci-1"]
    assert not any(plan.is_windows for plan in plans.values())


def test_nodes_of_one_process_are_one_program() -> None:
    """Under the section's name; spread over hosts they are refused."""
    together = parse(FLEET + '[process.brain]\nnodes = ["cci-1", "signals-1", "master-1"]\n')
    assert plans_of(together)["127.0.0.2"].processes["brain"] == ["master-1", "signals-1", "cci-1"]
    with pytest.raises(BadConfig, match=r"process\.brain\.nodes.*127\.0\.0\.2, 127\.0\.0\.3"):
        plans_of(parse(FLEET + '[process.brain]\nnodes = ["master-1", "router-1"]\n'))


def test_alerts_are_told_by_the_master_s_host() -> None:
    """One process for the whole fleet, on a host that has nodes anyway."""
    plans = plans_of(parse(FLEET + ALERTS))
    assert [host for host, plan in plans.items() if "alerts" in plan.processes] == ["127.0.0.2"]
    assert plans["127.0.0.2"].processes["alerts"] == []


def test_windows_is_where_a_real_terminal_is() -> None:
    """Of an account, or of a live market: nothing else has to be said."""
    assert [host for host, plan in plans_of(parse(REAL)).items() if plan.is_windows] == ["127.0.0.9"]
    live = FLEET.replace("[market]", "[market]\nfeeds = ['mt5,terminal=C:\\MT5\\terminal64.exe']")
    assert [host for host, plan in plans_of(parse(live)).items() if plan.is_windows] == ["127.0.0.2"]
    simulated = FLEET.replace("[market]", "[market]\nfeeds = ['mt5,terminal=sim.toml']")
    assert not any(plan.is_windows for plan in plans_of(parse(simulated)).values())


def test_recorded_market_is_for_one_machine() -> None:
    """`mesh up` reads its files; hosts would each have to."""
    with pytest.raises(BadConfig, match="recorded market"):
        plans_of(parse(FLEET.replace("[market]", '[market]\nfeeds = ["EURUSD.csv"]')))


def test_loopback_among_distant_hosts_is_a_slip() -> None:
    """A host that was forgotten has the default, which nobody else can dial."""
    with pytest.raises(BadConfig, match=r"node\.router-1\.host = 127\.0\.0\.3: only that machine itself"):
        plans_of(parse(FLEET.replace("127.0.0.2", "10.0.0.2").replace("127.0.0.4", "10.0.0.4")))


def test_names_of_hosts_are_names_of_files() -> None:
    """An IPv6 address, too; two that would be one are refused."""
    assert (folder_name("fd00::7"), client_of("fd00::7")) == ("fd00--7", "watch-fd00--7")
    with pytest.raises(BadConfig, match="both would be"):
        plans_of(parse(FLEET.replace("127.0.0.3", "fd00::7").replace("127.0.0.4", "fd00:-7").replace("127.0.0.2", "fd00::1")))
