"""The master's answer to the market: whose state after a block is missing, and who has lines that have not ended.

The market asks with ``Settle``; each question has a number of its own. A state counts when it was asked for under that
number and every outcome it includes has come. In the first ``START_WAIT_NS`` an asked account is missing as well while its
local is not ready (hello, list, grant): the first signals of a run are decided for all. Later an account whose local never
came is not waited for: its openings are denied.
"""

from itertools import compress
from operator import attrgetter

from mesh.messages.market import Settled
from mesh.units import SECOND_NS
from nodes.ledger import Ledger
from nodes.master.account import Account

START_WAIT_NS = 15 * SECOND_NS

_is_managed = attrgetter("is_managed")


class Settlement:
    """The newest question of the market."""

    def __init__(self, accounts: dict[str, Account], ledger: Ledger) -> None:
        self.number = 0
        """Of the question; 0: none yet."""
        self.start_until_ns = 0
        self._accounts = accounts
        self._ledger = ledger
        self._asked: list[str] = []
        self._told: Settled | None = None
        self._managed: list[bool] = []
        self._open: set[str] = set()
        """Who had lines that have not ended when that was told."""

    def ask(self, number: int, names: list[str]) -> None:
        """The market asks for the states of ``names`` under ``number``; an older question is passed over."""
        if number < self.number:
            return
        self.number = number
        self._told = None
        self._asked = [name for name in self._accounts if name in names]

    def missing(self, now_ns: int) -> list[str]:
        """Asked accounts whose state has not come, in the order of the configuration; who has come stays so."""
        if self._asked:
            self._asked = [name for name in self._asked if self._is_missing(self._accounts[name], now_ns)]
        return self._asked

    def _is_missing(self, account: Account, now_ns: int) -> bool:
        is_starting = now_ns < self.start_until_ns
        if account.missing_for_ready() and is_starting:
            return True
        if not account.is_known and not is_starting:
            return False
        state = account.settled
        return state is None or state.block < self.number or account.f < state.f

    def news(self, now_ns: int) -> Settled | None:
        """What to tell the market, None where it has been told already or has not asked. Looked at after each state of each account."""
        if not self.number:
            return None
        missing, managed, open_counts = self.missing(now_ns), list(map(_is_managed, self._accounts.values())), self._ledger.open_counts
        told = self._told
        if told is not None and told.missing == missing and self._managed == managed and open_counts.keys() == self._open:
            return None
        self._managed, self._open = managed, set(open_counts)
        names = list(self._accounts)
        has_open = [name for name in names if name in open_counts]
        self._told = Settled(self.number, missing, has_open, list(compress(names, managed)))
        return None if told == self._told else self._told
