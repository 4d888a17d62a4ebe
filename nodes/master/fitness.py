"""What of a local has to be as this master has it, compared at its hello and with each question for leave: configuration, clock, symbols.

A mismatch observes only: the account's openings are DENIED MISMATCH with both values, until the two agree again. Leave to open is given
all the same, for what looks for lost orders, and the closes that wait for it, need one. Number, kind and margin mode of the account are
compared where its terminal is (``nodes/io/venueidentity``).
"""

from mesh.accountmode import OPENING
from mesh.config import Config
from mesh.confighash import agree
from mesh.core import Effect, Note
from mesh.messages.accounts import AccountSymbols, SymbolSpec
from mesh.messages.orders import GrantAsk, LocalHello
from mesh.units import MS_NS, SECOND_NS, text_from_e8
from nodes.master.account import Account
from nodes.sizing import e8_of

CONFIG, CLOCK = "config", "clock"
LATE_COUNT = 2
"""Questions in a row whose clock is too far off, before it is said to be."""


class Fitness:
    """The comparisons of one master. ``config``: what it runs."""

    def __init__(self, config: Config) -> None:
        self._lineage = config.lineage
        apart_ms = config.settings.timers.clock_apart_ms
        self._apart_ns = None if apart_ms is None else apart_ms * MS_NS
        self._config = config

    def hello(self, account: Account, hello: LocalHello) -> list[Effect]:
        """Which configuration its local runs: the one that runs here, or the last one of one of the two hosts."""
        fits = agree(self._lineage, hello.config_hash)
        return self._found(account, CONFIG, "" if fits else f"config={hello.config_hash or '-'} master={self._lineage}")

    def ask(self, account: Account, ask: GrantAsk, wall_ns: int) -> list[Effect]:
        """How far its wall clock is from this one. The way of the question is in it: some milliseconds of several thousand."""
        apart_ns = self._apart_ns
        ahead_ns = ask.wall_ns - wall_ns if ask.wall_ns else 0
        if apart_ns is None or abs(ahead_ns) <= apart_ns:
            account.mismatch.late_count = 0
            return self._found(account, CLOCK, "")
        account.mismatch.late_count += 1
        if account.mismatch.late_count < LATE_COUNT:
            return []  # a question that was held up on its way shows a clock behind: the next one tells
        return self._found(account, CLOCK, f"clock={ahead_ns // SECOND_NS:+}s limit={apart_ns // MS_NS}ms")

    def symbols(self, account: Account, symbols: AccountSymbols) -> list[Effect]:
        """What its broker says of a symbol of which the file has a [symbol] section."""
        effects: list[Effect] = []
        for spec in symbols.symbols:
            words = self._differing(account.name, spec)
            if words != account.mismatch.symbols.get(spec.symbol, ""):
                account.mismatch.symbols[spec.symbol] = words
                effects.append(self._note(account, words and f"symbol={spec.symbol} {words}"))
        return effects

    def _differing(self, account: str, spec: SymbolSpec) -> str:
        sections = self._config.settings.symbol
        section = next((section for name, section in sections.items() if self._config.broker_symbol(account, name) == spec.symbol), None)
        if section is None:
            return ""
        checks = [
            ("digits", str(spec.digits), str(section.digits)),
            ("contract_size", text_from_e8(spec.contract_size_e8), text_from_e8(e8_of(section.contract_size))),
        ]
        return " ".join(f"{key}={theirs} configured={ours}" for key, theirs, ours in checks if theirs != ours)

    def _found(self, account: Account, what: str, words: str) -> list[Effect]:
        return [self._note(account, words)] if account.mismatch.found(what, words) else []

    def _note(self, account: Account, words: str) -> Note:
        if not words:
            return Note("info", "account_fits", {"account": account.name})
        told = {"account": account.name, "why": words}
        level = "error" if self._config.account[account.name].mode in OPENING else "warning"
        return Note(level, "account_mismatch", told | {"do": "make the two agree; till then the account only closes"})
