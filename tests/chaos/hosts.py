"""A mesh on hosts of its own: the master's, two routers', three locals', the broker's, and the office from which it is watched.

Each host has its own state directory, keys exported for it alone, and a supervisord that knows its nodes and no others. The simulated
broker has a host of its own, near those of the locals (no loss, hardly a delay): to a local it stands for the terminal beside it, so that
a local cut off from the mesh can trade on, which is what has to be seen. It is near the master's too: the market's ticks come from there.
"""

import random
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mesh.config import Config, configured, parse
from mesh.keyring import OPERATOR
from mesh.messages.orders import CLOSE
from mesh.view import freshness
from nodes.io.cli.client import Client
from nodes.io.cli.keys import export_keys
from nodes.io.cli.operate import unready
from nodes.io.cli.summary import summarise
from nodes.io.doorfiles import client_door
from nodes.io.exitlog import Exit
from nodes.io.fleet import Fleet
from nodes.io.keymaking import make_keys
from nodes.io.locate import write_effective
from tests.chaos.books import Books, read_books
from tests.chaos.campaign import open_words
from tests.chaos.checker import Checker
from tests.chaos.isolation import Isolation
from tests.chaos.load import SOURCE, Load
from tests.chaos.wires import Way, wires_between
from tests.e2e.replay import NO_RAILS
from tests.ports import free_base_port
from tests.smallmesh import small_mesh

MASTER_HOST, BROKER_HOST, OFFICE = "master-host", "broker-host", "office"
ROUTER_HOSTS = ("router-host-1", "router-host-2")
LOCAL_HOSTS = ("local-host-1", "local-host-2", "local-host-3")
HOSTS = (BROKER_HOST, MASTER_HOST, *ROUTER_HOSTS, *LOCAL_HOSTS, OFFICE)
NODES = {
    BROKER_HOST: ["broker-1"],
    MASTER_HOST: ["market-1", "cci-1", "signals-1", "master-1"],
    **{host: [f"router-{number}"] for number, host in enumerate(ROUTER_HOSTS, 1)},
    **{host: [f"local-{number}"] for number, host in enumerate(LOCAL_HOSTS, 1)},
}
STOPS = (MASTER_HOST, *LOCAL_HOSTS, *ROUTER_HOSTS, BROKER_HOST)
DELAY_S = (0.02, 0.08)
LOSS = 0.01
FAR_S = 0.02
"""From the last local's host to its broker and back: its closes are still under way when it is cut off from the mesh."""
NEAR = {BROKER_HOST}
"""Its ways to the master's host and the locals' are short."""
FIRST_LOGIN = 8_001
PUMP_MS = 20
STILL_S = 3.0

HEAD = """
[mesh]
id = "hosts"
seed = {seed}
base_port = {base_port}
[timers]
unknown_settle_ms = 10_000
unknown_read_ms = 1_000
[market]
speed = 4
backfill_minutes = 300
[broker]
record = "{record}"
latency_ms = 0
[strategy.hand]
kind = "manual"
sl_points = 3_000
[[fault]]
kind = "retcode"
retcode = 10004
chance = 0.02
"""


def ways(seed: int) -> Callable[[str, str], Way]:
    """How late and how lossy each way is: drawn once for each direction, and the same for a seed."""

    def way_of(sender: str, receiver: str) -> Way:
        if NEAR & {sender, receiver} and not {*ROUTER_HOSTS, OFFICE} & {sender, receiver}:
            return Way(FAR_S) if LOCAL_HOSTS[-1] in (sender, receiver) else Way()
        return Way(random.Random(f"{seed} {sender} {receiver}").uniform(*DELAY_S), LOSS)

    return way_of


class HostFleet(Fleet):
    """The nodes of one host under a supervisord of their own."""

    def __init__(self, config: Config, state: Path, nodes: Sequence[str]) -> None:
        self._here = set(nodes)
        super().__init__(config, state)

    def processes(self) -> dict[str, list[str]]:
        """Those of this host."""
        return {process: nodes for process, nodes in super().processes().items() if self._here & set(nodes)}


class Hosts:
    """All hosts, running, with an operator's signals on the master's and a client in the office. Close it, whatever happens."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.record = folder / "order_send.jsonl"
        self.wires = wires_between(HOSTS, ways(seed), seed)
        self.isolations: list[Isolation] = []
        self._fleets: dict[str, HostFleet] = {}
        self._client: Client | None = None
        self._load: Load | None = None
        try:
            self.config = self._configuration(seed)
            self._start(seed)
        except BaseException:
            self.close()
            raise

    def _configuration(self, seed: int) -> Config:
        head = HEAD.format(seed=seed, base_port=free_base_port(), record=self.record)
        accounts = {f"a{number}": 'balance = 10_000_000\nmargin_mode = "hedging"' for number in range(1, len(LOCAL_HOSTS) + 1)}
        mesh = small_mesh(head + NO_RAILS, accounts, routers_count=len(ROUTER_HOSTS), first_login=FIRST_LOGIN, plain=False)
        brain = ", ".join(f'"{name}"' for name in NODES[MASTER_HOST])
        settings = parse(f"{mesh}\n[process.brain]\nnodes = [{brain}]\n").settings
        at = {name: self.wires.addresses[host] for host, names in NODES.items() for name in names}
        placed = {name: msgspec.structs.replace(node, host=at[name]) for name, node in settings.node.items()}
        return configured(msgspec.structs.replace(settings, node=placed))

    def _start(self, seed: int) -> None:
        vault = self.folder / "vault"
        vault.mkdir()
        effective = write_effective(self.config, vault)
        make_keys(self.config, vault)
        self.wires.lay(self.config, self.folder, MASTER_HOST)
        for host in HOSTS:
            state = self.folder / host
            state.mkdir()
            operator = OPERATOR if host in (MASTER_HOST, OFFICE) else ""
            export_keys(effective, vault, self.wires.addresses[host], state / "keys", operator)
            if host == OFFICE:
                continue
            fleet = self._fleets[host] = HostFleet(self.config, state, NODES[host])
            fleet.write_conf(write_effective(self.config, state), events=False)
            with self.wires.inside(host):
                fleet.start()
        with self.wires.inside(OFFICE):
            self._client = Client(self.config, self.folder / OFFICE)
        endpoint = self.wires.signals_endpoint(self.config.endpoint("signals-1", "signals"))
        with self.wires.inside(MASTER_HOST):
            door = client_door(self.config, self.folder / MASTER_HOST)
            self._load = Load(self.config, endpoint, door, random.Random(f"load {seed}"), 3.0)

    @property
    def client(self) -> Client:
        """The office's."""
        assert self._client is not None, "it is started"
        return self._client

    @property
    def load(self) -> Load:
        """The operator's signals."""
        assert self._load is not None, "it is started"
        return self._load

    # what is seen

    def until(self, what: str, is_so: Callable[[], bool], limit_s: float, is_open: bool = True) -> float:
        """Turn the wheel until something is so; how many seconds it took. ``is_open``: the operator sends signals of his own accord."""
        began_s = time.monotonic()
        while not is_so():
            now_s = time.monotonic()
            assert now_s - began_s < limit_s, f"not within {limit_s:g} s: {what}; {self.said()}"
            for host, fleet in self._fleets.items():
                assert fleet.alive(), f"supervisord of {host} has ended: {fleet.last_words()}"
            self.client.pump(PUMP_MS)
            market = self.client.health_of("market-1")
            self.load.market_ns = market.market_ns if market else 0
            self.load.poll(now_s, is_open)
        return time.monotonic() - began_s

    def said(self) -> str:
        """What is not as it should be, for a failed test."""
        outputs = [path for host in HOSTS for path in sorted((self.folder / host / "log").glob("*.out"))]
        texts = {f"{path.parent.parent.name}/{path.name}": path.read_text("utf-8").strip() for path in outputs}
        printed = [f"--- {name}\n{text[-800:]}" for name, text in texts.items() if text]
        return "\n".join([self.wires.kind, *open_words(self.config, self.client, self.load), str(self.shown()), *printed])

    def is_ready(self) -> bool:
        """Whether every node says so of itself."""
        return not unready(self.config, self.client)

    def fact(self, node: str, name: str) -> str:
        """What a node last said of itself."""
        health = self.client.health_of(node)
        return health.facts.get(name, "") if health else ""

    def shown(self) -> dict[str, list[str]]:
        """Account → how the routers that the office hears show it."""
        now_ns, view = self.client.now_ns(), self.client.view
        live = [router for router, at_ns in view.routers.items() if freshness(now_ns - at_ns) == "fresh"]
        seen = {key: local.state for key, (_, local) in view.locals.items()}
        return {account: [seen[router, account] for router in live if (router, account) in seen] for account in self.config.account}

    def is_fresh(self, account: str) -> bool:
        """Whether a router that is heard shows it fresh: the one it is home at."""
        return "fresh" in self.shown()[account]

    def is_dead(self, account: str) -> bool:
        """Whether every router that is heard shows it dead."""
        return set(self.shown()[account]) == {"dead"}

    def filled(self) -> dict[str, int]:
        """Account → its openings that were filled, as published."""
        counts = dict.fromkeys(self.config.account, 0)
        for (account, _), outcome in self.client.view.outcomes.items():
            counts[account] += outcome.code == "FILLED"
        return counts

    def trades(self, accounts: Sequence[str], more_count: int, what: str, limit_s: float = 40.0) -> float:
        """Until so many more openings are filled at each of some accounts."""
        before = self.filled()
        return self.until(what, lambda: all(self.filled()[name] >= before[name] + more_count for name in accounts), limit_s)

    def closes_sent(self, account: str) -> int:
        """How many closes the broker has been sent by an account, as it records them."""
        login = self.config.account[account].login
        rows = [msgspec.json.decode(line) for line in self.record.read_bytes().splitlines()] if self.record.exists() else []
        return sum(row["login"] == login and row["step"] == "taken" and row["position"] != "0" for row in rows)

    # what is done

    def isolated(self, accounts: Sequence[str], began_ns: int) -> None:
        """Some accounts were without any way to the master from then until now."""
        self.isolations += [Isolation(account, began_ns, self.client.now_ns()) for account in accounts]

    def drain(self, limit_s: float) -> None:
        """Close all that is open, and wait until nothing has been open for a while in what is published."""
        self.load.close_all()
        still_s = [time.monotonic()]

        def is_still() -> bool:
            if open_words(self.config, self.client, self.load):
                still_s[0] = time.monotonic()
            return time.monotonic() - still_s[0] >= STILL_S

        self.until("all lines end", is_still, limit_s, is_open=False)

    def stop(self) -> list[Exit]:
        """End every host in order; how processes had ended by themselves before."""
        ends = [end for fleet in self._fleets.values() for end in fleet.exits.news()]
        self._shutdown()
        return ends

    def _shutdown(self) -> None:
        for host in STOPS:
            if host in self._fleets:
                self._fleets.pop(host).shutdown()

    def books(self) -> tuple[Books, Checker]:
        """Every host's stores brought together, and the checks of ``make chaos`` over them."""
        together = self.folder / "books"
        together.mkdir()
        for host, names in NODES.items():
            for path in [path for name in names for path in (self.folder / host).glob(f"{name}.*")]:
                shutil.copy2(path, together)
        books = read_books(self.config, together, self.record)
        checker = Checker(books, self.config)
        checker.check_books()
        checker.check_lines(summarise(self.config, together, self.client.view, "its end", {}))
        checker.check_signals(self.load.sent, self.load.answers, SOURCE)
        checker.check_isolations(self.isolations)
        checker.check_audits(together, list(self.config.node))
        for host in NODES:
            checker.check_ends({}, self.folder / host / "log")
        return books, checker

    def close(self) -> None:
        """Leave nothing behind."""
        self._shutdown()
        for part in (self._load, self._client):
            if part is not None:
                part.close()
        self.wires.close()


def closes_between(books: Books, isolation: Isolation) -> int:
    """How many closes an account sent to its broker while it was cut off."""
    return sum(
        isolation.began_ns < sent.taken_ns < isolation.ended_ns
        for line in books.lines
        if line.record.account == isolation.account and line.record.action == CLOSE
        for _, magic in books.attempts_of(line.record.oid, line.record.account)
        if (sent := books.sent.get((line.record.account, magic))) is not None
    )
