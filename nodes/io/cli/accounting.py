"""What ``mesh account`` does: text goes into the fleet's file, keys are made, and it is said which hosts need what, in which order."""

from pathlib import Path
from typing import Any

from mesh.accountmode import LIVE, OBSERVE
from mesh.config import Config, parse
from mesh.errors import BadConfig, BadUsage
from mesh.io.storemarks import write_whole
from mesh.terminalword import BROKER, kind_of
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.hosting import file_of, hosts_of
from nodes.io.cli.plaintext import say, say_json
from nodes.io.hosts.hostkeys import fleet_keys
from nodes.io.hosts.meshedit import with_mode, with_tables
from nodes.io.hosts.plan import plans_of
from nodes.io.keyfiles import INVENTORY
from nodes.io.locate import find, load, mesh_and_state
from nodes.io.preflight import checked

UPDATE = "venv/bin/supervisorctl -c supervisord.conf update"
"""Starts what is new in a host's supervisord.conf, and leaves what runs."""
COLUMNS = (
    Column("account", "account"),
    Column("mode", "mode"),
    Column("login", "login", is_number=True),
    Column("server", "server", rank=1),
    Column("node", "node"),
    Column("host", "host"),
    Column("terminal", "terminal", rank=2, least_columns=12),
)


def list_accounts(config_path: Path | None, as_json: bool) -> int:
    """``mesh account list``. Raises BadConfig, NoMesh."""
    config, _ = find(config_path)
    rows = [_row(config, name) for name in config.account]
    if as_json:
        say_json({"format": 1, "accounts": rows})
        return 0
    out = console()
    out.print(grid(COLUMNS, rows, out.width))
    return 0


def _row(config: Config, name: str) -> dict[str, Any]:
    section, node = config.account[name], config.local_of(name)
    where = {"node": node, "host": config.node[node].host, "terminal": section.terminal}
    return {"account": name, "mode": section.mode, "login": str(section.login), "server": section.server, **where}


def add_account(config_path: Path | None, state: Path | None, name: str, host: str, node: str, values: dict[str, Any]) -> int:
    """``mesh account add``. Raises BadUsage, BadConfig."""
    path = file_of(config_path)
    before, place = mesh_and_state(path, state)
    section = {"role": "local", "host": host, "account": name}
    text = with_tables(_text(path), {("account", name): values, ("node", node): section})
    config = _checked(path, text)
    plans = plans_of(config)
    fleet_keys(config, place, plans)
    _write(path, text)
    where = f"account {name} (login {values['login']} at {values['server']}), mode {values['mode']}"
    say(f"{path}: {where}; {node} on {host}; fingerprint {before.fingerprint} → {config.fingerprint}")
    say(f"{place / 'keys'}: keys of {node}; {INVENTORY} has them")
    _say_way(path, before, config, node)
    if values["mode"] == OBSERVE:
        say(f"{name} observes: nothing is opened there before its mode is shadow, demo or live, written into {path.name} by you")
    elif values["mode"] == LIVE:
        say(f"{name} is live: it begins frozen; `mesh arm {name} --reason …` lets it trade")
    return 0


def _say_way(path: Path, before: Config, config: Config, node: str) -> None:
    """Which hosts get what, in which order: who decides for the account and carries its orders knows it before its local comes."""
    host, account = config.node[node].host, config.node[node].account
    assert account is not None, "a local has one"
    if _is_on_one_machine(config):
        say(f"next: `mesh down`, then `mesh up --config {path} --state …` of what runs: a node that is new is taken at the start")
        return
    is_simulated = kind_of(config.account[account].terminal) == BROKER
    roles = ("router", *(("broker", "market") if is_simulated else ()), "signals", "master")
    changed = hosts_of(config, [name for role in roles for name in config.nodes_of(role)])
    say("next: `mesh hosts build`, then one host after the other:")
    for number, (each, nodes) in enumerate(changed.items(), start=1):
        say(f"  {number}. {each}: {path.name} and state/keys/{INVENTORY}, then {restarts_of(config, nodes)}")
    is_new = host not in {known.host for known in before.node.values()}
    what = f"its folder, whole: `mesh hosts build {host}`" if is_new else f"its folder anew, with {node}'s keys, then there {UPDATE}"
    say(f"  {len(changed) + 1}. {host}: {what}")
    others = [each for each in dict.fromkeys(known.host for known in config.node.values()) if each not in changed and each != host]
    say(f"operators who are to see {account}: {path.name} and state/keys/{INVENTORY}")
    if others:
        say(f"untouched: {', '.join(others)}. They need {path.name} before the next change: a node understands its own and the one before;")
        say("`mesh doctor` shows who runs which")


def _is_on_one_machine(config: Config) -> bool:
    return len({node.host for node in config.node.values()}) == 1


def disable_account(config_path: Path | None, name: str) -> int:
    """``mesh account disable``. Raises BadUsage, BadConfig."""
    path = file_of(config_path)
    before = load(path)
    if name not in before.account:
        raise BadUsage(f"{name}: not among the accounts: {', '.join(before.account)}")
    was = before.account[name].mode
    if was == OBSERVE:
        say(f"{path}: {name} observes already; nothing was changed")
        return 0
    text = with_mode(_text(path), name, OBSERVE)
    config = _checked(path, text)
    _write(path, text)
    say(f'{path}: {name} has mode = "{OBSERVE}" (was "{was}"); nothing runs it yet')
    say(f"now: `mesh freeze account:{name} --reason …` stops its opens at once, and stays; what it holds is still looked after")
    if _is_on_one_machine(config):
        say(f"next: `mesh config apply {path}`")
        return 0
    nodes = hosts_of(config, [*config.nodes_of("master"), config.local_of(name)])
    for number, (host, each) in enumerate(nodes.items(), start=1):
        say(f"  {number}. {host}: {path.name}, then {restarts_of(config, each)}")
    return 0


def restarts_of(config: Config, nodes: list[str]) -> str:
    """The commands that have nodes of one host read its files again, each process once."""
    processes = dict.fromkeys(config.process_of(name) for name in nodes)
    first = [next(name for name in nodes if config.process_of(name) == process) for process in processes]
    return ", ".join(f"./mesh restart {name}" for name in first)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()  # not as text: its line ends are its owner's
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: cannot be read: {error}") from None


def _checked(path: Path, text: str) -> Config:
    """The configuration it would be. Raises BadConfig; the file is as it was then."""
    try:
        return checked(parse(text))
    except BadConfig as error:
        raise BadConfig(f"{path} was not changed: {error}") from None


def _write(path: Path, text: str) -> None:
    real = path.resolve()
    try:
        mode = real.stat().st_mode
        write_whole(real, text.encode())
        real.chmod(mode)
    except OSError as error:
        raise BadConfig(f"{real}: cannot be written: {error.strerror}") from None
