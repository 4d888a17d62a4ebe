"""Words of a configuration that only nodes know are refused before anything starts."""

import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from nodes.io.locate import demo_text
from nodes.vocabulary import check_words


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[mesh]", '[broker]\nzone = "Mars"\n[mesh]', ["broker.zone: ", "'Mars'", "an IANA name"]),
        ("[mesh]", '[broker]\nzone = ""\n[mesh]', ["broker.zone: ", "an IANA name"]),
        ("[mesh]", '[rails]\ndaily_reset_zone = "UTC+99"\n[mesh]', ["rails.daily_reset_zone: ", "'UTC+99'", "an IANA name"]),
        ("login = 5003", 'login = 5003\nrails = {daily_reset_zone = "Mars"}', ["account.demo-3.rails.daily_reset_zone: ", "'Mars'"]),
        ("login = 5003", 'login = 5003\nterminal = "C:/mt5/terminal64.exe"\nzone = "Mars"', ["account.demo-3.zone: ", "'Mars'"]),
        ("speed = 60", 'start = "2026-02-31"', ['market.start = "2026-02-31"; allowed: a day of the calendar from 1971-01-01']),
        ("speed = 60", 'start = "1970-01-01"', ['market.start = "1970-01-01"; allowed']),
        ("speed = 60", 'start = "9999-01-01"', ['market.start = "9999-01-01"; allowed', "to 2100-12-31"]),
        ("level = 100", 'candles = ["doji", "Hammer"]', ['strategy.reversion.candles = "Hammer"', "allowed: bullish_engulfing, "]),
        ('symbols = ["EURUSD"', 'symbols = ["EURUSX"', ['market.symbols = "EURUSX"', "[symbol.EURUSX]", "contract_size"]),
        ("level = 100", 'symbols = ["ACME"]', ['strategy.reversion.symbols = "ACME"']),
        ("login = 5001", 'login = 5001\nsymbol_names = {EURUSX = "E"}', ['account.demo-1.symbol_names = "EURUSX"']),
        ("login = 5001", 'login = 5001\ncurrency = "BRL"', ['account.demo-1.currency = "BRL"', "allowed: USD, EUR, GBP"]),
        ("speed = 60", "digits = {EURUSX = 5}", ['market.digits = "EURUSX"']),
    ],
)
def test_unknown_word_is_refused(old: str, new: str, says: list[str]) -> None:
    """The error names the key, the value and what is allowed."""
    assert old in demo_text()
    config = parse(demo_text().replace(old, new, 1))
    with pytest.raises(BadConfig) as caught:
        check_words(config)
    for word in says:
        assert word in str(caught.value)


def test_known_words_pass() -> None:
    """The demo, and a symbol that a section describes."""
    check_words(parse(demo_text()))
    acme = '[symbol.ACME]\ndigits = 2\ncontract_size = 1\nbase = "ACME"\nprofit = "USD"\n'
    check_words(parse(demo_text().replace('symbols = ["EURUSD"', 'symbols = ["ACME", "EURUSD"').replace("[mesh]", f"{acme}[mesh]")))
    check_words(parse(demo_text().replace("[mesh]", '[rails]\ndaily_reset_zone = "London"\n[mesh]')))
