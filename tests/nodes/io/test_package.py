"""The package a terminal is called by: chosen once by its word, and what only one of the kinds can tell."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig
from mesh.messages.venue import VenueAttach, VenueAttached, VenueRead, VenueResult, VenueSend, VenueState
from nodes.clockdrift import ClockDrift
from nodes.io import mt5, simulation
from nodes.io.locate import demo_text
from nodes.io.mt5session import SESSION
from nodes.io.package import BrokerPackage, Package, SimulatedPackage, check_installed, is_folder_of, package_of
from nodes.io.venue import Venue
from tests.nodes.io.faketicks import CONFIG

KEY = "account.one.terminal"
SIM = """
[clock]
kind = "step"
[account.a]
login = 5001
"""


@pytest.mark.parametrize(
    ("terminal", "kind", "path"),
    [
        ("sim", BrokerPackage, "tcp://127.0.0.1:7412"),
        ("mine.toml", SimulatedPackage, "mine.toml"),
        ("tcp://10.0.0.1:7415", SimulatedPackage, "tcp://10.0.0.1:7415"),
        ("C:/MT5/terminal64.exe", Package, "C:/MT5/terminal64.exe"),
    ],
)
def test_word_decides(terminal: str, kind: type, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """``sim`` is the broker's endpoint; a real path is called by the real package, everything else by ours."""
    real = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "MetaTrader5", real)
    config = parse(demo_text())
    package = package_of(config, KEY, terminal)
    assert type(package) is kind
    if terminal == "sim":
        path = config.endpoint("broker-1", "venue")
    assert package.path == path
    assert package.module is (real if kind is Package else mt5)
    assert package_of(config, KEY, terminal, given := SimpleNamespace()).module is given


def test_real_terminal_without_the_package_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, value, and what to do; in the check before the start as in the worker."""
    monkeypatch.setitem(sys.modules, "MetaTrader5", None)
    monkeypatch.setattr("nodes.io.package.find_spec", lambda _name: None)
    says = r'^account\.one\.terminal = "/opt/mt5": a real terminal needs the package MetaTrader5, which cannot be imported here'
    with pytest.raises(BadConfig, match=says):
        check_installed(KEY, "/opt/mt5")
    with pytest.raises(BadConfig, match=says):
        package_of(parse(CONFIG), KEY, "/opt/mt5")


def asks_of(package: Package, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a package tells and asks besides its module; ours stands at revision 7 and a market time of 9."""
    sent: list[Any] = []
    monkeypatch.setattr(SESSION, "ahead", lambda *args: sent.append(args))
    monkeypatch.setattr(SESSION, "ask", lambda *args: sent.append(args))
    monkeypatch.setattr(SESSION, "stamp", (3, 7, 9))
    package.before_order("EURUSD", with_positions=True)
    package.before_answer(5)
    package.watch_equity(1)
    told = [
        package.market_ns(lambda: 8), package.clock_symbols(["EURUSD"]), package.revision(), package.before_read(1, 6),
        package.may_reread_terms(0), package.is_at("C:\\Other"), bool(package.clock_remark(SAYS, 2, 0, 0)),
    ]  # fmt: skip
    return [*told, len(sent)]


class Says(ClockDrift):
    """A clock that is wrong."""

    def look(self, tick_ns: int, offset_ns: int, now_ns: int) -> str:
        return "wrong"


SAYS = Says("UTC")


def test_real_terminal_tells_nothing_but_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Market time is somebody else's to know, everything is read each time, and nothing of ours is asked."""
    assert asks_of(Package(None, "C:/MT5"), monkeypatch) == [8, ["EURUSD"], None, False, True, False, True, 0]


def test_simulated_server_elsewhere_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is called as a real one: in a process of its own it does not know what several calls are, nor how often its books changed."""
    assert asks_of(SimulatedPackage(None, "a.toml"), monkeypatch) == [9, (), None, False, True, True, False, 0]


def test_broker_of_the_mesh_answers_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three messages for a read, an order and its answer, and one for the watch."""
    assert asks_of(BrokerPackage(None, "tcp://x"), monkeypatch) == [9, (), 7, True, False, True, False, 4]


@pytest.mark.parametrize(
    ("folder", "program", "is_same"),
    [
        ("C:\\MT5", "C:\\MT5\\terminal64.exe", True),
        ("c:\\mt5\\", "C:/MT5/Terminal64.EXE", True),
        ("C:\\MT5", "C:\\MT5", True),
        ("C:\\MT5", "C:\\MT5\\..\\MT5\\terminal64.exe", True),
        ("C:\\MT5-2", "C:\\MT5\\terminal64.exe", False),
        ("D:\\MT5", "C:\\MT5\\terminal64.exe", False),
    ],
)
def test_paths_are_compared_as_windows_does(folder: str, program: str, is_same: bool) -> None:
    """Letter case and the direction of slashes do not matter; another folder or drive does."""
    assert is_folder_of(folder, program) is is_same


def test_account_of_a_simulated_server_of_its_own_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``terminal = "sim.toml"``, named from where one stands: the adapter attaches and trades there, as at any terminal."""
    (tmp_path / "sim.toml").write_text(SIM)
    monkeypatch.chdir(tmp_path)
    config: Config = parse(CONFIG.replace('"C:/terminal64.exe"', '"sim.toml"').replace('"real"', '"trademesh-Demo"'))
    simulation.forget_all()
    venue = Venue("one", config, None, lambda: 0, lambda: 1)
    try:
        attached = venue.handle(VenueAttach("one"))
        assert isinstance(attached, VenueAttached)
        assert (attached.refused, attached.login) == ("", 5001)
        order = VenueSend(1, bytes(16), 1, 7, "OPEN", "EURUSD", 1, 1_000_000, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, "tm")
        result = venue.handle(order)
        assert isinstance(result, VenueResult)
        assert result.class_ == "ACCEPTED"
        state = venue.handle(VenueRead(1, 0, 0))
        assert isinstance(state, VenueState)
        assert (len(state.positions), state.remark) == (1, "")
        server = simulation.simulation_at("sim.toml")
        assert server is not None
        assert state.market_ns == server.now_ns()
    finally:
        mt5.shutdown()
        simulation.forget_all()
