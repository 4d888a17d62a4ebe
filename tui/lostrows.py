"""What needs a decision: orders nobody knows the result of, and accounts that could not be asked; and when the mesh is asked about them."""

from collections.abc import Iterator

import msgspec

from mesh import texts
from mesh.messages.control import LostOrder
from mesh.messages.orders import CLOSE, OPEN
from mesh.units import SECOND_NS
from tui.amounts import age_text, lots_text
from tui.hands import LostList
from tui.state import State
from tui.stopwords import counted, named

UNKNOWN, UNCONFIRMED, NOT_FOUND = "UNKNOWN", "UNCONFIRMED", "NOT_FOUND"
NO_ANSWER = "NO ANSWER"
"""In place of a code: an account whose list is not known, or not all of it."""
PAUSE_NS = 2 * SECOND_NS
"""Asked at most this often …"""
RETRY_NS = 10 * SECOND_NS
"""… and again after this where somebody did not answer."""
MEANINGS = {
    UNKNOWN: "nobody knows whether it was executed; opens of its symbol are denied there until it is found, or resolved",
    UNCONFIRMED: "its local is silent past its time, and tells what became of it once it can",
    NO_ANSWER: "what this account does not know the result of is not known here, or not all of it",
}


class LostRow(msgspec.Struct, frozen=True):
    """An order, or (``order`` None) an account that did not answer: ``why``. ``market_ns``: when the account was asked; 0: not known."""

    account: str
    order: LostOrder | None
    why: str
    market_ns: int

    @property
    def key(self) -> tuple[str, bytes]:
        """Which one it is."""
        return self.account, self.order.oid if self.order is not None else b""

    @property
    def code(self) -> str:
        """UNKNOWN, UNCONFIRMED or NO ANSWER."""
        return self.order.code if self.order is not None else NO_ANSWER

    @property
    def code_words(self) -> str:
        """With its mark."""
        return f"{'‼' if self.order is not None else '✗'} {self.code}"

    @property
    def style(self) -> str:
        """Beside the mark."""
        return "bold red" if self.code == UNKNOWN else "bold"

    @property
    def what(self) -> str:
        """What was ordered."""
        order = self.order
        return "" if order is None else f"{order.action} {texts.side(order.side)}" if order.side else order.action

    @property
    def volume_e8(self) -> int:
        """Lots."""
        return self.order.volume_e8 if self.order is not None else 0

    @property
    def symbol(self) -> str:
        """Of what."""
        return self.order.symbol if self.order is not None else ""

    @property
    def ago_ns(self) -> int:
        """Since when it is so, in market time; 0: not known."""
        return max(0, self.market_ns - self.order.since_ns) if self.order is not None and self.order.since_ns and self.market_ns else 0

    @property
    def ago_words(self) -> str:
        """The same in words."""
        return age_text(self.ago_ns) if self.ago_ns else ""

    @property
    def blocks(self) -> str:
        """What is denied of its symbol meanwhile."""
        return "" if self.order is None else "opens" if self.order.blocks else "nothing"

    @property
    def attempt(self) -> int:
        """Which attempt it is."""
        return self.order.attempt if self.order is not None else 0

    @property
    def look_count(self) -> int:
        """How often it was looked for."""
        return self.order.look_count if self.order is not None else 0

    @property
    def detail(self) -> str:
        """What its local says of it, or why it says nothing."""
        return self.order.detail if self.order is not None else self.why

    @property
    def strategy(self) -> str:
        """Whose it is."""
        return self.order.strategy if self.order is not None else ""

    @property
    def sid(self) -> str:
        """Which signal it is of."""
        return self.order.sid if self.order is not None else ""

    @property
    def can_resolve(self) -> bool:
        """Whether an operator's word can end it; any other settles by itself."""
        return self.order is not None and self.order.code == UNKNOWN and self.order.action in (OPEN, CLOSE)


def lost_rows(lists: list[LostList]) -> list[LostRow]:
    """Orders, UNKNOWN first and of these the oldest; then accounts that did not answer. What ended NOT_FOUND is left out."""
    found = [LostRow(item.account, order, item.why, item.market_ns) for item in lists for order in item.orders if order.code != NOT_FOUND]
    found.sort(key=lambda row: (row.code != UNKNOWN, -row.ago_ns, row.account))
    return found + [LostRow(item.account, None, item.why, item.market_ns) for item in lists if item.why]


def row_lines(row: LostRow) -> list[str]:
    """All that is known of one, for the dialog that decides it."""
    order = row.order
    if order is None:
        return [f"{row.code_words}  {row.account}: {row.why}", MEANINGS[row.code]]
    ago = f", {row.ago_words} ago (market time)" if row.ago_words else ""
    looked = f", last {_moment(order.looked_ns)}" if order.looked_ns else ""
    blocks = f"opens of {order.symbol} on {row.account}" if order.blocks else "nothing"
    lines = [
        f"{row.code_words}  {row.what} {lots_text(order.volume_e8)} lots {order.symbol} on {row.account}",
        f"since     {_moment(order.since_ns) or 'not known'}{ago}",
        f"blocks    {blocks}",
        f"tried     attempt {order.attempt}, looked for {counted(order.look_count, 'time')}{looked}",
        f"detail    {order.detail or '-'}",
        f"signal    {order.sid}  strategy {order.strategy} {order.leg}",
        f"order     {order.oid.hex()}",
    ]
    return [*lines, *([f"told by   somebody else: {row.why}"] if row.why else []), f"{order.code}: {MEANINGS.get(order.code, '')}"]


def _moment(time_ns: int) -> str:
    """To the second."""
    stamp = texts.clock_text(texts.iso_from_ns(time_ns))
    return f"{stamp} UTC" if stamp else ""


def settles_words(row: LostRow) -> str:
    """Why an operator's word is not asked for."""
    order = row.order
    if order is None:
        return "It is asked again every few seconds; reconcile has the account read everything once it can be reached."
    if order.code == UNCONFIRMED:
        return f"It settles by itself once {row.account} is heard again. Reconcile has it look at once."
    return f"A {order.action} settles by itself: what it has set is read again. Only OPEN and CLOSE can be resolved."


class Decisions:
    """The newest list, and when to ask for the next."""

    def __init__(self) -> None:
        self.rows: list[LostRow] = []
        self.not_found_count = 0
        self.error = ""
        self.is_asking = False
        self.answered_ns = 0
        """0: not yet."""
        self._asked_ns = -PAUSE_NS
        self._is_wanted = True
        self._print: tuple[object, ...] = ()

    def want(self) -> None:
        """Ask as soon as that is allowed."""
        self._is_wanted = True

    def is_due(self, state: State, now_ns: int) -> bool:
        """Whether to ask now."""
        if self.is_asking or now_ns - self._asked_ns < PAUSE_NS:
            return False
        is_incomplete = bool(self.error) or any(row.order is None for row in self.rows)
        is_late = is_incomplete and now_ns - self._asked_ns >= RETRY_NS
        return self._is_wanted or is_late or self._print != fingerprint(state)

    def asking(self, state: State, now_ns: int) -> None:
        """The question is on its way."""
        self.is_asking, self._is_wanted = True, False
        self._asked_ns = now_ns
        self._print = fingerprint(state)

    def answered(self, lists: list[LostList], now_ns: int) -> None:
        """The list."""
        self.is_asking, self.error = False, ""
        self.answered_ns = now_ns
        self.rows = lost_rows(lists)
        self.not_found_count = sum(order.code == NOT_FOUND for item in lists for order in item.orders)

    def failed(self, error: str) -> None:
        """Nobody could be asked."""
        self.is_asking, self.error = False, error

    def words(self, state: State, now_ns: int) -> str:
        """The line above the list; empty where nothing needs a decision."""
        return "  ".join(self._parts(state, now_ns)) if self.rows or self.error or fingerprint(state) else ""

    def _parts(self, state: State, now_ns: int) -> Iterator[str]:
        order_count = sum(row.order is not None for row in self.rows)
        silent_count = len(self.rows) - order_count
        if order_count:
            yield f"‼ {order_count:,} to decide: u, Enter"
        elif told := fingerprint(state):
            yield f"‼ {told_words(told)}"
        if silent_count:
            yield f"✗ {counted(silent_count, 'account')} silent"
        if self.not_found_count:
            yield f"· {self.not_found_count} NOT_FOUND"
        if self.is_asking:
            yield "asking …"
        elif self.error:
            yield f"✗ not asked: {self.error}"
        elif self.answered_ns:
            yield f"asked {age_text(now_ns - self.answered_ns)} ago"


def fingerprint(state: State) -> tuple[tuple[str, int], ...]:
    """What accounts and the master say by themselves: who has how many. Another one is a reason to ask."""
    found = [(name, account.unknown_count) for name, (_, account) in state.view.accounts.items() if account.unknown_count]
    unconfirmed_count = unconfirmed_lines(state)
    return (*sorted(found), *([(UNCONFIRMED, unconfirmed_count)] if unconfirmed_count else []))


def told_words(told: tuple[tuple[str, int], ...]) -> str:
    """The same in words."""
    counts = dict(told)
    unconfirmed_count = counts.pop(UNCONFIRMED, 0)
    words = [f"{counted(sum(counts.values()), 'order')} {UNKNOWN} on {named(list(counts))}"] if counts else []
    return ", ".join(words + ([f"{counted(unconfirmed_count, 'line')} {UNCONFIRMED}"] if unconfirmed_count else []))


def unconfirmed_lines(state: State) -> int:
    """Lines the master holds UNCONFIRMED."""
    health = state.health_of("master")
    for word in (health.facts.get("states", "") if health else "").split():
        name, _, count = word.partition("=")
        if name == UNCONFIRMED and count.isdecimal():
            return int(count)
    return 0
