"""One master, two routers and eight locals with their workers, on connections, disks, clocks and a server that may all go wrong."""

from itertools import product
from random import Random
from typing import Any

from mesh import links
from mesh.config import Config, parse
from mesh.core import Core
from mesh.drawnkeys import DrawnKeys
from mesh.messages.venue import VenueSend
from mesh.simdisk import Rows
from mesh.simlinks import Wire, wires_of
from mesh.simnet import Place, SimNet
from mesh.simzmq import ZmqLinks
from mesh.units import MS_NS, SECOND_NS
from nodes.broker.setup import BrokerNames, terminal_of
from nodes.local.core import Local
from nodes.master.core import Master
from nodes.router.core import Router
from nodes.terminal.service import TerminalService
from tests.sim.playedoperator import PlayedOperator
from tests.sim.players import SYMBOLS, PlayedMarket, PlayedSource
from tests.sim.simworker import SimWorker
from tests.smallmesh import small_mesh

LOCALS = 8
MASTER, ROUTERS = "master-1", ("router-1", "router-2")
OPERATOR = "operator"
WALL_NS = 1_767_600_000 * SECOND_NS
TIMERS = """
[timers]
heartbeat_ms = 300
grant_ask_ms = 600
grant_ms = 1_800
state_ms = 900
open_deadline_ms = {deadline_ms}
close_stored_ms = 1_000
router_silent_ms = 1_000
move_gap_ms = 2_000
repeat_ms = 250
visible_ms = 200
unknown_settle_ms = 2_000
unknown_read_ms = 400
venue_call_ms = 900
clock_apart_ms = "off"
drain_ms = 800
"""
"""A day of operation in twenty seconds: what waits for a minute in life waits for two seconds here, what waits for three for two.

Heartbeats and reads stay about as far apart as in life: most of what a simulated second costs is theirs.
"""
DEADLINES_MS = (3_000, 800)
"""Of opens, by the seed: a grant runs out first, or the deadline does."""
CAPS = """
[caps]
orders_per_second_count = 2
orders_per_minute_count = 16
lots = 0.04
positions_count = 4
breach_count = 20
breach_window_ms = 5_000
"""
"""Of some fleets: so tight that the played signals break each of them."""
HEAD = """
[market]
symbols = ["EURUSD", "GBPUSD"]
[rails]
positions_per_symbol_count = "off"
positions_count = "off"
exposure_times = "off"
orders_per_minute_count = "off"
orders_per_hour_count = "off"
spread_times = "off"
margin_level_percent = "off"
duplicate_window_ms = "off"
price_collar_percent = "off"
daily_loss_percent = "off"
drawdown_percent = "off"
closed_from = "off"
errors_count = 30
[fleet]
loss_percent = "off"
errors_count = 120
[broker]
latency_ms = 20
[strategy.hand]
kind = "manual"
sizing = {kind = "lots"}
sl_points = 400
[strategy.swing]
kind = "reversion"
sizing = {kind = "lots"}
sl_points = 300
"""


def account_of(number: int) -> str:
    """The account of local ``number``, from 1."""
    return f"a{number}"


def config_text(netting: bool, deadline_ms: int, capped: bool) -> str:
    """The configuration; every fourth account may be a netting one, and all may have hard caps."""
    modes = {number: "netting" if netting and number % 4 == 0 else "hedging" for number in range(1, LOCALS + 1)}
    accounts = {account_of(number): f'margin_mode = "{mode}"' for number, mode in modes.items()}
    return small_mesh(TIMERS.format(deadline_ms=deadline_ms) + HEAD + CAPS * capped, accounts, routers_count=2, plain=False)


CONFIGS = {kind: parse(config_text(*kind)) for kind in product((False, True), DEADLINES_MS, (False, True))}


class Fleet:
    """The simulated mesh of one seed. ``watch`` is told of every order_send before it is made."""

    def __init__(
        self, seed: int, watch: "Watch", netting: bool = False, deadline_ms: int = DEADLINES_MS[0], capped: bool = False
    ) -> None:
        self.config: Config = CONFIGS[netting, deadline_ms, capped]
        self.random = Random(seed)
        self.keys = DrawnKeys(self.config)
        self.net = SimNet(self.config, seed)
        self.server = terminal_of(self.config, BrokerNames(self.config, SYMBOLS))
        self.server.open(WALL_NS)
        self.service = TerminalService(self.server)
        self.workers: dict[str, SimWorker] = {}
        self.stolen: set[str] = set()
        """Routers that were in a thief's hands: what they say is nobody's word."""
        self.wall_offset_ns = 0
        self.master_name = MASTER
        """Which of the masters is to go on where there are two."""
        self.hands: dict[int, dict[str, int]] = {}
        """Positions that somebody opened at a terminal by hand: when, by the clock of each node."""
        self.gone: set[str] = set()
        """Copies that an operator has ended for good."""
        self.source = PlayedSource()
        self.market = PlayedMarket(Random(seed + 1), self.server)
        self.operator = PlayedOperator([*ROUTERS, MASTER], self.config, self.keys.signer("operator"))
        self.watch = watch
        self._lives = 0
        self._copied: set[tuple[str, str]] = set()
        names = {MASTER, *ROUTERS, *self.config.nodes_of("local"), "market-1", "signals-1"}
        wires = [wire for wire in wires_of(self.config) if {wire.from_node, wire.to_node} <= names and "status" not in wire.from_link]
        wires += [wire for wire in wires_of(self.config) if wire.from_node.startswith("local") and "status" in wire.from_link]
        wires += [Wire(OPERATOR, f"{links.CONTROL}.{index}", name, links.CONTROL, 0) for index, name in enumerate((*ROUTERS, MASTER))]
        self.net.links = self.links = ZmqLinks(self.net, wires, maxrt_ns=1_500 * MS_NS)
        watch.attach(self)
        for name, core in (("market-1", self.market), ("signals-1", self.source), (OPERATOR, self.operator)):
            self.net.add(name, lambda _life, core=core: core)  # type: ignore[misc]
        for name in (MASTER, *ROUTERS):
            self.net.add(name, lambda life, name=name: self._build(name))  # type: ignore[misc]
        for name in self.config.nodes_of("local"):
            self.add_local(name, name)

    def add_local(self, place_name: str, node: str) -> Place:
        """Put a local there, under its own name or as another copy of it, and start it."""
        account = self.config.node[node].account
        assert account is not None
        place = self.net.places[place_name] = Place(place_name, lambda _life: self._build(node))
        worker = SimWorker(self.config, self.net, place, account, self.service, self.watch)
        self.workers[place_name] = worker
        self.net.attachments[place_name] = worker
        self.net.restart(place_name)
        return place

    def add_copy(self, node: str, rows: Rows) -> str:
        """Another copy of a local or the master, with a copy of its store, that dials whom the first one dials; its name."""
        name = f"{node}+"
        for connection in self.links.all():
            wire = connection.wire
            if wire.from_node == node and (name, wire.from_link) not in self._copied:
                self._copied.add((name, wire.from_link))
                self.links.add(Wire(name, wire.from_link, wire.to_node, wire.to_link, wire.peer))
        place = self.net.places.get(name)
        if place is None:
            place = self.net.places[name] = Place(name, lambda _life: self._build(node))
        place.disk.rows = dict(rows)
        if node in self.workers:
            account = self.workers[node].account
            worker = self.workers[name] = SimWorker(self.config, self.net, place, account, self.service, self.watch)
            self.net.attachments[name] = worker
        self.gone.discard(name)
        self.net.restart(name)
        return name

    def end_copy(self, name: str) -> None:
        """An operator ends a copy for good."""
        self.gone.add(name)
        self.net.crash(name)

    def new_life(self) -> int:
        """A number no process had."""
        self._lives += 1
        return self._lives

    def _build(self, node: str) -> Core:
        role = self.config.role_of(node)
        wall_ns = WALL_NS + self.net.now_ns + self.wall_offset_ns
        if role == "local":
            return Local(node, self.config, self.new_life(), node.encode().ljust(16), wall_ns, self.keys.of(node))
        if role == "router":
            return Router(node, self.config, self.new_life(), self.keys.of(node))
        return Master(node, self.config, self.random.getrandbits(62), wall_ns, self.keys.of(node))

    # what there is

    @property
    def locals(self) -> list[str]:
        """The locals of the configuration."""
        return self.config.nodes_of("local")

    def master(self) -> Master | None:
        """The master, where it lives."""
        core = self.net.places[self.master_name].core
        assert core is None or isinstance(core, Master)
        return core

    def account(self, place: str) -> str:
        """Whose worker a place has."""
        return self.workers[place].account


class Watch:
    """Somebody who sees what happens; the checks are one."""

    def attach(self, fleet: Fleet) -> None:
        """Before the first life begins."""

    def called(self, worker: SimWorker, send: VenueSend, request: dict[str, Any]) -> None:
        """Directly before an order_send."""

    def made(self, worker: SimWorker, send: VenueSend, count: int) -> None:
        """The server gave a ticket for it."""

    def exempted(self, account: str) -> None:
        """The account's store was rolled back, or copied."""

    def rolled_back(self, name: str) -> None:
        """A local's store is what it was once."""

    def master_changed(self) -> None:
        """There are two masters, or one that has forgotten."""
