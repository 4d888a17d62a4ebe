"""One TOML text → checked, frozen settings, and what follows from them (endpoints, routers of a local, targets).

Every error is a BadConfig that names the key, the value and what is allowed. Reading the file itself is ``nodes/io``, and
what only nodes can judge (names of time zones, candle patterns …) ``nodes/vocabulary.py``.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from mesh.accountmode import LIVE
from mesh.addresses import is_loopback
from mesh.complaint import document_from
from mesh.confighash import lineage
from mesh.errors import BadConfig
from mesh.links import LINKS, LISTENING_ROLES, PORTS_PER_NODE
from mesh.settings import AccountSection, CapsSection, NodeSection, ProcessSection, RailsSection, Settings, StrategySection
from mesh.terminalword import BROKER, REAL, kind_of

ONE_OF_EACH = ("market", "signals", "master")
REALTIME = ("fifo", "rr")
"""Scheduling classes that come before everybody else, as long as they do not wait."""
NO_CAPS = CapsSection(
    orders_per_second_count=None,
    orders_per_minute_count=None,
    lots=None,
    positions_count=None,
    symbols=None,
    price_collar_percent=None,
    breach_count=None,
)
"""Those of a simulated account of which the file says nothing."""


class Config:
    """Settings that passed every check, and what can be asked of them."""

    def __init__(self, settings: Settings, fingerprint: str) -> None:
        self.settings = settings
        self.fingerprint = fingerprint
        """16 hex digits over the whole file's content: equal on every host, exchanged in hellos."""
        self.lineage = lineage(fingerprint)
        """The same with that of the configuration this host ran before, where ``follows`` has told."""
        self.node = settings.node
        self.account = settings.account
        self.strategy = settings.strategy
        self._ports = _ports(settings)
        self.whole = self
        """The same as the fleet's file has it, where a host has drawn its own caps closer."""
        self.narrow: Narrow | None = None
        """How it did."""

    def narrowed(self, settings: Settings, narrow: "Narrow") -> "Config":
        """The same configuration with a host's own caps: its fingerprint stays. ``narrow`` does this to another one."""
        narrower = Config(settings, self.fingerprint)
        narrower.lineage, narrower.whole, narrower.narrow = self.lineage, self, narrow
        return narrower

    def follows(self, before: str) -> "Config":
        """This configuration, on a host that ran the one with fingerprint (or lineage) ``before`` until now; empty: none."""
        self.lineage = lineage(self.fingerprint, before)
        return self

    def effective(self) -> bytes:
        """The settings as JSON (``parse_effective`` reads it back)."""
        return msgspec.json.encode(self.settings)

    def nodes_of(self, role: str) -> list[str]:
        """Names of the nodes of a role, in the file's order."""
        return [name for name, node in self.node.items() if node.role == role]

    def role_of(self, name: str) -> str:
        """The role of a node. Raises BadConfig for a name that is not in the file."""
        if name not in self.node:
            raise BadConfig(f"node {name!r} is not in the configuration; there are: {', '.join(self.node)}")
        return self.node[name].role

    def endpoint(self, name: str, link: str) -> str:
        """Where node ``name`` listens for ``link`` (``control`` finds the role's own)."""
        return f"tcp://{self.node[name].host}:{self._port(name, link)}"

    def ipc_endpoint(self, name: str, link: str) -> str:
        """The same by UNIX socket, for nodes of its host: a name in Linux' abstract namespace, which ends with its process.

        It holds what no two meshes share that can both listen: mesh, host (cut to fit into 107 bytes) and port.
        """
        host = sha256(self.node[name].host.encode()).hexdigest()[:8]
        return f"ipc://@trademesh-{self.settings.mesh.id}-{host}-{self._port(name, link)}"

    def _port(self, name: str, link: str) -> int:
        if link == "control":
            link = f"control.{self.node[name].role}"
        return self._ports[name] + LINKS[link].port_offset

    def routers_of(self, name: str) -> list[str]:
        """Primary and second router of a local; all routers for any other node."""
        node = self.node[name]
        routers = self.nodes_of("router")
        if node.role != "local":
            return routers
        if node.routers:
            return list(node.routers)
        first = self.nodes_of("local").index(name) % len(routers)
        return [routers[(first + step) % len(routers)] for step in range(min(2, len(routers)))]

    def local_of(self, account: str) -> str:
        """The node that trades an account."""
        return next(name for name, node in self.node.items() if node.account == account)

    def rails_of(self, account: str) -> RailsSection:
        """The rails of an account: its own, or the fleet's."""
        return self.account[account].rails or self.settings.rails

    def caps_of(self, account: str) -> CapsSection:
        """The hard caps of an account: its own, or those of all; where the file has neither, the defaults, and none of a simulated one."""
        section = self.account[account]
        caps = section.caps or self.settings.caps
        if caps is not None:
            return caps
        return CapsSection() if section.mode == LIVE or kind_of(section.terminal) == REAL else NO_CAPS

    def capped_symbols_of(self, account: str) -> list[str] | None:
        """What the caps of an account allow to be opened, by its broker's names; None: anything."""
        caps = self.caps_of(account)
        if caps.symbols is None:
            return None
        return [self.broker_symbol(account, symbol) for symbol in caps.symbols or self.settings.market.symbols]

    def switched_off(self) -> list[str]:
        """Rails and caps that are off, by account where an account has its own: each was said on purpose."""
        said: dict[str, msgspec.Struct | None] = {"rails": self.settings.rails, "caps": self.settings.caps, "fleet": self.settings.fleet}
        for name, account in self.account.items():
            said |= {f"account.{name}.rails": account.rails, f"account.{name}.caps": account.caps}
        sections = {where: section for where, section in said.items() if section is not None}
        return [
            f"{where}.{key}"
            for where, rails in sections.items()
            for key, value in msgspec.structs.asdict(rails).items()
            if value is None
        ]

    def zone_of(self, account: str) -> str:
        """The clock of an account's server."""
        return self.account[account].zone or self.settings.broker.zone

    def targets_of(self, strategy: str) -> list[str]:
        """Accounts a strategy trades, groups expanded, each once, in the file's order."""
        wanted = self.strategy[strategy].targets
        if not wanted:
            return list(self.account)
        names = {account for word in wanted for account in self.settings.group.get(word, [word])}
        return [account for account in self.account if account in names]

    def symbols_of(self, strategy: str, market_symbols: list[str]) -> list[str]:
        """Symbols a strategy trades among those of the market."""
        wanted = self.strategy[strategy].symbols
        return [symbol for symbol in market_symbols if not wanted or symbol in wanted]

    def broker_symbol(self, account: str, symbol: str) -> str:
        """The account's broker's name of a symbol."""
        section = self.account[account]
        return section.symbol_names.get(symbol, symbol + section.symbol_suffix)

    def process_of(self, name: str) -> str:
        """The process a node runs in: its own name unless a [process] section lists it."""
        return next((process for process, section in self.settings.process.items() if name in section.nodes), name)


Narrow = Callable[[Config], Config]
"""Draws the caps of a configuration closer. Raises BadConfig where the two leave nothing."""


def parse(text: str) -> Config:
    """The configuration in a TOML text. Raises BadConfig naming key, value and what is allowed."""
    return configured(document_from(text, Settings))


def parse_effective(text: str) -> Config:
    """The configuration in the JSON that ``Config.effective`` wrote. Raises BadConfig."""
    try:
        settings = msgspec.json.decode(text, type=Settings)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadConfig(f"this effective configuration is damaged: {error}; start again with `mesh up`") from None
    return configured(settings)


def configured(settings: Settings) -> Config:
    """Settings that were built, checked. Raises BadConfig."""
    check(settings)
    return Config(settings, sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()[:16])


def _ports(settings: Settings) -> dict[str, int]:
    ports: dict[str, int] = {}
    next_port = settings.mesh.base_port
    for role in LISTENING_ROLES:
        for name, node in settings.node.items():
            if node.role == role:
                ports[name] = node.port if node.port is not None else next_port
                next_port += PORTS_PER_NODE
    return ports


def check(settings: Settings) -> None:
    """What must hold between sections. Raises BadConfig at the first thing that does not."""
    _check_nodes(settings)
    _check_strategies(settings)
    for name, members in settings.group.items():
        _known(f"group.{name}", members, settings.account, "accounts")
    _check_processes(settings)
    if not settings.market.feeds and not settings.market.symbols:
        raise BadConfig("market.symbols = []: without feeds the synthetic market needs one symbol at least")
    for name, account in settings.account.items():
        if account.zone and kind_of(account.terminal) == BROKER:
            why = "a simulated account is on the simulated broker's clock; set broker.zone"
            raise BadConfig(f'account.{name}.zone = "{account.zone}": {why}')
    logins: dict[tuple[str, int], str] = {}
    for name, account in settings.account.items():
        other = logins.setdefault((account.server, account.login), name)
        if other != name:
            raise BadConfig(f"account.{name}.login = {account.login}: account.{other} has the same login at {account.server}")


def _check_processes(settings: Settings) -> None:
    homes: dict[str, str] = {}
    for name, process in settings.process.items():
        _known(f"process.{name}.nodes", process.nodes, settings.node, "nodes")
        if name in settings.node and name not in process.nodes:
            raise BadConfig(f"process.{name}: a process of its own has the node {name} already; name this one otherwise, or list it there")
        _check_running(name, process)
        for node in process.nodes:
            if homes.setdefault(node, name) != name or process.nodes.count(node) > 1:
                raise BadConfig(f"process.{name}.nodes: {node} is listed twice (also in process.{homes[node]}); a node runs once")


def _check_running(name: str, process: ProcessSection) -> None:
    if process.scheduler not in REALTIME:
        if process.priority is not None:
            raise BadConfig(f'process.{name}.priority = {process.priority}: allowed with scheduler = "fifo" or "rr" only')
        return
    if process.priority is None:
        raise BadConfig(f'process.{name}.priority is missing: scheduler = "{process.scheduler}" needs one; allowed: from 1 to 99')
    if process.idle != "wait":
        why = f'with scheduler = "{process.scheduler}" it would never leave its processor to anybody; allowed: wait'
        raise BadConfig(f'process.{name}.idle = "{process.idle}": {why}')


def _check_nodes(settings: Settings) -> None:
    by_role: dict[str, list[str]] = {}
    for name, node in settings.node.items():
        by_role.setdefault(node.role, []).append(name)
        _check_node(name, node, settings)
        if settings.mesh.plain and not is_loopback(node.host):
            why = f"node.{name}.host = {node.host}: whoever reaches its ports could trade; only nodes of one machine may be plain"
            raise BadConfig(f"mesh.plain = true: {why}; leave it out, or use 127.0.0.1")
    if not settings.node:
        raise BadConfig("no [node.NAME] section; `mesh init DIR` writes a commented example")
    for role in ONE_OF_EACH:
        if len(by_role.get(role, [])) != 1:
            raise BadConfig(f"role {role} has {len(by_role.get(role, []))} nodes; exactly 1 is allowed")
    for role in ("router", "indicator"):
        if not by_role.get(role):
            raise BadConfig(f"no node with role = \"{role}\"; at least 1 is needed")
    simulated = [name for name, account in settings.account.items() if kind_of(account.terminal) == BROKER]
    if simulated and len(by_role.get("broker", [])) != 1:
        raise BadConfig(f"accounts {', '.join(simulated)} are simulated; exactly 1 node with role = \"broker\" is needed")
    served = [node.account for node in settings.node.values() if node.account]
    for account in settings.account:
        if served.count(account) != 1:
            raise BadConfig(f"account.{account}: {served.count(account)} locals serve it; exactly 1 is allowed")
    taken: dict[tuple[str, int], str] = {}
    for name, port in _ports(settings).items():
        for step in range(PORTS_PER_NODE):
            other = taken.setdefault((settings.node[name].host, port + step), name)
            if other != name:
                raise BadConfig(f"node.{name}.port = {port}: overlaps node.{other}; each node takes {PORTS_PER_NODE} ports")


def _check_node(name: str, node: NodeSection, settings: Settings) -> None:
    if (node.role == "local") != (node.account is not None):
        raise BadConfig(f"node.{name}.account = {node.account}: a local has one account, no other role has any")
    if node.account is not None:
        _known(f"node.{name}.account", [node.account], settings.account, "accounts")
    routers = {key: value for key, value in settings.node.items() if value.role == "router"}
    _known(f"node.{name}.routers", node.routers, routers, "routers")
    left_out = [key for key, value in settings.node.items() if node.sources and value.role == "indicator" and key not in node.sources]
    if left_out:
        raise BadConfig(f"node.{name}.sources = {node.sources}: leaves out the indicator {left_out[0]}, whose signals would be refused")
    if len(node.routers) > 2 or len(set(node.routers)) != len(node.routers):
        raise BadConfig(f"node.{name}.routers = {node.routers}: a primary and a second, each once")


def _check_strategies(settings: Settings) -> None:
    for name, strategy in settings.strategy.items():
        _known(f"strategy.{name}.targets", strategy.targets, {**settings.account, **settings.group}, "accounts or groups")
        _check_sizing(name, strategy, settings.account)


def _check_sizing(name: str, strategy: StrategySection, accounts: dict[str, AccountSection]) -> None:
    kinds = [strategy.sizing.kind, *(account.sizing.kind for account in accounts.values() if account.sizing)]
    if "risk" in kinds and strategy.sl_points == 0 and strategy.sl_atr == 0:
        raise BadConfig(f"strategy.{name}.sl_atr = 0: sizing by risk needs an SL; set sl_points or sl_atr")


def _known(key: str, words: list[str], allowed: dict[str, Any], what: str) -> None:
    for word in words:
        if word not in allowed:
            raise BadConfig(f"{key} = {word!r}: not among the {what}: {', '.join(allowed) or 'there are none'}")
