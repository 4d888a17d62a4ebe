"""Reads of a real terminal: everything each time, server time as UTC, and what is amiss with its clock; a stand-in for the package."""

from types import SimpleNamespace
from typing import Any

from mesh.config import parse
from mesh.messages.venue import VenueRead, VenueState
from mesh.units import HOUR_NS, SECOND_NS
from nodes.clockdrift import FRESH_COUNT
from nodes.io.venueidentity import Identity
from nodes.io.venuereads import Reader
from tests.nodes.io.test_worker import CONFIG

NOW_NS = 1_767_600_000 * SECOND_NS
INFO = SimpleNamespace(
    login=5001, server="real", currency="USD", leverage=100, margin_mode=2, trade_mode=0, trade_allowed=True, trade_expert=True,
    balance=1.0, equity=1.0, margin=0.0, margin_free=1.0, margin_level=0.0,
)  # fmt: skip


class Package:
    """An account without anything, at a server whose clock is so many hours ahead of UTC; a tick each second."""

    def __init__(self, hours_ahead: int) -> None:
        self.now_ns = NOW_NS
        self.ahead_ns = hours_ahead * HOUR_NS
        self.terminal = SimpleNamespace(path="C:\\MT5", connected=True, trade_allowed=True, tradeapi_disabled=False)

    def account_info(self) -> Any:
        return INFO

    def terminal_info(self) -> Any:
        return self.terminal

    def symbol_info_tick(self, _symbol: str) -> Any:
        return SimpleNamespace(time_msc=(self.now_ns + self.ahead_ns) // 1_000_000, bid=1.1, ask=1.1)

    def symbol_info(self, _symbol: str) -> Any:
        return None

    def nothing(self, *_args: object) -> tuple[()]:
        return ()

    positions_get = orders_get = history_deals_get = nothing

    def last_error(self) -> tuple[int, str]:
        return 1, "Success"


def states(package: Package, count: int) -> list[VenueState]:
    """Reads a second apart. The configured zone is two hours ahead of UTC."""
    config = parse(CONFIG + '[broker]\nzone = "UTC+2"\n')
    identity = Identity(config.account["one"])
    assert identity.attach(INFO, package.terminal) == ""
    reader = Reader("one", config, package, identity, lambda: package.now_ns)
    found = []
    for _ in range(count):
        state = reader.state(VenueRead(1, 0, 0))
        assert isinstance(state, VenueState)
        found.append(state)
        package.now_ns += SECOND_NS
    return found


def test_server_whose_zone_is_right_is_not_remarked() -> None:
    """And its times are UTC."""
    told = states(Package(2), FRESH_COUNT + 3)
    assert {state.remark for state in told} == {""}
    assert told[0].market_ns == NOW_NS


def test_server_whose_zone_is_wrong_is_remarked_after_some_ticks() -> None:
    """Seen and configured, side by side; trading goes on, times are what they are."""
    told = states(Package(3), FRESH_COUNT + 1)
    assert [bool(state.remark) for state in told] == [False] * FRESH_COUNT + [True]
    assert told[-1].remark.startswith("server clock seen=UTC+03:00 configured=UTC+02:00 (UTC+2)")
    assert told[-1].trade_allowed


def test_terminal_without_its_server_says_so() -> None:
    """What terminal_info says is told as it is."""
    package = Package(2)
    package.terminal.connected = False
    assert not states(package, 1)[0].connected


