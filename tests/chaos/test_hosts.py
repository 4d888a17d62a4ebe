"""One mesh on hosts in networks of their own, with delay and loss between them: hosts are cut off, come back, and every book agrees."""

import time
from collections import Counter
from pathlib import Path

import pytest

from mesh.messages.orders import OPEN
from mesh.units import SECOND_NS
from tests.chaos.books import Books
from tests.chaos.hosts import BROKER_HOST, LOCAL_HOSTS, MASTER_HOST, NODES, OFFICE, ROUTER_HOSTS, Hosts, closes_between
from tests.chaos.isolation import DEAD_MAN_NS
from tests.chaos.wires import both_ways

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

EVERYBODY = ("a1", "a2", "a3")
OPENS_COUNT = 12
CLOSES_MIN = 6
"""So many of those are open, at least, when they are closed."""
ASK_AGAIN_S = 12.0
APART_NS = DEAD_MAN_NS + 3 * SECOND_NS
"""Longer than any leave to open lasts."""


def test_hosts_are_cut_off_and_come_back_and_nothing_is_doubled_or_lost(tmp_path: Path) -> None:
    """A router's host is lost and its locals move; locals are lost, open nothing, and close on; the master is lost; then all add up."""
    hosts = Hosts(tmp_path, 9)
    try:
        print(f"\nthe way: {hosts.wires.kind}")
        took("ready", hosts.until("every node is ready", hosts.is_ready, 150, is_open=False))
        took("flow", hosts.trades(EVERYBODY, 3, "orders flow with delay and loss"))
        lose_a_router(hosts)
        lose_two_locals(hosts)
        lose_the_master(hosts)
        took("flow again", hosts.trades(EVERYBODY, 1, "orders flow again"))
        hosts.drain(90)
        ends = hosts.stop()
        books, checker = hosts.books()
    finally:
        hosts.close()
    assert ends == [], "no process ended by itself"
    assert checker.found == [], [f"{each.name}: {each.story}" for each in checker.found[:10]]
    assert_told(hosts, books)


def lose_a_router(hosts: Hosts) -> None:
    """One router's host is cut off from everybody: its locals move to the other, and orders go on for all."""
    lost, left = NODES[ROUTER_HOSTS[0]][0], NODES[ROUTER_HOSTS[1]][0]
    locals_ = [name for host in LOCAL_HOSTS for name in NODES[host]]
    assert lost in {hosts.fact(name, "home") for name in locals_}, "somebody has to move"
    hosts.wires.cut(both_ways(ROUTER_HOSTS[0], [BROKER_HOST, MASTER_HOST, ROUTER_HOSTS[1], *LOCAL_HOSTS, OFFICE]))
    took("moved", hosts.until("locals move", lambda: {hosts.fact(name, "home") for name in locals_} == {left}, 30))
    took("orders by the other router", hosts.trades(EVERYBODY, 2, "orders go on by the other router"))
    hosts.wires.heal()
    took("router back", hosts.until("the router is back", lambda: hosts.is_ready() and hosts.fact(lost, "connected") == "3", 40))


def lose_two_locals(hosts: Hosts) -> None:
    """A local's host is cut off both ways while it closes, the words of another's get out no more: no opens there; the third trades on."""
    hosts.until("what is under way ends", lambda: hosts.fact("local-3", "in_hand") == "0" and not hosts.load.waiting, 30, is_open=False)
    filled = hosts.filled()["a3"]
    asked_s = float("-inf")

    def has_something_to_close() -> bool:
        nonlocal asked_s
        if time.monotonic() > asked_s + ASK_AGAIN_S:  # on a machine that stands still for seconds opens expire
            asked_s = time.monotonic()
            for _ in range(OPENS_COUNT):
                hosts.load.want("GBPUSD", 1, ["a3"])
        return hosts.filled()["a3"] >= filled + CLOSES_MIN

    hosts.until("a3 has something to close", has_something_to_close, 90, is_open=False)
    closes = hosts.closes_sent("a3")
    hosts.load.want("GBPUSD", 0, ["a3"])
    hosts.until("a3 closes", lambda: hosts.closes_sent("a3") > closes, 20, is_open=False)
    began_ns = hosts.client.now_ns()
    hosts.wires.cut(both_ways(LOCAL_HOSTS[2], ROUTER_HOSTS))
    hosts.wires.cut([(LOCAL_HOSTS[1], router) for router in ROUTER_HOSTS])

    def are_lost() -> bool:
        lasted_ns = hosts.client.now_ns() - began_ns
        return hosts.is_dead("a3") and hosts.is_dead("a2") and hosts.is_fresh("a1") and lasted_ns > APART_NS

    took("locals lost", hosts.until("two accounts are shown dead, one trades on", are_lost, 30))
    took("the third trades on", hosts.trades(["a1"], 2, "the third trades on"))
    hosts.isolated(["a3", "a2"], began_ns)
    hosts.wires.heal()

    def are_back() -> bool:
        return hosts.is_ready() and hosts.is_fresh("a2") and hosts.is_fresh("a3")

    took("locals back", hosts.until("both are back", are_back, 40))


def lose_the_master(hosts: Hosts) -> None:
    """The master's host is cut off from one router both ways, from the other one way: leave to open runs out everywhere."""
    locals_ = [name for host in LOCAL_HOSTS for name in NODES[host]]
    began_ns = hosts.client.now_ns()
    hosts.wires.cut([*both_ways(MASTER_HOST, [ROUTER_HOSTS[0]]), (MASTER_HOST, ROUTER_HOSTS[1])])

    def has_run_out() -> bool:
        return "held" not in {hosts.fact(name, "grant") for name in locals_} and hosts.client.now_ns() - began_ns > APART_NS

    took("leave run out", hosts.until("nobody has leave to open", has_run_out, 30))
    hosts.isolated(EVERYBODY, began_ns)
    hosts.wires.heal()

    def is_back() -> bool:
        return hosts.is_ready() and {hosts.fact(name, "grant") for name in locals_} == {"held"}

    took("master back", hosts.until("all are ready again", is_back, 40))


def assert_told(hosts: Hosts, books: Books) -> None:
    """The books show that each phase was one: opens were asked for where nobody had leave any more, closes went on without a way home."""
    assert closes_between(books, hosts.isolations[0]) >= 2, "closes that were stored went on"
    for isolation in hosts.isolations:
        times_ns = [
            line.decision.record.stamp_in_ns
            for line in books.lines
            if line.record.account == isolation.account and line.record.action == OPEN
        ]
        asked = sum(isolation.began_ns + DEAD_MAN_NS < at_ns < isolation.ended_ns for at_ns in times_ns)
        assert asked, f"{isolation.account} was to open while it was cut off"
    counts = dict(sorted(Counter(line.code for line in books.lines).items()))
    print(f"lines: {len(books.lines)} {counts}; order_send: {sum(sent.taken_count for sent in books.sent.values())}")


def took(what: str, seconds: float) -> None:
    """Tell how long something took."""
    print(f"{what}: {seconds:.1f} s")
