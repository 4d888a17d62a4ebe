"""The configuration: what is refused, how the error says it, and what follows from a good one."""

from importlib.resources import files

import pytest

from mesh.config import Config, configured, parse, parse_effective
from mesh.errors import BadConfig


def demo() -> str:
    return files("nodes.io").joinpath("demo.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("period = 14", "period = 1", "strategy.reversion.period = 1; allowed: a whole number from 2 to 1_000"),
        ("period = 14", "periods = 14", "strategy.reversion.periods = 14: there is no such key (did you mean period?)"),
        ("seed = 7", "seed = 7\n[timers]\ndrain_ms = 5_001", "timers.drain_ms = 5001; allowed: a whole number from 1 to 5_000"),
        ("login = 5002", "login = 5001", "account.demo-1 has the same login"),
        ('account = "demo-4"', 'account = "demo-9"', "not among the accounts: demo-1"),
        ('role = "master"', 'role = "boss"', "node.master-1.role = \"boss\"; allowed: market, indicator, signals"),
        ('[node.master-1]\nrole = "master"\n', "", "role master has 0 nodes; exactly 1"),
        ("[mesh]", "[mesh", "not TOML"),
        ("tp_atr = 3", "tp_atr = 1_001", "strategy.reversion.tp_atr = 1001; allowed: a number of 0 or more, 1_000 at most"),
        ("login = 5001", "login = 5001\nbalance = 90_000_000_001", "balance = 90000000001; allowed: a number above 0, 90_000_000_000"),
        ("login = 5001", 'login = 5001\nzone = "UTC"', 'account.demo-1.zone = "UTC": a simulated account is on the simulated broker'),
        ("sl_atr = 2", "sl_atr = 0", "sizing by risk needs an SL"),
        ("seed = 7", "seed = 7\nbase_port = 80", "mesh.base_port = 80"),
        ('symbols = ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"]', "symbols = []", "market.symbols = []: without feeds"),
        ("speed = 60", 'speed = "off"', 'market.speed = "off"; allowed: '),
        ("[market]", "[market]\njump_percent = 5000", "market.jump_percent = 5000; allowed: a number above 0, 1_000 at most"),
        ("[market]", '[process.a]\nnodes = ["master-1"]\n[process.b]\nnodes = ["master-1"]\n[market]', "process.b.nodes: master-1"),
        ('role = "signals"', 'role = "signals"\nsources = ["cci-9"]', "node.signals-1.sources = ['cci-9']: leaves out the indicator"),
        ('[node.router-2]\nrole = "router"', '[node.router-2]\nrole = "router"\nport = 7431', "overlaps"),
    ],
)
def test_wrong_configuration_names_key_value_and_what_is_allowed(old: str, new: str, says: str) -> None:
    """Each mistake is a BadConfig whose text an operator can act on."""
    assert old in demo()
    with pytest.raises(BadConfig) as caught:
        parse(demo().replace(old, new, 1))
    assert says in str(caught.value)
    assert caught.value.exit_code == 78


def test_off_is_said_on_purpose() -> None:
    """A rail that is "off" is None; a rail left out has its default."""
    config = parse(demo() + '\n[rails]\nspread_times = "off"\n')
    assert config.rails_of("demo-1").spread_times is None
    assert config.rails_of("demo-1").positions_count == 5


def test_effective_reads_back_as_the_same() -> None:
    """What nodes read is what was checked, fingerprint included."""
    config = parse(demo())
    again = parse_effective(config.effective().decode())
    assert (again.settings, again.fingerprint) == (config.settings, config.fingerprint)


def test_damaged_effective_file_is_refused() -> None:
    """A cut-off file is the operator's error, not a crash."""
    with pytest.raises(BadConfig):
        parse_effective(parse(demo()).effective().decode()[:-9])


def test_locals_spread_over_routers() -> None:
    """Primaries alternate; each local has a second router that is another."""
    config = parse(demo())
    homes = [config.routers_of(f"local-{number}") for number in range(1, 5)]
    assert [home[0] for home in homes] == ["router-1", "router-2", "router-1", "router-2"]
    assert all(len(home) == 2 and home[0] != home[1] for home in homes)


def test_endpoints_do_not_overlap() -> None:
    """Every listening link of the demo has a port of its own."""
    config = parse(demo())
    wanted = [("market-1", "market"), ("broker-1", "venue"), ("signals-1", "signals"), ("master-1", "decide"), ("master-1", "orders"),
              ("master-1", "replay"), ("master-1", "control"), ("router-1", "locals"), ("router-1", "status"), ("router-1", "front"),
              ("router-1", "control"), ("router-2", "locals")]  # fmt: skip
    endpoints = [config.endpoint(node, link) for node, link in wanted]
    assert len(set(endpoints)) == len(endpoints)
    assert endpoints[0] == "tcp://127.0.0.1:7410"


def test_groups_and_targets() -> None:
    """Targets name accounts or groups; each account once, in the file's order."""
    text = demo().replace("level = 100", 'level = 100\ntargets = ["pair", "demo-1"]') + '\n[group]\npair = ["demo-3", "demo-1"]\n'
    assert parse(text).targets_of("reversion") == ["demo-1", "demo-3"]


def test_fingerprint_changes_with_any_value() -> None:
    """Two hosts with different files can tell."""
    assert parse(demo()).fingerprint != parse(demo().replace("seed = 7", "seed = 8")).fingerprint


def test_unknown_node_says_which_there_are() -> None:
    """A mistyped node name gets the list."""
    config: Config = configured(parse(demo()).settings)
    with pytest.raises(BadConfig, match="market-1, broker-1"):
        config.role_of("market-2")


def test_an_account_may_have_a_server_clock_of_its_own() -> None:
    """A real account's broker may keep another time than the rest; without one it is the fleet's."""
    config = parse(demo().replace("login = 5001", 'login = 5001\nterminal = "C:/mt5/terminal64.exe"\nzone = "UTC+2"'))
    assert (config.zone_of("demo-1"), config.zone_of("demo-2")) == ("UTC+2", "New York + 7 h")


BRAIN = '\n[process.brain]\nnodes = ["cci-1", "signals-1"]\n'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('idle = "sleep"', 'process.brain.idle = "sleep"; allowed: wait, yield, spin'),
        ("cpus = []", "process.brain.cpus = []; allowed: a list of a whole number from 0 to 1_023; 1 at least, or \"off\""),
        ("cpus = [-1]", "process.brain.cpus = [-1]; allowed: a list of"),
        ("cpus = 2", "process.brain.cpus = 2; allowed: a list of"),
        ('scheduler = "idle"', 'process.brain.scheduler = "idle"; allowed: other, batch, fifo, rr'),
        ('scheduler = "fifo"', 'process.brain.priority is missing: scheduler = "fifo" needs one; allowed: from 1 to 99'),
        ('scheduler = "rr"\npriority = 100', "process.brain.priority = 100; allowed: a whole number from 1 to 99, or \"off\""),
        ("priority = 10", 'process.brain.priority = 10: allowed with scheduler = "fifo" or "rr" only'),
        ('scheduler = "batch"\npriority = 1', 'process.brain.priority = 1: allowed with scheduler = "fifo" or "rr" only'),
        ('scheduler = "fifo"\npriority = 9\nidle = "spin"', 'process.brain.idle = "spin": with scheduler = "fifo" it would never leave'),
        ('scheduler = "rr"\npriority = 9\nidle = "yield"', 'process.brain.idle = "yield": with scheduler = "rr" it would never leave'),
        ("niceness = 5", "process.brain.niceness = 5: there is no such key; allowed: nodes, idle, cpus, scheduler, priority"),
    ],
)
def test_how_a_process_runs_is_checked(lines: str, says: str) -> None:
    """What cannot be, and what would take a whole processor from everybody, is refused with the key, its value and what is allowed."""
    with pytest.raises(BadConfig) as caught:
        parse(demo() + BRAIN + lines)
    assert says in str(caught.value)


def test_how_a_process_runs_is_said_for_all_its_nodes() -> None:
    """Also of a node that is alone in it; who is in no section waits."""
    alone = '[process.local-1]\nnodes = ["local-1"]\nidle = "spin"\ncpus = [2, 3]\n'
    config = parse(demo() + BRAIN + 'idle = "yield"\nscheduler = "batch"\n' + alone)
    homes = [config.process_of(name) for name in ("cci-1", "signals-1", "local-1", "master-1")]
    assert homes == ["brain", "brain", "local-1", "master-1"]
    found = {name: (section.idle, section.cpus) for name, section in config.settings.process.items()}
    assert found == {"brain": ("yield", None), "local-1": ("spin", [2, 3])}


def test_a_process_is_not_called_like_a_node_of_another() -> None:
    """Both would be one process to supervisord, though no section says so."""
    with pytest.raises(BadConfig, match=r"process\.local-1: a process of its own has the node local-1 already"):
        parse(demo() + '[process.local-1]\nnodes = ["cci-1"]\n')


def test_names_of_unix_sockets_are_a_mesh_s_own() -> None:
    """Each listening link has one, no two meshes that can both listen share one, and the longest there can be fits into 107 bytes."""
    longest = demo().replace('id = "demo"', f'id = "{"m" * 32}"\nbase_port = 65_000')
    texts = [demo(), demo().replace('id = "demo"', 'id = "other"'), demo().replace("seed = 7", "seed = 7\nbase_port = 7500"), longest]
    configs = [parse(text) for text in texts]
    configs.append(parse(demo().replace('role = "router"', f'role = "router"\nhost = "{"h" * 250}"')))
    names = [config.ipc_endpoint("router-1", link) for config in configs for link in ("locals", "status")]
    assert len(set(names)) == len(names)
    assert names[0].startswith("ipc://@trademesh-demo-")
    assert max(len(name.removeprefix("ipc://")) for name in names) <= 107
