"""Texts of operators: configuration, keys, simulated servers, feeds as they are named. Each is read once, at a start."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from random import Random

from mesh.config import Config, parse
from mesh.errors import BadConfig
from nodes.io import locate, simulation
from nodes.io.feedspec import FeedSpec, parse_feed_spec
from nodes.io.keyfiles import folder_of, keyring_of, read_inventory, read_private, write_private
from nodes.io.keymaking import make_keys
from nodes.terminal.engine import Terminal
from nodes.terminal.service import TerminalService
from nodes.terminal.simfile import simfile_from
from nodes.terminal.simserver import terminal_from
from tests.fuzz.mutations import bytes_mutated, message_mutated, one_of, toml_mutated
from tests.fuzz.target import Target
from tests.fuzz.targets.scratch import scratch, written
from tests.smallmesh import small_mesh

WORD = "a word"
LIMIT_MS = 250
FEEDS = (
    "EURUSD_M1.csv.gz", "ticks.csv,symbol=EURUSD,tz=UTC,scale=100000,digits=5,crossed=swap,timeframe=M1,jump=10%", "USDJPY60.csv,jump=off",
    "C:\\data\\GBPUSD.i_2024, old.csv,tz=New York + 7 h", "bid.csv,symbol=US30.cash,ask=ask.csv,jump=0.0001,tz=UTC+2",
)  # fmt: skip


OPTIONS = (
    "", "0", "-1", "9" * 30, "1e9999", "nan", "-inf", "off", "x" * 40, "UTC+99", "UTC-0:99", "é", " EURUSD ", "a=b", "0.00001", "%", "100",
)  # fmt: skip


def _toml(name: str) -> bytes:
    return files("nodes.io").joinpath(name).read_bytes()


def _uncommented(raw: bytes) -> bytes:
    """The keys and values alone: comments are nothing to change."""
    lines = [line.split(" #")[0].rstrip() for line in raw.decode().splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#")).encode()


def configs() -> list[bytes]:
    """The demo's, the example with all keys, and a small one."""
    return [_uncommented(_toml("demo.toml")), _uncommented(_toml("example.toml")), small_mesh().encode()]


def read_config(raw: bytes) -> Config:
    """As each command reads it; what was read is read back the same from what nodes are given."""
    config = locate.load(written("config", "mesh.toml", raw))
    again = locate.load(written("config", "effective.json", config.effective()))
    assert again.fingerprint == config.fingerprint
    return config


def effective() -> list[bytes]:
    """What ``mesh up`` writes for its nodes."""
    return [parse(raw.decode()).effective() for raw in configs()]


def read_effective(raw: bytes) -> Config:
    """As each node reads it."""
    return locate.load(written("effective", "effective.json", raw))


def simfiles() -> list[bytes]:
    """The file to copy, and the smallest."""
    return [_uncommented(_toml("sim.toml")), b"[account.a]\nlogin = 1\n", _STEPPED]


_STEPPED = b"""[clock]
kind = "step"
[prices]
source = "script"
symbols = ["EURUSD", "ODD"]
[account.a]
login = 1
currency = "JPY"
margin_mode = "netting"
[account.b]
login = 2
[symbol.ODD]
digits = 2
contract_size = 10
base = "ODD"
profit = "USD"
sessions = ["mon 00:05-23:55"]
swap_mode = "points"
[[fault]]
kind = "retcode"
call = "order_send"
nth = 1
retcode = 10004
"""


def read_simfile(raw: bytes) -> Terminal:
    """As far as ``initialize`` gets before there are quotes."""
    try:
        sim = simfile_from(raw.decode())
    except UnicodeDecodeError:
        raise BadConfig("no text") from None  # as ``simulation_at`` says it
    start_ns = simulation._moment_ns(sim.prices.start)
    terminal = terminal_from(sim, dict.fromkeys(sim.prices.symbols, 0), {}, "sim.toml")
    TerminalService(terminal, tuple(sim.fault))
    terminal.open(start_ns or simulation.DEFAULT_START_NS)
    return terminal


def read_feedspec(raw: bytes) -> FeedSpec:
    """What was read means the same when it is written and read again."""
    try:
        spec = parse_feed_spec(raw.decode())
    except UnicodeDecodeError:
        raise BadConfig("no text") from None  # a command line has none
    again = parse_feed_spec(spec.text())
    assert again.text() == spec.text()
    assert again.symbol == spec.symbol
    return spec


def feedspec_mutated(raw: bytes, draw: Random) -> bytes:
    """An option's value replaced, an option taken out, doubled, renamed."""
    parts = raw.decode("utf-8", "replace").split(",")
    where = draw.randrange(len(parts))
    key = parts[where].partition("=")[0]
    choices = (f"{key}={draw.choice(OPTIONS)}", f"{draw.choice(('tz', 'jump', 'digits', 'ask', 'x', ''))}={draw.choice(OPTIONS)}", key, "")
    parts[where : where + 1] = draw.choice(([draw.choice(choices)], [], [parts[where]] * 2, [parts[where], draw.choice(choices)]))
    return ",".join(parts).encode()


@cache
def _mesh_with_keys() -> tuple[Config, Path]:
    config, state = parse(small_mesh()), scratch("inventory")
    make_keys(config, state)
    return config, state


def inventories() -> list[bytes]:
    """Of a small mesh."""
    _, state = _mesh_with_keys()
    return [(folder_of(state) / "inventory.toml").read_bytes()] if (folder_of(state) / "inventory.toml").exists() else []


def read_keys(raw: bytes) -> object:
    """Everybody's public keys."""
    config, _ = _mesh_with_keys()
    state = scratch("keys")
    folder_of(state).mkdir(exist_ok=True)
    (folder_of(state) / "inventory.toml").write_bytes(raw)
    return keyring_of(config, read_inventory(state))


def pems() -> list[bytes]:
    """A private key as it lies on disk, and one under a passphrase."""
    found = []
    for name, word in (("plain.key", ""), ("locked.key", WORD)):
        path = scratch("pem") / name
        path.unlink(missing_ok=True)
        write_private(path, word)
        found.append(path.read_bytes())
    return found


def read_pem(raw: bytes) -> bytes:
    """32 bytes."""
    path = written("pem", "node.key", raw)
    path.chmod(0o600)
    seed = read_private(path, lambda: WORD)
    assert len(seed) == 32
    return seed


TARGETS = (
    Target("config", (BadConfig,), configs, read_config, toml_mutated, LIMIT_MS, 32_768),
    Target("effective", (BadConfig,), effective, read_effective, one_of((bytes_mutated, message_mutated)), LIMIT_MS, 32_768),
    Target("simfile", (BadConfig,), simfiles, read_simfile, toml_mutated, LIMIT_MS, 32_768),
    Target("feedspec", (BadConfig,), lambda: [each.encode() for each in FEEDS], read_feedspec, feedspec_mutated, 25),
    Target("inventory", (BadConfig,), inventories, read_keys, toml_mutated, 50),
    Target("keyfile", (BadConfig,), pems, read_pem, bytes_mutated, LIMIT_MS),
)
