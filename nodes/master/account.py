"""One account as the master knows it: its local's life, its newest states, its symbols, its own lines, its rates.

In a recorded market decisions rest on **settled** states alone, those asked for after a block: they are the same at every
pace. States sent by the clock say how fresh and how connected the account is. In a live market the newest state decides.
"""

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.messages.accounts import AccountState, AccountSymbols, SymbolSpec
from mesh.messages.base import Digest, Msg, Name
from mesh.messages.orders import OPEN, LocalHello
from mesh.messages.outcomes import Outcome
from mesh.tellers import pairs_of, with_teller
from nodes.acks import AckRest
from nodes.codes import UNKNOWN
from nodes.dayloss import Marks, day_rule_of
from nodes.decisions import Line
from nodes.limits import limits_of
from nodes.orderrates import OrderRates
from nodes.positions import Holding, held_of, holdings_of, is_included
from nodes.risk import rules_of
from nodes.sizing import Sizing, sizing_of

ACCOUNT = "account"
"""Kind of the rows of ``AccountRecord``, by account name."""
STASH_MAX = 4_096
"""Outcomes kept while one before them misses; what is beyond comes again, because it is not acked."""


class AccountRecord(Msg):
    """What is durable of an account. ``f``: all outcomes up to it are durable here. The rest: see ``Account``."""

    account: Name
    store_id: Digest
    f: int
    marks: Marks
    unsure_e: int = 0
    teller: int = 0
    others_f: int = 0
    """These two, what the newest pair of ``tellers`` says, are for the version before."""
    tellers: list[int] = []


class Mismatch:
    """What of an account is not as it has to be (``nodes/master/fitness.py``). ``words``: of its local, all of it; empty: all fits."""

    __slots__ = ("by_what", "late_count", "symbols", "words")

    def __init__(self) -> None:
        self.by_what: dict[str, str] = {}
        self.words = ""
        self.late_count = 0
        """Questions in a row that show a clock too far off."""
        self.symbols: dict[str, str] = {}
        """By the broker's name of a symbol, how its terms differ from those in the file."""

    def found(self, what: str, words: str) -> bool:
        """``what`` of its local was compared; ``words``: how it differs, empty where it fits. Whether that is news."""
        before, self.by_what[what] = self.by_what.get(what, ""), words
        self.words = " ".join(filter(None, self.by_what.values()))
        return bool(words) != bool(before)

    @property
    def told(self) -> str:
        """All of it, for people; empty where everything fits."""
        symbols = [f"symbol={symbol} {words}" for symbol, words in self.symbols.items() if words]
        return " ".join(filter(None, [self.words, *symbols]))

    def of(self, symbol: str) -> str:
        """Why nothing is opened in a symbol; empty where nothing speaks against it."""
        return self.words or self.symbols.get(symbol, "")


class Account:
    """The newest knowledge of one account. ``seal_key``: agreed with its local; empty: nothing is sealed for it."""

    # more than 30 attributes without slots cost an object its shared keys: each account is then a dict of its own, and slow to read
    __slots__ = (
        "_broker_symbols", "_config", "_held", "_held_of", "ack_rest", "asked_oid", "day_rule", "durable_f", "f", "flatten_again_ns",
        "is_granted", "is_known", "is_rolled_back", "k", "life", "limits", "listed_f", "looked_oid", "marks", "mismatch",
        "name", "own_sizing", "published_k", "rates", "rules", "seal_key", "settled", "skipped", "specs", "stale_k", "stash", "state",
        "state_at_ns", "store_id", "symbols_number", "tellers", "unseen", "unsure_e", "welcomed_ns",
    )  # fmt: skip

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self.configure(config)
        self.life = 0
        self.store_id, self.seal_key = b"", b""
        self.is_known = False
        """Its local said hello in this life of ours."""
        self.welcomed_ns = 0
        """When its local was welcomed last."""
        self.listed_f = -1
        """Last outcome number the local had when it had listed all; -1: it has not yet."""
        self.is_granted = False
        self.flatten_again_ns = 0
        """Market time before which a broken day does not flatten once more."""
        self.is_rolled_back = False
        self.state: AccountState | None = None
        self.state_at_ns = 0
        self.settled: AccountState | None = None
        self.specs: dict[str, SymbolSpec] = {}
        self.mismatch = Mismatch()
        self.symbols_number = 0
        """Of what its local told of them last."""
        self.marks = Marks()
        self.f = 0
        self.durable_f = 0
        self.ack_rest = AckRest()
        self.tellers: list[int] = []
        """Whose outcomes were taken (``mesh.tellers``)."""
        self.stash: dict[int, Outcome] = {}
        self.asked_oid = self.looked_oid = b""  # whose line is being read of the archive, and was looked for there last
        self.skipped: list[int] = []
        """Numbers its local never told anything under: see ``Listed``."""
        self.k = 0
        """Last number given out in this epoch …"""
        self.published_k = 0
        """… and the last one published."""
        self.stale_k = 0
        """Openings up to this number were published for another life or store of the local: never sent again, ended by VOID."""
        self.unsure_e = 0
        """Openings of epochs up to this one may have been executed by a store that is not the one its local has now."""
        self.unseen: dict[tuple[bytes, str], Line] = {}
        """Lines sent that no usable state includes yet, by (oid, leg)."""
        self.rates = OrderRates()
        """Orders decided; their symbols by our own names."""
        self._config = config
        self._broker_symbols: dict[str, str] = {}
        """Our name → the broker's, of those that were asked for."""
        self._held_of: AccountState | None = None
        self._held: list[Holding] = []
        """Positions of that state, put together once for all decisions that rest on it."""

    def configure(self, config: Config) -> None:
        """Take its limits and its sizing. Raises BadConfig for a zone nobody knows."""
        section, rails = config.account[self.name], config.rails_of(self.name)
        self.limits = limits_of(rails, config.zone_of(self.name))
        try:
            self.day_rule = day_rule_of(rails, config.zone_of(self.name))
        except ValueError as error:
            raise BadConfig(f"daily_reset_zone of account {self.name}: {error}") from None
        self.rules = rules_of(self.limits, self.day_rule)
        self.own_sizing: Sizing | None = sizing_of(section.sizing) if section.sizing else None

    def usable(self, recorded: bool) -> AccountState | None:
        """The state decisions rest on."""
        if recorded and self.settled is not None:
            return self.settled
        return self.state

    @property
    def is_managed(self) -> bool:
        """Whether its newest state tells of positions that its local manages."""
        return self.state is not None and self.state.managed

    def missing_for_ready(self) -> str:
        """What decisions about this account wait for: ``listed``, ``state`` or ``grant``; empty when nothing."""
        if not self.is_known or self.listed_f < 0 or self.f < self.listed_f:
            return "listed"
        if self.state is None or self.state.life != self.life:
            return "state"
        return "" if self.is_granted else "grant"

    def take_life(self, life: int) -> None:
        """Another process speaks for this account. What the last one told stays for closes until the first new state."""
        self.life = life
        self.mismatch = Mismatch()
        self.listed_f = -1
        self.is_known = False
        self.is_granted = False
        self.symbols_number = 0
        # what it has in hand it tells again; what it knows nothing of, the life before may have had
        self.stale_k = self.k
        for line in self.unseen.values():
            line.heard = line.heard and line.record.action != OPEN

    def told(self, life: int) -> None:
        """The next number is an outcome that a life made."""
        self.f += 1
        self.tellers = with_teller(self.tellers, life, self.f)

    def look_for_rollback(self, message: LocalHello) -> None:
        """Whether the store that says hello was rolled back: it does not hold the last outcome of each life that told some, be it that it
        ends before that, or has given the number to something else since. Whatever its later lives add, that one is missing.

        By all that was taken, durable or not: whoever told it had it on disk.
        """
        pairs = pairs_of(self.tellers)
        lasts = [*(first_f - 1 for _, first_f in pairs[1:]), self.f]
        self.is_rolled_back = not all(message.holds(f, life) for (life, _), f in zip(pairs, lasts, strict=False))

    def pass_skipped(self) -> None:
        """Go on behind numbers under which nothing comes."""
        if not self.skipped:
            return
        pairs = list(zip(self.skipped[::2], self.skipped[1::2], strict=False))
        while (last := next((last for first, last in pairs if first <= self.f + 1 <= last), None)) is not None:
            self.told(0)
            self.f = last

    def distrust(self, epoch: int) -> None:
        """Its local's store is not the one that took what was sent so far: nothing of that opens any more, what it told of is not known."""
        self.stale_k, self.unsure_e = self.k, epoch
        for line in self.unseen.values():
            line.heard = False

    def take_store(self, message: LocalHello) -> None:
        """Its local has another store: numbers go on from its last outcome.

        What the new one told another master is not asked for again: it is about orders this one does not know, and the local may
        have forgotten the outcomes that were acked to it.
        """
        self.store_id = message.store_id
        self.f = self.durable_f = message.f
        self.tellers = [number for pair in pairs_of(message.tellers) if pair[1] <= message.f for number in pair]
        self.stash.clear()
        self.state = self.settled = None
        self.unseen = {key: line for key, line in self.unseen.items() if line.is_open}

    def take_state(self, state: AccountState, now_ns: int) -> bool:
        """Keep a state of this life if it is newer by number; whether it was."""
        if state.life != self.life:
            return False
        known = self.state
        if known is not None and known.life == state.life and state.number <= known.number:
            return False
        self.state = state
        self.state_at_ns = now_ns
        if state.block > 0:
            self.settled = state
        return True

    def outdate(self, by_ns: int) -> None:
        """Its state is so much older than our clock says."""
        self.state_at_ns -= by_ns

    def take_symbols(self, symbols: AccountSymbols) -> None:
        """Keep what the account's broker says of its symbols; a symbol not named stays as it was."""
        self.symbols_number = symbols.number
        self.specs.update({spec.symbol: spec for spec in symbols.symbols})

    def holdings(self, recorded: bool) -> list[Holding]:
        """Positions and openings in flight, as decisions see them."""
        state = self.usable(recorded)
        if state is not self._held_of:
            self._held_of, self._held = state, held_of(state)
        return holdings_of(state, self._held, self.unseen.values())

    def add_line(self, line: Line, market_ns: int, symbol: str) -> None:
        """A line is sent to this account; ``symbol`` by our own name."""
        record = line.record
        self.unseen[record.oid, record.leg] = line
        self.note_order(record.action, record.strategy, symbol, record.side, market_ns)

    def note_order(self, action: str, strategy: str, symbol: str, side: int, market_ns: int) -> None:
        """Count an order for the rates and the duplicate window."""
        if action == OPEN:
            self.rates.add_opening(market_ns, strategy, symbol, side)
        else:
            self.rates.add(market_ns)

    def drop_seen(self, recorded: bool) -> None:
        """Forget lines whose outcome the usable state includes."""
        state = self.usable(recorded)
        if state is not None and self.unseen:
            for key in [key for key, line in self.unseen.items() if is_included(line, state)]:
                del self.unseen[key]

    def has_unknown(self, symbol: str) -> bool:
        """Whether an order of ours in the broker's ``symbol`` has an unknown result."""
        return UNKNOWN in [line.code for line in self.unseen.values() if line.record.symbol == symbol]

    def broker_symbol(self, symbol: str) -> str:
        """The broker's name of one of our symbols."""
        known = self._broker_symbols.get(symbol)
        if known is None:
            known = self._broker_symbols[symbol] = self._config.broker_symbol(self.name, symbol)
        return known

    def record(self) -> AccountRecord:
        """What is to be durable."""
        teller, first_f = self.tellers[-2:] or (0, 1)
        return AccountRecord(self.name, self.store_id, self.f, self.marks, self.unsure_e, teller, first_f - 1, self.tellers)

    def restore(self, record: AccountRecord) -> None:
        """Take what was durable."""
        self.store_id, self.marks, self.unsure_e = record.store_id, record.marks, record.unsure_e
        self.f = self.durable_f = record.f
        self.tellers = record.tellers or ([record.teller, record.others_f + 1] if record.teller else [])
