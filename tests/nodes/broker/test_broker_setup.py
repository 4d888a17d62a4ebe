"""What a configuration makes of the simulated server: accounts, names of symbols, contracts, latency."""

from decimal import Decimal
from importlib.resources import files

import msgspec
import numpy as np
import pytest

from mesh.config import configured, parse
from mesh.errors import BadConfig
from mesh.ids import comment_of
from mesh.units import E8, MS_NS
from nodes.broker.setup import BrokerNames, rates_told, simulated_accounts, terminal_of
from nodes.contractbook import contract_for
from nodes.terminal import names
from nodes.terminal.latency import Latency, request_key
from nodes.ticks import TickColumns
from tests.nodes.broker.broker_bank import BID_E8, ONE, TWO, falling, opened, value, with_account, with_broker
from tests.nodes.flow_rig import config_of


def test_broker_knows_each_account_s_own_symbol_names() -> None:
    """Names of the market become the names of each account's broker; ticks reach every one of them."""
    config = with_account(config_of(symbols='"EURUSD", "USDJPY"', latency_ms=0), "two", symbol_suffix=".m")
    config = with_account(config, "one", symbol_names={"EURUSD": "EURUSDx"})
    known = BrokerNames(config, ("EURUSD", "USDJPY"))
    assert known.server_symbols == ("EURUSDx", "EURUSD.m", "USDJPY", "USDJPY.m")
    assert [known.market_symbol(name) for name in known.server_symbols] == ["EURUSD", "EURUSD", "USDJPY", "USDJPY"]
    prices = np.array([1, 2, 3], dtype=np.int64)
    ticks = TickColumns(("EURUSD", "USDJPY"), np.array([1, 0, 1], np.uint16), prices, prices, prices)
    server = known.server_ticks(ticks)
    assert server.symbol_index.tolist() == [2, 3, 0, 1, 2, 3]
    assert server.time_ns.tolist() == [1, 1, 2, 2, 3, 3]
    assert known.rows_of(ticks) == [2, 4, 6]


def test_accounts_with_names_of_their_own_trade_the_same_market() -> None:
    """Two accounts whose brokers name EURUSD differently are filled at the same tick, and stop at one tick together."""
    config = with_account(config_of(latency_ms=0), "two", symbol_suffix=".m")
    bank = opened(falling(60, 1_000), config)
    sl_e8 = BID_E8 - 30_000
    for login, symbol in ((ONE, "EURUSD"), (TWO, "EURUSD.m")):
        row = [1, 7, 0, symbol, 10_000_000, 0, 0, sl_e8, 0, 20, 0, 0, 0, 0, "", 0, 0]
        assert value(bank.call(login, "order_send", *row))[0] == names.TRADE_RETCODE_DONE
    words = bank.play_on(60)
    assert [(word.through_seq, word.changed) for word in words] == [(31, ["one", "two"]), (60, [])]


def test_one_name_for_two_symbols_is_refused() -> None:
    """Two symbols of the market cannot be one at the broker."""
    config = with_account(config_of(symbols='"EURUSD", "USDJPY"'), "one", symbol_names={"EURUSD": "USDJPY"})
    with pytest.raises(BadConfig, match="two symbols"):
        BrokerNames(config, ("EURUSD", "USDJPY"))


def test_logins_of_simulated_accounts_are_their_own() -> None:
    """The one broker hosts all of them: two servers do not help."""
    config = with_account(config_of(), "two", login=ONE, server="another")
    with pytest.raises(BadConfig, match=r"account\.two\.login = 5001: account\.one has it too"):
        simulated_accounts(config)


def test_settings_reach_the_server() -> None:
    """Execution, commission, margin mode, leverage, currency and stops level are what the configuration says."""
    config = with_broker(config_of(), execution="instant", commission_per_lot=Decimal("3.5"), slippage_points=4)
    terminal = terminal_of(config, BrokerNames(config, ("EURUSD",)))
    two = terminal.accounts[TWO].config
    assert terminal.books["EURUSD"].spec.exemode == names.SYMBOL_TRADE_EXECUTION_INSTANT
    assert two.commission_per_lot_e8 == 350_000_000
    assert (two.is_hedging, two.currency, two.deposit_e8) == (False, "EUR", 25_000 * E8)
    assert terminal.config.slippage_points_max == 4


def test_section_of_a_symbol_goes_before_what_its_class_says() -> None:
    """[symbol.X] replaces digits, sizes and currencies; a symbol nobody knows needs one."""
    config = config_of()
    section = {"digits": 1, "contract_size": 10, "base": "ACME", "profit": "USD", "stops_level_points": 7}
    settings = msgspec.convert(msgspec.to_builtins(config.settings) | {"symbol": {"ACME": section}}, type(config.settings))
    contract = contract_for(configured(settings), "ACME")
    assert (contract.digits, contract.contract_size_e8, contract.base_currency) == (1, 10 * E8, "ACME")
    assert contract.point_e8 == contract.tick_size_e8 == E8 // 10
    terminal = terminal_of(configured(settings), BrokerNames(configured(settings), ("ACME", "EURUSD")))
    assert terminal.books["ACME"].spec.stops_level == 7
    with pytest.raises(BadConfig, match=r"add a section \[symbol\.ACME\]"):
        contract_for(config, "ACME")


def test_latency_is_drawn_from_the_order_and_nothing_else() -> None:
    """The same order takes the same time at every asking; other orders differ around the median, with a right tail."""
    latency = Latency(7, 40, Decimal("0.4"))
    drawn = sorted(latency.of(request_key(ONE, magic, 1, "", b"")) for magic in range(1, 4_001))
    assert latency.of(request_key(ONE, 5, 1, "", b"one")) == latency.of(request_key(ONE, 5, 1, "", b"two"))
    assert latency.of(request_key(ONE, 0, 1, "", b"one")) != latency.of(request_key(ONE, 0, 1, "", b"two"))
    assert latency.of(request_key(ONE, 5, 1, "", b"")) != latency.of(request_key(TWO, 5, 1, "", b""))
    assert abs(drawn[2_000] - 40 * MS_NS) < MS_NS
    # exp(0.4 × 1.6449) = 1.931 and exp(−0.4 × 1.6449) = 0.518 times the median: 95 % and 5 % of a log-normal
    assert abs(drawn[3_800] - 77 * MS_NS) < 3 * MS_NS
    assert abs(drawn[200] - 21 * MS_NS) < 2 * MS_NS


def test_one_order_takes_the_same_time_on_every_account() -> None:
    """Our comment names oid and attempt: accounts share the draw, attempts and kinds of request do not."""
    latency = Latency(7, 40, Decimal("0.4"))
    keys = [request_key(login, login, 1, comment_of(b"x" * 16, 1), b"") for login in (ONE, TWO)]
    assert keys[0] == keys[1]
    assert latency.of(keys[0]) != latency.of(request_key(ONE, 1, 1, comment_of(b"x" * 16, 2), b""))
    assert latency.of(keys[0]) != latency.of(request_key(ONE, 1, 6, comment_of(b"x" * 16, 1), b""))


def test_latency_without_spread_is_the_median() -> None:
    """Sigma 0 always gives the median, median 0 nothing."""
    assert Latency(7, 40, Decimal(0)).of(b"x" * 16) == 40 * MS_NS
    assert Latency(7, 0, Decimal(1)).of(b"x" * 16) == 0


def test_guessed_conversions_are_told() -> None:
    """An account's currency that no symbol of the market converts goes by a typical rate, and that is said."""
    config = parse(files("nodes.io").joinpath("demo.toml").read_text())
    assert rates_told(config, ("EURUSD", "USDJPY")) == []
    assert rates_told(config, ("GBPUSD",)) == ["EUR counts as 1.1200 USD, a typical rate: no symbol here converts it"]
