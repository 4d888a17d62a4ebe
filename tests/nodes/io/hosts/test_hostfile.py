"""A host's own file: it names what runs there, draws caps closer, and can widen nothing."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig
from mesh.settings import CapsSection
from nodes.io.hosts.hostfile import HOST_FILE, MESH_FILE, HostCaps, HostFile, host_in, host_text, narrowed, read_host
from tests.nodes.io.hosts.fleetfile import FLEET

CAPS = FLEET + '[caps]\nlots = 1\nsymbols = ["EURUSD", "GBPUSD"]\norders_per_minute_count = 40\nbreach_window_ms = 60_000\n'


def host_of(**caps: HostCaps) -> HostFile:
    return HostFile(host="127.0.0.4", client="watch", nodes=["local-1", "local-2"], caps={"demo-1": caps["caps"]} if caps else {})


def caps_of(text: str, own: HostCaps, account: str = "demo-1") -> CapsSection:
    return narrowed(parse(text), host_of(caps=own)).caps_of(account)


def test_narrower_of_the_two_holds() -> None:
    """What the host says closer holds; what it says wider, or does not say, is as the fleet has it."""
    own = HostCaps(lots=Decimal("0.1"), orders_per_minute_count=100, breach_window_ms=120_000, symbols=["EURUSD", "XAUUSD"])
    caps = caps_of(CAPS, own)
    assert (caps.lots, caps.orders_per_minute_count, caps.breach_window_ms) == (Decimal("0.1"), 40, 120_000)
    assert (caps.symbols, caps.positions_count) == (["EURUSD"], 10)
    assert caps_of(CAPS, own, "demo-2") == parse(CAPS).caps_of("demo-2")


def test_simulated_account_without_caps_gets_those_of_its_host_alone() -> None:
    """Where the fleet has none the host's hold, and no default beside them."""
    caps = caps_of(FLEET, HostCaps(lots=Decimal("0.02"), symbols=["EURUSD"]))
    assert (caps.lots, caps.symbols, caps.orders_per_second_count) == (Decimal("0.02"), ["EURUSD"], None)


@pytest.mark.parametrize("fleet", [FLEET, CAPS], ids=["no caps", "caps"])
def test_no_word_of_a_host_widens_anything(fleet: str) -> None:
    """Each key at its widest leaves the fleet's as they are, or closer."""
    widest = HostCaps(
        orders_per_second_count=1_000, orders_per_minute_count=1_000, lots=Decimal(1_000_000), positions_count=500,
        price_collar_percent=Decimal(1_000), breach_count=1_000_000, breach_window_ms=1,
    )  # fmt: skip
    before, after = parse(fleet).caps_of("demo-1"), caps_of(fleet, widest)
    for name in HostCaps.__struct_fields__:
        theirs, found = getattr(before, name), getattr(after, name)
        assert theirs is None or found == theirs, name


def test_caps_are_no_part_of_the_fingerprint() -> None:
    """Hosts have one configuration in common, whatever each of them allows; the one before is kept, too."""
    config = parse(CAPS).follows("0123456789abcdef")
    closer = narrowed(config, host_of(caps=HostCaps(lots=Decimal("0.1"))))
    assert (closer.fingerprint, closer.lineage) == (config.fingerprint, config.lineage)


def test_caps_that_would_hold_nothing_are_refused() -> None:
    """Of an account that is traded elsewhere, and of symbols of which none is left: an empty list would mean all."""
    with pytest.raises(BadConfig, match=r"caps\.demo-3: no local of this host"):
        narrowed(parse(CAPS), HostFile(host="127.0.0.4", client="watch", nodes=["local-1"], caps={"demo-3": HostCaps(lots=Decimal(1))}))
    with pytest.raises(BadConfig, match="none of them is allowed"):
        caps_of(CAPS, HostCaps(symbols=["XAUUSD"]))


def folder(tmp_path: Path, own: str) -> Path:
    (tmp_path / MESH_FILE).write_text(FLEET)
    (tmp_path / HOST_FILE).write_text(own)
    return tmp_path


def test_folder_is_read(tmp_path: Path) -> None:
    """The file `mesh hosts build` writes says what it was made of, also with its examples switched on."""
    text = host_text(host_of())
    host, config = read_host(folder(tmp_path, text))
    assert (host, config.fingerprint) == (host_of(), parse(FLEET).fingerprint)
    lines = [line.removeprefix("# ") if line.startswith("# [") or " = " in line else line for line in text.splitlines()]
    (tmp_path / HOST_FILE).write_text("\n".join(lines).replace("ACCOUNT", "demo-1"))
    host, config = read_host(tmp_path)
    assert [name for name, value in msgspec.structs.asdict(host.caps["demo-1"]).items() if value is None] == []
    assert config.caps_of("demo-1").lots == Decimal("0.1")


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ('host = "127.0.0.4"\nclient = "w"\nnodes = ["local-9"]', "has no such node"),
        ('host = "127.0.0.4"\nclient = "w"\nnodes = ["router-1"]', "has it on 127.0.0.3, this is 127.0.0.4"),
        ('host = "127.0.0.4"\nclient = "w"\nrails = 1', "rails"),
        ('host = "127.0.0.4"\nclient = "w"\n[caps.demo-1]\nlots = 0', "above 0"),
        ("host = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, own: str, why: str) -> None:
    """The file, the key and what to do; a node that another host runs is not run twice."""
    with pytest.raises(BadConfig, match=rf"(?s){HOST_FILE}.*{why}"):
        read_host(folder(tmp_path, own))


def test_missing_file_names_who_writes_it(tmp_path: Path) -> None:
    """No folder of a host."""
    with pytest.raises(BadConfig, match="mesh hosts build"):
        host_in(tmp_path / HOST_FILE)


def test_without_caps_nothing_is_made_anew() -> None:
    """The configuration is the one that was read."""
    config: Config = parse(FLEET)
    assert narrowed(config, host_of()) is config
