"""Complaints about a configuration: every wrong value ends in one line with its key, what it is and what it may be."""

from importlib.resources import files

import pytest

from mesh.config import parse
from mesh.errors import BadConfig


def demo() -> str:
    return files("nodes.io").joinpath("demo.toml").read_text(encoding="utf-8")


STRATEGY, ACCOUNT, PACE, TOP = "level = 100", "login = 5001", "speed = 60", "[mesh]"
SYMBOLS = 'symbols = ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD"]'


@pytest.mark.parametrize(
    ("place", "text", "says"),
    [
        (PACE, "speed = -1", 'market.speed = -1; allowed: a number above 0, 90_000_000_000 at most, or "max"'),
        (PACE, "speed = inf", "market.speed = Infinity; allowed: a number above 0"),
        (PACE, "speed = nan", "market.speed = NaN; allowed: a number above 0"),
        (PACE, "speed = 1e99999999", "market.speed = 1E+99999999; allowed: a number above 0"),
        (PACE, 'speed = "fast"', 'market.speed = "fast"; allowed: a number above 0'),
        (PACE, "digits = {EURUSD = 99}", 'market.digits = {"EURUSD":99}; allowed: names, each with a whole number from 0 to 8'),
        (PACE, "strict = 1", "market.strict = 1; allowed: true or false"),
        (SYMBOLS, 'symbols = "EURUSD"', 'market.symbols = "EURUSD"; allowed: a list of names of'),
        (SYMBOLS, "symbols = [3]", "market.symbols = [3]; allowed: a list of names of"),
        ("period = 14", "period = 14.5", "strategy.reversion.period = 14.5; allowed: a whole number from 2 to 1_000"),
        (STRATEGY, 'timeframe = "M7"', 'strategy.reversion.timeframe = "M7"; allowed: M1, M2'),
        (STRATEGY, "manage = 3", "strategy.reversion.manage = 3; allowed: a section with break_even_points, "),
        (STRATEGY, "manage = {trailing = 3}", "manage.trailing = 3: there is no such key (did you mean trailing_points?)"),
        (STRATEGY, 'sizing = {kind = "x"}', 'strategy.reversion.sizing.kind = "x"; allowed: lots, per_1000, risk'),
        (ACCOUNT, "", "account.demo-1.login is missing; allowed: a whole number from 1 to 1_000_000_000_000"),
        (ACCOUNT, 'login = 1\nsymbol_suffix = "0123456789"', 'symbol_suffix = "0123456789"; allowed: text of 8 characters at most'),
        (ACCOUNT, 'login = 1\ncurrency = "usd"', 'account.demo-1.currency = "usd"; allowed: three capital letters'),
        (ACCOUNT, "login = 1\nrails = {closed_from = 3}", 'rails.closed_from = 3; allowed: "00:00" to "23:59", or "off"'),
        (TOP, "[mash]\n[mesh]", "mash: there is no such key (did you mean mesh?); allowed: mesh, timers, market"),
        (TOP, '[account."bad name"]\nlogin = 1\n[mesh]', 'name in [account] = "bad name"; allowed: names of 32 letters'),
        (TOP, "[process.one]\nnodes = []\n[mesh]", "process.one.nodes = []; allowed: a list of names"),
        (TOP, "group = 3\n[mesh]", "group = 3; allowed: names, each with a list of"),
        (TOP, f"[mesh]\nx = {'1' * 5_000}", "not TOML"),
    ],
)
def test_complaint_names_key_value_and_what_is_allowed(place: str, text: str, says: str) -> None:
    """One line an operator can act on, whatever is wrong, and never another exception."""
    assert place in demo()
    with pytest.raises(BadConfig) as caught:
        parse(demo().replace(place, text, 1))
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_complaint_is_about_the_entry_that_is_wrong() -> None:
    """Of four accounts the third is named, though msgspec does not say which it was."""
    with pytest.raises(BadConfig, match=r'^account\.demo-3\.currency = "euro"; allowed: three capital letters'):
        parse(demo().replace('currency = "EUR"', 'currency = "euro"'))
