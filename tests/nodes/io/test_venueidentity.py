"""The terminal must be the one that was configured, and stay it: another is only observed, and nothing is sent to it or told of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from mesh.faults import FaultSection
from mesh.messages.venue import VenueAttach, VenueAttached, VenueFind, VenueLost, VenueMark, VenueRead
from mesh.settings import AccountSection
from nodes.io import mt5
from nodes.io.mt5session import SESSION
from nodes.io.package import Package
from nodes.io.venueidentity import Identity, switched_off
from tests.nodes.io.venuerig import MONDAY_NS, desk_of

OURS = dict(
    login=7, server="broker-Live", currency="USD", margin_mode=2, trade_mode=2, leverage=100, trade_allowed=True, trade_expert=True
)  # fmt: skip
TERMINAL = dict(path="C:\\Program Files\\MT5", connected=True, trade_allowed=True, tradeapi_disabled=False, ping_last=41_000)

FIND = VenueFind(1, bytes(16), MONDAY_NS, "OPEN", [VenueMark(1, 77, "")])


def section(**changes: Any) -> AccountSection:
    """A real hedging account."""
    fields = dict(login=7, server="broker-Live", mode="live", terminal="c:/program files/mt5/terminal64.exe")
    return AccountSection(**{**fields, **changes})


def identity_of(section: AccountSection) -> Identity:
    """At a real terminal."""
    return Identity(section, Package(None, section.terminal))


def refusal(section: AccountSection, terminal: dict[str, Any] = TERMINAL, **changes: Any) -> str:
    """What an attach refuses."""
    return identity_of(section).attach(SimpleNamespace(**{**OURS, **changes}), SimpleNamespace(**terminal))


def test_configured_account_is_ours() -> None:
    """Login, server, mode, currency, kind and path are what was configured."""
    assert refusal(section()) == ""


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"login": 8}, "login=8 configured=7"),
        ({"server": "broker-Demo"}, "server=broker-Demo configured=broker-Live"),
        ({"margin_mode": 0}, "margin_mode=netting configured=hedging"),
        ({"margin_mode": 1}, "margin_mode=netting configured=hedging"),
        ({"currency": "EUR"}, "currency=EUR configured=USD"),
        ({"trade_mode": 0}, "account=demo configured=live"),
        ({"terminal": {**TERMINAL, "path": "C:\\Other"}}, "path=C:\\Other configured=c:/program files/mt5/terminal64.exe"),
    ],
)
def test_other_account_is_named_and_refused(changes: dict[str, Any], says: str) -> None:
    """What was seen and what was configured, side by side."""
    assert refusal(section(), **changes) == says


def test_refused_account_stays_a_stranger() -> None:
    """After a refused attach nothing that the terminal shows is ours."""
    identity = identity_of(section())
    identity.attach(SimpleNamespace(**{**OURS, "currency": "EUR"}), SimpleNamespace(**TERMINAL))
    assert "attached=nothing" in identity.objection(SimpleNamespace(**OURS))


def test_attach_to_another_account_offers_no_symbols() -> None:
    """The adapter says why it only observes, and nothing it is then asked to send goes out."""
    with desk_of() as desk:
        desk.venue._identity._section = section()
        answer = desk.answer(VenueAttach("demo-1"))
        assert isinstance(answer, VenueAttached)
        assert answer.refused.startswith("login=5001 configured=7 server=trademesh-sim configured=broker-Live")
        assert answer.symbols == []
        assert desk.send().detail.startswith("ACCOUNT login=5001")
        assert mt5.positions_total() == 0


def switched(call: str, nth: int) -> FaultSection:
    """Another account is logged in from a call on."""
    return FaultSection(kind="switch_account", call=call, nth=nth, to_login=5002)


@pytest.mark.parametrize("message", [VenueRead(1, 0, 0), FIND], ids=["read", "find"])
def test_what_another_account_shows_is_not_told_as_ours(message: Any) -> None:
    """A read after the switch is VenueLost with both accounts named, and so is a look for an attempt."""
    with desk_of("demo-1", switched("positions_total", 1)) as desk:
        mt5.positions_total()
        lost = desk.answer(message)
        assert isinstance(lost, VenueLost)
        assert lost.reason.startswith("ACCOUNT login=5002 trademesh-sim attached=5001 trademesh-sim")


@pytest.mark.parametrize("call", ["terminal_info", "positions_get", "orders_get", "history_deals_get", "account_info"])
def test_account_that_is_switched_while_it_is_read_is_not_told_as_ours(call: str) -> None:
    """At whichever call of the read: no position of ours seems gone, and no deposit of another account seems ours."""
    with desk_of() as desk:
        desk.send()
        assert len(desk.read().positions) == 1
        desk.afflict(switched(call, 1))
        assert isinstance(desk.answer(VenueRead(1, 0, 1)), VenueLost)


@pytest.mark.parametrize("call", ["terminal_info", "orders_get", "history_orders_get", "history_deals_get", "positions_get"])
def test_account_that_is_switched_while_an_attempt_is_looked_for_is_not_believed(call: str) -> None:
    """What another account does not show is not absent from ours."""
    with desk_of() as desk:
        desk.send()
        desk.afflict(switched(call, 1))
        assert isinstance(desk.answer(FIND), VenueLost)


def test_specifications_of_another_account_are_not_told_as_ours() -> None:
    """Its margins are by its leverage: whose they are is looked at after they were read."""
    with desk_of() as desk:
        desk.read()
        desk.quote(132_000_000, 132_010_000, "GBPUSD")
        desk.afflict(switched("order_calc_margin", 1))
        assert isinstance(desk.answer(VenueRead(2, 6, 0)), VenueLost)


def test_whose_answer_it_is_is_asked_last_in_the_same_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated terminal answers a read together: the account comes after all of it, and costs no further round trip."""
    batches: list[list[list[Any]]] = []
    monkeypatch.setattr(SESSION, "ahead", lambda calls, changed, _revision: batches.append([calls, changed]))
    with desk_of() as desk:
        desk.send()
        desk.read()
    assert len(batches) == 3
    assert all(reads[-1] == ["account_info"] for batch in batches for reads in batch if reads)


def test_terms_of_a_symbol_are_not_kept_from_another_account() -> None:
    """It may be another broker's: they are read again for the next order."""
    with desk_of() as desk:
        desk.afflict(switched("symbol_info", 1))
        assert desk.send().detail.startswith("ACCOUNT login=5002")
        assert desk.venue._reader._contracts == {}


@pytest.mark.parametrize("action", ["OPEN", "CLOSE", "MODIFY", "CANCEL"])
def test_nothing_is_sent_to_another_account(action: str) -> None:
    """Whatever is to be sent: the look at the account before it finds the switch, and it comes back unsent."""
    with desk_of("demo-1", switched("positions_total", 1)) as desk:
        mt5.positions_total()
        result = desk.send(action=action, position_ticket=5)
        assert (result.class_, result.called_ns) == ("UNSENT", 0)
        assert result.detail.startswith("ACCOUNT login=5002")


def test_answer_after_a_switch_is_not_believed() -> None:
    """Switched between the last look and the call: the order ran, at nobody knows whose account, so it is UNKNOWN."""
    with desk_of("demo-1", switched("order_send", 1)) as desk:
        result = desk.send()
        assert (result.class_, result.retcode) == ("UNKNOWN", 10009)
        assert "login=5002" in result.detail


@pytest.mark.parametrize(
    ("info", "terminal", "says"),
    [
        ({}, {}, []),
        ({"trade_allowed": False}, {}, ["account.trade_allowed=False"]),
        ({"trade_expert": False}, {}, ["account.trade_expert=False"]),
        ({}, {"trade_allowed": False}, ["terminal.trade_allowed=False"]),
        ({}, {"tradeapi_disabled": True}, ["terminal.tradeapi_disabled=True"]),
        ({"trade_expert": False}, {"trade_allowed": False}, ["account.trade_expert=False", "terminal.trade_allowed=False"]),
    ],
)
def test_switches_that_are_off_are_named(info: dict[str, Any], terminal: dict[str, Any], says: list[str]) -> None:
    """Each one with its value, and then what to do."""
    found = switched_off(SimpleNamespace(**{**OURS, **info}), SimpleNamespace(**{**TERMINAL, **terminal}))
    assert [text.partition(":")[0] for text in found] == says


def test_state_says_what_is_switched_off_and_whether_the_server_is_there() -> None:
    """An operator reads it before the first order is refused."""
    faults = [FaultSection(kind=kind, call="positions_total", nth=1) for kind in ("stop_trading", "disable_api", "disconnect")]
    with desk_of("demo-1", *faults) as desk:
        before = desk.read()
        assert (before.trade_allowed, before.connected, before.remark) == (True, True, "")
        mt5.positions_total()
        after = desk.read()
        assert (after.trade_allowed, after.connected) == (False, False)
        assert "terminal.trade_allowed=False: switch Algo Trading on" in after.remark
        assert "terminal.tradeapi_disabled=True" in after.remark
