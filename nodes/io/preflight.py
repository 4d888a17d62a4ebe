"""What is checked of a configuration before anything starts, beyond what ``mesh.config`` can: by whoever reads one.

``checked`` is part of reading one, everywhere. ``check_files`` is for who is about to play it here: feeds and terminals are on the host
of who plays them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.outlets import check_outlets
from mesh.terminalword import BROKER, REAL, is_endpoint, kind_of
from nodes.io.livespec import KEY, live_spec
from nodes.vocabulary import check_symbols, check_words

if TYPE_CHECKING:
    from nodes.io.feedspec import FeedSpec


def checked(config: Config) -> Config:
    """The same configuration. Raises BadConfig with the key, the value and what is allowed."""
    check_words(config)
    check_outlets(config)
    specs = _feed_specs(config)
    symbols = tuple(dict.fromkeys(spec.symbol for spec in specs))
    check_symbols("market.feeds: symbol", symbols, config)
    if config.nodes_of("broker"):
        _check_broker(config, symbols or config.settings.market.symbols)
    return config


def _check_broker(config: Config, symbols: tuple[str, ...]) -> None:
    """Its server can be built, and has the faults that are asked of it."""
    from nodes.broker.setup import BrokerNames, terminal_of  # with numpy: 13 MB that a fleet of real accounts does without
    from nodes.terminal.service import TerminalService

    TerminalService(terminal_of(config, BrokerNames(config, symbols)), tuple(config.settings.fault))


def check_files(config: Config) -> None:
    """Every feed file can be opened here, every terminal called. Raises BadConfig naming the one that cannot."""
    for spec in _feed_specs(config):
        for file in filter(None, (spec.file, spec.ask_file)):
            try:
                open(file, "rb").close()
            except OSError as error:
                raise BadConfig(f'market.feeds = "{file}": cannot be read: {error.strerror}; correct the path') from None
    check_terminals(config)


def check_terminals(config: Config) -> None:
    """Every terminal can be called from here, as far as this is known before it is. Raises BadConfig naming the one that cannot."""
    if (live := live_spec(config)) is not None:
        _check_terminal(f"{KEY}: terminal", live.terminal)
    for name, section in config.account.items():
        _check_terminal(f"account.{name}.terminal", section.terminal)


def _check_terminal(key: str, terminal: str) -> None:
    kind = kind_of(terminal)
    if kind == REAL:
        from nodes.io.package import check_installed  # no command needs what stands behind it

        check_installed(key, terminal)
    elif kind != BROKER and not is_endpoint(terminal):
        _check_simulation(key, terminal)


def _check_simulation(key: str, file: str) -> None:
    """A simulated server can be read from its file, and its market moves by itself."""
    from nodes.terminal.simfile import simfile_from  # only here

    try:
        kind = simfile_from(Path(file).read_text(encoding="utf-8")).clock.kind
    except OSError as error:
        raise BadConfig(f'{key} = "{file}": cannot be read: {error.strerror}; correct the path') from None
    except (UnicodeDecodeError, BadConfig) as error:
        raise BadConfig(f'{key} = "{file}": {error}') from None
    if kind == "step":
        raise BadConfig(f'{key} = "{file}": clock.kind = "step": nobody moves that market on; allowed here: wall, replay')


def _feed_specs(config: Config) -> "list[FeedSpec]":
    if live_spec(config) is not None or not config.settings.market.feeds:
        return []
    from nodes.io.feedspec import parse_feed_spec  # with numpy, which a market without files does without

    try:
        return [parse_feed_spec(text) for text in config.settings.market.feeds]
    except BadConfig as error:
        raise BadConfig(f"market.feeds: {error}") from None
