"""``mt5[,terminal=PATH][,account=NAME]``: a live market, from a terminal beside the market's node.

``terminal=``: terminal64.exe, or a simulated server (a ``sim.toml``, or ``tcp://host:port`` of another mesh's broker); left out: the
account's. ``account=``: whose login and server the terminal must show, and whose broker's names the symbols have; left out: ours, and
whatever account is logged in.
"""

from collections.abc import Sequence

import msgspec

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.terminalword import BROKER, kind_of

WORD = "mt5"
KEY = "market.feeds"
"""Where a live feed is named."""


class LiveSpec(msgspec.Struct, frozen=True):
    """A live feed as its user named it. ``login`` 0: any account."""

    terminal: str
    account: str = ""
    login: int = 0
    server: str = ""

    def zone(self, config: Config) -> str:
        """The clock of the terminal's server."""
        return config.zone_of(self.account) if self.account else config.settings.broker.zone

    def broker_symbol(self, config: Config, symbol: str) -> str:
        """The terminal's name of a symbol."""
        return config.broker_symbol(self.account, symbol) if self.account else symbol


def is_live(feeds: Sequence[str]) -> bool:
    """Whether the feeds are a terminal's. Raises BadConfig where a terminal is one of several feeds."""
    live = [feed for feed in feeds if feed.split(",")[0].strip() == WORD]
    if live and len(feeds) > 1:
        raise BadConfig(f"market.feeds: {live[0]!r} is a live market, which goes alone; take the other feeds out")
    return bool(live)


def live_spec(config: Config) -> LiveSpec | None:
    """The live feed of a configuration; None where its market is recorded. Raises BadConfig with the key and what is allowed."""
    feeds = config.settings.market.feeds
    if not is_live(feeds):
        return None
    words: dict[str, str] = {}
    for part in feeds[0].split(",")[1:]:
        key, _, value = (text.strip() for text in part.partition("="))
        if key not in ("terminal", "account") or not value or key in words:
            raise BadConfig(f"market.feeds = {feeds[0]!r}: {part!r}; allowed: mt5[,terminal=PATH][,account=NAME]")
        words[key] = value
    name = words.get("account", "")
    if not name:
        if "terminal" not in words:
            raise BadConfig(f"market.feeds = {feeds[0]!r}: which terminal? mt5,terminal=PATH or mt5,account=NAME is expected")
    elif name not in config.account:
        raise BadConfig(f"market.feeds: account={name}: not among the accounts: {', '.join(config.account)}")
    terminal = words["terminal"] if "terminal" in words else config.account[name].terminal
    if kind_of(terminal) == BROKER:
        whose = f"account={name}" if "terminal" not in words else f"terminal={terminal}"
        raise BadConfig(
            f"market.feeds: {whose} is simulated and follows this market; name a real account, or terminal=PATH of a terminal"
        )
    if not name:
        return LiveSpec(terminal)
    return LiveSpec(terminal, name, config.account[name].login, config.account[name].server)
