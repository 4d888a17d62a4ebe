"""What ``mt5`` among the feeds may say, and what is answered where it says something else."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.config import Config, configured, parse
from mesh.errors import BadConfig, BadUsage
from nodes.io.cli.wishes import Wishes, effective_config
from nodes.io.feedworker import FeedAttachment
from nodes.io.livespec import LiveSpec, is_live, live_spec
from nodes.io.locate import demo_text
from nodes.io.preflight import checked
from nodes.io.run import attachment_of, core_of, store_of
from nodes.market.core import run_of
from tests.nodes.io.faketicks import CONFIG


def config_of(*feeds: str, text: str = CONFIG, **account: Any) -> Config:
    settings = parse(text).settings
    accounts = {name: msgspec.structs.replace(section, **account) for name, section in settings.account.items()}
    market = msgspec.structs.replace(settings.market, feeds=list(feeds))
    return configured(msgspec.structs.replace(settings, market=market, account=accounts))


def test_terminal_alone_or_an_accounts() -> None:
    """A path, an account, or an account's ticks from another terminal; its broker's names of the symbols."""
    assert live_spec(config_of("mt5,terminal=C:/x/terminal64.exe")) == LiveSpec("C:/x/terminal64.exe")
    named = config_of("mt5,account=one", symbol_suffix="m")
    spec = live_spec(named)
    assert spec == LiveSpec("C:/terminal64.exe", "one", 5001, "real")
    assert spec.broker_symbol(named, "EURUSD") == "EURUSDm"
    assert LiveSpec("x").broker_symbol(named, "EURUSD") == "EURUSD"
    assert live_spec(config_of("mt5, account=one, terminal=D:/t.exe")) == LiveSpec("D:/t.exe", "one", 5001, "real")


def test_recorded_and_synthetic_markets_are_not_live() -> None:
    """No feed and a file's feed are none of ours."""
    assert live_spec(config_of()) is None
    assert live_spec(config_of("EURUSD.csv", "mt5_USDJPY.csv")) is None
    assert not is_live([])


@pytest.mark.parametrize(
    ("feeds", "says"),
    [
        (("mt5",), "which terminal? mt5,terminal=PATH or mt5,account=NAME is expected"),
        (("mt5,path=x",), "'path=x'; allowed: mt5[,terminal=PATH][,account=NAME]"),
        (("mt5,terminal=",), "'terminal='; allowed"),
        (("mt5,terminal=a,terminal=b",), "'terminal=b'; allowed"),
        (("mt5,account=two",), "account=two: not among the accounts: one"),
        (("mt5,terminal=x", "EURUSD.csv"), "is a live market, which goes alone"),
    ],
)
def test_wrong_word_is_named(feeds: tuple[str, ...], says: str) -> None:
    """The key, the value and what is allowed, at the one door every configuration goes through."""
    with pytest.raises(BadConfig) as caught:
        checked(config_of(*feeds))
    assert says in str(caught.value)
    assert str(caught.value).startswith("market.feeds")


def test_simulated_account_is_no_source_of_its_own_market() -> None:
    """Its broker follows this market: asking it would wait for itself."""
    text = demo_text()
    with pytest.raises(BadConfig, match="account=demo-1 is simulated and follows this market"):
        checked(config_of("mt5,account=demo-1", text=text))
    with pytest.raises(BadConfig, match="terminal=sim is simulated and follows this market"):
        checked(config_of("mt5,terminal=sim", text=text))
    checked(config_of("mt5,account=demo-1,terminal=sim.toml", text=text))


def test_live_feed_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--feed mt5,…`` takes the place of the configuration's feeds and leaves its symbols; two kinds of feeds are refused."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadConfig, match=r'market\.feeds: terminal = "sim\.toml": cannot be read: No such file'):
        effective_config(Wishes(feeds=("mt5,terminal=sim.toml",)))
    (tmp_path / "sim.toml").write_text("[account.a]\nlogin = 1\n")
    config, _ = effective_config(Wishes(feeds=("mt5,terminal=sim.toml",)))
    assert config.settings.market.feeds == ["mt5,terminal=sim.toml"]
    assert config.settings.market.symbols == parse(demo_text()).settings.market.symbols
    with pytest.raises(BadUsage, match="goes alone"):
        effective_config(Wishes(feeds=("mt5,terminal=sim.toml", "EURUSD.csv")))


def test_live_market_has_a_process_of_its_own_and_a_run_of_its_store(tmp_path: Path) -> None:
    """What the composition puts beside the market; another store has other ticks under the same numbers."""
    config = config_of("mt5,terminal=sim.toml")
    runs = []
    for state in (tmp_path / "a", tmp_path / "b"):
        store = store_of("market-1", config, state)
        core = core_of("market-1", config, 1, store, state)
        runs.append(core._run)
        assert core._source.zone == config.settings.broker.zone
        store.close()
    assert runs[0] != runs[1]
    assert {run.split("-")[0] for run in runs} == {run_of(config)}
    assert isinstance(attachment_of("market-1", config, tmp_path), FeedAttachment)
    assert attachment_of("cci-1", config, tmp_path) is None
    assert attachment_of("market-1", config_of(), tmp_path) is None


def test_zone_is_the_accounts() -> None:
    """An account at another server names that server's clock; without an account it is the broker's."""
    text = CONFIG.replace('server = "real"', 'server = "real"\nzone = "UTC"')
    for feed, zone in (("mt5,account=one", "UTC"), ("mt5,terminal=C:/terminal64.exe", "New York + 7 h")):
        config = config_of(feed, text=text)
        spec = live_spec(config)
        assert spec is not None
        assert spec.zone(config) == zone
