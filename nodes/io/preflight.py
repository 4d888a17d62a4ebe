"""What is checked of a configuration before anything starts, beyond what ``mesh.config`` can: by whoever reads one.

``checked`` is part of reading one, everywhere. ``check_files`` is for who is about to play it here: a feed lies on the market's host.
"""

from mesh.config import Config
from mesh.errors import BadConfig
from nodes.broker.setup import BrokerNames, terminal_of
from nodes.io.feedspec import FeedSpec, parse_feed_spec
from nodes.io.livespec import live_spec
from nodes.terminal.service import TerminalService
from nodes.vocabulary import check_symbols, check_words


def checked(config: Config) -> Config:
    """The same configuration. Raises BadConfig with the key, the value and what is allowed."""
    check_words(config)
    specs = _feed_specs(config)
    symbols = tuple(dict.fromkeys(spec.symbol for spec in specs))
    check_symbols("market.feeds: symbol", symbols, config)
    terminal = terminal_of(config, BrokerNames(config, symbols or config.settings.market.symbols))
    TerminalService(terminal, tuple(config.settings.fault))
    return config


def check_files(config: Config) -> None:
    """Every feed file can be opened here. Raises BadConfig naming the one that cannot."""
    for spec in _feed_specs(config):
        for file in filter(None, (spec.file, spec.ask_file)):
            try:
                open(file, "rb").close()
            except OSError as error:
                raise BadConfig(f'market.feeds = "{file}": cannot be read: {error.strerror}; correct the path') from None


def _feed_specs(config: Config) -> list[FeedSpec]:
    if live_spec(config) is not None:
        return []
    try:
        return [parse_feed_spec(text) for text in config.settings.market.feeds]
    except BadConfig as error:
        raise BadConfig(f"market.feeds: {error}") from None
