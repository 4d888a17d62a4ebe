"""The rows of the Nodes page: every configured node with its health and what needs a person, and the columns they have."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from mesh.config import Config
from mesh.messages.accounts import AccountState
from mesh.messages.health import NodeHealth
from mesh.revisions import FOLLOWING_ROLES
from mesh.texts import offset_text
from mesh.units import US_NS
from mesh.view import DOWN, freshness, node_state
from tui.amounts import age_text, rate_text
from tui.history import MADE
from tui.state import State
from tui.tablemodel import Column

NEVER = "never seen"
WORDS = ("fresh", "late", DOWN, "dead", NEVER)
MARKS = {"fresh": "●", "late": "◐", DOWN: "✗", "dead": "○", NEVER: "○"}
STYLES = {"fresh": "green", "late": "not dim yellow", DOWN: "bold red", "dead": "not dim bold red", NEVER: "not dim bold red"}
"""The state stands out where the rest of its row is grey."""
ODD = "≠ "
"""Before a version or configuration that most nodes do not have."""
TERMINAL = "terminal"
WELL = ("attached", "answers")
"""What a terminal's fact says when all is well: a local's, the market's."""
SIGNAL, DECISION, DISTRIBUTION, EXECUTION = "signal generation", "decision", "distribution", "execution"
DUTIES = {
    SIGNAL: "ticks into bars, CCI and candle signals; each signal once",
    DECISION: "strategies and risk rules; every line durable before it is published",
    DISTRIBUTION: "fan-out, repair of gaps",
    EXECUTION: "at most one order_send for an order and account; stops at the broker",
}
"""Layer → what it is responsible for."""
LAYER_OF = {
    "market": SIGNAL, "indicator": SIGNAL, "signals": SIGNAL, "master": DECISION, "router": DISTRIBUTION, "local": EXECUTION,
    "broker": EXECUTION,
}  # fmt: skip
UNKNOWN = -(2**63)
"""Sorts below every number there is."""


class NodeRow(msgspec.Struct, frozen=True, gc=False):
    """One node, or with ``heading`` the line above a group, whose name is ``name``.

    ``age_ns`` None: it was never seen. ``home``: the router a local takes orders from; ``is_second``: not its primary. ``need``: why it is
    pinned: NEVER, ``dead``, DOWN or TERMINAL. ``rate``: of what it makes, a second.
    """

    name: str
    role: str = ""
    age_ns: int | None = None
    health: NodeHealth | None = None
    account: AccountState | None = None
    account_age_ns: int = 0
    home: str = ""
    is_second: bool = False
    rate: float = 0.0
    need: str = ""
    is_odd_version: bool = False
    is_odd_config: bool = False
    heading: str = ""

    @property
    def word(self) -> str:
        """fresh, late, down, dead or never seen."""
        return NEVER if self.age_ns is None or self.health is None else node_state(self.health, self.age_ns)

    @property
    def is_of_now(self) -> bool:
        """Whether what is shown of it is: of one that is down its supervisor tells now."""
        return self.word in ("fresh", DOWN)

    @property
    def layer(self) -> str:
        """The layer it is of."""
        return LAYER_OF.get(self.role, "")


class _Usual:
    """What most nodes have, and whether silence means anything: not while this console hears nobody."""

    def __init__(self, state: State, now_ns: int) -> None:
        healths = [health for _, health in state.view.nodes.values()]
        self.version = most(health.version for health in healths)
        following = [health for health in healths if health.role in FOLLOWING_ROLES]
        others = [health for health in healths if health.role not in FOLLOWING_ROLES]
        self._config_hashes = {is_one: most(each.config_hash for each in some) for is_one, some in ((True, following), (False, others))}
        self.is_news = state.is_seeing and not state.is_blind(now_ns)

    def config_hash(self, health: NodeHealth) -> str:
        """What nodes of its kind run: who holds live changes runs another one than its file's."""
        return self._config_hashes[health.role in FOLLOWING_ROLES]


class NodeRows:
    """Makes the rows of one configuration's nodes."""

    def __init__(self, config: Config) -> None:
        routers = config.nodes_of("router")
        spread = {name: routers[number % len(routers)] for number, name in enumerate(config.nodes_of("local"))}
        self._section = dict(config.node)
        self._primary = {name: node.routers[0] if node.routers else spread.get(name, "") for name, node in config.node.items()}

    def rows(self, state: State, now_ns: int) -> list[NodeRow]:
        """All of them, in the configuration's order."""
        usual = _Usual(state, now_ns)
        return [self._row(name, state, now_ns, usual) for name in self._section]

    def row(self, name: str, state: State, now_ns: int) -> NodeRow:
        """One of them."""
        return self._row(name, state, now_ns, _Usual(state, now_ns))

    def _row(self, name: str, state: State, now_ns: int, usual: _Usual) -> NodeRow:
        section = self._section[name]
        seen = state.view.nodes.get(name)
        health = seen[1] if seen is not None else None
        account_name = section.account or ""
        at_ns, account = state.view.accounts.get(account_name, (now_ns, None))
        home = home_of(state, account_name, health, now_ns) if account_name else ""
        history = state.histories.get(name)
        row = NodeRow(
            name,
            section.role,
            None if seen is None else now_ns - seen[0],
            health,
            account,
            now_ns - at_ns,
            home,
            home not in ("", self._primary[name]),
            history.samples[-1].rate if history is not None and history.samples else 0.0,
            "",
            health is not None and health.version != usual.version,
            health is not None and health.config_hash != usual.config_hash(health),
        )
        need = need_of(row) if usual.is_news else ""
        return msgspec.structs.replace(row, need=need) if need else row


def most(values: Iterable[str]) -> str:
    """What most have."""
    counts = Counter(values).most_common(1)
    return counts[0][0] if counts else ""


def home_of(state: State, account: str, health: NodeHealth | None, now_ns: int) -> str:
    """The router a local is at: the one it names itself if that one says so too, else the one that said so last; empty: none says so."""
    told = {}
    for router in state.links:
        seen = state.view.locals.get((router, account))
        if seen is not None and seen[1].homed:
            told[router] = seen[0]
    own = health.facts.get("home", "") if health is not None else ""
    if own in told and freshness(now_ns - told[own]) != "dead":
        return own
    return max(told, key=lambda router: told[router], default="")


def need_of(row: NodeRow) -> str:
    """Why a node needs a person, if it does."""
    if row.word in (DOWN, "dead", NEVER):
        return row.word
    return TERMINAL if terminal_of(row) not in ("", *WELL) else ""


def terminal_of(row: NodeRow) -> str:
    """How the terminal of a local, or of a live market, is: its fact, unless the broker is not reached from it, or it may not trade."""
    fact = row.health.facts.get("terminal", "") if row.health is not None else ""
    if fact not in WELL or row.account is None or is_account_old(row):
        return fact
    if not row.account.connected:
        return "not connected"
    return fact if row.account.trade_allowed else "trading off"


def is_account_old(row: NodeRow) -> bool:
    """Whether there is a word of its account, but none of now."""
    return row.account is not None and freshness(row.account_age_ns) != "fresh"


# words


def state_text(row: NodeRow) -> str:
    """Mark, word and age."""
    word = row.word
    return f"{MARKS[word]} {word}" if row.age_ns is None else f"{MARKS[word]} {word:<5} {age_text(row.age_ns):>5}"


def terminal_text(row: NodeRow) -> str:
    """How its terminal is, and how old that is where it is not of now."""
    word = terminal_of(row)
    return f"{word}, {age_text(row.account_age_ns)} old" if word and is_account_old(row) else word


def home_text(row: NodeRow) -> str:
    """The router a local is at; ``2nd``: it left its primary."""
    if row.role != "local" or row.health is None:
        return ""
    return (row.home or "none") + (" 2nd" if row.is_second else "")


def offset_of(row: NodeRow) -> str:
    """The master's clock less its own; empty where it is not known."""
    health = row.health
    return offset_text(health.clock_offset_ns, health.clock_error_ns) if health is not None and health.clock_error_ns else ""


def made_of(row: NodeRow) -> tuple[int, str]:
    """How many of what it made in this life."""
    counter = MADE.get(row.role, "")
    total = row.health.counters.get(counter, 0) if row.health is not None else 0
    return total, counter.removesuffix("_count").replace("_", " ") + "s"


def made_text(row: NodeRow) -> str:
    """The same in words, the numbers of all rows below each other."""
    total, what = made_of(row)
    return f"{total:>9,} {what}" if row.health is not None else ""


def counts_text(rows: Sequence[NodeRow]) -> str:
    """How many are fresh, late, down, dead and never seen, and run what most do not; what there is none of is left out."""
    counts = Counter(row.word for row in rows)
    odd = {"version": sum(row.is_odd_version for row in rows), "configuration": sum(row.is_odd_config for row in rows)}
    words = [f"{MARKS[word]} {counts[word]} {word}" for word in WORDS if counts[word]]
    return "  ".join([*words, *(f"{ODD}{count} {what}" for what, count in odd.items() if count)])


def _number(key: str, title: str, of: Callable[[NodeHealth], int], text: str, rank: int, unit: int = 1) -> Column[NodeRow]:
    """A column of one number of health; ``unit``: what it is divided by for its text."""

    def shown(row: NodeRow) -> str:
        if row.health is None or (unit > 1 and not of(row.health)):
            return ""
        return text.format(of(row.health) / unit if unit > 1 else of(row.health))

    return Column(key, title, lambda row: UNKNOWN if row.health is None else of(row.health), shown, True, rank, len(title))


def _ping(row: NodeRow) -> str:
    return f"{row.account.ping_us / US_NS:,.1f}" if row.account is not None and row.account.ping_us else ""


def _offset(row: NodeRow) -> int:
    return row.health.clock_offset_ns if row.health is not None and row.health.clock_error_ns else UNKNOWN


def _version(row: NodeRow) -> str:
    return (ODD if row.is_odd_version else "") + (row.health.version if row.health is not None else "")


def _config(row: NodeRow) -> str:
    return (ODD if row.is_odd_config else "") + (row.health.config_hash[:8] if row.health is not None else "")


def _phase(row: NodeRow) -> str:
    return row.health.phase if row.health is not None else ""


def _terminal_style(row: NodeRow) -> str:
    return "bold red" if row.need == TERMINAL else "dim" if is_account_old(row) else ""


def _rank_of(row: NodeRow) -> int:
    # those that are silent longest on top; ages of what is fresh are no order, they would turn with each word
    return -(row.age_ns or 2**62) if row.word in ("dead", NEVER) else {DOWN: -2, "late": -1}.get(row.word, 0)


COLUMNS: tuple[Column[NodeRow], ...] = (
    Column("node", "node", lambda row: row.name, lambda row: row.name, searched=True, width_max=24),
    Column("role", "role", lambda row: row.role, lambda row: row.role, rank=6, searched=True),
    Column("layer", "layer", lambda row: row.layer, lambda row: row.layer, rank=12, searched=True),
    Column("state", "state", _rank_of, state_text, searched=True, width_min=13, style=lambda row: STYLES[row.word]),
    Column("phase", "phase", _phase, _phase, rank=2, searched=True, width_max=8),
    _number("lag", "lag µs", lambda health: health.loop_lag_us, "{:,}", 1),
    _number("cpu", "CPU %", lambda health: health.cpu_percent, "{:,}", 1),
    _number("memory", "mem MB", lambda health: health.rss_bytes, "{:,.0f}", 5, 2**20),
    _number("disk", "disk GB", lambda health: health.disk_free_bytes, "{:,.1f}", 7, 2**30),
    Column("terminal", "terminal", terminal_text, terminal_text, rank=1, searched=True, width_max=28, style=_terminal_style),
    Column(
        "ping", "ping ms", lambda row: row.account.ping_us if row.account else UNKNOWN, _ping, True, 3, 7,
        style=lambda row: "dim" if is_account_old(row) else "",
    ),
    Column("home", "router", home_text, home_text, rank=4, searched=True, width_max=24),
    Column("offset", "clock offset", _offset, offset_of, True, 9),
    Column("made", "made", lambda row: made_of(row)[0], made_text, rank=8, width_max=24),
    Column("rate", "per s", lambda row: row.rate, lambda row: rate_text(row.rate) if row.health else "", True, 3, 6),
    Column("version", "version", _version, _version, rank=10, searched=True, width_max=16),
    Column("config", "config", _config, _config, rank=10, searched=True),
)  # fmt: skip
