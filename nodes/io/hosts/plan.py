"""Which hosts a fleet has and what each runs, as its ``mesh.toml`` says; and what no fleet of hosts can do."""

import re

import msgspec

from mesh.addresses import is_loopback
from mesh.config import Config
from mesh.errors import BadConfig
from mesh.outlets import ALERTS_PROGRAM
from mesh.terminalword import REAL, kind_of
from nodes.io.livespec import is_live, live_spec
from nodes.io.supervisorconf import START_ORDER

_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9_.#-]")
NAME_COUNT_MAX = 32


class HostPlan(msgspec.Struct, frozen=True):
    """One host. ``processes``: name → its nodes, in the order in which they start; what tells of alerts has none. ``client``: the name
    of its own key that opens doors for commands: it may watch, and bring signed stops, and no more.
    """

    name: str
    client: str
    nodes: tuple[str, ...]
    processes: dict[str, list[str]]
    is_windows: bool


def client_of(host: str) -> str:
    """The name of a host's own door key."""
    return f"watch-{_NOT_OF_A_NAME.sub('-', host)}"[:NAME_COUNT_MAX]


def folder_name(host: str) -> str:
    """A host as a folder: an IPv6 address has signs that Windows does not take."""
    return _NOT_OF_A_NAME.sub("-", host)


def plans_of(config: Config) -> dict[str, HostPlan]:
    """Host → what it runs, in the file's order. Raises BadConfig for what only one machine could do."""
    _check(config)
    hosts = list(dict.fromkeys(node.host for node in config.node.values()))
    for naming in (client_of, folder_name):
        names: dict[str, str] = {}
        for host in hosts:
            if names.setdefault(naming(host), host) != host or naming(host) in config.node:
                raise BadConfig(f"hosts {names[naming(host)]} and {host}: both would be {naming(host)}; write one of them otherwise")
    return {host: _plan(config, host) for host in hosts}


def _plan(config: Config, host: str) -> HostPlan:
    nodes = tuple(name for name, node in config.node.items() if node.host == host)
    processes: dict[str, list[str]] = {}
    for role in START_ORDER:
        for name in config.nodes_of(role):
            if name in nodes:
                processes.setdefault(config.process_of(name), []).append(name)
    if config.settings.alerts is not None and config.node[config.nodes_of("master")[0]].host == host:
        processes[ALERTS_PROGRAM] = []
    return HostPlan(host, client_of(host), nodes, processes, _is_windows(config, nodes))


def _is_windows(config: Config, nodes: tuple[str, ...]) -> bool:
    """Where a real terminal is called: there is none on any other system."""
    accounts = [config.node[name].account for name in nodes]
    terminals = [config.account[account].terminal for account in accounts if account is not None]
    if any(config.node[name].role == "market" for name in nodes) and (live := live_spec(config)) is not None:
        terminals.append(live.terminal)
    return any(kind_of(terminal) == REAL for terminal in terminals)


def _check(config: Config) -> None:
    feeds = config.settings.market.feeds
    if feeds and not is_live(feeds):
        why = "a recorded market is read by `mesh up`, for a mesh on one machine"
        raise BadConfig(f"market.feeds = {feeds}: {why}; allowed for hosts: a live one (mt5,…), or none: the synthetic one")
    for name, process in config.settings.process.items():
        hosts = list(dict.fromkeys(config.node[node].host for node in process.nodes))
        if len(hosts) > 1:
            raise BadConfig(f"process.{name}.nodes = {process.nodes}: they are on {', '.join(hosts)}; a process is on one host")
    distant = next((node.host for node in config.node.values() if not is_loopback(node.host)), None)
    if distant is None:
        return
    for name, node in config.node.items():
        if is_loopback(node.host):
            why = f"only that machine itself can dial it, and others are elsewhere ({distant})"
            raise BadConfig(f"node.{name}.host = {node.host}: {why}; write the address others find it by")
