"""Whatever is asked of a server, its books add up, and a restart from the journal gives the same books."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import BadConfig
from mesh.units import E8, HOUR_NS
from nodes.terminal import names
from nodes.terminal.records import Change, TradeRequest
from nodes.terminal.settings import AccountConfig, TerminalConfig
from tests.nodes.terminal.terminal_plans import ACCOUNTS, SPECS, STEPS, new_rig, play
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, Rig, books_of, check_books, e8, journal


@pytest.mark.slow
@given(account=ACCOUNTS, specs=SPECS, plan=STEPS)
def test_books_add_up_whatever_is_asked(account: dict[str, Any], specs: dict[str, Any], plan: list[Any]) -> None:
    """After each random quote and request: equity, balance, margin, lineage and volumes are what they must be."""
    rig = new_rig(account, specs)
    for number, step in enumerate(plan):
        play(rig, step, number)
        check_books(rig.terminal)


@pytest.mark.slow
@given(account=ACCOUNTS, specs=SPECS, plan=STEPS, cut=st.integers(0, 70))
def test_journal_brings_back_the_same_books(account: dict[str, Any], specs: dict[str, Any], plan: list[Any], cut: int) -> None:
    """A server restored from the journal in the middle ends with the books of one that never stopped."""
    whole, first = new_rig(account, specs), new_rig(account, specs)
    for number, step in enumerate(plan[:cut]):
        play(whole, step, number)
        play(first, step, number)
    second = new_rig(account, specs)
    second.terminal = type(second.terminal)(
        first.terminal.config,
        [first.account.config],
        [book.spec for book in first.terminal.books.values()],
    )
    second.terminal.restore([*journal(first.rows), *first.terminal.quote_rows()])
    assert second.terminal.open(first.now_ns) == ()
    second.now_ns, second.rows = first.now_ns, []
    assert books_of(second.terminal) == books_of(whole.terminal)
    for number, step in enumerate(plan[cut:]):
        play(whole, step, cut + number)
        play(second, step, cut + number)
    assert books_of(second.terminal) == books_of(whole.terminal)
    check_books(second.terminal)


def test_accounts_do_not_touch_each_other() -> None:
    """The same requests give an account the same books, alone or beside another that trades too."""

    def run(logins: tuple[int, ...]) -> list[Any]:
        rig = Rig()
        accounts = [AccountConfig(login=login) for login in logins]
        terminal = type(rig.terminal)(TerminalConfig(), accounts, [rig.terminal.books["EURUSD"].spec])
        terminal.open(rig.now_ns)
        terminal.on_tick("EURUSD", rig.now_ns, e8("1.1"), e8("1.1001"))
        request = TradeRequest(action=names.TRADE_ACTION_DEAL, symbol="EURUSD", volume_e8=E8, type=BUY, sl_e8=e8("1.09"))
        for login in logins:
            terminal.order_send(login, request, rig.now_ns, 1)
        terminal.on_tick("EURUSD", rig.now_ns + 1, e8("1.08"), e8("1.0801"))
        return books_of(terminal)

    assert run((LOGIN, LOGIN + 1))[0] == run((LOGIN,))[0]


def test_journal_of_another_configuration_is_refused() -> None:
    """Rows of an account or of trades in a symbol that is configured no more name what is missing."""
    rig = Rig()
    rig.deal(BUY)
    rows = journal(rig.rows)
    spec = rig.terminal.books["EURUSD"].spec
    other = type(rig.terminal)(TerminalConfig(), [AccountConfig(login=1)], [spec])
    with pytest.raises(BadConfig, match=f"account {LOGIN}"):
        other.restore(rows)
    bare = type(rig.terminal)(TerminalConfig(), [AccountConfig(login=LOGIN)], [])
    with pytest.raises(BadConfig, match="EURUSD"):
        bare.restore(rows)


def test_new_account_in_an_old_journal_gets_its_deposit() -> None:
    """An account that was added since the journal was written is opened; the others keep what they have."""
    rig = Rig()
    config = rig.account.config
    spec = rig.terminal.books["EURUSD"].spec
    terminal = type(rig.terminal)(TerminalConfig(), [config, AccountConfig(login=LOGIN + 1)], [spec])
    terminal.restore(journal(rig.rows))
    changes = terminal.open(rig.now_ns)
    assert [(change.kind, change.login) for change in changes] == [("deal", LOGIN + 1), ("account", LOGIN + 1)]
    assert terminal.account_state(LOGIN).balance_e8 == terminal.account_state(LOGIN + 1).balance_e8 == config.deposit_e8


def test_changes_are_the_difference() -> None:
    """A deal writes its order, itself, its position and the account, each once."""
    rig = Rig()
    rig.rows.clear()
    result = rig.deal(BUY)
    assert [(change.kind, change.key) for change in rig.rows] == [
        ("history_order", result.order),
        ("deal", result.deal),
        ("position", result.order),
        ("account", LOGIN),
    ]
    assert all(isinstance(change, Change) and change.login == LOGIN for change in rig.rows)
    rig.rows.clear()
    rig.deal(BUY, "0.001")
    assert rig.rows == []


def test_restart_after_midnight_charges_no_night_twice() -> None:
    """The day up to which swap is charged is journalled with the swap."""
    swap = {"swap_mode": 1, "swap_long_e8": e8("-7")}
    rig = Rig(**swap)
    rig.opened(BUY, "1.00")
    rig.quote("1.10000", "1.10010", after_ns=24 * HOUR_NS)
    again = Rig(**swap)
    again.terminal = type(rig.terminal)(TerminalConfig(), [rig.account.config], [rig.terminal.books["EURUSD"].spec])
    again.terminal.restore([*journal(rig.rows), *rig.terminal.quote_rows()])
    assert again.terminal.open(rig.now_ns) == ()
    assert [position.swap_e8 for position in again.positions] == [e8("-7")]
