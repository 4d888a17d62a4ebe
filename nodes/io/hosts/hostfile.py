"""``host.toml``: what runs on one host, and hard caps of its own. It may only tighten what the fleet's ``mesh.toml`` beside it says.

It is no part of the configuration's fingerprint, so that whoever owns a host can draw his limits closer without asking the fleet: they
hold at the last hop, in the local, whatever a master says.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from mesh.complaint import document_from
from mesh.config import Config
from mesh.errors import BadConfig
from mesh.section import CountRail, Id, Ms, Rail, Section, SymbolName
from mesh.settings import CapsSection
from nodes.io.locate import load

HOST_FILE, MESH_FILE, STATE, VENV = "host.toml", "mesh.toml", "state", "venv"
"""What a host's folder has: its own file, the fleet's, where its nodes keep what they keep, and the installed command."""


class HostCaps(Section):
    """Hard caps of this host for one account, as in ``[caps]``; what is left out is as narrow as ``mesh.toml`` has it, no word widens."""

    orders_per_second_count: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    orders_per_minute_count: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    lots: Rail = None
    positions_count: Annotated[int, Meta(ge=1, le=500)] | None = None
    symbols: list[SymbolName] | None = None
    price_collar_percent: Rail = None
    breach_count: CountRail = None
    breach_window_ms: Ms | None = None


class HostFile(Section):
    """The whole file. ``host``: as nodes' sections say it; empty: an operator's, on which no node runs. ``client``: whose door key
    commands take here.
    """

    host: str
    client: Id
    nodes: list[Id] = []
    caps: dict[Id, HostCaps] = {}


def host_in(path: Path) -> HostFile:
    """The file as it is. Raises BadConfig naming it, the key, the value and what is allowed."""
    try:
        return document_from(path.read_text(encoding="utf-8"), HostFile)
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: cannot be read: {error}; a host's folder is written by `mesh hosts build`") from None
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None


def read_host(folder: Path) -> tuple[HostFile, Config]:
    """A folder's own file, and the fleet's configuration with this host's caps. Raises BadConfig naming file, key, value and what to do."""
    path = folder / HOST_FILE
    host = host_in(path)
    config = load(folder / MESH_FILE)
    for name in host.nodes:
        if name not in config.node or config.node[name].host != host.host:
            where = f"has it on {config.node[name].host}" if name in config.node else "has no such node"
            why = f"{MESH_FILE} {where}, this is {host.host}"
            raise BadConfig(f"{path}: nodes = {name!r}: {why}; bring the folder anew: `mesh hosts build {host.host}`")
    try:
        return host, narrowed(config, host)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None


def narrowed(config: Config, host: HostFile) -> Config:
    """The same configuration, under the same fingerprint, with the narrower of the two caps for each account. Raises BadConfig."""
    if not host.caps:
        return config
    accounts = dict(config.account)
    for name, own in host.caps.items():
        served = next((node for node in host.nodes if config.node[node].account == name), None)
        if served is None:
            raise BadConfig(f"caps.{name}: no local of this host serves it: its caps would hold nothing; allowed: accounts of {host.nodes}")
        caps = _narrower(config.caps_of(name), own, config.settings.market.symbols, f"caps.{name}")
        accounts[name] = msgspec.structs.replace(accounts[name], caps=caps)
    return config.narrowed(msgspec.structs.replace(config.settings, account=accounts), lambda other: narrowed(other, host))


def _narrower(fleet: CapsSection, own: HostCaps, market: tuple[str, ...], key: str) -> CapsSection:
    changes: dict[str, Any] = {}
    for name in HostCaps.__struct_fields__:
        said, theirs = getattr(own, name), getattr(fleet, name)
        if said is None or name == "symbols":
            continue
        # a breach freezes sooner where fewer are counted in a longer time
        narrower = max if name == "breach_window_ms" else min
        changes[name] = said if theirs is None else narrower(said, theirs)
    if own.symbols is not None:
        allowed = None if fleet.symbols is None else fleet.symbols or list(market)
        kept = [symbol for symbol in own.symbols if allowed is None or symbol in allowed]
        if not kept:  # an empty list would mean all of the market's
            raise BadConfig(f"{key}.symbols = {own.symbols}: none of them is allowed in {MESH_FILE} ({allowed}); stop the node instead")
        changes["symbols"] = kept
    return msgspec.structs.replace(fleet, **changes)


def host_text(host: HostFile) -> str:
    """The file, with what may be said in it."""
    nodes = ", ".join(f'"{name}"' for name in host.nodes)
    lines = [
        "# What this host is of the fleet in mesh.toml. Written by `mesh hosts build`, which leaves one that is here already alone.",
        "",
        f'host = "{host.host}"  # as the nodes\' sections say it; empty: nothing runs here, commands do',
        f'client = "{host.client}"  # whose door key (state/keys) `./mesh` takes here',
        f"nodes = [{nodes}]",
        "",
    ]
    if host.nodes:
        lines += [
            "# Hard caps of this host, for accounts whose local runs here. They are no part of what hosts have to have in common, and the",
            "# narrower of these and those of mesh.toml holds: nothing here can widen anything.",
            "# [caps.ACCOUNT]",
            "# orders_per_second_count = 2",
            "# orders_per_minute_count = 10",
            "# lots = 0.1",
            "# positions_count = 2",
            '# symbols = ["EURUSD"]',
            "# price_collar_percent = 0.2",
            "# breach_count = 3",
            "# breach_window_ms = 600_000",
            "",
        ]
    return "\n".join(lines)
