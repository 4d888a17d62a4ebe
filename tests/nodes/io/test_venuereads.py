"""Reads of a real terminal: everything each time, server time as UTC, and what is amiss with its clock; a stand-in for the package."""

from types import SimpleNamespace
from typing import Any

from mesh.codec import encode
from mesh.config import Config, parse
from mesh.messages.venue import VenueLost, VenueRead, VenueState
from mesh.units import E8, HOUR_NS, SECOND_NS
from nodes.clockdrift import FRESH_COUNT
from nodes.io.package import package_of
from nodes.io.venueidentity import Identity
from nodes.io.venuereads import POSITIONS_MAX, Fill, Reader
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
        self.terminal = SimpleNamespace(path="C:\\MT5", connected=True, trade_allowed=True, tradeapi_disabled=False, ping_last=41_000)

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


def reader_of(config: Config, package: Package) -> tuple[Reader, Identity]:
    """What reads the one account by the package, and whose account it must be."""
    terminal = package_of(config, "", config.account["one"].terminal, package)
    identity = Identity(config.account["one"], terminal)
    return Reader("one", config, terminal, identity, lambda: package.now_ns), identity


def states(package: Package, count: int) -> list[VenueState]:
    """Reads a second apart. The configured zone is two hours ahead of UTC."""
    config = parse(CONFIG + '[broker]\nzone = "UTC+2"\n')
    reader, identity = reader_of(config, package)
    assert identity.attach(INFO, package.terminal) == ""
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
    told = states(package, 1)[0]
    assert (told.connected, told.ping_us) == (False, 41_000)


def position(ticket: int, symbol: str = "EURUSD", magic: int = 0) -> Any:
    return SimpleNamespace(
        ticket=ticket, identifier=ticket, symbol=symbol, type=0, volume=0.1, price_open=1.1, price_current=1.1, sl=0.0, tp=0.0, profit=0.0,
        swap=0.0, time_msc=1_000, magic=magic, comment="",
    )  # fmt: skip


def test_more_positions_than_a_state_carries_stop_opens_and_keep_ours() -> None:
    """The first 512, those with a magic before the others; it is said, and nothing is opened any more."""
    package = Package(2)
    package.positions_get = lambda: tuple(position(n, magic=int(n > 590)) for n in range(1, 601))  # type: ignore[assignment]
    (state,) = states(package, 1)
    assert len(state.positions) == POSITIONS_MAX
    assert [held.ticket for held in state.positions[:10]] == list(range(591, 601))
    assert not state.trade_allowed
    assert state.is_partial
    assert state.remark.startswith("600 positions and 0 orders: 512 of each can be looked after")
    assert len(encode(state)) < 1 << 20


def test_orders_that_a_state_does_not_carry_make_it_partial() -> None:
    """So what is not among them is not gone, and those with a magic come first; a state with all of them is whole."""
    row = dict(symbol="EURUSD", type=2, volume_current=0.1, price_open=1.0, sl=0.0, tp=0.0, time_expiration=0)
    for count, is_partial in ((POSITIONS_MAX, False), (POSITIONS_MAX + 1, True)):
        package = Package(2)
        package.orders_get = lambda count=count: tuple(SimpleNamespace(ticket=n, magic=n // POSITIONS_MAX, **row) for n in range(count))  # type: ignore[assignment]
        (state,) = states(package, 1)
        assert (len(state.orders), state.is_partial) == (POSITIONS_MAX, is_partial)
        assert state.orders[0].ticket == (count - 1 if is_partial else 0)


def test_account_that_is_switched_at_a_real_terminal_is_seen_after_the_read() -> None:
    """The first look finds ours, the one after the read another: nothing of it is told."""
    package, logins = Package(2), [5001, 5001, 7]
    package.account_info = lambda: SimpleNamespace(**{**vars(INFO), "login": logins.pop(0)})  # type: ignore[method-assign]
    config = parse(CONFIG)
    reader, identity = reader_of(config, package)
    identity.attach(package.account_info(), package.terminal)
    lost = reader.state(VenueRead(1, 0, 0))
    assert isinstance(lost, VenueLost)
    assert lost.reason.startswith("ACCOUNT login=7")


def test_a_symbol_somebody_else_holds_is_told_too() -> None:
    """Its exposure is counted: the first state that shows it brings its specification, the next does not repeat it."""
    package = Package(2)
    info = SimpleNamespace(
        digits=5, point=0.00001, trade_tick_size=0.00001, trade_tick_value=1.0, trade_contract_size=100_000.0, volume_min=0.01,
        volume_max=100.0, volume_step=0.01, trade_stops_level=0, trade_mode=4, filling_mode=3, trade_exemode=2, ask=0.9,
    )  # fmt: skip
    package.symbol_info = lambda symbol: info  # type: ignore[method-assign,assignment]
    package.order_calc_margin = lambda *_args: 900.0  # type: ignore[attr-defined]
    reads: list[tuple[Any, ...]] = [(), (position(1, "AUDCAD"),), (position(1, "AUDCAD"),)]
    package.positions_get = lambda: reads.pop(0)  # type: ignore[assignment]
    assert ["AUDCAD" in [spec.symbol for spec in state.symbols] for state in states(package, 3)] == [False, True, False]


def test_a_balance_that_moves_while_it_is_read_is_read_again() -> None:
    """A deposit between two calls would look like a profit: what is told is of one moment."""
    package, answers = Package(2), [1.0, 5_001.0, 5_001.0, 5_001.0, 5_001.0]
    package.account_info = lambda: SimpleNamespace(**{**vars(INFO), "balance": answers.pop(0)})  # type: ignore[method-assign]
    config = parse(CONFIG + '[broker]\nzone = "UTC+2"\n')
    reader, identity = reader_of(config, package)
    identity.attach(INFO, package.terminal)
    state = reader.state(VenueRead(1, 0, 0))
    assert isinstance(state, VenueState)
    assert state.balance_e8 == 5_001 * E8
    assert len(answers) == 1


def test_all_deals_of_an_order_are_its_fill() -> None:
    """Lots and profit are summed, the price is their average by lots."""
    package = Package(2)
    parts = ((0.06, 1.1, 1.0), (0.04, 1.2, -3.0))
    deals = [SimpleNamespace(volume=volume, price=price, profit=profit, position_id=7) for volume, price, profit in parts]
    package.history_deals_get = lambda **_asked: deals  # type: ignore[assignment]
    config = parse(CONFIG + '[broker]\nzone = "UTC+2"\n')
    reader, _ = reader_of(config, package)
    assert reader.fill(5) == Fill(E8 // 10, 114_000_000, -2 * E8, 7)
    deals.clear()
    assert reader.fill(5) is None
